//! Which files a scan reads. The only place, with [`crate::load`], that touches the file system.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use globset::{Glob, GlobSet, GlobSetBuilder};
use hallmark_core::config::{FILE_NAME, PYPROJECT};
use hallmark_diagnostics::Problem;
use ignore::{DirEntry, WalkBuilder, WalkState};

use crate::{ScanOptions, codes, limits};

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
    /// What could not be walked.
    problems: Vec<Problem>,
}

/// What one thread comes across.
#[derive(Default)]
struct Found {
    /// Files, with whether each is a link itself.
    files: Vec<(String, bool)>,
    configured: Vec<String>,
    /// Links to folders.
    linked: Vec<PathBuf>,
    problems: Vec<Problem>,
}

impl Survey {
    /// Walks everything below a root that a scan enters.
    #[must_use]
    pub fn of(root: &Path) -> Self {
        let all = Mutex::new(Vec::new());
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(limits::THREADS);
        let walk = WalkBuilder::new(root)
            .hidden(false)
            .follow_links(true)
            .require_git(false)
            .git_global(false)
            .filter_entry(|entry| !is_skipped(entry))
            .threads(threads)
            .build_parallel();
        walk.run(|| {
            let mut own = Own { found: Found::default(), all: &all };
            Box::new(move |entry| {
                own.found.note(root, entry);
                WalkState::Continue
            })
        });
        let mut found = Found::default();
        for one in all.into_inner().unwrap_or_default() {
            let Found { files, configured, linked, problems } = one;
            found.files.extend(files);
            found.configured.extend(configured);
            found.linked.extend(linked);
            found.problems.extend(problems);
        }
        found.survey(root)
    }

    /// The files that a scan of these options reads, and what could not be walked.
    pub(crate) fn files(self, options: &ScanOptions) -> (Vec<String>, Vec<Problem>) {
        let parts = options.parts();
        let excluded = exclusions(parts.iter().flat_map(|(_, part)| &part.exclude));
        let Self { mut files, problems, .. } = self;
        files.retain(|file| !excluded.is_match(file));
        (files, problems)
    }
}

/// Hands over what its thread found when the thread is done.
struct Own<'a> {
    found: Found,
    all: &'a Mutex<Vec<Found>>,
}

impl Drop for Own<'_> {
    fn drop(&mut self) {
        if let Ok(mut all) = self.all.lock() {
            all.push(std::mem::take(&mut self.found));
        }
    }
}

impl Found {
    fn note(&mut self, root: &Path, entry: Result<DirEntry, ignore::Error>) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return self.problems.push(problem(root, &error)),
        };
        let path = entry.path();
        if entry.path_is_symlink() && path.is_dir() {
            self.linked.push(path.to_path_buf());
        }
        let is_file = || entry.file_type().is_some_and(|t| t.is_file());
        if path.extension().is_some_and(|e| e == "py") && is_file() {
            self.files.push((relative(root, path), entry.path_is_symlink()));
        } else if (entry.file_name() == FILE_NAME || entry.file_name() == PYPROJECT)
            && entry.depth() > 1
            && let Some(folder) = path.parent()
        {
            self.configured.push(relative(root, folder));
        }
    }

    fn survey(mut self, root: &Path) -> Survey {
        let linked: Vec<String> = self.linked.iter().map(|link| relative(root, link)).collect();
        let below = |path: &str| {
            linked
                .iter()
                .any(|link| path.strip_prefix(link.as_str()).is_some_and(|rest| rest.starts_with('/')))
        };
        // A configuration counts in its own place only.
        self.configured.retain(|folder| !linked.contains(folder) && !below(folder));
        let is_kept = |(path, is_link): &(String, bool)| {
            !((*is_link || below(path)) && lies_in(root, &root.join(path)))
        };
        let mut files: Vec<String> = self.files.into_iter().filter(is_kept).map(|(path, _)| path).collect();
        files.sort_unstable();
        self.configured.sort_unstable();
        self.configured.dedup();
        self.problems.sort_unstable();
        self.problems.dedup();
        Survey { files, configured: self.configured, problems: self.problems }
    }
}

/// Whether what a link leads to lies in the root, where it is scanned in its own place.
fn lies_in(root: &Path, path: &Path) -> bool {
    match (path.canonicalize(), root.canonicalize()) {
        (Ok(real), Ok(root)) => real.starts_with(root),
        _ => false,
    }
}

/// Whether a scan never enters this folder.
fn is_skipped(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    entry.depth() > 0 && SKIPPED.contains(&&*name) && entry.file_type().is_some_and(|t| t.is_dir())
}

/// The path below the root, with forward slashes.
pub(crate) fn relative(root: &Path, path: &Path) -> String {
    // A walk puts paths together of the root and of names: to cut the root off is all there is to do.
    #[cfg(unix)]
    {
        let (all, root) = (path.as_os_str().as_encoded_bytes(), root.as_os_str().as_encoded_bytes());
        let rest = all.strip_prefix(root).and_then(|rest| rest.strip_prefix(b"/"));
        let is_plain =
            |rest: &&[u8]| rest.split(|byte| *byte == b'/').all(|name| !matches!(name, b"" | b"." | b".."));
        if let Some(rest) = rest.filter(is_plain).filter(|_| !root.ends_with(b"/")) {
            return String::from_utf8_lossy(rest).into_owned();
        }
    }
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
