//! Measurements on the servers of a stack that is up: examples of the crates that know those servers, optimised.

use std::path::Path;

use crate::shell::{self, Outcome};
use crate::suite;

/// What Hallmark's own way to each service adds to the raw driver; it fails if that is more than 5 %.
pub(super) fn client(project: &Path) -> Outcome {
    example("hallmark-services", "client", project)
}

/// What a node costs beside the raw driver, `pgbench` and `COPY`; it fails if a limit is missed.
pub(super) fn dataflow(project: &Path) -> Outcome {
    example("hallmark-dataflow", "bench", project)
}

fn example(package: &str, name: &str, project: &Path) -> Outcome {
    let mut command = shell::cargo();
    command.args(["run", "--profile", "ready", "--locked", "--quiet", "-p", package, "--example", name]);
    for (name, value) in suite::addresses(project)? {
        command.env(name, value);
    }
    shell::run(&mut command)
}
