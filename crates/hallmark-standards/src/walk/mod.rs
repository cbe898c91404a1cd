//! Which files a scan reads. The only place, with [`crate::load`] and [`crate::surroundings`], that touches the file system.

mod ignored;
mod memory;
#[cfg(test)]
mod tests;
mod tree;

use std::io;
use std::path::Path;

use globset::{Glob, GlobSet, GlobSetBuilder};
use hallmark_core::config::{FILE_NAME, PYPROJECT};
use hallmark_core::platform::canonicalize;
use hallmark_diagnostics::Problem;
use rayon::prelude::*;
use rustc_hash::FxHashSet;

use crate::stored::Stored;
use crate::{ScanOptions, codes, surroundings, threads};
use memory::Visited;
use tree::Entry;

/// Folders that never hold a project's own sources.
const SKIPPED: &[&str] = &[
    ".git",
    ".hallmark",
    ".hg",
    ".mypy_cache",
    ".nox",
    ".tox",
    ".venv",
    "__pycache__",
    "node_modules",
    "site-packages",
];

/// What there is below a root, whatever the configuration says; walked once for all who ask.
#[derive(Debug, Default)]
pub struct Survey {
    /// The Python files, sorted, relative with forward slashes.
    files: Vec<String>,
    /// The folders below the root that hold a file which may be a configuration, sorted.
    pub(crate) configured: Vec<String>,
    /// Files that say something about the project, sorted.
    around: Vec<String>,
    /// Folders with Python files at some depth, and modules in other forms, without their ending.
    places: Vec<String>,
    /// What could not be walked.
    problems: Vec<Problem>,
    /// The cache file that was read meanwhile.
    pub(crate) stored: Option<Stored>,
}

/// What a scan looks at; all paths are relative with forward slashes.
pub(crate) struct Walked {
    /// The Python files, sorted.
    pub(crate) files: Vec<String>,
    /// Files that say something about the project, sorted.
    pub(crate) around: Vec<String>,
    /// Folders with Python files at some depth, those that are left out included, and modules in other forms, without their
    /// ending.
    pub(crate) places: Vec<String>,
    /// What could not be walked.
    pub(crate) problems: Vec<Problem>,
}

/// What is come across.
#[derive(Default)]
struct Found {
    /// Files, with whether each is a link itself or lies behind one.
    files: Vec<(String, bool)>,
    configured: Vec<String>,
    around: Vec<String>,
    /// Modules in other forms: compiled, or their types alone.
    others: Vec<String>,
    problems: Vec<Problem>,
    /// The folders, if there is a memory to keep them in.
    visited: Vec<Visited>,
}

impl Survey {
    /// Walks everything below a root that a scan enters.
    #[must_use]
    pub fn of(root: &Path) -> Self {
        tree::walk(root, None).survey(root)
    }

    /// [`Survey::of`], where folders that nobody changed since the last walk are not listed again; the survey is the same. What is
    /// known of them is kept beside the cache file `cache`; if it cannot be, that costs time and changes nothing. A scan with this
    /// survey will ask for that file: it is read meanwhile.
    #[must_use]
    pub fn remembered(root: &Path, cache: &Path) -> Self {
        let walk = || tree::walk(root, Some(&cache.with_extension("folders"))).survey(root);
        let (survey, stored) = threads::run(|| rayon::join(walk, || Stored::read(cache)));
        Self { stored, ..survey }
    }

    /// What a scan of these options looks at.
    pub(crate) fn files(self, options: &ScanOptions) -> Walked {
        let parts = options.parts();
        let excluded = exclusions(parts.iter().flat_map(|(_, part)| &part.exclude));
        let Self { mut files, around, places, problems, .. } = self;
        if !excluded.is_empty() {
            files.retain(|file| !excluded.is_match(file));
        }
        Walked { files, around, places, problems }
    }
}

impl Found {
    /// Notes a file, if a scan may ask for it and it is not left out. Gives whether it did.
    fn note(&mut self, entry: Entry, is_behind_link: bool, is_ignored: &dyn Fn() -> bool) -> bool {
        let name = entry.name();
        let ending = name.rfind('.').filter(|dot| *dot > 0).map_or("", |dot| &name[dot + 1..]);
        let is_source = ending == "py";
        let is_other = matches!(ending, "pyi" | "pyx" | "so" | "pyd");
        let configures = (name == FILE_NAME || name == PYPROJECT) && entry.name_at > 0;
        let is_around = !is_source && !is_other && surroundings::is_wanted(&entry.relative);
        if !(is_source || is_other || configures || is_around) || is_ignored() {
            return false;
        }
        // A configuration counts in its own place only.
        if configures && !is_behind_link {
            self.configured.push(entry.relative[..entry.name_at - 1].to_owned());
        }
        if is_source {
            self.files.push((entry.relative, entry.is_link || is_behind_link));
        } else if is_other {
            self.others.push(entry.relative);
        } else if is_around {
            self.around.push(entry.relative);
        }
        true
    }

