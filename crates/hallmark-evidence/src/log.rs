//! The append-only log: one canonical JSON line an entry, each bound to the one before it by its hash.
//!
//! A line holds `seq`, `at`, `previous`, `kind`, `body` and `hash`; the hash is SHA-256 over the canonical JSON of the other
//! five. An entry is on disk when [`Log::append`] returns. A head file beside the log (`<log>.head`) says how far the log had
//! come; it may lag after a crash, never lead.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use hallmark_core::{Error, Result, canonical, clock, digest, fs};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::limits::{LOG_LINE_BYTES_MAX, TAIL_BYTES_MAX};
use crate::{codes, rounded};

/// The name of a project's log inside its state folder.
pub const FILE_NAME: &str = "evidence.jsonl";

/// What the first entry names as its predecessor.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The kind of the entry that tells of a torn last line.
pub const KIND_RECOVERED: &str = "log.recovered";

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its number, from 1, without gaps.
    pub seq: u64,
    /// When it was written: RFC 3339, UTC.
    pub at: String,
    /// The hash of the entry before it, [`GENESIS`] for the first.
    pub previous: String,
    /// What it is: `evidence`, `certificate`, …
    pub kind: String,
    /// The content.
    pub body: Value,
    /// SHA-256 over the canonical JSON of the other members.
    pub hash: String,
}

impl Entry {
    fn new(head: &Head, kind: &str, body: Value) -> Self {
        let mut entry = Self {
            seq: head.seq + 1,
            at: clock::now(),
            previous: head.hash.clone(),
            kind: kind.to_owned(),
            body: rounded(body),
            hash: String::new(),
        };
        entry.hash = entry.computed_hash();
        entry
    }

    fn computed_hash(&self) -> String {
        let value = json!({"seq": self.seq, "at": self.at, "previous": self.previous, "kind": self.kind, "body": self.body});
        digest::sha256(canonical::to_string(&value).as_bytes())
    }

    fn line(&self) -> String {
        let value = json!({"seq": self.seq, "at": self.at, "previous": self.previous, "kind": self.kind, "body": self.body, "hash": self.hash});
        canonical::to_string(&value) + "\n"
    }
}

/// How far a log has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The number of the last entry, 0 for an empty log.
    pub seq: u64,
    /// The hash of the last entry, [`GENESIS`] for an empty log.
    pub hash: String,
}

impl Default for Head {
    fn default() -> Self {
        Self { seq: 0, hash: GENESIS.to_owned() }
    }
}

/// What a full reading of a log found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Entries that hold, counted from the first to the last or to the first defect.
    pub entries: u64,
    /// Where the sound part ends.
    pub head: Head,
    /// The first defect: its line, from 1, and what it is.
    pub defect: Option<Defect>,
}

/// Where a log is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Defect {
    /// The line in the file, from 1.
    pub line: u64,
    /// What does not hold, a sentence.
    pub what: String,
}

impl Verification {
    /// Whether the whole log holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.defect.is_none()
    }

    /// The same as a result.
    ///
    /// # Errors
    /// `HM-E001` that names the line.
    pub fn into_result(self, path: &Path) -> Result<Self> {
        match &self.defect {
            None => Ok(self),
            Some(defect) => Err(altered(path, defect)),
        }
    }
}

fn altered(path: &Path, defect: &Defect) -> Error {
    Error::new(&codes::LOG_ALTERED, defect.what.clone())
        .at(format!("{}:{}", path.display(), defect.line))
        .next("keep the file as a finding, move it away, and certify again: a new log begins")
}

/// A log that is open for appending. Several processes may append to one log; each append takes the file's lock.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
    recovered: Option<String>,
}

