//! The scan: read and parse every file once, join their facts, run the rules, place the findings, score.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Instant;

use hallmark_diagnostics::{Finding, Problem};
use hallmark_python::index::Index;
use hallmark_python::{Module, limits as python_limits};
use rayon::prelude::*;
use rustc_hash::FxHashSet;

use crate::context::{File, Project};
use crate::engine::Plan;
use crate::report::{Report, SCHEMA};
use crate::tier::Overrides;
use crate::{ScanOptions, codes, engine, limits, load, places, rules, score, walk};

/// Scans a project. Never fails: what goes wrong is a problem in the report, and the rest is scanned.
///
/// Runs on threads of its own with stacks large enough for the deepest source that is followed. The report's order does not
/// depend on the number of threads.
#[must_use]
pub fn scan(options: &ScanOptions) -> Report {
    let started = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(limits::THREADS);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(python_limits::PARSER_STACK_BYTES)
        .build();
    let mut report = match pool {
        Ok(pool) => pool.install(|| run(options)),
        // No threads to be had: slower, on the caller's stack, but a report all the same.
        Err(_) => run(options),
    };
    report.duration_ms = (started.elapsed().as_secs_f64() * 1e6).round() / 1e3;
    report
}

/// What the second pass says about one file.
struct Judged {
    findings: Vec<Finding>,
    problem: Option<Problem>,
    suppressed: usize,
}

fn run(options: &ScanOptions) -> Report {
    let (files, mut problems) = walk::files(options);
    let packages: FxHashSet<&str> =
        files.iter().filter_map(|f| hallmark_python::index::package_folder(f)).collect();
    let loaded: Vec<load::Loaded> =
        files.par_iter().map(|path| load::load(&options.root, path, &packages)).collect();
    let asked = Asked::new(options);
    problems.extend(asked.missing(&options.root));
    let (mut bytes, mut unparsed) = (0, FxHashSet::default());
    let mut modules: Vec<Module> = Vec::with_capacity(loaded.len());
    for (path, file) in files.iter().zip(loaded) {
        if asked.includes(path) {
            bytes += file.bytes;
            if !file.problems.is_empty() {
                unparsed.insert(path.as_str());
            }
            problems.extend(file.problems);
        }
        modules.extend(file.module);
    }
    let project = Project::new(Index::new(modules.iter().map(|m| m.interface.clone()).collect()));
    let plan = Plan::new(&rules::selected(options));
    let overrides = Overrides::new(options);
    let modules: Vec<&Module> = modules.iter().filter(|m| asked.includes(&m.path)).collect();
    let judged: Vec<Judged> = modules
        .par_iter()
        .map(|module| judge(&File::new(module, &project, options, overrides.of_file(&module.path)), &plan))
        .collect();
    let mut findings = Vec::new();
    let mut suppressed = 0;
    for file in judged {
        findings.extend(file.findings);
        problems.extend(file.problem);
        suppressed += file.suppressed;
    }
    problems.sort_unstable();
    let judged_files: Vec<&str> = files.iter().map(String::as_str).filter(|f| asked.includes(f)).collect();
    let applicable = score::applicability(&modules, &judged_files, &unparsed, &overrides);
    let families = score::families(&findings, &applicable, &unparsed);
    Report {
        schema: SCHEMA,
        edition: options.edition.name(),
        profile: options.profile.name(),
        sdk_version: options.edition.sdk_version(),
        score: score::overall(&families),
        files: judged_files.len(),
        unparsed_files: unparsed.len(),
        bytes,
        suppressed,
        duration_ms: 0.0,
        families,
        problems,
        findings,
    }
}

fn judge(file: &File<'_>, plan: &Plan) -> Judged {
    let (module, options) = (file.module, file.options);
    let checked = catch_unwind(AssertUnwindSafe(|| {
        let (raws, suppressed) = engine::check(file, plan);
        if raws.is_empty() {
            return Judged { findings: Vec::new(), problem: None, suppressed };
        }
        match load::reread(&options.root, module) {
            Some(text) => {
                let findings = places::finish(raws, &module.path, &text, options);
                Judged { findings, problem: None, suppressed }
            }
            None => Judged { findings: Vec::new(), problem: Some(load::changed(&module.path)), suppressed },
        }
    }));
    checked.unwrap_or_else(|_| Judged {
        findings: Vec::new(),
        problem: Some(load::panicked(&module.path)),
        suppressed: 0,
    })
}

/// The files that the caller wants to hear about.
struct Asked(Vec<String>);

impl Asked {
    fn new(options: &ScanOptions) -> Self {
        let paths = options.paths.iter().map(|path| {
            let full = if path.is_absolute() { path.clone() } else { options.root.join(path) };
            walk::relative(&options.root, &full)
        });
        Self(paths.filter(|p| !p.is_empty() && p != ".").collect())
    }

    /// A path that was asked for and is not there must not read as one without findings.
    fn missing(&self, root: &Path) -> Vec<Problem> {
        let missing = self.0.iter().filter(|path| Path::new(path).is_absolute() || !root.join(path).exists());
        missing
            .map(|path| Problem {
                path: path.clone(),
                line: None,
                code: codes::UNREADABLE.id,
                message: "is not in the project".to_owned(),
            })
            .collect()
    }

    fn includes(&self, file: &str) -> bool {
        self.0.is_empty()
            || self
                .0
                .iter()
                .any(|p| file == p || file.strip_prefix(p.as_str()).is_some_and(|r| r.starts_with('/')))
    }
}
