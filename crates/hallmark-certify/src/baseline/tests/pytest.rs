//! Running pytest with the plugin of `hallmark test`, which writes down what it sees.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hallmark_core::{Error, Project, Result, digest, fs};
use hallmark_proof::record::{RECORD_VARIABLE, Record};
use hallmark_proof::{Python, plugin};
use tokio::process::Command;

use crate::codes;
use crate::config::TestsConfig;
use crate::limits::INSTALL_TIMEOUT;
use crate::process;

/// How long the interpreter may take to say whether it has pytest.
const VERSION_TIMEOUT: Duration = Duration::from_secs(60);

/// What one run of pytest did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// What the plugin wrote down.
    pub(crate) record: Record,
    /// What pytest said last, if it did not come to its end.
    pub(crate) last_words: String,
}

impl Outcome {
    /// Tests with this outcome.
    pub(crate) fn count(&self, outcome: &str) -> usize {
        self.record.outcomes.values().filter(|o| **o == outcome).count()
    }

    /// Tests whose body ran: a skipped one did not, nor one whose set-up failed.
    pub(crate) fn executed(&self) -> usize {
        ["passed", "failed", "xfailed", "xpassed"].iter().map(|o| self.count(o)).sum()
    }

    /// Tests that are there. A file that could not be collected, or that skipped itself, holds some that nobody counted: at least one each.
    pub(crate) fn known(&self) -> usize {
        self.record.collected + self.record.collection_errors.len() + self.record.collection_skips.len()
    }
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
        let path = extra.scratch.join("record.jsonl");
        let mut command = Command::new(&self.python);
        command.args(["-m", "pytest"]);
        plugin::load(&mut command, extra.scratch)?;
        // A project may set --maxfail or -x: the count would end at the first failure.
        command
            .args([
                "-q",
                "--tb=line",
                "-p",
                "no:cacheprovider",
                "--maxfail=0",
                "--continue-on-collection-errors",
            ])
            .args(&config.arguments)
            .args(&config.paths);
        command.current_dir(root).envs(extra.environment.iter().map(|(k, v)| (k, v)));
        command.env(RECORD_VARIABLE, &path).env("PYTHONDONTWRITEBYTECODE", "1");
        let limit = Duration::from_secs(config.timeout_s);
        let ended = process::run(&mut command, limit).await?;
        let mut outcome = Outcome { record: Record::read(&path), ..Outcome::default() };
        if ended.status.is_none() {
            outcome.last_words = format!("ended after {} s: [certify.tests] timeout-s", config.timeout_s);
            outcome.record.finished = false;
        } else if !outcome.record.finished {
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
    /// A folder of ours for the plugin and its record.
    pub(crate) scratch: &'a Path,
    /// The addresses and credentials of the stack.
    pub(crate) environment: &'a [(String, String)],
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
