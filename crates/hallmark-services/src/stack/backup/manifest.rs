//! What a backup says of itself: `manifest.json` in its folder. It holds no secret and no data.

use std::collections::BTreeMap;
use std::path::Path;

use hallmark_core::{Error, Result, fs};
use serde::{Deserialize, Serialize};

use super::codes;
use crate::ServiceKind;

/// The name of the file in a backup's folder. A folder without it is no backup.
pub(super) const FILE: &str = "manifest.json";

/// The format of a backup; a newer one is refused rather than misread.
const FORMAT: u32 = 1;

/// Why a backup was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Somebody asked for it.
    Asked,
    /// The schedule.
    Scheduled,
    /// A restore is about to overwrite the data.
    BeforeRestore,
    /// A reset is about to empty the services.
    BeforeReset,
}

impl Reason {
    /// Its word in the manifest.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Scheduled => "scheduled",
            Self::BeforeRestore => "before-restore",
            Self::BeforeReset => "before-reset",
        }
    }

    /// Whether it was taken to be kept, and not only because something was about to be replaced.
    #[must_use]
    pub const fn is_ordinary(self) -> bool {
        matches!(self, Self::Asked | Self::Scheduled)
    }
}

/// How a service's data were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Each database dumped in one snapshot, while it was used.
    Dump,
    /// The snapshot that the server gives a replica, while it was used.
    Replica,
    /// The server's files at one instant, while it stood still.
    Image,
    /// It has no data of its own.
    Nothing,
    /// It could not be taken; the note says why.
    LeftOut,
}

/// A packed file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedFile {
    /// Its name in the backup's folder.
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256 digest.
    pub sha256: String,
}

/// A countable part of a service's data: a table, a collection, a database of Redis, the nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Rows, records, keys, nodes.
    pub count: u64,
    /// A digest of all of them, whatever their order; none where it is not taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// What a service held, part by part.
pub type Content = BTreeMap<String, Part>;

/// One service in a backup.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kept {
    /// Which.
    pub service: ServiceKind,
    /// How its data were taken.
    pub how: How,
    /// The server's version.
    #[serde(default)]
    pub version: String,
    /// The instant, in the server's own terms: a log position, a transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    /// How long the server stood still, in milliseconds; 0 if it never did.
    #[serde(default)]
    pub paused_ms: u64,
    /// The packed file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packed: Option<PackedFile>,
    /// What it held.
    #[serde(default)]
    pub content: Content,
    /// What a reader should know besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Kept {
    pub(super) fn without_data(service: ServiceKind, how: How, note: impl Into<String>) -> Self {
        Self {
            service,
            how,
            version: String::new(),
            position: None,
            paused_ms: 0,
            packed: None,
            content: Content::new(),
            note: Some(note.into()),
        }
    }
}

/// That a backup came back in a scratch instance.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Verified {
    /// When.
    pub at: String,
    /// How long it took.
    pub duration_ms: u64,
}

/// What a backup says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// 1.
    pub format: u32,
    /// The backup's name, which begins with the time.
    pub id: String,
    /// The version of Hallmark.
    pub hallmark: String,
    /// The project's name and the digits of its path.
    pub project: String,
    /// When it began.
    pub taken_at: String,
    /// How long it took, without the test restore.
    pub duration_ms: u64,
    /// Why it was taken.
    pub reason: Reason,
    /// Whether its files are encrypted.
    pub encrypted: bool,
    /// The five services.
    pub services: Vec<Kept>,
    /// The test restore; without it a backup does not count.
    pub verified: Option<Verified>,
}

impl Manifest {
    pub(super) fn new(id: String, project: String, reason: Reason, encrypted: bool) -> Self {
        Self {
            format: FORMAT,
            id,
            hallmark: env!("CARGO_PKG_VERSION").to_owned(),
            project,
            taken_at: hallmark_core::clock::now(),
            duration_ms: 0,
            reason,
            encrypted,
            services: Vec::new(),
            verified: None,
        }
    }

