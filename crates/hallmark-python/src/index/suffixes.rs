//! Modules by the names that they can be imported by: every dotted suffix of their paths.

use std::hash::BuildHasher as _;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use rustc_hash::FxBuildHasher;

/// A table from suffixes to places of modules. There are several suffixes for each module, so that no text is held twice.
#[derive(Default)]
pub(super) struct Suffixes {
    /// The whole paths, with dots.
    paths: Vec<String>,
    table: HashTable<Suffix>,
}

/// A suffix, with the modules that have it in the order in which they came.
struct Suffix {
    hash: u64,
    /// The path that it is the end of, as a place in the list, and where it begins there.
    path: usize,
    start: usize,
    first: u32,
    /// All of them, if there is more than the first.
    all: Vec<u32>,
}

impl Suffix {
    fn modules(&self) -> &[u32] {
        if self.all.is_empty() { std::slice::from_ref(&self.first) } else { &self.all }
    }

    fn add(&mut self, module: u32) {
        if self.all.is_empty() {
            self.all.push(self.first);
        }
        self.all.push(module);
    }
}

impl Suffixes {
    /// Adds every suffix of a module's path.
    pub(super) fn add(&mut self, dotted: String, module: u32) {
        let Self { paths, table } = self;
        let path = paths.len();
        paths.push(dotted);
        let dotted = &paths[path];
        let dots = memchr::memchr_iter(b'.', dotted.as_bytes()).map(|dot| dot + 1);
        for start in std::iter::once(0).chain(dots) {
            let text = &dotted[start..];
            let hash = FxBuildHasher.hash_one(text);
            let same = |other: &Suffix| other.hash == hash && &paths[other.path][other.start..] == text;
            match table.entry(hash, same, |other| other.hash) {
                Entry::Occupied(mut known) => known.get_mut().add(module),
                Entry::Vacant(free) => {
                    free.insert(Suffix { hash, path, start, first: module, all: Vec::new() });
                }
            }
        }
    }

    /// The modules whose paths end in this dotted name.
    pub(super) fn get(&self, name: &str) -> Option<&[u32]> {
        let hash = FxBuildHasher.hash_one(name);
        let same = |own: &Suffix| own.hash == hash && &self.paths[own.path][own.start..] == name;
        self.table.find(hash, same).map(Suffix::modules)
    }
}
