//! The texts of names, each once in memory.

use std::hash::{Hash as _, Hasher as _};

use hashbrown::HashTable;
use rustc_hash::FxHasher;

use crate::facts::Name;
use crate::limits;

/// The names of the file at hand, and behind them those of the files before: most of them come again, and one text in memory
/// does for all. The small table is asked first, because it stays in the processor's cache.
#[derive(Default)]
pub(super) struct Names {
    own: HashTable<(u64, Name)>,
    all: HashTable<(u64, Name)>,
}

impl Names {
    /// The one name of this text.
    pub(super) fn get(&mut self, text: &str) -> Name {
        let hash = hash(text);
        let same = |(other, name): &(u64, Name)| *other == hash && name.as_str() == text;
        if let Some((_, name)) = self.own.find(hash, same) {
            return name.clone();
        }
        let name = match self.all.find(hash, same) {
            Some((_, name)) => name.clone(),
            None => {
                let name = Name::from(text);
                self.all.insert_unique(hash, (hash, name.clone()), |(hash, _)| *hash);
                name
            }
        };
        self.own.insert_unique(hash, (hash, name.clone()), |(hash, _)| *hash);
        name
    }

    /// Ends a file.
    pub(super) fn next_file(&mut self) {
        if self.own.capacity() > limits::KEPT_ROOM {
            self.own = HashTable::new();
        } else {
            self.own.clear();
        }
        if self.all.len() > limits::SHARED_NAMES {
            self.all = HashTable::new();
        }
    }
}

/// What tells a text in tables.
pub(super) fn hash(text: &str) -> u64 {
    let mut hasher = FxHasher::default();
    text.hash(&mut hasher);
    hasher.finish()
}
