//! A project that is kept in mind between scans: what changed is read again, and what rested on it is judged again.
//!
//! A file's findings depend on its own bytes, the options, which files there are, the outsides of the files that its rules
//! looked at, and what the project says of its classes. As long as all of that is as it was, the findings are too.

mod cache;
mod pack;
mod record;
mod refresh;
mod said;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::asked::Asked;
use crate::context::File;
use crate::engine;
use crate::project::Project;
use crate::report::Report;
use crate::scope::Scopes;
use crate::stored::Stored;
use crate::surroundings::Surroundings;
use crate::{ScanOptions, Survey, limits, load, places, report, score, threads};
use hallmark_diagnostics::{Acceptance, Finding, Problem, Suppressed};
use hallmark_python::Module;
use pack::{Pack, Part};
use rayon::prelude::*;
use record::Count;
pub(crate) use record::{Families, Judged, Outside, Record};
use said::{Findings, Said};

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
    /// Texts that stand for those on disk.
    overlays: BTreeMap<String, Arc<str>>,
    /// What could not be walked.
    problems: Vec<Problem>,
    /// What there is below the root, for the next refresh only.
    survey: Option<Survey>,
    /// What is remembered on disk.
    memory: Memory,
    /// How many files were judged by the last refresh.
    judged: usize,
    /// How many files the last refresh had to read, or found gone.
    read: usize,
    /// Whether files are among them that a walk passes over, and that are here because they were named.
    has_scripts: bool,
}

