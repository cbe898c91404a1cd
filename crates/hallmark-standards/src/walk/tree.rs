//! Listing a tree of folders on all threads; each folder is asked for once, and not at all if it is known what it holds.

use std::ffi::OsString;
use std::fs::{self, FileType};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use hallmark_core::platform::canonicalize;
use rayon::Scope;

use super::ignored::{self, Ignored};
use super::memory::{Listing, Memory, Visited};
use super::{Found, is_skipped};
use crate::threads;

/// A folder that is to be listed.
struct Folder {
    path: PathBuf,
    /// The path below the root, with forward slashes; empty for the root.
    relative: String,
    ignored: Option<Arc<Ignored>>,
    /// Whether a link led here.
    is_behind_link: bool,
}

impl Folder {
    /// A folder in this one.
    fn below(&self, path: PathBuf, entry: Entry, ignored: Option<Arc<Ignored>>) -> Self {
        let is_behind_link = self.is_behind_link || entry.is_link;
        Self { path, relative: entry.relative, ignored, is_behind_link }
    }
}

/// Something in a folder that a scan may look at.
pub(super) struct Entry {
    /// The path below the root, with forward slashes.
    pub(super) relative: String,
    /// Where the name begins in it.
    pub(super) name_at: usize,
    /// Whether it is a link itself.
    pub(super) is_link: bool,
}

impl Entry {
    /// What bears this name in a folder.
    fn new(folder: &Folder, name: &str, is_link: bool) -> Self {
        let name_at = if folder.relative.is_empty() { 0 } else { folder.relative.len() + 1 };
        let mut relative = String::with_capacity(name_at + name.len());
        if name_at > 0 {
            relative.push_str(&folder.relative);
            relative.push('/');
        }
        relative.push_str(name);
        Self { relative, name_at, is_link }
    }

    /// The last part of the path.
    pub(super) fn name(&self) -> &str {
        &self.relative[self.name_at..]
    }
}

/// Lists everything below a root that is neither ignored nor skipped, links followed. What is known of folders is kept in the file
/// `memory`, if one is given.
pub(super) fn walk(root: &Path, memory: Option<&Path>) -> Found {
    let root = canonicalize(root).unwrap_or_else(|_| root.to_path_buf());
    let bytes = memory.and_then(|file| fs::read(file).ok()).unwrap_or_default();
    let memory = memory.map(|file| Memory::new(file, &bytes));
    let all = Mutex::new(Found::default());
    let first = Folder {
        ignored: Ignored::above(&root),
        path: root.clone(),
        relative: String::new(),
        is_behind_link: false,
    };
    let walk = Walk { root: &root, memory: memory.as_ref(), all: &all };
    threads::run(|| rayon::scope(|scope| walk.look(scope, &first)));
    let found = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    memory.iter().for_each(|memory| memory.keep(&found.visited));
    found
}

/// What all threads share.
#[derive(Clone, Copy)]
struct Walk<'a> {
    root: &'a Path,
    memory: Option<&'a Memory<'a>>,
    all: &'a Mutex<Found>,
}

impl<'a> Walk<'a> {
    fn look(self, scope: &Scope<'a>, folder: &Folder) {
        let mut found = Found::default();
        let known = self.memory.and_then(|memory| memory.of(&folder.relative, &folder.path));
        if !known.is_some_and(|known| self.recall(scope, folder, known, &mut found)) {
            self.list(scope, folder, &mut found);
        }
        self.all.lock().unwrap_or_else(PoisonError::into_inner).add(found);
    }

    /// Takes what a folder is known to hold, if the same rules still count in it.
    fn recall(self, scope: &Scope<'a>, folder: &Folder, known: &Listing<&str>, found: &mut Found) -> bool {
        let ignored = Ignored::of(folder.ignored.clone(), &folder.path, |name| known.has(name));
        if Ignored::digest(ignored.as_deref()) != known.rules {
            return false;
        }
        for (name, is_folder) in &known.entries {
            let entry = Entry::new(folder, name, false);
            if !is_folder {
                found.note(entry, folder.is_behind_link, &|| false);
            } else if !is_skipped(name) {
                self.enter(scope, folder.below(folder.path.join(name), entry, ignored.clone()));
            }
        }
        found.visited.push(Visited::Known(folder.relative.clone()));
        true
    }

