//! What runs wrote: `.hallmark/journal/<run>/` holds a manifest, the bytes before and after by their digest, and how it went.
//!
//! All of it is on the disk before the first source file is touched, so that a killed run can be undone or finished.

use std::fs::File;
use std::path::{Path, PathBuf};

use hallmark_core::fs::{Mode, sync_folder, write_atomic};
use hallmark_core::{Error, Project, Result, clock, digest, random};
use serde::{Deserialize, Serialize};

use crate::transaction::{Change, Note};
use crate::{codes, limits};

/// The schema of a manifest.
pub const SCHEMA: &str = "hallmark.journal/1";

/// What a run set out to write.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// [`SCHEMA`].
    pub schema: String,
    /// The run's name: its time in UTC and a few random characters; names sort by time.
    pub run: String,
    /// When it began, RFC 3339 in UTC.
    pub began: String,
    /// The files, in the order they are written.
    pub files: Vec<Entry>,
}

/// One file of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// The path in the project, with forward slashes.
    pub path: String,
    /// The SHA-256 digest of the bytes before.
    pub before: String,
    /// The SHA-256 digest of the bytes after.
    pub after: String,
    /// The fixes.
    pub fixes: Vec<Note>,
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// All files were written.
    Written,
    /// It was killed on the way, or is still at it.
    Interrupted,
    /// It was undone.
    Undone,
}

impl State {
    /// The lower-case word used in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Interrupted => "interrupted",
            Self::Undone => "undone",
        }
    }
}

/// A run of the journal.
#[derive(Clone, Debug)]
pub struct Run {
    folder: PathBuf,
    /// What it set out to write.
    pub manifest: Manifest,
}

/// The journal of a project, held by one process at a time.
pub struct Journal {
    folder: PathBuf,
    _lock: File,
}

impl Journal {
    /// Opens the journal and keeps other processes from writing to the project until it is dropped.
    ///
    /// # Errors
    /// `HM-F013` if another process holds it; `HM-C003`, `HM-C010`, `HM-C011` if it cannot be made.
    pub fn open(project: &Project) -> Result<Self> {
        let folder = project.state()?.join("journal");
        let failed = |e: std::io::Error| {
            Error::new(&hallmark_core::codes::WRITE_FAILED, "could not open the journal").because(&e)
        };
        std::fs::create_dir_all(&folder).map_err(failed)?;
        let lock = File::options().create(true).append(true).open(folder.join("lock")).map_err(failed)?;
        lock.try_lock().map_err(|_| {
            Error::new(&codes::BUSY, format!("another Hallmark is writing to {}", project.root().display()))
                .next("wait until it is done, then run the command again")
        })?;
        Ok(Self { folder, _lock: lock })
    }

    /// Writes a new run down, durably, before any of its files is touched.
    pub(crate) fn begin(&self, changes: &[Change]) -> Result<Run> {
        let began = clock::now();
        let time: String =
            began.chars().filter(char::is_ascii_alphanumeric).take("20261127T021530123".len()).collect();
        let run = format!("{}-{}", time.to_ascii_lowercase(), random::token(4)?);
        let folder = self.folder.join(&run);
        let objects = folder.join("objects");
        let mut files = Vec::with_capacity(changes.len());
        for change in changes {
            let (before, after) = (digest::sha256(&change.before), digest::sha256(&change.after));
            for (name, bytes) in [(&before, &change.before), (&after, &change.after)] {
                let path = objects.join(name);
                if !path.exists() {
                    write_atomic(&path, bytes, Mode::Private)?;
                }
            }
            files.push(Entry { path: change.path.clone(), before, after, fixes: change.notes.clone() });
        }
        sync_folder(&objects)?;
        let run = Run { folder, manifest: Manifest { schema: SCHEMA.to_owned(), run, began, files } };
        let text = serde_json::to_vec_pretty(&run.manifest).map_err(|e| {
            Error::new(&hallmark_core::codes::INTERNAL, "the manifest could not be written").because(&e)
        })?;
        write_atomic(&run.folder.join("manifest.json"), &text, Mode::Private)?;
        sync_folder(&run.folder)?;
        sync_folder(&self.folder)?;
        Ok(run)
    }
}

impl Run {
    /// How it stands.
    #[must_use]
    pub fn state(&self) -> State {
        if self.folder.join("undone").exists() {
            State::Undone
        } else if self.folder.join("written").exists() {
            State::Written
        } else {
            State::Interrupted
        }
    }

    /// Notes that all files are written, or that all are back.
    pub(crate) fn mark(&self, state: State) -> Result<()> {
        write_atomic(&self.folder.join(state.name()), clock::now().as_bytes(), Mode::Private)?;
        sync_folder(&self.folder)
    }

    /// The bytes with this digest.
    pub(crate) fn object(&self, name: &str) -> Result<Vec<u8>> {
        let bytes =
            std::fs::read(self.folder.join("objects").join(name)).map_err(|e| self.damaged().because(&e))?;
        if digest::sha256(&bytes) == name {
            return Ok(bytes);
        }
        Err(self.damaged().because_text(format!("the bytes of {name} are not what was kept")))
    }

    fn damaged(&self) -> Error {
        damaged(&self.manifest.run)
    }
}

/// Every run of a project's journal, oldest first. A run that was killed before its manifest was whole touched nothing and is
/// no run.
///
/// # Errors
/// `HM-F012` if a manifest cannot be read.
pub fn runs(project: &Project) -> Result<Vec<Run>> {
    let folder = project.state_path().join("journal");
    let Ok(entries) = std::fs::read_dir(&folder) else { return Ok(Vec::new()) };
    let mut folders: Vec<PathBuf> =
        entries.flatten().map(|e| e.path()).filter(|p| p.join("manifest.json").is_file()).collect();
    folders.sort();
    folders.into_iter().map(|folder| load(&folder)).collect()
}

fn load(folder: &Path) -> Result<Run> {
    let name = folder.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let path = folder.join("manifest.json");
    let size = std::fs::metadata(&path).map_err(|e| damaged(&name).because(&e))?.len();
    if size > limits::MANIFEST_BYTES {
        return Err(damaged(&name).because_text(format!("its manifest has {size} bytes")));
    }
    let text = std::fs::read(&path).map_err(|e| damaged(&name).because(&e))?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|e| damaged(&name).because(&e))?;
    let is_digest = |text: &str| text.len() == 64 && digest::from_hex(text).is_some();
    let sound = manifest.schema == SCHEMA
        && manifest.run == name
        && manifest.files.iter().all(|f| is_digest(&f.before) && is_digest(&f.after));
    if sound {
        return Ok(Run { folder: folder.to_path_buf(), manifest });
    }
    Err(damaged(&name).because_text("its manifest is not one of this version"))
}

fn damaged(run: &str) -> Error {
    Error::new(&codes::DAMAGED, format!("the journal of run {run} is damaged"))
        .next(format!("look at .hallmark/journal/{run}; nothing was changed"))
}
