//! A project that the server looks after: its options, its workspace, and what is still to be done for it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime};

use crossbeam_channel::Sender;
use hallmark_core::platform::canonicalize;
use hallmark_core::{Error, Project, Result};
use hallmark_standards::baseline;
use hallmark_standards::{FileReport, ScanOptions, Workspace};

use crate::{Plan, limits};

/// Files whose change is a change of the configuration.
pub(crate) const CONFIGURATION: &[&str] = &["hallmark.toml", "pyproject.toml", baseline::FILE_NAME];

/// A project and its scanner.
pub(crate) struct Root {
    /// The project.
    pub(crate) project: Project,
    cache: Option<PathBuf>,
    plan: Plan,
    state: State,
    /// Files whose text changed since they were judged.
    dirty: BTreeSet<String>,
    /// Files that rest on a file that changed.
    stale: BTreeSet<String>,
    /// When all is to be looked at again.
    pub(crate) rescan_at: Option<Instant>,
    /// When the score is to be sent.
    pub(crate) score_at: Option<Instant>,
    /// What is wrong with the configuration.
    pub(crate) config_error: Option<Error>,
    /// When the configuration files were last written, as far as is known.
    stamps: Stamps,
}

/// When files were last written; `None` for one that is not there.
type Stamps = Vec<Option<SystemTime>>;

enum State {
    /// The workspace is away on a thread.
    Scanning(JoinHandle<Workspace>),
    Ready(Box<Workspace>),
    /// Between the two, and after a scan that panicked.
    Absent,
}

impl Root {
    /// A project with the options that its configuration asks for; of a wrong configuration nothing is taken.
    pub(crate) fn new(project: Project, plan: Result<Plan>, cache: Option<PathBuf>) -> Self {
        let (plan, config_error) = match plan {
            Ok(plan) => (plan, None),
            Err(error) => (plain(&project), Some(error)),
        };
        Self {
            project,
            cache,
            plan,
            state: State::Absent,
            dirty: BTreeSet::new(),
            stale: BTreeSet::new(),
            rescan_at: None,
            score_at: None,
            config_error,
            stamps: Stamps::new(),
        }
        .stamped()
    }

    fn stamped(mut self) -> Self {
        self.stamps = self.read_stamps();
        self
    }

    fn read_stamps(&self) -> Stamps {
        let written = |name: &&str| {
            std::fs::metadata(self.project.root().join(name)).and_then(|data| data.modified()).ok()
        };
        CONFIGURATION.iter().map(written).collect()
    }

    /// Whether the configuration files are others than those that were read; asked where nobody watches them.
    pub(crate) fn has_new_configuration(&self) -> bool {
        self.read_stamps() != self.stamps
    }

    /// Takes a new configuration; a wrong one leaves the last good one in force.
    pub(crate) fn configure(&mut self, plan: Result<Plan>) {
        self.stamps = self.read_stamps();
        match plan {
            Ok(plan) => {
                self.plan = plan;
                self.config_error = None;
                self.rescan_at = Some(Instant::now());
            }
            Err(error) => self.config_error = Some(error),
        }
    }

    /// The path in the project, with forward slashes, of a file that is in it.
    pub(crate) fn relative(&self, path: &Path) -> Option<String> {
        let root = self.project.root();
        let real = || {
            // A file that is not there yet has a folder that may be.
            let parent = canonicalize(path.parent()?).ok()?;
            Some(canonicalize(path).unwrap_or_else(|_| parent.join(path.file_name().unwrap_or_default())))
        };
        let below = match path.strip_prefix(root) {
            Ok(below) => below.to_path_buf(),
            Err(_) => real()?.strip_prefix(root).ok()?.to_path_buf(),
        };
        Some(below.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/"))
    }

    /// Sends the workspace off to look at everything, with these texts of open files; `done` hears of its return.
    ///
    /// Gives whether it went: a scan that is under way is waited for.
    pub(crate) fn scan(&mut self, open: &[(String, Arc<str>)], id: usize, done: Sender<usize>) -> bool {
        let mut workspace = match std::mem::replace(&mut self.state, State::Absent) {
            State::Scanning(handle) => {
                self.state = State::Scanning(handle);
                return false;
            }
            State::Ready(workspace) if is_same(workspace.options(), &self.plan.options) => *workspace,
            State::Ready(_) | State::Absent => {
                self.stale.clear();
                match &self.cache {
                    Some(cache) => Workspace::with_cache(self.plan.options.clone(), cache),
                    None => Workspace::new(self.plan.options.clone()),
                }
            }
        };
        self.rescan_at = None;
        // The scan reads every file again. What rests on a file that was read before it stays to be judged.
        self.dirty.clear();
        for (path, text) in open {
            // What the scan leaves out on disk, it leaves out in the editor too.
            let is_new = !self.project.root().join(path).exists();
            let known = workspace.file(path).is_some();
            workspace.overlay(path, (is_new || known).then(|| text.clone()));
        }
        let work = move || {
            // The end of the thread, even by a panic, is told to the server.
            let _told = OnDrop { id, done };
            workspace.refresh();
            workspace
        };
        match std::thread::Builder::new().name("lsp-scan".to_owned()).spawn(work) {
            Ok(handle) => {
                self.state = State::Scanning(handle);
                true
            }
            Err(_) => false,
        }
    }

    /// Takes the workspace back, with the texts that changed meanwhile. Says whether the scan came to its end.
    pub(crate) fn scanned(&mut self, open: &[(String, Arc<str>)]) -> bool {
        let State::Scanning(handle) = std::mem::replace(&mut self.state, State::Absent) else { return false };
        let Ok(workspace) = handle.join() else { return false };
        self.state = State::Ready(Box::new(workspace));
        for (path, text) in open {
            self.change(path, Some(text.clone()));
        }
        self.score_at = Some(Instant::now());
        true
    }

    /// Whether findings can be asked for.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready(_))
    }

