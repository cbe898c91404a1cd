//! Clients that the tests drive Hallmark with and that nobody here wrote; installed where they are missing.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{self, Outcome};

/// The language client of the tests in `crates/hallmark-lsp/tests/clients`.
const LANGUAGE_CLIENT: &str = "pytest-lsp==1.0.1";

/// Where the tests look for a Python that has it.
pub(crate) fn python(target: &Path) -> PathBuf {
    target.join("test-clients/bin/python")
}

/// Installs what is missing: curl from the system, the language client into the target folder.
pub(crate) fn install(target: &Path) -> Outcome {
    if !runs("curl", &["--version"]) {
        apt(&["curl"])?;
    }
    let python = python(target);
    let installed = || runs(&python.to_string_lossy(), &["-c", "import pytest_lsp"]);
    if installed() {
        return Ok(());
    }
    if !runs("python3", &["-c", "import venv, ensurepip"]) {
        apt(&["python3-venv"])?;
    }
    shell::say(&format!("installing {LANGUAGE_CLIENT}\n"));
    shell::run(Command::new("python3").args(["-m", "venv"]).arg(target.join("test-clients")))?;
    shell::run(Command::new(&python).args(["-m", "pip", "install", "--quiet", LANGUAGE_CLIENT]))
}

/// Installs packages of the system.
pub(crate) fn apt(packages: &[&str]) -> Outcome {
    shell::say(&format!("installing {}\n", packages.join(" ")));
    let apt_get = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        shell::run(command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    let install = ["install", "--yes", "--quiet", "--no-install-recommends"];
    let install: Vec<&str> = install.iter().chain(packages).copied().collect();
    // A bare machine has no list of packages yet.
    apt_get(&install).or_else(|_| apt_get(&["update", "--quiet"]).and_then(|()| apt_get(&install)))
}

/// Whether a program is there and answers.
pub(crate) fn runs(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|o| o.status.success())
}