impl Log {
    /// Opens the log, making it and its folder if need be. A last line that a crash tore is cut off, and an entry of kind
    /// [`KIND_RECOVERED`] says so.
    ///
    /// # Errors
    /// `HM-E001` if the end of the log does not hold; `HM-E002` if it cannot be opened or written.
    pub fn open(path: &Path) -> Result<Self> {
        let unwritable = |e: std::io::Error| write_failed(path, &e);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(unwritable)?;
        }
        let file = File::options().read(true).append(true).create(true).open(path).map_err(unwritable)?;
        let mut log = Self { path: path.to_path_buf(), file, recovered: None };
        log.locked(Self::recover)?;
        Ok(log)
    }

    /// The log of the project with this state folder.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn open_in(state: &Path) -> Result<Self> {
        Self::open(&state.join(FILE_NAME))
    }

    /// What was mended when the log was opened, if anything.
    #[must_use]
    pub fn recovered(&self) -> Option<&str> {
        self.recovered.as_deref()
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends one entry; it is on disk when this returns. Fractional numbers are rounded ([`rounded`]).
    ///
    /// # Errors
    /// `HM-E002` if it cannot be written (the log is then as it was), `HM-E003` if it is too large, `HM-E001` if the log's end
    /// was altered meanwhile.
    pub fn append(&mut self, kind: &str, body: Value) -> Result<Entry> {
        let mut entries = self.append_all(vec![(kind.to_owned(), body)])?;
        entries.pop().ok_or_else(|| Error::new(&hallmark_core::codes::INTERNAL, "an append wrote no entry"))
    }

    /// Appends the entries in order, with one sync for all: either all are there or none.
    ///
    /// # Errors
    /// As [`Log::append`].
    pub fn append_all(&mut self, bodies: Vec<(String, Value)>) -> Result<Vec<Entry>> {
        self.locked(move |log| log.append_unlocked(bodies))
    }

    fn append_unlocked(&mut self, bodies: Vec<(String, Value)>) -> Result<Vec<Entry>> {
        let mut head = self.tail()?;
        let mut text = String::new();
        let mut entries = Vec::with_capacity(bodies.len());
        for (kind, body) in bodies {
            let entry = Entry::new(&head, &kind, body);
            let line = entry.line();
            if line.len() > LOG_LINE_BYTES_MAX {
                return Err(Error::new(
                    &codes::ENTRY_TOO_LARGE,
                    format!("an entry of kind {kind} has {} bytes", line.len()),
                ));
            }
            text.push_str(&line);
            head = Head { seq: entry.seq, hash: entry.hash.clone() };
            entries.push(entry);
        }
        let before = self.file.metadata().map_err(|e| write_failed(&self.path, &e))?.len();
        if let Err(error) = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data()) {
            // Half an entry must not stay where the next one would be glued to it.
            let _ = self.file.set_len(before);
            return Err(write_failed(&self.path, &error));
        }
        // The head may lag: if this write fails, the entries still stand.
        let _ =
            fs::write_atomic(&head_path(&self.path), json!(head).to_string().as_bytes(), fs::Mode::Default);
        Ok(entries)
    }

    fn locked<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.file.lock().map_err(|e| write_failed(&self.path, &e))?;
        let result = work(self);
        let _ = self.file.unlock();
        result
    }

    /// Reads the last line: cheap, however long the log is.
    fn tail(&mut self) -> Result<Head> {
        let failed = |e: std::io::Error| write_failed(&self.path, &e);
        let length = self.file.metadata().map_err(failed)?.len();
        if length == 0 {
            return Ok(Head::default());
        }
        let start = length.saturating_sub(TAIL_BYTES_MAX);
        (&self.file).seek(SeekFrom::Start(start)).map_err(failed)?;
        let mut bytes = Vec::new();
        (&self.file).take(TAIL_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
        let line =
            bytes.strip_suffix(b"\n").and_then(|b| b.rsplit(|b| *b == b'\n').next()).unwrap_or_default();
        parse(line).map(|e| Head { seq: e.seq, hash: e.hash }).map_err(|what| {
            let lines = u64::try_from(bytes.iter().filter(|b| **b == b'\n').count()).unwrap_or(u64::MAX);
            altered(&self.path, &Defect { line: lines, what: format!("the last line does not hold: {what}") })
        })
    }

    /// Cuts off what a crash left after the last line end. Bytes that the head file vouches for are no torn line.
    fn recover(&mut self) -> Result<()> {
        let failed = |e: std::io::Error| write_failed(&self.path, &e);
        let length = self.file.metadata().map_err(failed)?.len();
        let start = length.saturating_sub(TAIL_BYTES_MAX);
        (&self.file).seek(SeekFrom::Start(start)).map_err(failed)?;
        let mut bytes = Vec::new();
        (&self.file).take(TAIL_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
        let keep = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let torn = &bytes[keep..];
        if torn.is_empty() {
            return Ok(());
        }
        if start > 0 && keep == 0 {
            return Err(altered(
                &self.path,
                &Defect { line: 1, what: "the last line has no end within its bound".into() },
            ));
        }
        let note = json!({"bytes": torn.len(), "digest": digest::sha256(torn), "what": "an unfinished last line was cut off"});
        self.file.set_len(start + keep as u64).and_then(|()| self.file.sync_data()).map_err(failed)?;
        let head = self.tail()?;
        if head.seq < read_head(&self.path).unwrap_or_default().seq {
            let what = "the last line was whole once and is not any more".to_owned();
            return Err(altered(&self.path, &Defect { line: head.seq + 1, what }));
        }
        self.recovered = Some(format!("an unfinished last line of {} bytes was cut off", note["bytes"]));
        self.append_unlocked(vec![(KIND_RECOVERED.to_owned(), note)]).map(|_| ())
    }

    /// Reads the whole log and says what holds: each hash, each link, each number, and that it reaches the head file.
    ///
    /// # Errors
    /// `HM-C012` if the file cannot be read; a defect is an answer, not an error.
    pub fn verify(path: &Path) -> Result<Verification> {
        let mut verification = walk(path, |_| Ok(()))?;
        let head = read_head(path).unwrap_or_default();
        if verification.holds() && verification.head.seq < head.seq {
            let what =
                format!("entries {} to {} are missing at the end", verification.head.seq + 1, head.seq);
            verification.defect = Some(Defect { line: verification.head.seq + 1, what });
        }
        Ok(verification)
    }

    /// As [`Log::verify`], and that the log passes through this head: the log is the one a certificate was issued from.
    ///
    /// # Errors
    /// As [`Log::verify`].
    pub fn verify_from(path: &Path, anchor: &Head) -> Result<Verification> {
        let mut met = anchor.seq == 0;
        walk(path, |entry| {
            met |= entry.seq == anchor.seq && entry.hash == anchor.hash;
            Ok(())
        })?;
        let mut verification = Self::verify(path)?;
        if verification.holds() && !met {
            let what = format!("entry {} is not the one the certificate was issued at", anchor.seq);
            verification.defect = Some(Defect { line: anchor.seq, what });
        }
        Ok(verification)
    }

    /// Every entry in order; stops at the first defect.
    ///
    /// # Errors
    /// `HM-E001` at a defect, `HM-C012` if the file cannot be read.
    pub fn read(path: &Path) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        walk(path, |entry| {
            entries.push(entry.clone());
            Ok(())
        })?
        .into_result(path)?;
        Ok(entries)
    }
}

