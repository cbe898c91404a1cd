//! What lies around the Python files of a project and says something about them: the configuration of pytest, declared
//! dependencies, and folders. Read by the scan before any rule runs; rules only ask.

mod dependencies;
pub(crate) mod distributions;
mod ini;
mod pytest;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rustc_hash::FxHashSet;
use xxhash_rust::xxh3::Xxh3;

use crate::limits;
use dependencies::Dependencies;
use pytest::Pytest;

/// What is known of a project besides its Python files.
#[derive(Default)]
pub(crate) struct Surroundings {
    /// Configurations of pytest by folder, relative to the root.
    pytest: BTreeMap<String, Pytest>,
    pub(crate) dependencies: Dependencies,
    /// Folders that hold Python files at some depth, and compiled or generated modules without their ending.
    places: FxHashSet<String>,
    /// The last parts of the places.
    names: FxHashSet<String>,
    /// Equal for equal surroundings.
    pub(crate) digest: u64,
}

/// Whether a file of this path says something about its project.
pub(crate) fn is_wanted(path: &str) -> bool {
    pytest::is_configuration(path.rsplit('/').next().unwrap_or(path)) || dependencies::is_manifest(path)
}

impl Surroundings {
    /// Reads the files of these paths, and those in the folders above the root that belong to the same repository.
    pub(crate) fn read(root: &Path, files: &[String], places: Vec<String>) -> Self {
        let mut all = Self::default();
        let mut hasher = Xxh3::new();
        let inside = files
            .iter()
            .map(|path| (path.rsplit_once('/').map_or("", |(folder, _)| folder), root.join(path)));
        let above = above(root);
        for (folder, path) in above.iter().map(|path| ("", path.clone())).chain(inside) {
            let Some(text) = text_of(&path) else { continue };
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            hasher.update(format!("{folder}/{name} {}\n{text}", text.len()).as_bytes());
            if let Some(found) = pytest::read(&name, &text) {
                all.pytest.entry(folder.to_owned()).or_default().join(found);
            }
            all.dependencies.read(&path.to_string_lossy().replace('\\', "/"), &text);
        }
        let mut places = places;
        places.sort_unstable();
        places.dedup();
        for place in &places {
            hasher.update(place.as_bytes());
            hasher.update(b"\n");
            all.names.insert(place.rsplit('/').next().unwrap_or(place).to_owned());
        }
        all.places = places.into_iter().collect();
        all.digest = hasher.digest();
        all
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
        folders.filter_map(|folder| self.pytest.get(folder))
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
        self.names.contains(name)
    }

    /// Whether a dotted name is a folder with Python files or a compiled module, wherever it lies.
    pub(crate) fn has_place(&self, dotted: &str) -> bool {
        let path = dotted.replace('.', "/");
        let last = path.rsplit('/').next().unwrap_or(&path);
        self.names.contains(last)
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

/// The text of a file that is not too large.
fn text_of(path: &Path) -> Option<String> {
    let size = path.metadata().ok()?.len();
    if size > limits::MANIFEST_BYTES {
        return None;
    }
    Some(String::from_utf8_lossy(&std::fs::read(path).ok()?).into_owned())
}
