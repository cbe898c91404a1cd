//! `hallmark check` beside ruff and beside the floors that no scanner can go under, all in one run, turn by turn, so that what else
//! the machine does meets them alike. Limits are held by ratios of the same turn, never by seconds.

mod project;
mod table;

use std::path::{Path, PathBuf};

use hallmark_core::fs::write_unsynced;
use hallmark_standards::ScanOptions;

use super::child::{self, Cost};
use super::{binary, corpus};
use crate::shell::{self, Failure, Outcome};
use project::Copy;
use table::{Limit, Measure};

/// How often each program is timed; the median counts.
const ROUNDS: usize = 9;

/// What the slowest file but one in a hundred must stay under, in milliseconds.
const FILE_P99_MS: f64 = 100.0;

/// What is held to what. "Parsing alone" is ruff with the one rule that needs no more than the parser, which is the same as ours; the bare
/// loop does not even walk the folders, and shows how far there is to go.
const LIMITS: &[Limit] = &[
    limit("hallmark check", "ruff check", Measure::Wall, Some(1.0)),
    limit("hallmark check", "ruff check", Measure::Cpu, Some(1.0)),
    limit("hallmark check", "ruff check", Measure::Memory, Some(1.0)),
    limit("hallmark check", PARSING_ALONE, Measure::Wall, Some(2.0)),
    limit("hallmark check", PARSING_ALONE, Measure::Cpu, Some(2.0)),
    limit("hallmark check", BARE_LOOP, Measure::Wall, None),
    limit("hallmark check", BARE_LOOP, Measure::Cpu, None),
    limit(project::UNCHANGED, "read only", Measure::Wall, Some(2.0)),
    limit(project::BODY, "read only", Measure::Wall, Some(2.0)),
    limit(project::SIGNATURE, "read only", Measure::Wall, Some(2.0)),
];

/// Walking, reading, decoding and parsing by the parser's own program.
const PARSING_ALONE: &str = "ruff, parsing alone";

/// Reading, decoding and parsing of files that a list names.
const BARE_LOOP: &str = "parsing in a bare loop";

const fn limit(of: &'static str, to: &'static str, measure: Measure, most: Option<f64>) -> Limit {
    Limit { of, to, measure, most }
}

/// A program and what it cost, turn by turn.
struct Case {
    name: &'static str,
    command: Vec<String>,
    costs: Vec<Cost>,
}

pub(super) fn run() -> Outcome {
    let corpus = corpus()?.canonicalize()?;
    let ready = ["build", "--profile", "ready", "--quiet", "-p", "hallmark", "-p", "hallmark-python"];
    shell::run(shell::cargo().args(ready).args(["--bin", "hallmark", "--example", "floor"]))?;
    let scratch = Scratch::new()?;
    let list = scratch.0.join("files");
    let files = list_files(&corpus, &list)?;
    let mut copy = Copy::new(&corpus, scratch.0.join("copy"))?;
    let mut cases = cases(&corpus, &list, copy.root())?;
    shell::say(&format!(
        "{files} files, {ROUNDS} turns of {} programs after one that warms up\n",
        cases.len()
    ));
    let output = scratch.0.join("output");
    for round in 0..=ROUNDS {
        for case in &mut cases {
            copy.prepare(case.name)?;
            let cost = child::run(&output, &case.command)?;
            if output.metadata()?.len() == 0 {
                return Err(Failure(format!("{} printed nothing: this measures nothing", case.name)));
            }
            // The first turn warms the file cache, fills the cache of the copy, and does not count.
            if round > 0 {
                case.costs.push(cost);
            }
        }
    }
    shell::say(&table::costs(&cases));
    let (text, mut missed) = table::limits(LIMITS, &cases);
    shell::say(&text);
    missed.extend(slow_files(&corpus)?);
    if missed.is_empty() { Ok(()) } else { Err(Failure(format!("missed: {}", missed.join("; ")))) }
}

