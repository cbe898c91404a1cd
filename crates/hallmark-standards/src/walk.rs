//! Which files a scan reads. The only place, with [`crate::load`] and [`crate::surroundings`], that touches the file system.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use globset::{Glob, GlobSet, GlobSetBuilder};
use hallmark_diagnostics::Problem;
use ignore::{DirEntry, WalkBuilder};
use rustc_hash::FxHashSet;

use crate::{ScanOptions, codes, surroundings};

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

/// What lies under the root; all paths are relative with forward slashes.
#[derive(Default)]
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

/// Looks for the files of a project.
pub(crate) fn files(options: &ScanOptions) -> Walked {
    let root = options.root.as_path();
    let parts = options.parts();
    let excluded = exclusions(parts.iter().flat_map(|(_, part)| &part.exclude));
    let mut walked = Walked::default();
    let mut folders: FxHashSet<String> = FxHashSet::default();
    let mut linked: Vec<PathBuf> = Vec::new();
    let walk = WalkBuilder::new(root)
        .hidden(false)
        .follow_links(true)
        .require_git(false)
        .git_global(false)
        .filter_entry(|entry| !is_skipped(entry))
        .build();
    for entry in walk {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                walked.problems.push(problem(root, &error));
                continue;
            }
        };
        let path = entry.path();
        if entry.path_is_symlink() && path.is_dir() {
            linked.push(path.to_path_buf());
        }
        if !entry.file_type().is_some_and(|t| t.is_file()) {
            continue;
        }
        match path.extension().and_then(OsStr::to_str) {
            Some("py") => {
                if is_duplicate(root, &entry, &linked) {
                    continue;
                }
                let relative = relative(root, path);
                add_folders(&relative, &mut folders);
                if !excluded.is_match(&relative) {
                    walked.files.push(relative);
                }
            }
            Some("pyi" | "pyx" | "so" | "pyd") => {
                let relative = relative(root, path);
                add_folders(&relative, &mut folders);
                let name_at = relative.rfind('/').map_or(0, |at| at + 1);
                let stem = relative[name_at..].find('.').map_or(relative.len(), |dot| name_at + dot);
                walked.places.push(relative[..stem].to_owned());
            }
            _ => {
                let relative = relative(root, path);
                if surroundings::is_wanted(&relative) {
                    walked.around.push(relative);
                }
            }
        }
    }
    walked.places.extend(folders);
    walked.files.sort_unstable();
    walked.around.sort_unstable();
    walked.problems.sort_unstable();
    walked.problems.dedup();
    walked
}

/// Adds every folder around a file.
fn add_folders(file: &str, folders: &mut FxHashSet<String>) {
    let mut rest = file;
    while let Some((folder, _)) = rest.rsplit_once('/') {
        if !folders.insert(folder.to_owned()) {
            return;
        }
        rest = folder;
    }
}

/// A file reached through a link whose target lies in the root is scanned in its own place.
fn is_duplicate(root: &Path, entry: &DirEntry, linked: &[PathBuf]) -> bool {
    let by_link = entry.path_is_symlink() || linked.iter().any(|l| entry.path().starts_with(l));
    by_link
        && match (entry.path().canonicalize(), root.canonicalize()) {
            (Ok(real), Ok(root)) => real.starts_with(root),
            _ => false,
        }
}

/// Whether a scan never enters this folder.
pub(crate) fn is_skipped(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    entry.depth() > 0 && SKIPPED.contains(&&*name) && entry.file_type().is_some_and(|t| t.is_dir())
}

/// The path below the root, with forward slashes.
pub(crate) fn relative(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    below.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

fn exclusions<'g>(globs: impl Iterator<Item = &'g String>) -> GlobSet {
    let mut builder = GlobSetBuilder::new();
    for glob in globs.filter_map(|g| Glob::new(g).ok()) {
        builder.add(glob);
    }
    builder.build().unwrap_or_default()
}

fn problem(root: &Path, error: &ignore::Error) -> Problem {
    let (mut path, mut is_loop, mut inner) = (PathBuf::new(), false, error);
    loop {
        match inner {
            ignore::Error::WithPath { path: at, err } => {
                path.clone_from(at);
                inner = err;
            }
            ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => inner = err,
            ignore::Error::Loop { child, .. } => {
                path.clone_from(child);
                is_loop = true;
                break;
            }
            _ => break,
        }
    }
    let path = relative(root, &path);
    let (code, message) = if is_loop {
        (codes::LOOP.id, "a link leads back to a folder that holds it: not followed".to_owned())
    } else {
        (codes::UNREADABLE.id, format!("could not be read: {inner}"))
    };
    Problem { path: if path.is_empty() { ".".to_owned() } else { path }, line: None, code, message }
}
