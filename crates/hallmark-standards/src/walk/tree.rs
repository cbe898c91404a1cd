//! Listing a tree of folders on all threads; each folder is asked for once.

use std::ffi::OsString;
use std::fs::{self, FileType};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use hallmark_core::platform::canonicalize;
use rayon::Scope;

use super::ignored::Ignored;
use super::{Found, is_skipped};
use crate::threads;

/// A folder that is to be listed.
struct Folder {
    path: PathBuf,
    /// The path below the root, with forward slashes; empty for the root.
    relative: String,
    ignored: Option<Arc<Ignored>>,
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
    /// The last part of the path.
    pub(super) fn name(&self) -> &str {
        &self.relative[self.name_at..]
    }
}

/// Lists everything below a root that is neither ignored nor skipped, links followed.
pub(super) fn walk(root: &Path) -> Found {
    let root = canonicalize(root).unwrap_or_else(|_| root.to_path_buf());
    let all = Mutex::new(Found::default());
    let first = Folder { ignored: Ignored::above(&root), path: root.clone(), relative: String::new() };
    let walk = Walk { root: &root, all: &all };
    threads::run(|| rayon::scope(|scope| walk.list(scope, &first)));
    all.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// What all threads share.
#[derive(Clone, Copy)]
struct Walk<'a> {
    root: &'a Path,
    all: &'a Mutex<Found>,
}

impl<'a> Walk<'a> {
    fn list(self, scope: &Scope<'a>, folder: &Folder) {
        let mut found = Found::default();
        match entries(&folder.path) {
            Ok(entries) => self.sort(scope, folder, entries, &mut found),
            Err(error) => found.unreadable(&folder.relative, &error),
        }
        self.all.lock().unwrap_or_else(PoisonError::into_inner).add(found);
    }

    /// Hands folders to whichever thread is free and notes files.
    fn sort(self, scope: &Scope<'a>, folder: &Folder, entries: Vec<(OsString, FileType)>, found: &mut Found) {
        let names: Vec<_> = entries.iter().map(|(name, _)| name.as_os_str()).collect();
        let ignored = Ignored::of(folder.ignored.clone(), &folder.path, &names);
        for (name, kind) in entries {
            let path = || folder.path.join(&name);
            let (mut is_folder, mut is_file, is_link) = (kind.is_dir(), kind.is_file(), kind.is_symlink());
            let name_at = if folder.relative.is_empty() { 0 } else { folder.relative.len() + 1 };
            let mut relative = String::with_capacity(name_at + name.len());
            if name_at > 0 {
                relative.push_str(&folder.relative);
                relative.push('/');
            }
            relative.push_str(&name.to_string_lossy());
            let entry = Entry { relative, name_at, is_link };
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
            if is_folder {
                if is_skipped(entry.name()) || is_ignored() {
                    continue;
                }
                let path = path();
                if is_link {
                    if self.leads_back(&folder.path, &path) {
                        found.leads_back(&entry.relative);
                        continue;
                    }
                    found.linked.push(entry.relative.clone());
                }
                let next = Folder { path, relative: entry.relative, ignored: ignored.clone() };
                scope.spawn(move |scope| self.list(scope, &next));
            } else if is_file {
                found.note(entry, &is_ignored);
            }
        }
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