fn cases(corpus: &Path, list: &Path, copy: &Path) -> Outcome<Vec<Case>> {
    let text = |path: &Path| path.display().to_string();
    let (hallmark, floor) = (text(&binary("hallmark")), text(&binary("examples/floor")));
    let (corpus, list, copy) = (text(corpus), text(list), text(copy));
    let ruff = text(&ruff()?);
    let check = |more: &[&str]| {
        let words = [&[&*hallmark, "check", "--format", "concise", "--limit", "0"], more].concat();
        words.into_iter().map(str::to_owned).collect::<Vec<String>>()
    };
    let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<String>>();
    let plain = |more: &[&str]| {
        let all = ["check", "--isolated", "--no-cache", "--output-format", "concise"];
        words(&[&[&*ruff], &all[..], more, &[&*corpus]].concat())
    };
    let again = check(&["--no-history", &copy]);
    let all = [
        ("ruff check", plain(&[])),
        ("hallmark check", check(&["--no-cache", "--no-history", &corpus])),
        (PARSING_ALONE, plain(&["--select", "E902"])),
        (BARE_LOOP, words(&[&floor, "parse", &list])),
        ("read only", words(&[&floor, "read", &list])),
        (project::UNCHANGED, again.clone()),
        (project::BODY, again.clone()),
        (project::SIGNATURE, again.clone()),
        (project::NAME, again),
    ];
    Ok(all.into_iter().map(|(name, command)| Case { name, command, costs: Vec::new() }).collect())
}

/// Writes the paths of the files that a scan reads into a file, one a line; gives their number.
fn list_files(corpus: &Path, list: &Path) -> Outcome<usize> {
    let options = ScanOptions { root: corpus.to_path_buf(), ..ScanOptions::default() };
    let files = hallmark_standards::files(&options);
    let lines: Vec<String> = files.iter().map(|file| corpus.join(file).display().to_string()).collect();
    write_unsynced(list, lines.join("\n").as_bytes()).map_err(|e| Failure(e.to_string()))?;
    Ok(files.len())
}

/// The program itself: what is on the path may be a script that looks for it, and the time of that is not ruff's.
fn ruff() -> Outcome<PathBuf> {
    let script = "import ruff\ntry:\n    print(ruff.find_ruff_bin())\nexcept AttributeError:\n    \
                  from ruff.__main__ import find_ruff_bin\n    print(find_ruff_bin())";
    let by_python = shell::output(std::process::Command::new("python3").args(["-c", script]));
    let found = by_python.map(|text| PathBuf::from(text.trim())).or_else(|_| on_path("ruff"))?;
    let head = std::fs::read(&found)?;
    if head.starts_with(b"#!") {
        return Err(Failure(format!("{} is a script, not ruff itself", found.display())));
    }
    Ok(found)
}

fn on_path(name: &str) -> Outcome<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    found.ok_or(Failure(format!("{name} is not on the path: nothing to measure beside")))
}

/// What one file takes at most, as `hallmark check --timings` says; gives the limit if it is missed.
fn slow_files(corpus: &Path) -> Outcome<Option<String>> {
    let mut timings = std::process::Command::new(binary("hallmark"));
    let said = shell::output(timings.args(["check", "--timings"]).arg(corpus))?;
    let figure = |name: &str| {
        let row = said.lines().find(|line| line.contains(name));
        row.and_then(|row| row.split_whitespace().next()?.parse::<f64>().ok())
            .ok_or(Failure(format!("`hallmark check --timings` has no row {name}")))
    };
    let (median, p99, most) =
        (figure("(one file, p50)")?, figure("(one file, p99)")?, figure("(one file, most)")?);
    shell::say(&format!("one file: p50 {median} ms, p99 {p99} ms, most {most} ms\n"));
    Ok((p99 >= FILE_P99_MS).then(|| format!("p99 of a file is {p99} ms, not under {FILE_P99_MS}")))
}

/// A folder of its own that is removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Outcome<Self> {
        let folder = std::env::temp_dir().join(format!("hallmark-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
