//! A project that is kept in mind between scans: what changed is read again, and what rested on it is judged again.
//!
//! A file's findings depend on its own bytes, the options, which files there are, the outsides of the files that its rules
//! looked at, and what the project says of its classes. As long as all of that is as it was, the findings are too.

mod cache;
mod record;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use hallmark_diagnostics::{Acceptance, Finding, Problem, Suppressed};
use hallmark_python::Module;
use hallmark_python::index::Index;
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::asked::Asked;
use crate::context::File;
use crate::engine;
use crate::project::Project;
use crate::report::Report;
use crate::scope::Scopes;
use crate::surroundings::Surroundings;
use crate::{ScanOptions, load, places, report, score, threads, walk};
pub(crate) use record::{Families, Judged, Outside, Record};

/// A project and what is known of its files.
pub struct Workspace {
    options: ScanOptions,
    scopes: Scopes,
    asked: Asked,
    /// Sorted by path.
    records: Vec<Record>,
    /// The joined outsides, if they are up to date.
    project: Option<Project>,
    /// What lies around the files.
    surroundings: Arc<Surroundings>,
    /// The digest of the surroundings that the judgements rest on.
    rests_around: u64,
    /// Texts that stand for those on disk.
    overlays: BTreeMap<String, Arc<str>>,
    /// What could not be walked.
    problems: Vec<Problem>,
    /// How many files were judged by the last refresh.
    judged: usize,
    /// How many files the last refresh had to parse, or found gone.
    read: usize,
}

/// What is said of one file.
#[derive(Clone, Debug, Default)]
pub struct FileReport {
    /// Findings in the order of their places.
    pub findings: Vec<Finding>,
    /// What could not be judged.
    pub problems: Vec<Problem>,
}

/// A file whose bytes are not those that the record speaks of.
struct Fresh {
    record: Record,
    module: Option<Module>,
}

impl Workspace {
    /// A project of which nothing is known yet.
    #[must_use]
    pub fn new(options: ScanOptions) -> Self {
        Self {
            scopes: Scopes::new(&options),
            asked: Asked::new(&options),
            options,
            records: Vec::new(),
            project: None,
            surroundings: Arc::default(),
            rests_around: 0,
            overlays: BTreeMap::new(),
            problems: Vec::new(),
            judged: 0,
            read: 0,
        }
    }

    /// A project of which a cache file may know something; a file that is missing, of other options or of another build, or
    /// damaged, is as good as none.
    #[must_use]
    pub fn with_cache(options: ScanOptions, file: &Path) -> Self {
        let mut workspace = Self::new(options);
        let known = threads::run(|| cache::load(file, &workspace.options));
        (workspace.records, workspace.rests_around) = known.unwrap_or_default();
        workspace
    }

    /// Keeps what is known in a cache file.
    ///
    /// # Errors
    /// `HM-C010` or `HM-C011` if it cannot be written; nothing depends on it.
    pub fn store(&self, file: &Path) -> hallmark_core::Result<()> {
        cache::store(file, &self.options, &self.records, self.rests_around)
    }

    /// The options.
    #[must_use]
    pub fn options(&self) -> &ScanOptions {
        &self.options
    }

    /// How many files the last refresh had to judge; what is left of all was known.
    #[must_use]
    pub fn judged(&self) -> usize {
        self.judged
    }

    /// Whether the last refresh learnt anything that a cache should keep.
    pub(crate) fn has_news(&self) -> bool {
        self.judged > 0 || self.read > 0
    }

    /// Gives a file a text that stands for the one on disk, or takes it away. [`Workspace::refresh`] or
    /// [`Workspace::refresh_file`] looks at it.
    pub fn overlay(&mut self, path: &str, text: Option<Arc<str>>) {
        match text {
            Some(text) => self.overlays.insert(path.to_owned(), text),
            None => self.overlays.remove(path),
        };
    }

    /// Walks the project, reads every file, and judges what is new or rests on something that changed.
    pub fn refresh(&mut self) {
        threads::run(|| self.refresh_all());
    }

