//! Measurements beside named peers, in one run on one machine. The figures are kept in docs/benchmarks.md.

mod lsp;

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use crate::shell::{self, Failure, Outcome};

/// How often each command is timed; the median counts.
const RUNS: usize = 5;

pub(crate) fn run(what: &str) -> Outcome {
    match what {
        "scan" => scan(),
        "lsp" => lsp::run(),
        "all" => scan().and_then(|()| lsp::run()),
        other => Err(Failure(format!("no such measurement: {other}"))),
    }
}

/// `hallmark check` beside `ruff check` (its default rules) on the folder named by `HALLMARK_BENCH_CORPUS`.
fn scan() -> Outcome {
    let corpus = corpus()?;
    shell::run(shell::cargo().args(["build", "--profile", "ready", "--quiet"]))?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| shell::root().join("target"), PathBuf::from);
    let ours = median(|| {
        let mut command = Command::new(target.join("ready/hallmark"));
        command.args(["check", "--format", "concise", "--limit", "0"]).arg(&corpus);
        command
    })?;
    shell::say(&format!("hallmark check            {ours:.2} s wall, median of {RUNS}\n"));
    let peer = median(|| {
        let mut command = Command::new("ruff");
        command.args(["check", "--isolated", "--no-cache", "--output-format", "concise"]).arg(&corpus);
        command
    });
    match peer {
        Ok(peer) => {
            shell::say(&format!("ruff check, default rules {peer:.2} s wall, ratio {:.2}\n", ours / peer));
        }
        Err(Failure(reason)) => shell::say(&format!("ruff: not measured ({reason})\n")),
    }
    Ok(())
}

/// The folder of Python sources to measure on.
fn corpus() -> Outcome<PathBuf> {
    std::env::var_os("HALLMARK_BENCH_CORPUS")
        .map(PathBuf::from)
        .ok_or(Failure("set HALLMARK_BENCH_CORPUS to a folder of Python sources".into()))
}

fn median(command: impl Fn() -> Command) -> Outcome<f64> {
    let mut seconds = Vec::new();
    for _ in 0..=RUNS {
        let began = Instant::now();
        command().output().map_err(|e| Failure(format!("not started: {e}")))?;
        seconds.push(began.elapsed().as_secs_f64());
    }
    // The first run warms the file cache and does not count.
    seconds.remove(0);
    seconds.sort_by(f64::total_cmp);
    Ok(seconds[RUNS / 2])
}
