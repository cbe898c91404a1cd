//! Running pytest and reading what our plugin wrote down.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hallmark_core::{Error, Project, Result, digest, fs};
use hallmark_proof::Python;
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use crate::codes;
use crate::config::TestsConfig;
use crate::limits::INSTALL_TIMEOUT;
use crate::process;

const PLUGIN: &str = include_str!("hallmark_pytest_plugin.py");
const PLUGIN_NAME: &str = "hallmark_pytest_plugin";

/// How long the interpreter may take to say whether it has pytest.
const VERSION_TIMEOUT: Duration = Duration::from_secs(60);

/// What one run of pytest did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Outcome {
    /// Tests that pytest found, before any was left out.
    pub(crate) collected: usize,
    /// Files or classes that could not be collected, with the reason.
    pub(crate) collection_errors: BTreeMap<String, String>,
    /// Tests left out by an option.
    pub(crate) deselected: usize,
    /// The outcome of each test: `passed`, `failed`, `error`, `skipped`, `xfailed`, `xpassed`.
    pub(crate) tests: BTreeMap<String, String>,
    /// Why tests did not pass, by test.
    pub(crate) reasons: BTreeMap<String, String>,
    /// Whether pytest came to its end.
    pub(crate) finished: bool,
    /// What it said last, if it did not.
    pub(crate) last_words: String,
}

impl Outcome {
    /// Tests with this outcome.
    pub(crate) fn count(&self, outcome: &str) -> usize {
        self.tests.values().filter(|o| *o == outcome).count()
    }

    /// Tests whose body ran: a skipped one did not, nor one whose set-up failed.
    pub(crate) fn executed(&self) -> usize {
        ["passed", "failed", "xfailed", "xpassed"].iter().map(|o| self.count(o)).sum()
    }
}

#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event {
    CollectionError { id: String, reason: String },
    Deselected { count: usize },
    Collected { count: usize },
    Test { id: String, outcome: String, reason: String },
    Finished {},
}

/// What pytest needs to run: an interpreter that has it.
#[derive(Clone, Debug)]
pub(crate) struct Pytest {
    python: PathBuf,
    /// The version line of pytest.
    pub(crate) version: String,
}

impl Pytest {
    /// Finds the project's interpreter, or makes the environment that the configuration asks for.
    pub(crate) async fn find(project: &Project, config: &TestsConfig) -> Result<Self> {
        let python = interpreter(project, config).await?;
        let mut command = Command::new(&python);
        command.args(["-m", "pytest", "--version"]).current_dir(project.root());
        let answer = process::run(&mut command, VERSION_TIMEOUT).await?;
        if !answer.succeeded() {
            let what = format!("{} has no pytest", python.display());
            return Err(Error::new(&codes::SCRATCH, what)
                .because_text(answer.last_words())
                .next("set [certify.tests] python, or requirements = [\"pytest\"], in hallmark.toml"));
        }
        let text = if answer.stdout.is_empty() { &answer.stderr } else { &answer.stdout };
        Ok(Self { python, version: String::from_utf8_lossy(text).trim().to_owned() })
    }

    /// Runs the tests under `root`; `scratch` is an empty folder of ours outside the project.
    pub(crate) async fn run(&self, root: &Path, config: &TestsConfig, extra: &Extra<'_>) -> Result<Outcome> {
        fs::write_atomic(
            &extra.scratch.join(format!("{PLUGIN_NAME}.py")),
            PLUGIN.as_bytes(),
            fs::Mode::Default,
        )?;
        let report = extra.scratch.join("report.jsonl");
        let mut command = Command::new(&self.python);
        // A project may set --maxfail or -x: the count would end at the first failure.
        command.args(["-m", "pytest", "-q", "--tb=line", "-p", PLUGIN_NAME, "-p", "no:cacheprovider"]);
        command
            .args(["--maxfail=0", "--continue-on-collection-errors"])
            .args(&config.arguments)
            .args(&config.paths);
        command.current_dir(root).envs(extra.environment.iter().map(|(k, v)| (k, v)));
        command
            .env("HALLMARK_PYTEST_REPORT", &report)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONPATH", python_path(extra.scratch));
        let limit = Duration::from_secs(config.timeout_s);
        let ended = process::run(&mut command, limit).await?;
        let mut outcome = read(&std::fs::read_to_string(&report).unwrap_or_default());
        if ended.status.is_none() {
            outcome.last_words = format!("ended after {} s: [certify.tests] timeout-s", config.timeout_s);
            outcome.finished = false;
        } else if !outcome.finished {
            outcome.last_words = ended.last_words();
        }
        Ok(outcome)
    }

    /// The command that a person types.
    pub(crate) fn command_line(&self, config: &TestsConfig) -> String {
        let mut words = vec![
            self.python.display().to_string(),
            "-m pytest --maxfail=0 --continue-on-collection-errors".to_owned(),
        ];
        words.extend(config.arguments.iter().chain(&config.paths).cloned());
        format!("eval \"$(hallmark env)\" && {}", words.join(" "))
    }
}

/// What a run is given beside its configuration.
pub(crate) struct Extra<'a> {
    /// A folder of ours for the plugin and its report.
    pub(crate) scratch: &'a Path,
    /// The addresses and credentials of the stack.
    pub(crate) environment: &'a [(String, String)],
}

