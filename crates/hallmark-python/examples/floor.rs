//! The bare loops under a scan: reads, or reads and parses, the files that a list names, with the parser, the threads and the allocator
//! of the product and nothing else. `cargo xtask bench scan` shows the product beside them.
//!
//! `floor read|parse LIST`, where LIST is a file with one path a line.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use hallmark_python::{limits, source};
use rayon::ThreadPoolBuilder;
use rayon::prelude::*;
use ruff_python_ast::PySourceType;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a run came across.
#[derive(Default)]
struct Tally {
    files: AtomicUsize,
    bytes: AtomicUsize,
    statements: AtomicUsize,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (parses, list) = match arguments.as_slice() {
        [mode, list] if mode == "read" => (false, list),
        [mode, list] if mode == "parse" => (true, list),
        _ => return ExitCode::from(2),
    };
    let Ok(list) = std::fs::read_to_string(list) else { return ExitCode::FAILURE };
    let files: Vec<PathBuf> = list.lines().map(PathBuf::from).collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let pool = ThreadPoolBuilder::new().num_threads(threads).stack_size(limits::PARSER_STACK_BYTES).build();
    let Ok(pool) = pool else { return ExitCode::FAILURE };
    let tally = Tally::default();
    pool.install(|| files.par_iter().for_each(|file| look(file, parses, &tally)));
    let figure = |one: &AtomicUsize| one.load(Ordering::Relaxed);
    #[expect(clippy::print_stdout, reason = "what was read is the proof that it was")]
    {
        println!(
            "{} files, {} bytes, {} statements",
            figure(&tally.files),
            figure(&tally.bytes),
            figure(&tally.statements)
        );
    }
    ExitCode::SUCCESS
}

fn look(file: &PathBuf, parses: bool, tally: &Tally) {
    let Ok(bytes) = std::fs::read(file) else { return };
    tally.files.fetch_add(1, Ordering::Relaxed);
    tally.bytes.fetch_add(bytes.len(), Ordering::Relaxed);
    if parses && let Ok(text) = source::decode(&bytes) {
        let parsed = ruff_python_parser::parse_unchecked_source(&text, PySourceType::Python);
        tally.statements.fetch_add(parsed.suite().len(), Ordering::Relaxed);
    }
}
