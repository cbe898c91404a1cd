//! The texts of names, each once in memory.

use std::hash::{Hash as _, Hasher as _};

use hashbrown::HashTable;
use rustc_hash::FxHasher;

use crate::facts::Name;
use crate::limits;

/// The names of the files so far: most of them come again, and one text in memory does for all.
#[derive(Default)]
pub(super) struct Names {
    /// The last name of each of so many kinds of hash. It is asked first, because it stays in the processor's cache.
    last: Vec<(u64, Name)>,
    all: HashTable<(u64, Name)>,
}

impl Names {
    /// The one name of this text.
    pub(super) fn get(&mut self, text: &str) -> Name {
        let hash = hash(text);
        if self.last.is_empty() {
            self.last.resize(limits::LAST_NAMES, (0, Name::default()));
        }
        // The upper half of the hash is the better mixed one.
        let place = (hash >> 32) as usize % limits::LAST_NAMES;
        let same = |(other, name): &(u64, Name)| *other == hash && name.as_str() == text;
        if same(&self.last[place]) {
            return self.last[place].1.clone();
        }
        let name = match self.all.find(hash, same) {
            Some((_, name)) => name.clone(),
            None => {
                let name = Name::from(text);
                self.all.insert_unique(hash, (hash, name.clone()), |(hash, _)| *hash);
                name
            }
        };
        self.last[place] = (hash, name.clone());
        name
    }

    /// Ends a file.
    pub(super) fn next_file(&mut self) {
        if self.all.len() > limits::SHARED_NAMES {
            *self = Self::default();
        }
    }
}

/// What tells a text in tables.
pub(super) fn hash(text: &str) -> u64 {
    let mut hasher = FxHasher::default();
    text.hash(&mut hasher);
    hasher.finish()
}
