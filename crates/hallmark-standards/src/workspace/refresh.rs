//! Looking at a whole project again: which files changed, and which must be judged for that.

use std::sync::Arc;

use hallmark_python::index::Index;
use hallmark_python::{Interface, Module, Name};
use rayon::prelude::*;
use rustc_hash::FxHashSet;

use super::{Fresh, Judged, Memory, Outside, Record, Workspace, fresh};
use crate::project::{Joined, Project, says_the_same};
use crate::stamp::{self, Stamp};
use crate::surroundings::Surroundings;
use crate::walk::Walked;
use crate::{Survey, load};

/// What became of a file since its record was made.
enum Look {
    /// It holds what the record says; with what the file system says of it, if it had to be read to know that.
    Known(Option<Stamp>),
    /// It holds something else.
    Fresh(Box<Fresh>),
}

/// What was known, beside the files that there are now.
struct Old {
    /// Sorted by path.
    records: Vec<Record>,
    /// For each file the place of its record.
    places: Vec<Option<usize>>,
    /// Whether there are the same files as before.
    has_same_files: bool,
}

impl Old {
    /// Both sorted by path.
    fn new(records: Vec<Record>, files: &[String]) -> Self {
        let mut next = 0;
        let place = |path: &String| {
            while records.get(next).is_some_and(|record| record.path < *path) {
                next += 1;
            }
            records.get(next).filter(|record| record.path == *path).map(|_| next)
        };
        let places: Vec<Option<usize>> = files.iter().map(place).collect();
        let has_same_files = places.iter().all(Option::is_some) && files.len() == records.len();
        Self { records, places, has_same_files }
    }

    /// A record for each file that there is now; an empty one for a file that was not known, which is always read.
    fn aligned(self) -> Vec<Record> {
        if self.has_same_files {
            // There are thousands, and they lie where they should.
            return self.records;
        }
        let mut records: Vec<Option<Record>> = self.records.into_iter().map(Some).collect();
        let mut take = |place: Option<usize>| records.get_mut(place?)?.take();
        self.places.into_iter().map(|place| take(place).unwrap_or_default()).collect()
    }
}

/// What changed in a project.
struct Change {
    /// Whether the same files can be read.
    same_shape: bool,
    /// Whether all files together may say something else now.
    says_more: bool,
    /// The files whose outsides are others, as places in the list of readable files.
    outsides: FxHashSet<u32>,
}

impl Change {
    /// Notes a file that holds something else: what it showed others, and shows them now at this place.
    fn note(&mut self, place: u32, before: Option<&Outside>, now: Option<&Outside>) {
        match (before, now) {
            (Some(before), Some(now)) if before.digest == now.digest => {}
            (Some(before), Some(now)) => {
                self.outsides.insert(place);
                self.says_more = self.says_more || !says_the_same(&before.interface(), &now.interface());
            }
            (None, Some(_)) => {
                self.outsides.insert(place);
                self.same_shape = false;
            }
            (Some(_), None) => self.same_shape = false,
            (None, None) => {}
        }
    }
}

impl Workspace {
    pub(super) fn refresh_all(&mut self) {
        let survey = self.survey.take().unwrap_or_else(|| Survey::of(&self.options.root));
        let Walked { mut files, around, places, mut problems } = survey.files(&self.options);
        self.look_around(&around, places);
        // A dead link elsewhere is not the business of who asks for a file.
        problems.retain(|problem| self.asked.concerns(&problem.path));
        let (scripts, passed_over) = self.asked.by_name(&self.options.root, &files);
        let missing = self.asked.missing(&self.options.root).into_iter().chain(passed_over);
        problems.extend(missing.filter(|p| !self.overlays.contains_key(&p.path)));
        self.has_scripts = !scripts.is_empty();
        if self.has_scripts {
            files.extend(scripts);
            files.sort_unstable();
        }
        self.problems = problems;
        let unsaved = self.overlays.keys().filter(|path| files.binary_search(path).is_err());
        let unsaved: Vec<String> = unsaved.cloned().collect();
        files.extend(unsaved);
        files.sort_unstable();
        let old = Old::new(std::mem::take(&mut self.records), &files);
        let looks = self.look(&files, &old);
        let news = looks.iter().filter(|look| !matches!(look, Look::Known(None))).count();
        self.read = news + old.records.len().abs_diff(files.len());
        let (change, modules) = self.take(looks, old);
        if change.says_more {
            self.project = None;
            (self.memory.joined, self.memory.base) = (None, None);
        } else if let Some(project) = &mut self.project {
            let readable = self.records.iter().filter_map(|r| r.outside.as_ref());
            for (place, outside) in readable.enumerate() {
                if u32::try_from(place).is_ok_and(|id| change.outsides.contains(&id)) {
                    project.index.replace(place, outside.interface());
                }
            }
        }
        self.judge_stale(modules, &change);
        if self.memory.packs.iter().any(|pack| pack.is_damaged()) {
            // What was judged may rest on outsides that could not be read.
            self.memory = Memory { file: self.memory.file.take(), ..Memory::default() };
            (self.records, self.project) = (Vec::new(), None);
            self.refresh_all();
        }
    }