    /// Whether a scan that is under way or due will say more of this file than can be said now.
    pub(crate) fn is_awaited(&self, path: &str) -> bool {
        match &self.state {
            State::Scanning(_) => true,
            State::Ready(workspace) => self.rescan_at.is_some() && workspace.file(path).is_none(),
            State::Absent => self.rescan_at.is_some(),
        }
    }

    /// Whether what is known of the file is all that there is to know.
    pub(crate) fn is_settled(&self, path: &str) -> bool {
        self.is_current(path) && !self.is_awaited(path)
    }

    /// Whether a first scan is to come back yet.
    pub(crate) fn is_coming(&self) -> bool {
        !self.is_ready() && (matches!(self.state, State::Scanning(_)) || self.rescan_at.is_some())
    }

    pub(crate) fn workspace(&mut self) -> Option<&mut Workspace> {
        match &mut self.state {
            State::Ready(workspace) => Some(workspace),
            _ => None,
        }
    }

    /// Gives a file the text of the editor, or its own on disk again.
    pub(crate) fn change(&mut self, path: &str, text: Option<Arc<str>>) {
        let on_disk = self.project.root().join(path).exists();
        let Some(workspace) = self.workspace() else { return };
        let known = workspace.file(path).is_some();
        if !known && on_disk {
            // Left out of the scan, or too new for it: the notice of its creation brings a scan.
            return;
        }
        let is_gone = text.is_none() && !on_disk;
        workspace.overlay(path, text);
        if known && !is_gone {
            self.dirty.insert(path.to_owned());
        } else {
            self.rescan_at = Some(Instant::now() + limits::RESCAN_DELAY);
        }
    }

    /// Notes that a file's bytes on disk changed.
    pub(crate) fn touch(&mut self, path: &str) {
        // Another branch checked out: one scan on all cores is quicker than so many files one by one.
        if self.dirty.len() >= limits::DIRTY_FILES {
            self.rescan_at = Some(Instant::now() + limits::RESCAN_DELAY);
            return;
        }
        let Some(workspace) = self.workspace() else {
            self.rescan_at = Some(Instant::now() + limits::RESCAN_DELAY);
            return;
        };
        if workspace.file(path).is_some() {
            self.dirty.insert(path.to_owned());
        } else {
            self.rescan_at = Some(Instant::now() + limits::RESCAN_DELAY);
        }
    }

    /// Whether the file's findings are of its text as it is now.
    pub(crate) fn is_current(&self, path: &str) -> bool {
        self.is_ready() && !self.dirty.contains(path) && !self.stale.contains(path)
    }

    /// Whether the file's own text changed since it was judged.
    pub(crate) fn is_dirty(&self, path: &str) -> bool {
        self.dirty.contains(path)
    }

    /// Brings a file up to date; gives the other files that have to be judged again because of it.
    pub(crate) fn judge(&mut self, path: &str) -> Vec<String> {
        let (dirty, stale) = (self.dirty.remove(path), self.stale.remove(path));
        let Some(workspace) = self.workspace() else { return Vec::new() };
        let mut dependents = Vec::new();
        if dirty {
            dependents = workspace.refresh_file(path);
        }
        if stale {
            workspace.judge_file(path);
        }
        dependents.retain(|other| other != path);
        self.stale.extend(dependents.iter().cloned());
        if dirty || stale {
            self.score_at = Some(Instant::now() + limits::SCORE_DELAY);
        }
        dependents
    }

    /// A file that is behind its text, one of `first` before others.
    pub(crate) fn next_behind(&self, first: &dyn Fn(&str) -> bool) -> Option<String> {
        let all = || self.dirty.iter().chain(&self.stale);
        all().find(|path| first(path)).or_else(|| all().next()).filter(|_| self.is_ready()).cloned()
    }

    /// What is said of one file.
    pub(crate) fn file(&self, path: &str) -> Option<FileReport> {
        let State::Ready(workspace) = &self.state else { return None };
        let mut report = workspace.file(path)?;
        report.findings.retain(|finding| !self.plan.known.knows(finding));
        Some(report)
    }

    /// What would be said of a file with another text. The text that it has must be tried last.
    pub(crate) fn try_text(&mut self, path: &str, text: &str) -> Option<FileReport> {
        let workspace = self.workspace()?;
        workspace.overlay(path, Some(text.into()));
        workspace.refresh_file(path);
        self.file(path)
    }

    /// Keeps what is known for the next start; nothing depends on it.
    pub(crate) fn store(&mut self) {
        let cache = self.cache.clone();
        if let (Some(cache), Some(workspace)) = (cache, self.workspace()) {
            let _ = workspace.store(&cache);
        }
    }
}

/// Whether two scans would do the same; the options have no other way to tell.
fn is_same(a: &ScanOptions, b: &ScanOptions) -> bool {
    format!("{a:?}") == format!("{b:?}")
}

/// The options of a project without a configuration.
fn plain(project: &Project) -> Plan {
    let config = hallmark_standards::StandardsConfig::default();
    Plan { options: ScanOptions::new(project.root().to_path_buf(), &config), ..Plan::default() }
}

struct OnDrop {
    id: usize,
    done: Sender<usize>,
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        let _ = self.done.send(self.id);
    }
}
