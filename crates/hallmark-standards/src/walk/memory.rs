//! What folders hold, kept on disk between walks: a folder whose stamp is as it was is not listed again.
//!
//! What is kept of a listing is what a scan looks at, so that it rests on the rules that leave things out, too. A folder that holds
//! a link is listed every time, because what a link leads to is not told by the folder.

use std::borrow::Borrow;
use std::path::Path;
use std::sync::OnceLock;

use hallmark_core::fs::write_unsynced;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::stamp::{self, Stamp};
use crate::{limits, program};

/// The first bytes of the file; the number changes with the form.
const MAGIC: &[u8] = b"hallmark folders 1\n";

/// What a scan looks at in a folder, as it was when the folder had the stamp and these rules counted in it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Listing<T> {
    /// Relative to the root, with forward slashes.
    pub(super) folder: T,
    stamp: Stamp,
    /// The digest of the rules that leave things out.
    pub(super) rules: u64,
    /// Names, each with whether it is a folder's.
    pub(super) entries: Vec<(T, bool)>,
}

impl<T: Borrow<str>> Listing<T> {
    /// Whether there is something of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|(own, _)| own.borrow() == name)
    }
}

/// A folder that a walk came to.
#[derive(Debug)]
pub(super) enum Visited {
    /// It holds what it held.
    Known(String),
    /// It was listed, and that can be relied on from now on.
    Listed(Listing<String>),
}

/// What is kept of the folders below a root.
pub(super) struct Memory<'a> {
    file: &'a Path,
    known: FxHashMap<&'a str, Listing<&'a str>>,
    /// The clock of the file system, asked when it is needed first.
    now: OnceLock<Option<Stamp>>,
}

/// The listings in the bytes of a file, if it is whole and of this program; none otherwise.
fn body(bytes: &[u8]) -> Option<&[u8]> {
    let (sum, body) = bytes.strip_prefix(MAGIC)?.split_at_checked(8)?;
    (sum == self::sum(body)).then_some(body)
}

/// What must be the same for a file to be relied on: its body, and the program that wrote it.
fn sum(body: &[u8]) -> [u8; 8] {
    (xxh3_64(body) ^ program::identity()).to_le_bytes()
}

impl<'a> Memory<'a> {
    /// What the bytes of `file` tell; it is where the next walk will look.
    pub(super) fn new(file: &'a Path, bytes: &'a [u8]) -> Self {
        let mut known = FxHashMap::default();
        let mut bytes = body(bytes).unwrap_or_default();
        while let Ok((listing, rest)) = postcard::take_from_bytes::<Listing<&str>>(bytes) {
            known.insert(listing.folder, listing);
            bytes = rest;
        }
        Self { file, known, now: OnceLock::new() }
    }

    /// What the folder at this path holds, if it is as it was.
    pub(super) fn of(&self, folder: &str, path: &Path) -> Option<&Listing<&'a str>> {
        self.known.get(folder).filter(|known| Stamp::of_folder(path) == Some(known.stamp))
    }

    /// The beginning of what is to be kept of a folder, if its stamp can be relied on; to be called before it is listed.
    pub(super) fn begin(&self, folder: &str, path: &Path) -> Option<Listing<String>> {
        let now = self.now.get_or_init(|| stamp::now_of_folders(self.file));
        let stamp = Stamp::of_folder(path)?.settled(*now)?;
        Some(Listing { folder: folder.to_owned(), stamp, rules: 0, entries: Vec::new() })
    }

    /// Keeps what a walk learnt, if that is worth being written. Whoever may not write here walks as if there was nothing to keep.
    pub(super) fn keep(&self, visited: &[Visited]) {
        let learnt = visited.iter().filter(|folder| matches!(folder, Visited::Listed(_))).count();
        if learnt == 0 || learnt < visited.len() / limits::LISTED_ONE_IN {
            return;
        }
        let mut body = Vec::new();
        for folder in visited {
            let bytes = match folder {
                Visited::Known(folder) => self.known.get(folder.as_str()).map(postcard::to_allocvec),
                Visited::Listed(listing) => Some(postcard::to_allocvec(listing)),
            };
            body.extend(bytes.into_iter().flatten().flatten());
        }
        let _ = write_unsynced(self.file, &[MAGIC, &sum(&body), &body].concat());
    }
}