    /// Reads what lies around the files. Where it changed, nothing that was judged holds any longer.
    fn look_around(&mut self, files: &[String], places: Vec<String>) {
        let surroundings = Surroundings::read(&self.options.root, files, places);
        if surroundings.digest != self.memory.around {
            self.records.iter_mut().for_each(|record| record.judged = None);
            self.project = None;
            // What names mean rests on what is declared.
            (self.memory.joined, self.memory.base) = (None, None);
        }
        self.memory.around = surroundings.digest;
        self.surroundings = Arc::new(surroundings);
    }

    /// Looks at every file: at what the file system says of it, and if that is not enough, at what it holds.
    fn look(&self, files: &[String], old: &Old) -> Vec<Look> {
        let packages: FxHashSet<&str> =
            files.iter().filter_map(|f| hallmark_python::index::package_folder(f)).collect();
        let name = |path: &str| load::module_name(path, &packages);
        let is_known = |(path, place): (&String, &Option<usize>)| {
            let record = old.records.get((*place)?)?;
            let stamp = record.stamp.filter(|_| !self.overlays.contains_key(path))?;
            // What a file is called is told by the paths of all.
            let same = Stamp::of(&self.options.root.join(path)) == Some(stamp)
                && (old.has_same_files || record.is_called(&name(path)));
            same.then_some(())
        };
        let known: Vec<bool> =
            files.par_iter().zip(&old.places).map(|file| is_known(file).is_some()).collect();
        // Before anything is read: what is written to from now on is younger.
        let now = match &self.memory.file {
            Some(cache) if known.contains(&false) => stamp::now(cache),
            _ => None,
        };
        let look = |((path, place), known): ((&String, &Option<usize>), bool)| {
            if known {
                return Look::Known(None);
            }
            let old = place.and_then(|place| old.records.get(place));
            self.read(path, old, now, &name(path))
        };
        files.par_iter().zip(&old.places).zip(known).map(look).collect()
    }

    /// Reads a file.
    fn read(&self, path: &str, old: Option<&Record>, now: Option<Stamp>, name: &str) -> Look {
        let overlay = self.overlays.get(path);
        // Before the file is read: if it is written to meanwhile, its stamp will be another one.
        let stamp = match (overlay, now) {
            (None, Some(_)) => Stamp::of(&self.options.root.join(path)).and_then(|stamp| stamp.settled(now)),
            _ => None,
        };
        let source = load::Source::read(&self.options.root, path, overlay);
        let known = old.is_some_and(|old| {
            old.content.is_some() && old.content == source.digest() && old.is_called(name)
        });
        if known {
            return Look::Known(stamp);
        }
        let mut fresh = fresh(path, name, &source);
        fresh.record.stamp = stamp;
        Look::Fresh(Box::new(fresh))
    }

