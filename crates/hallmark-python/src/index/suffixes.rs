//! Modules by the names that they can be imported by: every dotted suffix of their paths.

use std::hash::BuildHasher as _;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use rustc_hash::FxBuildHasher;
use thin_vec::ThinVec;

/// A table from suffixes to places of modules. There are several suffixes for each module, so that no text is held twice and an entry
/// is small.
#[derive(Default)]
pub(super) struct Suffixes {
    /// The whole paths, with dots, one behind the other.
    text: String,
    table: HashTable<Suffix>,
}

/// A suffix, with the modules that have it in the order in which they came.
struct Suffix {
    hash: u64,
    /// Where it lies in the text.
    start: u32,
    end: u32,
    first: u32,
    /// All of them, if there is more than the first.
    all: ThinVec<u32>,
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

    fn of<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

impl Suffixes {
    /// The suffixes of the modules of these paths, as places in the list.
    pub(super) fn of<'p>(paths: impl Iterator<Item = &'p str> + Clone) -> Self {
        let size = |(bytes, names): (usize, usize), path: &str| {
            (bytes + path.len(), names + 1 + memchr::memchr_iter(b'/', path.as_bytes()).count())
        };
        let (bytes, names) = paths.clone().fold((0, 0), size);
        let mut suffixes =
            Self { text: String::with_capacity(bytes), table: HashTable::with_capacity(names) };
        for (module, path) in paths.enumerate() {
            suffixes.add(path, u32::try_from(module).unwrap_or(u32::MAX));
        }
        suffixes
    }

    /// Adds every suffix of a module's path.
    fn add(&mut self, path: &str, module: u32) {
        let Self { text, table } = self;
        let begin = text.len();
        for (place, part) in super::stem(path).split('/').enumerate() {
            if place > 0 {
                text.push('.');
            }
            text.push_str(part);
        }
        let (Ok(begin), Ok(end)) = (u32::try_from(begin), u32::try_from(text.len())) else {
            // Four gigabytes of paths.
            return;
        };
        let dots = memchr::memchr_iter(b'.', &text.as_bytes()[begin as usize..]);
        let dots = dots.filter_map(|dot| u32::try_from(dot + 1).ok());
        for start in std::iter::once(0).chain(dots).map(|start| begin + start) {
            let own = &text[start as usize..end as usize];
            let hash = FxBuildHasher.hash_one(own);
            let same = |other: &Suffix| other.hash == hash && other.of(text) == own;
            match table.entry(hash, same, |other| other.hash) {
                Entry::Occupied(mut known) => known.get_mut().add(module),
                Entry::Vacant(free) => {
                    free.insert(Suffix { hash, start, end, first: module, all: ThinVec::new() });
                }
            }
        }
    }

    /// The modules whose paths end in this dotted name.
    pub(super) fn get(&self, name: &str) -> Option<&[u32]> {
        let hash = FxBuildHasher.hash_one(name);
        let same = |own: &Suffix| own.hash == hash && own.of(&self.text) == name;
        self.table.find(hash, same).map(Suffix::modules)
    }
}
