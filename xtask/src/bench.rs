//! Measurements beside named peers, in one run on one machine. The figures are kept in docs/benchmarks.md.

mod child;
mod lsp;
mod scan;
mod stack;

use std::path::{Path, PathBuf};

use crate::shell::{self, Failure, Outcome};
pub(crate) use child::measure;

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let what = arguments.first().map_or("all", String::as_str);
    match what {
        "client" => stack::client(project(arguments)?),
        "dataflow" => stack::dataflow(project(arguments)?, &arguments[3..]),
        "scan" => scan::run(),
        "lsp" => lsp::run(),
        "all" => scan::run().and_then(|()| lsp::run()),
        other => Err(Failure(format!("no such measurement: {other}"))),
    }
}

/// The project whose stack is up.
fn project(arguments: &[String]) -> Outcome<&Path> {
    match arguments {
        [_, flag, project, ..] if flag == "--project" => Ok(project.as_ref()),
        _ => Err(Failure("name the project whose stack is up: --project FOLDER".into())),
    }
}

/// The folder of Python sources to measure on.
fn corpus() -> Outcome<PathBuf> {
    std::env::var_os("HALLMARK_BENCH_CORPUS")
        .map(PathBuf::from)
        .ok_or(Failure("set HALLMARK_BENCH_CORPUS to a folder of Python sources".into()))
}

/// A program as the README builds it.
fn binary(name: &str) -> PathBuf {
    let target = shell::target();
    target.join("ready").join(name)
}