    fn refresh_all(&mut self) {
        let walk::Walked { mut files, around, places, mut problems } = walk::files(&self.options);
        self.look_around(&around, places);
        let missing = self.asked.missing(&self.options.root);
        problems.extend(missing.into_iter().filter(|p| !self.overlays.contains_key(&p.path)));
        self.problems = problems;
        let unsaved = self.overlays.keys().filter(|path| files.binary_search(path).is_err());
        let unsaved: Vec<String> = unsaved.cloned().collect();
        files.extend(unsaved);
        files.sort_unstable();
        let mut old: FxHashMap<String, Record> =
            std::mem::take(&mut self.records).into_iter().map(|r| (r.path.clone(), r)).collect();
        let shape_before: FxHashSet<&str> =
            old.values().filter(|r| r.outside.is_some()).map(|r| r.path.as_str()).collect();
        let packages: FxHashSet<&str> =
            files.iter().filter_map(|f| hallmark_python::index::package_folder(f)).collect();
        let read: Vec<Option<Fresh>> =
            files.par_iter().map(|path| self.read(path, old.get(path), &packages)).collect();
        self.read = read.iter().flatten().count() + old.len().abs_diff(files.len());
        let readable = |(path, fresh): (&String, &Option<Fresh>)| match fresh {
            Some(fresh) => fresh.record.outside.is_some(),
            None => old.get(path).is_some_and(|r| r.outside.is_some()),
        };
        let shape: Vec<&str> = files
            .iter()
            .zip(&read)
            .filter(|pair| readable((pair.0, pair.1)))
            .map(|(path, _)| path.as_str())
            .collect();
        let same_shape = shape.len() == shape_before.len() && shape.iter().all(|p| shape_before.contains(p));
        let mut changed: FxHashSet<u32> = FxHashSet::default();
        let mut modules: Vec<Option<Module>> = Vec::with_capacity(files.len());
        let mut records: Vec<Record> = Vec::with_capacity(files.len());
        let mut place = 0;
        for (path, fresh) in files.iter().zip(read) {
            let before = old.get(path).and_then(|r| r.outside.as_ref()).map(|o| o.digest);
            let (record, module) = match fresh {
                Some(fresh) => (fresh.record, fresh.module),
                None => match old.remove(path) {
                    Some(record) => (record, None),
                    None => continue,
                },
            };
            if let Some(outside) = &record.outside {
                if before != Some(outside.digest) {
                    changed.insert(place);
                }
                place += 1;
            }
            records.push(record);
            modules.push(module);
        }
        self.records = records;
        if !same_shape || !changed.is_empty() {
            self.project = None;
        }
        self.judge_stale(modules, same_shape, &changed);
    }

    /// Reads what lies around the files. Where it changed, nothing that was judged holds any longer.
    fn look_around(&mut self, files: &[String], places: Vec<String>) {
        let surroundings = Surroundings::read(&self.options.root, files, places);
        if surroundings.digest != self.rests_around {
            self.records.iter_mut().for_each(|record| record.judged = None);
            self.project = None;
        }
        self.rests_around = surroundings.digest;
        self.surroundings = Arc::new(surroundings);
    }

    /// Reads a file; `None` if it holds what the record says.
    fn read(&self, path: &str, old: Option<&Record>, packages: &FxHashSet<&str>) -> Option<Fresh> {
        let source = load::Source::read(&self.options.root, path, self.overlays.get(path));
        let name = load::module_name(path, packages);
        let known = old.is_some_and(|old| {
            old.content.is_some()
                && old.content == source.digest()
                && old.outside.as_ref().is_none_or(|o| *o.interface.name == *name)
        });
        (!known).then(|| fresh(path, &name, &source))
    }