fn walk(path: &Path, mut each: impl FnMut(&Entry) -> Result<()>) -> Result<Verification> {
    let unreadable = |e: std::io::Error| {
        Error::new(&hallmark_core::codes::READ_FAILED, format!("could not read {}", path.display()))
            .because(&e)
    };
    let mut reader = BufReader::new(File::open(path).map_err(unreadable)?);
    let mut head = Head::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        let bound = LOG_LINE_BYTES_MAX as u64 + 1;
        (&mut reader).take(bound).read_until(b'\n', &mut line).map_err(unreadable)?;
        if line.is_empty() {
            return Ok(Verification { entries: head.seq, head, defect: None });
        }
        let checked = match line.strip_suffix(b"\n") {
            Some(body) => parse(body).and_then(|entry| follows(&head, &entry).map(|()| entry)),
            None => Err("the last line is unfinished".to_owned()),
        };
        match checked {
            Ok(entry) => {
                each(&entry)?;
                head = Head { seq: entry.seq, hash: entry.hash };
            }
            Err(what) => {
                let defect = Defect { line: head.seq + 1, what };
                return Ok(Verification { entries: head.seq, head, defect: Some(defect) });
            }
        }
    }
}

/// One line as an entry whose hash holds.
fn parse(line: &[u8]) -> Result<Entry, String> {
    let entry: Entry =
        serde_json::from_slice(line).map_err(|_| "the line is not an entry of the log".to_owned())?;
    if entry.computed_hash() != entry.hash {
        return Err(format!("entry {} was altered: its hash does not match its content", entry.seq));
    }
    // The same content in other bytes was not written by us.
    if entry.line().as_bytes().strip_suffix(b"\n") != Some(line) {
        return Err(format!("entry {} was rewritten: its bytes are not the canonical form", entry.seq));
    }
    Ok(entry)
}

fn follows(head: &Head, entry: &Entry) -> Result<(), String> {
    if entry.seq != head.seq + 1 {
        return Err(format!(
            "entry {} was expected and entry {} found: a line was removed or moved",
            head.seq + 1,
            entry.seq
        ));
    }
    if entry.previous != head.hash {
        return Err(format!("entry {} does not follow the entry before it: a line was replaced", entry.seq));
    }
    Ok(())
}

fn head_path(log: &Path) -> PathBuf {
    let mut name = log.as_os_str().to_owned();
    name.push(".head");
    PathBuf::from(name)
}

fn read_head(log: &Path) -> Option<Head> {
    serde_json::from_slice(&std::fs::read(head_path(log)).ok()?).ok()
}

fn write_failed(path: &Path, error: &std::io::Error) -> Error {
    let full = matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded);
    let next = if full {
        "free some space and run the command again"
    } else {
        "check that the folder may be written"
    };
    Error::new(&codes::LOG_UNWRITABLE, format!("could not write {}; it is as it was", path.display()))
        .because(error)
        .next(next)
}