/// What is remembered of a project on disk, and how far it still holds.
#[derive(Default)]
struct Memory {
    /// The cache file, if there is to be one.
    file: Option<PathBuf>,
    /// What all files together say, if that still holds, as bytes.
    joined: Option<Part>,
    /// The digest of what lay around the files when they were judged.
    around: u64,
    /// What tells the cache file from others, as long as most of it holds.
    base: Option<u64>,
    /// Where outsides lie that were not asked for yet.
    packs: Vec<Arc<Pack>>,
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
    /// Boxed: thousands wait for the joining.
    module: Option<Box<Module>>,
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
            overlays: BTreeMap::new(),
            problems: Vec::new(),
            survey: None,
            memory: Memory::default(),
            judged: 0,
            read: 0,
            has_scripts: false,
        }
    }

    /// A project of which a cache file may know something; a file that is missing, of other options or of another build, or
    /// damaged, is as good as none.
    #[must_use]
    pub fn with_cache(options: ScanOptions, file: &Path) -> Self {
        Self::with_stored(options, file, None)
    }

    /// [`Workspace::with_cache`], where the file may have been read already.
    pub(crate) fn with_stored(options: ScanOptions, file: &Path, stored: Option<Stored>) -> Self {
        let mut workspace = Self::new(options);
        workspace.memory.file = Some(file.to_path_buf());
        if let Some(known) = threads::run(|| cache::load(file, stored, &workspace.options)) {
            let (joined, base, packs) = (known.joined, Some(known.base), known.packs);
            workspace.records = known.records;
            workspace.memory = Memory { joined, base, packs, around: known.around, ..workspace.memory };
        }
        workspace
    }

    /// Keeps what is known in a cache file; if little is new since it was written, in a small file beside it.
    ///
    /// # Errors
    /// `HM-C010` or `HM-C011` if it cannot be written; nothing depends on it.
    pub fn store(&mut self, file: &Path) -> hallmark_core::Result<()> {
        if self.has_scripts {
            // The next check has other files: what is kept would be good for nothing, and what is there is good for that.
            return Ok(());
        }
        let news = self.records.iter().filter(|record| record.is_news).count();
        if let Some(base) = self.memory.base.filter(|_| news <= self.records.len() / limits::NEWS_ONE_IN) {
            return threads::run(|| cache::store_news(file, &self.options, &self.records, base));
        }
        let fresh = self.project.as_ref().and_then(|project| postcard::to_allocvec(&project.joined).ok());
        let known = self.memory.joined.as_deref().filter(|_| self.project.is_none());
        let whole = cache::Whole { joined: fresh.as_deref().or(known), around: self.memory.around };
        let written = threads::run(|| cache::store(file, &self.options, &self.records, whole))?;
        self.memory.base = written;
        for record in &mut self.records {
            record.is_news = false;
        }
        Ok(())
    }

    /// The options.
    #[must_use]
    pub fn options(&self) -> &ScanOptions {
        &self.options
    }

    /// Spares the next refresh the walk.
    pub(crate) fn surveyed(&mut self, survey: Option<Survey>) {
        self.survey = survey;
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

    /// Asks the rules about one file, parsing it again if its facts are not at hand.
    fn judge(&self, record: &Record, module: Option<Box<Module>>, project: &Project) -> Judged {
        let Some(outside) = &record.outside else { return Judged::default() };
        let checked = catch_unwind(AssertUnwindSafe(|| {
            let source = || self.unchanged(record);
            let changed = || Judged { problem: Some(load::changed(&record.path)), ..Judged::default() };
            let module = match module {
                Some(module) => module,
                None => match source().as_ref().and_then(|source| source.text().ok()) {
                    Some(text) => Box::new(hallmark_python::read(&record.path, &outside.name, &text)),
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
            let said = split(found, &module);
            Judged {
                counts: Count::all(&said.reported),
                accepted: said.accepted.len(),
                said: Said::Held(said),
                problem: None,
                applies: score::applies(&module, tier),
                rests_on: file.view.seen(),
                classes: project.answers(&module.interface),
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
        let opened = self.asked_records().filter_map(|r| Some((&r.path, r.judged.as_ref()?)));
        let opened: Option<Vec<_>> =
            opened.map(|(path, judged)| judged.said.open(path, &self.scopes.of(path).options)).collect();
        let Some(opened) = opened else { return self.anew().report() };
        let (mut findings, mut accepted) = (Vec::new(), Vec::new());
        for said in &opened {
            findings.extend_from_slice(&said.reported);
            accepted.extend_from_slice(&said.accepted);
        }
        Report { findings, accepted, ..self.summary() }
    }

    /// [`Workspace::report`] of a project that is not needed any longer.
    #[must_use]
    pub fn into_report(mut self) -> Report {
        let summary = self.summary();
        // Nobody asks for what was joined any longer, and there may be many findings: no place is taken twice.
        (self.project, self.memory) = (None, Memory::default());
        let mut records = std::mem::take(&mut self.records).into_iter();
        let asked = |record: &Record| self.asked.includes(&record.path);
        let take = |record: Record| {
            let options = &self.scopes.of(&record.path).options;
            Some(record.judged?.said.take(&record.path, options))
        };
        let number = summary.families.iter().map(|f| f.errors + f.warnings + f.infos).sum();
        let (mut findings, mut accepted) = (Vec::with_capacity(number), Vec::new());
        let mut put = |taken: Vec<Findings>| {
            for said in taken {
                findings.extend(said.reported);
                accepted.extend(said.accepted);
            }
        };
        let all_taken = threads::run(|| {
            let mut taken = Vec::new();
            while !records.as_slice().is_empty() {
                let some: Vec<Record> = records.by_ref().take(limits::OPENED_AT_ONCE).collect();
                let open = || some.into_par_iter().filter(asked).filter_map(take).collect::<Option<_>>();
                // While some are opened, those before them are put into their place.
                taken = rayon::join(open, || put(std::mem::take(&mut taken))).0?;
            }
            put(taken);
            Some(())
        });
        if all_taken.is_none() {
            return self.anew().into_report();
        }
        Report { findings, accepted, ..summary }
    }

    /// The project without anything that was known of it: for bytes that add up and make no sense all the same.
    fn anew(&self) -> Self {
        let mut anew = Self { overlays: self.overlays.clone(), ..Self::new(self.options.clone()) };
        anew.refresh();
        anew
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
        let findings = match judged.map(|judged| judged.said.open(path, &self.scopes.of(path).options)) {
            Some(Some(said)) => said.into_owned().reported,
            Some(None) => {
                problems.push(load::panicked(path));
                Vec::new()
            }
            None => Vec::new(),
        };
        Some(FileReport { findings, problems })
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
        let mut read = fresh(path, &before.name, &source);
        let Some(outside) = read.record.outside.clone() else {
            self.refresh_all();
            return self.files().map(str::to_owned).collect();
        };
        let mut dependents = Vec::new();
        let mut project = self.project();
        if outside.digest != before.digest {
            let own = self.records[..at].iter().filter(|r| r.outside.is_some()).count();
            let says_more = project.replace(own, &before.interface(), &outside.interface());
            if says_more {
                self.memory.joined = None;
                self.memory.base = None;
            }
            let id = u32::try_from(own).unwrap_or(u32::MAX);
            let readable = self.records.iter().filter(|r| r.outside.is_some());
            for (place, record) in readable.enumerate().filter(|(place, _)| *place != own) {
                let Some(judged) = &record.judged else { continue };
                let answers = || project.index.module(place).map(|module| project.answers(module));
                if judged.rests_on.binary_search(&id).is_ok()
                    || (says_more && answers() != Some(judged.classes))
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

    /// Forgets what was said of a file, because something changed that it rests on: the next [`Workspace::refresh`] judges it.
    pub fn forget_file(&mut self, path: &str) {
        if let Some(at) = self.place(path) {
            self.records[at].judged = None;
            self.records[at].is_news = true;
        }
    }

    /// Judges a file again although its own bytes are as they were.
    pub fn judge_file(&mut self, path: &str) {
        threads::run(|| {
            let Some(at) = self.place(path) else { return };
            if !self.asked.includes(path) {
                return self.forget_file(path);
            }
            let project = self.project();
            let judged = self.judge(&self.records[at], None, &project);
            self.records[at].judged = Some(judged);
            self.records[at].is_news = true;
            self.project = Some(project);
        });
    }
}

/// What is reported and what a comment accepts.
fn split(all: Vec<(Finding, Option<usize>)>, module: &Module) -> Findings {
    let (mut reported, mut suppressed) = (Vec::with_capacity(all.len()), Vec::new());
    for (finding, accepted) in all {
        match accepted.and_then(|place| module.suppressions.get(place)) {
            None => reported.push(finding),
            Some(by) => suppressed.push(Suppressed {
                finding,
                by: Acceptance::InSource,
                reason: by.directive.reason.clone(),
                owner: by.directive.owner.clone(),
                until: by.directive.until.clone(),
            }),
        }
    }
    Findings { reported, accepted: suppressed }
}

/// The record of what a source holds now, with its facts.
fn fresh(path: &str, name: &str, source: &load::Source) -> Fresh {
    let loaded = load::parse(path, name, source);
    let outside = loaded.module.as_ref().map(|m| Outside::new(m.interface.clone()));
    let record = Record {
        path: path.to_owned(),
        content: source.digest(),
        stamp: None,
        is_news: true,
        bytes: source.len(),
        outside,
        problems: loaded.problems,
        judged: None,
    };
    Fresh { record, module: loaded.module.map(Box::new) }
}
