//! Which files a scan reads. The only place, with [`crate::load`], that touches the file system.

use std::path::{Path, PathBuf};

use globset::{Glob, GlobSet, GlobSetBuilder};
use hallmark_diagnostics::Problem;
use ignore::{DirEntry, WalkBuilder};

use crate::{ScanOptions, codes};

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

/// The Python files under the root, sorted, relative with forward slashes; and what could not be walked.
pub(crate) fn files(options: &ScanOptions) -> (Vec<String>, Vec<Problem>) {
    let root = options.root.as_path();
    let parts = options.parts();
    let excluded = exclusions(parts.iter().flat_map(|(_, part)| &part.exclude));
    let mut problems = Vec::new();
    let mut files = Vec::new();
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
                problems.push(problem(root, &error));
                continue;
            }
        };
        let path = entry.path();
        if entry.path_is_symlink() && path.is_dir() {
            linked.push(path.to_path_buf());
        }
        let is_python =
            path.extension().is_some_and(|e| e == "py") && entry.file_type().is_some_and(|t| t.is_file());
        if !is_python || is_duplicate(root, &entry, &linked) {
            continue;
        }
        let relative = relative(root, path);
        if !excluded.is_match(&relative) {
            files.push(relative);
        }
    }
    files.sort_unstable();
    problems.sort_unstable();
    problems.dedup();
    (files, problems)
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
