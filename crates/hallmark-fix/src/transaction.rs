//! Writing many files as one act: all checks first, then the journal, then the files.

use std::path::{Path, PathBuf};

use hallmark_core::fs::{Mode, sync_folder, write_atomic};
use hallmark_core::{Error, Project, Result};
use serde::{Deserialize, Serialize};

use crate::journal::{Journal, State};
use crate::{codes, target};

/// A fix that went into a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The rule's name.
    pub rule: String,
    /// What the fix does.
    pub title: String,
}

/// New bytes for one file.
#[derive(Clone, Debug)]
pub struct Change {
    /// The path in the project, with forward slashes.
    pub path: String,
    /// The bytes that were scanned; a file with others is not written.
    pub before: Vec<u8>,
    /// The bytes to write.
    pub after: Vec<u8>,
    /// The fixes in it.
    pub notes: Vec<Note>,
}

/// What a transaction did.
#[derive(Debug, Default)]
pub struct Written {
    /// The run's name in the journal; `None` if no file could be written.
    pub run: Option<String>,
    /// The files written, in order.
    pub files: Vec<String>,
    /// Why other files were left as they were.
    pub refused: Vec<Error>,
}

/// A set of changes that is written together.
pub struct Transaction<'p> {
    project: &'p Project,
    changes: Vec<Change>,
}

impl<'p> Transaction<'p> {
    /// The changes, to be written to this project.
    #[must_use]
    pub fn new(project: &'p Project, changes: Vec<Change>) -> Self {
        Self { project, changes }
    }

    /// Writes every file that may be written; `each` hears of each one after it is written. When a write fails (a full disk), the
    /// files written before it are brought back.
    ///
    /// # Errors
    /// `HM-F013` if another process writes to the project; `HM-C010`, `HM-C011` if the journal or a file cannot be written.
    pub fn commit(self, each: &mut dyn FnMut(&str)) -> Result<Written> {
        let mut written = Written::default();
        let journal = Journal::open(self.project)?;
        let mut ready: Vec<(PathBuf, Change)> = Vec::new();
        for mut change in self.changes {
            match checked(self.project.root(), &change) {
                Ok(real) => {
                    change.path = name_in(self.project.root(), &real).unwrap_or(change.path);
                    ready.push((real, change));
                }
                Err(error) => written.refused.push(error),
            }
        }
        if ready.is_empty() {
            return Ok(written);
        }
        let (places, changes): (Vec<PathBuf>, Vec<Change>) = ready.into_iter().unzip();
        let run = journal.begin(&changes)?;
        for (at, (real, change)) in places.iter().zip(&changes).enumerate() {
            if let Err(error) = write(real, &change.after) {
                for (real, change) in places.iter().zip(&changes).take(at) {
                    write(real, &change.before)?;
                }
                run.mark(State::Undone)?;
                return Err(error);
            }
            each(&change.path);
        }
        run.mark(State::Written)?;
        written.run = Some(run.manifest.run);
        written.files = changes.into_iter().map(|c| c.path).collect();
        Ok(written)
    }
}

/// Writes the bytes in the place of a file, with its permissions, durably.
pub(crate) fn write(real: &Path, bytes: &[u8]) -> Result<()> {
    write_atomic(real, bytes, Mode::Keep)?;
    real.parent().map_or(Ok(()), sync_folder)
}

/// The real place of the file, if it may be written and still has the bytes that were scanned.
fn checked(root: &Path, change: &Change) -> Result<PathBuf> {
    let real = target::resolve(root, &change.path)?;
    if target::read(&real, &change.path)? == change.before {
        return Ok(real);
    }
    Err(Error::new(&codes::CHANGED, format!("{} changed since it was scanned", change.path))
        .next("run the command again"))
}

/// The real file's own path in the project: a link to it may have been scanned.
fn name_in(root: &Path, real: &Path) -> Option<String> {
    let root = hallmark_core::platform::canonicalize(root).ok()?;
    let below = real.strip_prefix(root).ok()?;
    Some(below.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/"))
}
