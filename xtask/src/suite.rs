//! `cargo xtask test`: everything a change must pass, on real services that it installs and starts itself.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::shell::{self, Checked, Failure, Outcome};
use crate::{advisories, chaos, clients, editors, licences, test_run, tidy, windows};

/// How much to run.
pub(crate) struct Options {
    /// Leave the services running.
    pub(crate) keep: bool,
    /// The fault campaign, too: some 20 minutes.
    pub(crate) full: bool,
}

type Step<'a> = (&'a str, Box<dyn Fn() -> Outcome<Checked> + 'a>);

pub(crate) fn run(options: &Options) -> Outcome {
    let began = Instant::now();
    let stack = Stack::new()?;
    let checks: Vec<Step<'_>> = vec![
        ("format", sure(format)),
        ("licences", sure(licences::run)),
        ("advisories", Box::new(advisories::run)),
        ("tidy", sure(tidy::run)),
        (
            "clippy",
            sure(|| {
                cargo(&[
                    "clippy",
                    "--workspace",
                    "--all-targets",
                    "--locked",
                    "--quiet",
                    "--",
                    "--deny",
                    "warnings",
                ])
            }),
        ),
        ("documentation", sure(documentation)),
        ("editors", sure(editors::run)),
        ("build", sure(|| cargo(&["build", "--workspace", "--locked", "--quiet"]))),
        ("windows", Box::new(windows::run)),
    ];
    let mut tally = Tally::default();
    for (name, step) in &checks {
        tally.step(name, &|| step());
    }
    if !tally.failed.is_empty() {
        // Without a build there is nothing to test; say all that is wrong at once.
        return tally.close(began);
    }
    tally.step("services up", &|| stack.up().map(|()| Checked::Yes));
    tally.step("test clients", &|| clients::install(&stack.target).map(|()| Checked::Yes));
    if tally.failed.is_empty() {
        tally.step("tests", &|| test_run::run(|| stack.cargo()).map(|()| Checked::Yes));
    }
    if options.keep {
        shell::say(&format!("services left running for {}\n", stack.project.display()));
    } else {
        tally.step("services down", &|| stack.down().map(|()| Checked::Yes));
    }
    if options.full && tally.failed.is_empty() {
        tally.step("chaos", &|| chaos::run(&[]).map(|()| Checked::Yes));
    }
    tally.close(began)
}

/// The whole workspace, and the rules' files: a macro declares those, so that cargo does not find them.
fn format() -> Outcome {
    cargo(&["fmt", "--all", "--check"])?;
    let rules = shell::files(&shell::root().join("crates/hallmark-standards/src/rules"), ".rs");
    shell::run(
        Command::new("rustfmt").args(["--check", "--edition", "2024"]).args(rules).current_dir(shell::root()),
    )
}

/// A step that is always checked.
fn sure<'a>(step: impl Fn() -> Outcome + 'a) -> Box<dyn Fn() -> Outcome<Checked> + 'a> {
    Box::new(move || step().map(|()| Checked::Yes))
}

#[derive(Default)]
struct Tally {
    passed: usize,
    unchecked: usize,
    failed: Vec<String>,
}

impl Tally {
    fn step(&mut self, name: &str, step: &dyn Fn() -> Outcome<Checked>) {
        let began = Instant::now();
        shell::say(&format!("== {name}\n"));
        match step() {
            Ok(Checked::No) => {
                self.unchecked += 1;
                shell::say(&format!("== {name}: not checked\n"));
            }
            Ok(Checked::Yes) => {
                self.passed += 1;
                shell::say(&format!("== {name}: ok, {:.1} s\n", began.elapsed().as_secs_f64()));
            }
            Err(Failure(message)) => {
                self.failed.push(name.to_owned());
                shell::say(&format!(
                    "== {name}: FAILED, {:.1} s\n{message}\n",
                    began.elapsed().as_secs_f64()
                ));
            }
        }
    }

    fn close(self, began: Instant) -> Outcome {
        let seconds = began.elapsed().as_secs_f64();
        shell::say(&format!(
            "\nsteps, {seconds:.0} s in all\n{} passed, {} failed, {} skipped\n",
            self.passed,
            self.failed.len(),
            self.unchecked
        ));
        if self.failed.is_empty() {
            Ok(())
        } else {
            Err(Failure(format!("failed: {}", self.failed.join(", "))))
        }
    }
}

fn cargo(arguments: &[&str]) -> Outcome {
    shell::run(shell::cargo().args(arguments))
}

fn documentation() -> Outcome {
    let mut command = shell::cargo();
    command
        .args(["doc", "--workspace", "--no-deps", "--locked", "--quiet"])
        .env("RUSTDOCFLAGS", "--deny warnings");
    shell::run(&mut command)
}

/// The services under test, in a project of their own.
struct Stack {
    target: PathBuf,
    project: PathBuf,
    binary: PathBuf,
}

impl Stack {
    fn new() -> Outcome<Self> {
        let target = shell::target();
        let project = target.join("test-stack");
        std::fs::create_dir_all(&project)?;
        Ok(Self { project, binary: target.join("debug/hallmark"), target })
    }

    fn hallmark(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).current_dir(&self.project);
        command
    }

    fn up(&self) -> Outcome {
        shell::run(&mut self.hallmark(&["up", "--yes"]))
    }

    fn down(&self) -> Outcome {
        shell::run(&mut self.hallmark(&["down", "--purge"]))
    }

    /// A cargo whose tests find the services.
    fn cargo(&self) -> Outcome<Command> {
        let mut command = shell::cargo();
        for (name, value) in addresses(&self.project)? {
            command.env(name, value);
        }
        command.env("HALLMARK_BIN", absolute(&self.binary));
        command.env("HALLMARK_TEST_PYTHON", clients::python(&absolute(&self.target)));
        Ok(command)
    }
}

/// The variables that name the services of a project whose stack is up.
pub(crate) fn addresses(project: &Path) -> Outcome<Vec<(String, String)>> {
    let target = shell::target();
    let mut command = Command::new(target.join("debug/hallmark"));
    command.args(["env", "--format", "json"]).current_dir(project);
    let variables: serde_json::Value = serde_json::from_str(&shell::output(&mut command)?)?;
    let texts = variables.as_object().into_iter().flatten();
    Ok(texts.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect())
}

fn absolute(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}
