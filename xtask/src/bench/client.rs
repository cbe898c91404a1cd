//! What Hallmark's own way to each service adds to the raw driver, on the servers of a stack that is up.

use std::path::Path;

use crate::shell::{self, Outcome};
use crate::suite;

/// Runs the example `client` of the services' room, optimised; it fails if more than 5 % is added.
pub(super) fn run(project: &Path) -> Outcome {
    let mut command = shell::cargo();
    command.args([
        "run",
        "--profile",
        "ready",
        "--locked",
        "--quiet",
        "-p",
        "hallmark-services",
        "--example",
        "client",
    ]);
    for (name, value) in suite::addresses(project)? {
        command.env(name, value);
    }
    shell::run(&mut command)
}
