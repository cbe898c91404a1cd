//! What lies around the Python files of a project and says something about them: the configuration of pytest, declared
//! dependencies, and folders. Read by the scan before any rule runs; rules only ask.

mod dependencies;
pub(crate) mod distributions;
mod ini;
mod pytest;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use hallmark_python::index::Owner;
use rayon::prelude::*;
use rustc_hash::FxHashSet;
use xxhash_rust::xxh3::Xxh3;

use crate::limits;
use dependencies::Dependencies;
use pytest::Pytest;

/// What is known of a project besides its Python files.
#[derive(Default)]
pub(crate) struct Surroundings {
    /// What was read, until it is known what it says.
    texts: Mutex<Vec<Text>>,
    /// Folders that hold Python files at some depth, and compiled or generated modules without their ending; sorted.
    places: Vec<String>,
    /// Equal for equal surroundings.
    pub(crate) digest: u64,
    /// What all of that says. Worked out once somebody asks: while nothing changes, nobody does.
    said: OnceLock<Said>,
}

/// A file that says something.
struct Text {
    /// The folder that it counts in, relative to the root.
    folder: String,
    path: PathBuf,
    text: String,
}

#[derive(Default)]
struct Said {
    /// Configurations of pytest by folder, relative to the root.
    pytest: BTreeMap<String, Pytest>,
    dependencies: Dependencies,
    /// The last parts of the places.
    names: FxHashSet<String>,
}

/// Whether a file of this path says something about its project.
pub(crate) fn is_wanted(path: &str) -> bool {
    pytest::is_configuration(path.rsplit('/').next().unwrap_or(path)) || dependencies::is_manifest(path)
}

impl Surroundings {
    /// Reads the files of these paths, and those in the folders above the root that belong to the same repository.
    pub(crate) fn read(root: &Path, files: &[String], mut places: Vec<String>) -> Self {
        let inside = files
            .iter()
            .map(|path| (path.rsplit_once('/').map_or("", |(folder, _)| folder), root.join(path)));
        let above = above(root);
        let all = above.into_iter().map(|path| ("", path)).chain(inside);
        let text = |(folder, path): (&str, PathBuf)| {
            Some(Text { folder: folder.to_owned(), text: text_of(&path)?, path })
        };
        let all: Vec<(&str, PathBuf)> = all.collect();
        let texts: Vec<Text> = all.into_par_iter().filter_map(text).collect();
        places.sort_unstable();
        places.dedup();
        let mut hasher = Xxh3::new();
        for Text { folder, path, text } in &texts {
            hasher.update(format!("{folder}/{} {}\n", name_of(path), text.len()).as_bytes());
            hasher.update(text.as_bytes());
        }
        for place in &places {
            hasher.update(place.as_bytes());
            hasher.update(b"\n");
        }
        Self { texts: Mutex::new(texts), places, digest: hasher.digest(), said: OnceLock::new() }
    }

    fn said(&self) -> &Said {
        self.said.get_or_init(|| {
            let mut said = Said::default();
            let texts = std::mem::take(&mut *self.texts.lock().unwrap_or_else(PoisonError::into_inner));
            for Text { folder, path, text } in texts {
                if let Some(found) = pytest::read(&name_of(&path), &text) {
                    said.pytest.entry(folder).or_default().join(found);
                }
                said.dependencies.read(&path.to_string_lossy().replace('\\', "/"), &text);
            }
            let last = |place: &String| place.rsplit('/').next().unwrap_or(place).to_owned();
            said.names = self.places.iter().map(last).collect();
            said
        })
    }

    /// Makes what is said of the files' surroundings out before somebody waits for it.
    pub(crate) fn prepare(&self) {
        self.said();
    }

    /// What the project says that it depends on.
    pub(crate) fn dependencies(&self) -> &Dependencies {
        &self.said().dependencies
    }

    /// Whether somebody has a module at the top, besides the project. Where nothing is declared, well-known distributions are taken to
    /// be there.
    pub(crate) fn has_owner(&self, module: &str, owner: Owner) -> bool {
        if owner == Owner::Python {
            return distributions::is_pythons(module);
        }
        let declared = self.dependencies();
        if declared.is_empty() { distributions::is_well_known(module) } else { declared.declare(module) }
    }

    /// The configurations of pytest that a file may be under, nearest first: the folder decides how pytest is started.
    fn configurations<'a>(&'a self, file: &'a str) -> impl Iterator<Item = &'a Pytest> {
        let mut folder = Some(file.rsplit_once('/').map_or("", |(folder, _)| folder));
        let folders = std::iter::from_fn(move || {
            let here = folder?;
            folder =
                if here.is_empty() { None } else { Some(here.rsplit_once('/').map_or("", |(up, _)| up)) };
            Some(here)
        });
        folders.filter_map(|folder| self.said().pytest.get(folder))
    }

    /// Whether a configuration above a file registers this marker.
    pub(crate) fn has_marker(&self, file: &str, marker: &str) -> bool {
        self.configurations(file).any(|pytest| pytest.markers.iter().any(|own| own == marker))
    }

    /// Every marker that a configuration above a file registers.
    pub(crate) fn markers<'a>(&'a self, file: &'a str) -> impl Iterator<Item = &'a str> {
        self.configurations(file).flat_map(|pytest| pytest.markers.iter().map(String::as_str))
    }

    /// Whether the nearest configuration above a file refuses markers that are not registered.
    pub(crate) fn is_strict(&self, file: &str) -> bool {
        self.configurations(file).next().is_some_and(|pytest| pytest.strict)
    }

    /// Whether a folder with Python files, or a compiled module, bears this name somewhere.
    pub(crate) fn has_name(&self, name: &str) -> bool {
        self.said().names.contains(name)
    }

    /// Whether a dotted name is a folder with Python files or a compiled module, wherever it lies.
    pub(crate) fn has_place(&self, dotted: &str) -> bool {
        let path = dotted.replace('.', "/");
        let last = path.rsplit('/').next().unwrap_or(&path);
        self.said().names.contains(last)
            && self.places.iter().any(|place| {
                place.strip_suffix(&path).is_some_and(|before| before.is_empty() || before.ends_with('/'))
            })
    }
}

/// The wanted files in the folders above the root, up to the one that a repository begins in; none without a repository.
fn above(root: &Path) -> Vec<PathBuf> {
    let Ok(root) = hallmark_core::platform::canonicalize(root) else { return Vec::new() };
    let mut found = Vec::new();
    if root.join(".git").exists() {
        return found;
    }
    for folder in root.ancestors().skip(1).take(limits::FOLDERS_ABOVE) {
        let mut here: Vec<PathBuf> = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| is_wanted(&entry.file_name().to_string_lossy()))
            .map(|entry| entry.path())
            .collect();
        here.sort();
        found.append(&mut here);
        if folder.join(".git").exists() {
            return found;
        }
    }
    Vec::new()
}

/// The last part of a path.
fn name_of(path: &Path) -> Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

/// The text of a file that is not too large.
fn text_of(path: &Path) -> Option<String> {
    let size = path.metadata().ok()?.len();
    if size > limits::MANIFEST_BYTES {
        return None;
    }
    Some(String::from_utf8_lossy(&std::fs::read(path).ok()?).into_owned())
}
