//! Where the time of a scan goes: reading, joining, and each rule by itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hallmark_python::Module;
use hallmark_python::index::Index;
use rayon::prelude::*;
use rustc_hash::FxHashSet;

use crate::context::File;
use crate::engine::{self, Plan};
use crate::project::Project;
use crate::scope::Scopes;
use crate::surroundings::Surroundings;
use crate::{Rule, ScanOptions, Survey, load, rules, threads};

/// Wall-clock times of the parts of one scan, each with all threads at work.
#[derive(Clone)]
pub struct Timings {
    /// Finding, reading and decoding the files, parsing them and taking their facts.
    pub read: Duration,
    /// What each file takes by itself, from its bytes to its findings, sorted.
    pub files: Vec<Duration>,
    /// Joining what files show to each other.
    pub join: Duration,
    /// Each rule that ran by itself over all files, the slowest first, with the number of its findings.
    pub rules: Vec<(&'static Rule, Duration, usize)>,
}

/// Scans with one rule after the other and says how long each took. The fixed cost of looking at a file is not in a rule's time.
#[must_use]
pub fn timings(options: &ScanOptions) -> Timings {
    threads::run(|| measure(options))
}

fn measure(options: &ScanOptions) -> Timings {
    let started = Instant::now();
    let walked = Survey::of(&options.root).files(options);
    let packages: FxHashSet<&str> =
        walked.files.iter().filter_map(|f| hallmark_python::index::package_folder(f)).collect();
    let loaded: Vec<(Module, Duration)> = walked
        .files
        .par_iter()
        .filter_map(|path| {
            let started = Instant::now();
            let source = load::Source::read(&options.root, path, None);
            let module = load::parse(path, &load::module_name(path, &packages), &source).module?;
            Some((module, started.elapsed()))
        })
        .collect();
    let (modules, loading): (Vec<Module>, Vec<Duration>) = loaded.into_iter().unzip();
    let read = started.elapsed();
    let started = Instant::now();
    let surroundings = Surroundings::read(&options.root, &walked.around, walked.places);
    let index = Index::new(modules.iter().map(|m| m.interface.clone()).collect());
    let project = Project::new(index, Arc::new(surroundings));
    let join = started.elapsed();
    let scopes = Scopes::new(options);
    let run = |chosen: &[&'static Rule]| {
        let plan = Plan::new(chosen);
        let started = Instant::now();
        let found: usize = modules
            .par_iter()
            .map(|module| {
                let scope = scopes.of(&module.path);
                let tier = scope.overrides.of_file(&module.path);
                let file = File::new(module, &project, &scope.options, tier);
                engine::check(&file, &plan, scope).len()
            })
            .sum();
        (started.elapsed(), found)
    };
    let (nothing, _) = run(&[]);
    let judging = judging(&modules, &project, &scopes);
    let mut files: Vec<Duration> = loading.iter().zip(judging).map(|(load, judge)| *load + judge).collect();
    files.sort_unstable();
    let mut rules: Vec<(&'static Rule, Duration, usize)> = rules::selected(options)
        .into_iter()
        .map(|rule| {
            let (took, found) = run(&[rule]);
            (rule, took.saturating_sub(nothing), found)
        })
        .collect();
    rules.sort_by_key(|(rule, took, _)| (std::cmp::Reverse(*took), rule.name));
    Timings { read, files, join, rules }
}

/// How long all rules take over each module.
fn judging(modules: &[Module], project: &Project, scopes: &Scopes) -> Vec<Duration> {
    let judge = |module: &Module| {
        let started = Instant::now();
        let scope = scopes.of(&module.path);
        let tier = scope.overrides.of_file(&module.path);
        engine::check(&File::new(module, project, &scope.options, tier), &scope.plan, scope);
        started.elapsed()
    };
    modules.par_iter().map(judge).collect()
}