    /// Notes that something could not be read.
    fn unreadable(&mut self, relative: &str, error: &io::Error) {
        self.problem(relative, codes::UNREADABLE.id, format!("could not be read: {error}"));
    }

    /// Notes a link that leads to a folder around it.
    fn leads_back(&mut self, relative: &str) {
        let message = "a link leads back to a folder that holds it: not followed".to_owned();
        self.problem(relative, codes::LOOP.id, message);
    }

    fn problem(&mut self, relative: &str, code: &'static str, message: String) {
        let path = if relative.is_empty() { "." } else { relative }.to_owned();
        self.problems.push(Problem { path, line: None, code, message });
    }

    fn add(&mut self, other: Self) {
        // Spelled out, so that a new field has to be thought of here.
        let Self { files, configured, around, others, problems, visited } = other;
        self.files.extend(files);
        self.configured.extend(configured);
        self.around.extend(around);
        self.others.extend(others);
        self.problems.extend(problems);
        self.visited.extend(visited);
    }

    fn survey(mut self, root: &Path) -> Survey {
        let is_kept = |(path, is_linked): &(String, bool)| !(*is_linked && lies_in(root, &root.join(path)));
        let mut files: Vec<String> = self.files.into_iter().filter(is_kept).map(|(path, _)| path).collect();
        threads::run(|| files.par_sort_unstable());
        let mut folders: FxHashSet<String> = FxHashSet::default();
        files.iter().chain(&self.others).for_each(|file| add_folders(file, &mut folders));
        let mut places: Vec<String> =
            self.others.iter().map(|file| without_ending(file).to_owned()).collect();
        places.extend(folders);
        places.sort_unstable();
        places.dedup();
        self.around.sort_unstable();
        self.configured.sort_unstable();
        self.configured.dedup();
        self.problems.sort_unstable();
        self.problems.dedup();
        let Self { configured, around, problems, .. } = self;
        Survey { files, configured, around, places, problems, stored: None }
    }
}

/// Adds every folder around a file.
fn add_folders(file: &str, folders: &mut FxHashSet<String>) {
    let mut rest = file;
    while let Some((folder, _)) = rest.rsplit_once('/') {
        if folders.contains(folder) {
            return;
        }
        folders.insert(folder.to_owned());
        rest = folder;
    }
}

/// The path up to the first dot of its last part: `pkg/_fast` for `pkg/_fast.cpython-311-x86_64-linux-gnu.so`.
fn without_ending(file: &str) -> &str {
    let name_at = file.rfind('/').map_or(0, |at| at + 1);
    let end = file[name_at..].find('.').map_or(file.len(), |dot| name_at + dot);
    &file[..end]
}

/// Whether what a link leads to lies in the root, where it is scanned in its own place.
fn lies_in(root: &Path, path: &Path) -> bool {
    match (canonicalize(path), canonicalize(root)) {
        (Ok(real), Ok(root)) => real.starts_with(root),
        _ => false,
    }
}

/// Whether a scan never enters a folder of this name.
fn is_skipped(name: &str) -> bool {
    SKIPPED.contains(&name)
}

/// The path below the root, with forward slashes.
pub(crate) fn relative(root: &Path, path: &Path) -> String {
    // A walk puts paths together of the root and of names: to cut the root off is all there is to do.
    if std::path::MAIN_SEPARATOR == '/' {
        let (all, root) = (path.as_os_str().as_encoded_bytes(), root.as_os_str().as_encoded_bytes());
        let rest = all.strip_prefix(root).and_then(|rest| rest.strip_prefix(b"/"));
        let is_plain =
            |rest: &&[u8]| rest.split(|byte| *byte == b'/').all(|name| !matches!(name, b"" | b"." | b".."));
        if let Some(rest) = rest.filter(is_plain).filter(|_| !root.ends_with(b"/")) {
            return String::from_utf8_lossy(rest).into_owned();
        }
    }
    let below = path.strip_prefix(root).unwrap_or(path);
    if below.is_absolute() {
        // It lies elsewhere.
        return below.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/");
    }
    below.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

fn exclusions<'g>(globs: impl Iterator<Item = &'g String>) -> GlobSet {
    let mut builder = GlobSetBuilder::new();
    for glob in globs.filter_map(|g| Glob::new(g).ok()) {
        builder.add(glob);
    }
    builder.build().unwrap_or_default()
}