    /// Bytes of its files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.services.iter().filter_map(|kept| kept.packed.as_ref()).map(|packed| packed.bytes).sum()
    }

    /// What is kept of a service.
    #[must_use]
    pub fn kept(&self, service: ServiceKind) -> Option<&Kept> {
        self.services.iter().find(|kept| kept.service == service)
    }

    /// Reads the manifest of the backup in this folder.
    pub(super) fn load(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let damaged = |why: String| {
            Error::new(&codes::DAMAGED, format!("{} cannot be read", path.display()))
                .because_text(why)
                .next("take another backup: hallmark backup --list")
        };
        let text = fs::read_text(&path).map_err(|e| damaged(e.to_string()))?;
        let value: serde_json::Value = serde_json::from_str(&text).map_err(|e| damaged(e.to_string()))?;
        let format = value["format"].as_u64().unwrap_or(0);
        if format > u64::from(FORMAT) {
            return Err(Error::new(
                &codes::NEWER,
                format!("{} has format {format}, and this Hallmark reads {FORMAT}", path.display()),
            )
            .next("use the Hallmark that wrote it, or a newer one"));
        }
        let manifest: Self = serde_json::from_value(value).map_err(|e| damaged(e.to_string()))?;
        // A name from a manifest becomes part of a path.
        let names = manifest.services.iter().filter_map(|kept| kept.packed.as_ref()).map(|p| &p.file);
        for name in names {
            if name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']) {
                return Err(damaged(format!("{name:?} is no file of a backup")));
            }
        }
        Ok(manifest)
    }

    /// Writes it into the folder.
    pub(super) fn save(&self, folder: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(|e| {
            Error::new(&hallmark_core::codes::INTERNAL, "a manifest could not be written as JSON").because(&e)
        })?;
        fs::write_atomic(&folder.join(FILE), format!("{text}\n").as_bytes(), fs::Mode::Private)
    }
}

/// The parts in which two readings differ, in words; empty if they agree.
pub(crate) fn differences(expected: &Content, found: &Content) -> Vec<String> {
    let mut all = Vec::new();
    for (name, part) in expected {
        match found.get(name) {
            None => all.push(format!("{name} is missing")),
            Some(other) if other.count != part.count => {
                all.push(format!("{name} has {} instead of {}", other.count, part.count));
            }
            Some(other) => {
                if let (Some(a), Some(b)) = (&part.digest, &other.digest)
                    && a != b
                {
                    all.push(format!("{name} has other contents"));
                }
            }
        }
    }
    all.extend(
        found.keys().filter(|name| !expected.contains_key(*name)).map(|name| format!("{name} is new")),
    );
    all
}

/// A digest of many things whatever their order: the sum of their digests.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum([u64; 4]);

impl Sum {
    /// Adds one thing.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        use sha2::Digest as _;
        let digest = sha2::Sha256::digest(bytes);
        for (lane, part) in self.0.iter_mut().zip(digest.chunks_exact(8)) {
            let mut word = [0_u8; 8];
            word.copy_from_slice(part);
            *lane = lane.wrapping_add(u64::from_be_bytes(word));
        }
    }

    /// Its hexadecimal digits.
    pub(crate) fn hex(self) -> String {
        self.0.iter().map(|lane| format!("{lane:016x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_knows_what_is_in_it_and_not_its_order() {
        let sum = |parts: &[&str]| {
            let mut sum = Sum::default();
            parts.iter().for_each(|part| sum.add(part.as_bytes()));
            sum.hex()
        };
        assert_eq!(sum(&["a", "b"]), sum(&["b", "a"]));
        assert_ne!(sum(&["a", "b"]), sum(&["a", "c"]));
        assert_ne!(sum(&["a", "a"]), sum(&["a"]));
    }

    #[test]
    fn differences_are_named() {
        let part = |count, digest: &str| Part { count, digest: Some(digest.to_owned()) };
        let content = |parts: &[(&str, Part)]| -> Content {
            parts.iter().map(|(name, part)| ((*name).to_owned(), part.clone())).collect()
        };
        let before = content(&[("a", part(1, "x")), ("b", part(2, "y")), ("c", part(3, "z"))]);
        assert!(differences(&before, &before).is_empty());
        let after = content(&[("a", part(2, "x")), ("b", part(2, "n")), ("d", part(1, "z"))]);
        let said = differences(&before, &after);
        assert_eq!(
            said,
            ["a has 2 instead of 1", "b has other contents", "c is missing", "d is new"],
            "{said:?}"
        );
    }
}