    fn list(self, scope: &Scope<'a>, folder: &Folder, found: &mut Found) {
        let mut learnt = self.memory.and_then(|memory| memory.begin(&folder.relative, &folder.path));
        match entries(&folder.path) {
            Ok(entries) => {
                // A name that is no text cannot be kept, and what a link leads to is not the folder's to tell.
                let is_plain =
                    |(name, kind): &(OsString, FileType)| name.to_str().is_some() && !kind.is_symlink();
                learnt = learnt.filter(|_| entries.iter().all(is_plain));
                self.sort(scope, folder, entries, (found, learnt.as_mut()));
                found.visited.extend(learnt.map(Visited::Listed));
            }
            Err(error) => found.unreadable(&folder.relative, &error),
        }
    }

    /// Hands folders to whichever thread is free and notes files.
    fn sort(
        self,
        scope: &Scope<'a>,
        folder: &Folder,
        entries: Vec<(OsString, FileType)>,
        (found, mut learnt): (&mut Found, Option<&mut Listing<String>>),
    ) {
        let has = |name: &str| entries.iter().any(|(own, _)| own == name);
        let ignored = Ignored::of(folder.ignored.clone(), &folder.path, has);
        if let Some(learnt) = &mut learnt {
            learnt.rules = Ignored::digest(ignored.as_deref());
        }
        for (name, kind) in entries {
            let path = || folder.path.join(&name);
            let (mut is_folder, mut is_file, is_link) = (kind.is_dir(), kind.is_file(), kind.is_symlink());
            let entry = Entry::new(folder, &name.to_string_lossy(), is_link);
            if is_link {
                match fs::metadata(path()) {
                    Ok(data) => (is_folder, is_file) = (data.is_dir(), data.is_file()),
                    // Editors leave links that lead nowhere; only one that would be scanned is missed.
                    Err(error) if entry.name().ends_with(".py") => {
                        found.unreadable(&entry.relative, &error);
                        continue;
                    }
                    Err(_) => continue,
                }
            }
            let is_ignored = || ignored.as_ref().is_some_and(|rules| rules.covers(&path(), is_folder));
            // What rules are in is asked for again, whatever becomes of it here.
            let mut is_kept = ignored::FILES.contains(&entry.name()) && (is_file || is_skipped(entry.name()));
            let kept = learnt.as_ref().map(|_| entry.name().to_owned());
            if is_folder && !is_skipped(entry.name()) && !is_ignored() {
                if is_link && self.leads_back(&folder.path, &path()) {
                    found.leads_back(&entry.relative);
                    continue;
                }
                self.enter(scope, folder.below(path(), entry, ignored.clone()));
                is_kept = true;
            } else if is_file {
                is_kept |= found.note(entry, folder.is_behind_link, &is_ignored);
            }
            if let (Some(learnt), Some(name)) = (&mut learnt, kept.filter(|_| is_kept)) {
                learnt.entries.push((name, is_folder));
            }
        }
    }

    /// Has whichever thread is free look at a folder.
    fn enter(self, scope: &Scope<'a>, folder: Folder) {
        scope.spawn(move |scope| self.look(scope, &folder));
    }

    /// Whether a link in a folder leads to that folder or one around it.
    fn leads_back(self, folder: &Path, link: &Path) -> bool {
        let Ok(target) = canonicalize(link) else { return true };
        folder
            .ancestors()
            .take_while(|around| around.starts_with(self.root))
            .any(|around| canonicalize(around).is_ok_and(|around| around == target))
    }
}

fn entries(folder: &Path) -> io::Result<Vec<(OsString, FileType)>> {
    fs::read_dir(folder)?
        .map(|entry| {
            let entry = entry?;
            let kind = entry.file_type()?;
            Ok((entry.file_name(), kind))
        })
        .collect()
}
