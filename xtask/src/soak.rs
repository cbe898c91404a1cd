//! `cargo xtask verify-soak`: verifications of real servers by the thousand, and how many accused one.

use std::path::PathBuf;

use crate::shell::{self, Failure, Outcome};
use crate::suite;

/// Verifies each service of the project's stack so often; fails if a real server was accused.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let value =
        |flag: &str| arguments.iter().position(|a| a == flag).and_then(|at| arguments.get(at + 1)).cloned();
    let number = |flag: &str, default: usize| {
        let given = value(flag).map_or(Ok(default), |text| text.parse());
        given.map_err(|_| Failure(format!("{flag} takes a number")))
    };
    let (runs, at_once) = (number("--runs", 1_000)?, number("--at-once", 1)?);
    let project = value("--project").map(PathBuf::from).ok_or(Failure(
        "name the project whose stack is up: cargo xtask verify-soak --project FOLDER [--runs 1000] \
         [--at-once 1] [--only neo4j,openai]"
            .into(),
    ))?;
    let mut command = shell::cargo();
    command.args(["test", "-p", "hallmark-services", "--test", "it", "--locked", "--quiet", "soak::"]);
    command.args(["--", "--ignored", "--nocapture"]).env("HALLMARK_SOAK_RUNS", runs.to_string());
    command.env("HALLMARK_SOAK_AT_ONCE", at_once.to_string());
    if let Some(only) = value("--only") {
        command.env("HALLMARK_SOAK_ONLY", only);
    }
    for (name, value) in suite::addresses(&project)? {
        command.env(name, value);
    }
    shell::run(&mut command)
}