fn python_path(scratch: &Path) -> std::ffi::OsString {
    let mut paths = vec![scratch.to_path_buf()];
    paths.extend(std::env::var_os("PYTHONPATH").iter().flat_map(std::env::split_paths));
    std::env::join_paths(paths).unwrap_or_else(|_| scratch.as_os_str().to_owned())
}

/// Reads the plugin's lines; a line cut by the time limit is left out.
fn read(text: &str) -> Outcome {
    let mut outcome = Outcome::default();
    for event in text.lines().filter_map(|line| serde_json::from_str(line).ok()) {
        match event {
            Event::CollectionError { id, reason } => drop(outcome.collection_errors.insert(id, reason)),
            Event::Deselected { count } => outcome.deselected += count,
            Event::Collected { count } => outcome.collected = count,
            Event::Test { id, outcome: result, reason } => record(&mut outcome, id, result, reason),
            Event::Finished {} => outcome.finished = true,
        }
    }
    // Under pytest-xdist the workers collect, not the process that reports.
    outcome.collected = outcome.collected.max(outcome.tests.len()) + outcome.deselected;
    outcome
}

/// A test speaks up to three times: what went wrong in its tear-down must not be lost to the pass of its body.
fn record(outcome: &mut Outcome, id: String, result: String, reason: String) {
    if outcome.tests.get(&id).is_some_and(|earlier| earlier == "failed" || earlier == "error") {
        return;
    }
    if !reason.is_empty() {
        outcome.reasons.insert(id.clone(), reason);
    }
    outcome.tests.insert(id, result);
}

async fn interpreter(project: &Project, config: &TestsConfig) -> Result<PathBuf> {
    let root = project.root();
    let named = config.python.as_deref().map(|name| Python::named(root, name));
    let base = named.clone().unwrap_or_else(Python::of_path);
    if !config.requirements.is_empty() {
        return environment(project, config, &base).await;
    }
    Ok(named.or_else(|| Python::of_project(root)).unwrap_or(base))
}

/// An environment under the state folder, one for each set of requirements, marked when it is complete.
async fn environment(project: &Project, config: &TestsConfig, base: &Path) -> Result<PathBuf> {
    let wanted =
        digest::sha256(format!("{}\n{}", base.display(), requirement_text(project, config)).as_bytes());
    let folder = project.state()?.join("tests").join(&wanted[..12]);
    let (python, mark) = (Python::in_environment(&folder), folder.join("complete"));
    if mark.is_file() && python.is_file() {
        return Ok(python);
    }
    let mut make = Command::new(base);
    make.args(["-m", "venv", "--clear"]).arg(&folder);
    expect_success(&mut make, "the environment for the tests could not be made").await?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
    install.args(config.requirements.iter().flat_map(|r| r.split_whitespace())).current_dir(project.root());
    expect_success(&mut install, "the test requirements could not be installed").await?;
    fs::write_atomic(&mark, wanted.as_bytes(), fs::Mode::Default)?;
    Ok(python)
}

/// The requirements with the content of the files they name: a changed file asks for a new environment.
fn requirement_text(project: &Project, config: &TestsConfig) -> String {
    let words = config.requirements.iter().flat_map(|r| r.split_whitespace());
    words.fold(String::new(), |all, word| {
        let file = std::fs::read_to_string(project.root().join(word)).unwrap_or_default();
        all + word + "\n" + &file + "\n"
    })
}

async fn expect_success(command: &mut Command, what: &str) -> Result<()> {
    let ended = process::run(command, INSTALL_TIMEOUT).await?;
    if ended.succeeded() {
        return Ok(());
    }
    Err(Error::new(&codes::SCRATCH, what)
        .because_text(ended.last_words())
        .next("see [certify.tests] in hallmark.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skipped_test_is_not_executed_and_a_broken_tear_down_is_no_pass() {
        let outcome = read(concat!(
            "{\"event\":\"collection_error\",\"id\":\"tests/b.py\",\"reason\":\"SyntaxError\"}\n",
            "{\"event\":\"deselected\",\"count\":1}\n",
            "{\"event\":\"collected\",\"count\":3}\n",
            "{\"event\":\"test\",\"id\":\"a\",\"outcome\":\"passed\",\"ms\":1.0,\"reason\":\"\"}\n",
            "{\"event\":\"test\",\"id\":\"b\",\"outcome\":\"skipped\",\"ms\":1.0,\"reason\":\"no server\"}\n",
            "{\"event\":\"test\",\"id\":\"c\",\"outcome\":\"passed\",\"ms\":1.0,\"reason\":\"\"}\n",
            "{\"event\":\"test\",\"id\":\"c\",\"outcome\":\"error\",\"ms\":1.0,\"reason\":\"left open\"}\n",
            "{\"event\":\"finished\",\"status\":1}\n{\"event\":\"te",
        ));
        assert_eq!(
            (outcome.collected, outcome.executed(), outcome.count("passed"), outcome.count("error")),
            (4, 1, 1, 1)
        );
        assert!(outcome.finished && outcome.collection_errors.contains_key("tests/b.py"));
    }
}
