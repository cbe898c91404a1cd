//! Which files a scan reads. The only place, with [`crate::load`] and [`crate::surroundings`], that touches the file system.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use globset::{Glob, GlobSet, GlobSetBuilder};
use hallmark_core::config::{FILE_NAME, PYPROJECT};
use hallmark_diagnostics::Problem;
use ignore::{DirEntry, WalkBuilder, WalkState};
use rustc_hash::FxHashSet;

use crate::{ScanOptions, codes, limits, surroundings};

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

/// What one thread comes across.
#[derive(Default)]
struct Found {
    /// Files, with whether each is a link itself.
    files: Vec<(String, bool)>,
    configured: Vec<String>,
    around: Vec<String>,
    /// Modules in other forms: compiled, or their types alone.
    others: Vec<String>,
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
            let Found { files, configured, around, others, linked, problems } = one;
            found.files.extend(files);
            found.configured.extend(configured);
            found.around.extend(around);
            found.others.extend(others);
            found.linked.extend(linked);
            found.problems.extend(problems);
        }
        found.survey(root)
    }

    /// What a scan of these options looks at.
    pub(crate) fn files(self, options: &ScanOptions) -> Walked {
        let parts = options.parts();
        let excluded = exclusions(parts.iter().flat_map(|(_, part)| &part.exclude));
        let Self { mut files, around, places, problems, .. } = self;
        files.retain(|file| !excluded.is_match(file));
        Walked { files, around, places, problems }
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
        if (entry.file_name() == FILE_NAME || entry.file_name() == PYPROJECT)
            && entry.depth() > 1
            && let Some(folder) = path.parent()
        {
            self.configured.push(relative(root, folder));
        }
        if !entry.file_type().is_some_and(|t| t.is_file()) {
            return;
        }
        match path.extension().and_then(OsStr::to_str) {
            Some("py") => self.files.push((relative(root, path), entry.path_is_symlink())),
            Some("pyi" | "pyx" | "so" | "pyd") => self.others.push(relative(root, path)),
            _ => {
                let relative = relative(root, path);
                if surroundings::is_wanted(&relative) {
                    self.around.push(relative);
                }
            }
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
        Survey { files, configured: self.configured, around: self.around, places, problems: self.problems }
    }
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

/// The path up to the first dot of its last part: `pkg/_fast` for `pkg/_fast.cpython-311-x86_64-linux-gnu.so`.
fn without_ending(file: &str) -> &str {
    let name_at = file.rfind('/').map_or(0, |at| at + 1);
    let end = file[name_at..].find('.').map_or(file.len(), |dot| name_at + dot);
    &file[..end]
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