    /// Judges the files of these modules, and those whose findings rest on what changed.
    fn judge_stale(&mut self, modules: Vec<Option<Module>>, same_shape: bool, changed: &FxHashSet<u32>) {
        let unchanged = same_shape && changed.is_empty();
        let due = |record: &Record, module: &Option<Module>, project: Option<&Project>| {
            if record.outside.is_none() || !self.asked.includes(&record.path) {
                return false;
            }
            let Some(judged) = &record.judged else { return true };
            let classes = || match (project, &record.outside) {
                (Some(project), Some(outside)) => project.answers(&outside.interface),
                _ => judged.classes,
            };
            module.is_some()
                || !same_shape
                || judged.rests_on.iter().any(|id| changed.contains(id))
                || (!unchanged && judged.classes != classes())
        };
        let nothing_due =
            unchanged && !self.records.iter().zip(&modules).any(|(record, module)| due(record, module, None));
        if nothing_due {
            self.judged = 0;
            return;
        }
        let project = self.project.take().unwrap_or_else(|| self.join());
        let due: Vec<bool> = self
            .records
            .iter()
            .zip(&modules)
            .map(|(record, module)| due(record, module, Some(&project)))
            .collect();
        self.judged = due.iter().filter(|d| **d).count();
        let judged: Vec<Option<Judged>> = self
            .records
            .par_iter()
            .zip(modules.into_par_iter().zip(due))
            .map(|(record, (module, due))| due.then(|| self.judge(record, module, &project)))
            .collect();
        for (record, judged) in self.records.iter_mut().zip(judged) {
            if judged.is_some() {
                record.judged = judged;
            }
        }
        self.project = Some(project);
    }

    fn join(&self) -> Project {
        let outsides = self.records.iter().filter_map(|r| r.outside.as_ref());
        let index = Index::new(outsides.map(|o| o.interface.clone()).collect());
        Project::new(index, self.surroundings.clone())
    }

    /// Asks the rules about one file, parsing it again if its facts are not at hand.
    fn judge(&self, record: &Record, module: Option<Module>, project: &Project) -> Judged {
        let Some(outside) = &record.outside else { return Judged::default() };
        let checked = catch_unwind(AssertUnwindSafe(|| {
            let source = || self.unchanged(record);
            let changed = || Judged { problem: Some(load::changed(&record.path)), ..Judged::default() };
            let module = match module {
                Some(module) => module,
                None => match source().as_ref().and_then(|source| source.text().ok()) {
                    Some(text) => hallmark_python::read(&record.path, &outside.interface.name, &text),
                    None => return changed(),
                },
            };
            let scope = self.scopes.of(&record.path);
            let tier = scope.overrides.of_file(&record.path);
            let file = File::new(&module, project, &scope.options, tier);
            let raws = engine::check(&file, &scope.plan, scope);
            let found = if raws.is_empty() {
                Vec::new()
            } else {
                // Lines and columns are taken from the text, which is not kept between the two passes.
                match source().as_ref().and_then(|source| source.text().ok()) {
                    Some(text) => places::finish(raws, &record.path, &text, &scope.options),
                    None => return changed(),
                }
            };
            let (findings, suppressed) = split(found, &module);
            Judged {
                findings,
                problem: None,
                suppressed,
                applies: score::applies(&module, tier),
                rests_on: file.view.seen(),
                classes: project.answers(&outside.interface),
            }
        }));
        checked
            .unwrap_or_else(|_| Judged { problem: Some(load::panicked(&record.path)), ..Judged::default() })
    }

    /// What a file holds, if that is what its record speaks of.
    fn unchanged(&self, record: &Record) -> Option<load::Source> {
        let source = load::Source::read(&self.options.root, &record.path, self.overlays.get(&record.path));
        (source.digest() == record.content).then_some(source)
    }

    /// Everything that is known, as a report.
    #[must_use]
    pub fn report(&self) -> Report {
        let judged = self.asked_records().filter_map(|r| r.judged.as_ref());
        let (mut findings, mut accepted) = (Vec::new(), Vec::new());
        for file in judged {
            findings.extend_from_slice(&file.findings);
            accepted.extend_from_slice(&file.suppressed);
        }
        Report { findings, accepted, ..self.summary() }
    }

    /// [`Workspace::report`] of a project that is not needed any longer.
    #[must_use]
    pub fn into_report(mut self) -> Report {
        let summary = self.summary();
        let records = std::mem::take(&mut self.records).into_iter().filter(|r| self.asked.includes(&r.path));
        let (mut findings, mut accepted) = (Vec::new(), Vec::new());
        for file in records.filter_map(|r| r.judged) {
            findings.extend(file.findings);
            accepted.extend(file.suppressed);
        }
        Report { findings, accepted, ..summary }
    }

    /// The report without its findings: the figures, at a fraction of the cost.
    #[must_use]
    pub fn summary(&self) -> Report {
        report::build(&self.asked_records().collect::<Vec<_>>(), &self.problems, &self.options, &self.scopes)
    }

    fn asked_records(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(|r| self.asked.includes(&r.path))
    }