    /// Puts what was seen in the place of what was known; gives what changed, and the modules of the files that were parsed.
    fn take(&mut self, looks: Vec<Look>, old: Old) -> (Change, Vec<Option<Box<Module>>>) {
        let readable_before = old.records.iter().filter(|r| r.outside.is_some()).count();
        let mut change = Change {
            same_shape: true,
            // A file that came is not in the cache file, readable or not, and one that went still is.
            says_more: !old.has_same_files,
            outsides: FxHashSet::default(),
        };
        let mut modules: Vec<Option<Box<Module>>> = Vec::with_capacity(looks.len());
        self.records = old.aligned();
        let mut place = 0;
        for (record, look) in self.records.iter_mut().zip(looks) {
            modules.push(match look {
                Look::Fresh(fresh) => {
                    change.note(place, record.outside.as_ref(), fresh.record.outside.as_ref());
                    *record = fresh.record;
                    fresh.module
                }
                Look::Known(stamp) => {
                    record.is_news |= stamp.is_some() && stamp != record.stamp;
                    record.stamp = stamp.or(record.stamp);
                    None
                }
            });
            place += u32::from(record.outside.is_some());
        }
        change.same_shape &= place as usize == readable_before;
        change.says_more |= !change.same_shape;
        (change, modules)
    }

    /// Judges the files of these modules, and those whose findings rest on what changed.
    fn judge_stale(&mut self, modules: Vec<Option<Box<Module>>>, change: &Change) {
        let due = |record: &Record, module: &Option<Box<Module>>| {
            let rests_on_change = |judged: &Judged| {
                !change.same_shape || judged.rests_on.iter().any(|id| change.outsides.contains(id))
            };
            record.outside.is_some()
                && (module.is_some() || record.judged.as_ref().is_none_or(rests_on_change))
        };
        let mut due: Vec<bool> =
            self.records.iter().zip(&modules).map(|(record, module)| due(record, module)).collect();
        if !change.says_more {
            self.forget_unasked(&mut due);
            if !due.contains(&true) {
                self.judged = 0;
                return;
            }
        }
        let project = self.project();
        if change.says_more {
            let mut readable = 0;
            for (record, due) in self.records.iter().zip(&mut due) {
                let place = readable;
                readable += usize::from(record.outside.is_some());
                let Some(judged) = record.judged.as_ref().filter(|_| !*due) else { continue };
                let answers = project.index.module(place).map(|module| project.answers(module));
                *due = answers != Some(judged.classes);
            }
            self.forget_unasked(&mut due);
        }
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
                record.is_news = true;
            }
        }
        self.project = Some(project);
    }

    /// Of the files that are due, those that nobody asked for are not judged. What was said of them holds no longer, and whoever asks
    /// for them next cannot know what changed until now: it is forgotten.
    fn forget_unasked(&mut self, due: &mut [bool]) {
        for (record, due) in self.records.iter_mut().zip(due).filter(|(_, due)| **due) {
            if !self.asked.includes(&record.path) {
                record.is_news |= record.judged.take().is_some();
                *due = false;
            }
        }
    }

    /// The project as it is known, remembered, or joined anew.
    pub(super) fn project(&mut self) -> Project {
        if let Some(project) = self.project.take() {
            return project;
        }
        if let Some(bytes) = self.memory.joined.as_deref() {
            let read = || {
                // Nearly every file that is judged asks for this, and it takes a while to be there.
                self.surroundings.prepare();
                postcard::from_bytes::<Joined>(bytes).ok()
            };
            if let (index, Some(joined)) = rayon::join(|| self.index(), read) {
                return Project::remembered(index, joined, self.surroundings.clone());
            }
        }
        let outsides: Vec<&Outside> = self.records.iter().filter_map(|r| r.outside.as_ref()).collect();
        let all: Vec<Arc<Interface>> = outsides.par_iter().map(|outside| outside.interface()).collect();
        Project::new(Index::new(all), self.surroundings.clone())
    }

    /// The files whose outsides are read when somebody asks for them.
    fn index(&self) -> Index {
        let readable = self.records.iter().filter_map(|r| Some((r.path.as_str().into(), r.outside.clone()?)));
        let (paths, outsides): (Vec<Name>, Vec<Outside>) = readable.unzip();
        let load = move |place: usize| match outsides.get(place) {
            Some(outside) => outside.interface(),
            None => Arc::default(),
        };
        Index::lazy(paths, Box::new(load))
    }
}
