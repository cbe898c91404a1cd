//! Which Python runs the tests.

use std::path::{Path, PathBuf};

use hallmark_core::{Error, Result};
use tokio::process::Command;

use crate::codes;
use crate::limits::VERSION_TIMEOUT;

/// The oldest pytest that the plugin knows.
const PYTEST_MIN: u32 = 7;

/// What the interpreter is asked: whether it has pytest, and which.
const ASK: &str = "import sys, pytest; print('.'.join(map(str, sys.version_info[:3])), pytest.__version__)";

/// An interpreter that has pytest.
#[derive(Clone, Debug)]
pub struct Python {
    /// The program.
    pub program: PathBuf,
    /// Why this one.
    pub chosen: &'static str,
    /// Its version.
    pub version: String,
    /// The version of its pytest.
    pub pytest: String,
}

impl Python {
    /// The interpreter of a project: the one that is named, else that of the active environment, else that of the project's
    /// `.venv` or `venv`, else `python3` of the path.
    ///
    /// # Errors
    /// `HM-T001` if it does not start, `HM-T002` if it has no pytest of version 7 or newer.
    pub async fn find(root: &Path, named: Option<&str>) -> Result<Self> {
        let (program, chosen) = choose(root, named, std::env::var_os("VIRTUAL_ENV").map(PathBuf::from));
        let answer = ask(&program, root).await?;
        let text = String::from_utf8_lossy(&answer.stdout);
        let mut words = text.split_whitespace();
        if let (true, Some(version), Some(pytest)) = (answer.status.success(), words.next(), words.next())
            && pytest
                .split('.')
                .next()
                .and_then(|n| n.parse().ok())
                .is_some_and(|major: u32| major >= PYTEST_MIN)
        {
            return Ok(Self { program, chosen, version: version.to_owned(), pytest: pytest.to_owned() });
        }
        let said = String::from_utf8_lossy(&answer.stderr);
        let said = said.lines().rev().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default().to_owned();
        let said = if answer.status.success() { format!("it has {}", text.trim()) } else { said };
        Err(Error::new(&codes::NO_PYTEST, format!("{} has no pytest 7 or newer", program.display()))
            .because_text(format!("this interpreter was chosen because it is {chosen}"))
            .because_text(said)
            .next(next_step(root, &program)))
    }

    /// The interpreter of this name: a path in the project, or a program of the path.
    #[must_use]
    pub fn named(root: &Path, name: &str) -> PathBuf {
        if name.contains(['/', '\\']) { root.join(name) } else { PathBuf::from(name) }
    }

    /// Where a virtual environment has its interpreter.
    #[must_use]
    pub fn in_environment(folder: &Path) -> PathBuf {
        folder.join(if hallmark_core::platform::WINDOWS { "Scripts/python.exe" } else { "bin/python" })
    }

    /// The interpreter of the project's `.venv` or `venv`, if it has one.
    #[must_use]
    pub fn of_project(root: &Path) -> Option<PathBuf> {
        [".venv", "venv"]
            .map(|folder| Self::in_environment(&root.join(folder)))
            .into_iter()
            .find(|program| program.is_file())
    }

    /// The interpreter that the path has.
    #[must_use]
    pub fn of_path() -> PathBuf {
        PathBuf::from(if hallmark_core::platform::WINDOWS { "python" } else { "python3" })
    }
}

fn choose(root: &Path, named: Option<&str>, active: Option<PathBuf>) -> (PathBuf, &'static str) {
    if let Some(name) = named {
        return (Python::named(root, name), "the one that was named");
    }
    active
        .map(|folder| Python::in_environment(&folder))
        .filter(|program| program.is_file())
        .map(|program| (program, "that of the active environment (VIRTUAL_ENV)"))
        .or_else(|| Some((Python::of_project(root)?, "that of the project's own environment")))
        .unwrap_or_else(|| (Python::of_path(), "the first of the path"))
}

fn next_step(root: &Path, program: &Path) -> String {
    if root.join("uv.lock").is_file() {
        return "uv sync --all-extras --dev, then run the command again".to_owned();
    }
    format!(
        "{} -m pip install pytest, or name another interpreter: hallmark test --python PATH",
        program.display()
    )
}

async fn ask(program: &Path, root: &Path) -> Result<std::process::Output> {
    let failed = |reason: String| {
        Error::new(&codes::NO_PYTHON, format!("{} could not be started", program.display()))
            .because_text(reason)
            .next("name the project's interpreter: hallmark test --python PATH")
    };
    let mut command = Command::new(program);
    command.args(["-c", ASK]).current_dir(root).stdin(std::process::Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(VERSION_TIMEOUT, command.output()).await {
        Ok(output) => output.map_err(|e| failed(e.to_string())),
        Err(_) => Err(failed(format!("no answer within {} s", VERSION_TIMEOUT.as_secs()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_interpreter_wins_over_all_others() {
        let root = Path::new("/nowhere");
        assert_eq!(choose(root, Some("bin/python"), None).0, PathBuf::from("/nowhere/bin/python"));
        assert_eq!(choose(root, Some("python3.12"), Some("/x".into())).0, PathBuf::from("python3.12"));
        assert_eq!(choose(root, None, Some("/nowhere/env".into())).1, "the first of the path");
    }
}