    /// What is said of one file; `None` if it is not a file of the project.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<FileReport> {
        let record = self.records.get(self.place(path)?)?;
        let judged = record.judged.as_ref();
        let mut problems = record.problems.clone();
        problems.extend(judged.and_then(|j| j.problem.clone()));
        Some(FileReport { findings: judged.map(|j| j.findings.clone()).unwrap_or_default(), problems })
    }

    /// The files of the project, sorted.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.records.iter().map(|r| r.path.as_str())
    }

    fn place(&self, path: &str) -> Option<usize> {
        self.records.binary_search_by(|r| r.path.as_str().cmp(path)).ok()
    }

    /// Looks at one file again, from its overlay or the disk, and judges it. Gives the other files whose findings rest on what
    /// changed; [`Workspace::judge_file`] brings each of them up to date. A file that is new, gone, or no longer text changes
    /// what names mean everywhere: then all is refreshed, and every file is given.
    pub fn refresh_file(&mut self, path: &str) -> Vec<String> {
        threads::run(|| self.refresh_one(path))
    }

    fn refresh_one(&mut self, path: &str) -> Vec<String> {
        let known = self.place(path).and_then(|at| Some((at, self.records[at].outside.clone()?)));
        let Some((at, before)) = known else {
            self.refresh_all();
            return self.files().map(str::to_owned).collect();
        };
        let source = load::Source::read(&self.options.root, path, self.overlays.get(path));
        if source.digest().is_some() && source.digest() == self.records[at].content {
            return Vec::new();
        }
        let mut read = fresh(path, &before.interface.name, &source);
        let Some(outside) = read.record.outside.clone() else {
            self.refresh_all();
            return self.files().map(str::to_owned).collect();
        };
        let mut dependents = Vec::new();
        let mut project = self.project.take().unwrap_or_else(|| self.join());
        if outside.digest != before.digest {
            let id = self.records[..at].iter().filter(|r| r.outside.is_some()).count();
            let says_more = project.replace(id, &before.interface, &outside.interface);
            let id = u32::try_from(id).unwrap_or(u32::MAX);
            for (_, record) in self.records.iter().enumerate().filter(|(place, _)| *place != at) {
                let (Some(own), Some(judged)) = (&record.outside, &record.judged) else { continue };
                if judged.rests_on.binary_search(&id).is_ok()
                    || (says_more && project.answers(&own.interface) != judged.classes)
                {
                    dependents.push(record.path.clone());
                }
            }
        }
        if self.asked.includes(path) {
            read.record.judged = Some(self.judge(&read.record, read.module, &project));
        }
        self.records[at] = read.record;
        self.project = Some(project);
        dependents
    }

    /// Judges a file again although its own bytes are as they were.
    pub fn judge_file(&mut self, path: &str) {
        threads::run(|| {
            let Some(at) = self.place(path).filter(|_| self.asked.includes(path)) else { return };
            let project = self.project.take().unwrap_or_else(|| self.join());
            let judged = self.judge(&self.records[at], None, &project);
            self.records[at].judged = Some(judged);
            self.project = Some(project);
        });
    }
}

/// What is reported and what a comment accepts.
fn split(all: Vec<(Finding, Option<usize>)>, module: &Module) -> (Vec<Finding>, Vec<Suppressed>) {
    let (mut findings, mut suppressed) = (Vec::with_capacity(all.len()), Vec::new());
    for (finding, accepted) in all {
        match accepted.and_then(|place| module.suppressions.get(place)) {
            None => findings.push(finding),
            Some(by) => suppressed.push(Suppressed {
                finding,
                by: Acceptance::InSource,
                reason: by.directive.reason.clone(),
                owner: by.directive.owner.clone(),
                until: by.directive.until.clone(),
            }),
        }
    }
    (findings, suppressed)
}

/// The record of what a source holds now, with its facts.
fn fresh(path: &str, name: &str, source: &load::Source) -> Fresh {
    let loaded = load::parse(path, name, source);
    let outside = loaded.module.as_ref().map(|m| Outside::new(m.interface.clone()));
    let record = Record {
        path: path.to_owned(),
        content: source.digest(),
        bytes: source.len(),
        outside,
        problems: loaded.problems,
        judged: None,
    };
    Fresh { record, module: loaded.module }
}
