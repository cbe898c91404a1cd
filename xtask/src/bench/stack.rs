//! Measurements on the servers of a stack that is up: examples of the crates that know those servers, optimised.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{self, Outcome};
use crate::suite;

/// What Hallmark's own way to each service adds to the raw driver; it fails if that is more than 5 %.
pub(super) fn client(project: &Path) -> Outcome {
    shell::run(&mut example("hallmark-services", "client", project)?)
}

/// What a node costs beside the raw driver, `pgbench`, `COPY` and the peers in Python; it fails if a limit is missed. Of `parts` only these
/// are measured, if any is named.
pub(super) fn dataflow(project: &Path, parts: &[String]) -> Outcome {
    let (sdk, enterprise) = (peers("peers", PEERS)?, peers("peers-enterprise", ENTERPRISE)?);
    // The rows of a file; the table that grows has ten times as many.
    let arguments: Vec<&str> = std::iter::once("1000000").chain(parts.iter().map(String::as_str)).collect();
    let mut command = example("hallmark-dataflow", "bench", project)?;
    command.env("HALLMARK_BENCH_PYTHON", sdk).env("HALLMARK_BENCH_PYTHON_ENTERPRISE", enterprise);
    shell::run(command.arg("--").args(arguments))
}

/// What a user of Python would take instead.
const PEERS: &[&str] =
    &["asyncpg==0.32.0", "sqlalchemy[asyncio]==2.1.9", "kailash-dataflow[postgres-sync]==2.20.1"];
/// Its modules have the names of the other's: it needs a folder of its own.
const ENTERPRISE: &[&str] = &["kailash-enterprise==4.47.1"];

/// A Python with these packages, made once.
fn peers(folder: &str, packages: &[&str]) -> Outcome<PathBuf> {
    let folder = shell::target().join(folder);
    let python = folder.join("bin/python");
    let done = folder.join("installed");
    if !done.is_file() {
        shell::say(&format!("installing {}\n", packages.join(" ")));
        shell::run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        shell::run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(packages))?;
        hallmark_core::fs::write_atomic(
            &done,
            packages.join("\n").as_bytes(),
            hallmark_core::fs::Mode::Default,
        )?;
    }
    Ok(python)
}

fn example(package: &str, name: &str, project: &Path) -> Outcome<Command> {
    let mut command = shell::cargo();
    command.args(["run", "--profile", "ready", "--locked", "--quiet", "-p", package, "--example", name]);
    for (name, value) in suite::addresses(project)? {
        command.env(name, value);
    }
    Ok(command)
}
