//! What is known of a project's files, as a file on disk and a small one beside it that says what is new since. They are an aid
//! only: what is missing, damaged, of other options or of another build is as good as none.
//!
//! A file is a head, which is read whole, and a pack of outsides, each of which is read when somebody asks for it. As long as
//! nothing changes, nobody does. What the rules said stays as it lies in the head until it is to be reported.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hallmark_core::fs::write_unsynced;
use hallmark_diagnostics::Problem;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::pack::{Pack, Part, Place};
use super::record::Count;
use super::said::Said;
use super::{Families, Judged, Outside, Record};
use crate::stamp::Stamp;
use crate::stored::Stored;
use crate::{ScanOptions, program};

#[derive(Serialize, Deserialize)]
struct Head<'a> {
    /// An [`Entry`] each, apart so that it is decoded beside others.
    #[serde(borrow)]
    entries: Vec<&'a [u8]>,
    /// What all files together say, as `Joined` writes itself.
    joined: Option<&'a [u8]>,
    /// The digest of what lies around the files.
    around: u64,
}

#[derive(Serialize, Deserialize)]
struct Entry<'a> {
    path: &'a str,
    content: Option<u128>,
    stamp: Option<Stamp>,
    bytes: u64,
    outside: Option<StoredOutside<'a>>,
    #[serde(borrow)]
    problems: Vec<StoredProblem<'a>>,
    judged: Option<StoredJudged<'a>>,
}

#[derive(Serialize, Deserialize)]
struct StoredOutside<'a> {
    name: &'a str,
    digest: u64,
    place: Place,
}

#[derive(Serialize, Deserialize)]
struct StoredProblem<'a> {
    line: Option<u32>,
    code: &'a str,
    message: &'a str,
}

#[derive(Serialize, Deserialize)]
struct StoredJudged<'a> {
    /// As `Said` writes itself.
    said: &'a [u8],
    counts: Vec<Count>,
    accepted: usize,
    applies: u32,
    rests_on: Vec<u32>,
    classes: u64,
}

/// What must be as it was for anything in the file to hold: the program and the options.
fn key(options: &ScanOptions) -> u64 {
    // What is reported on does not change what is found in a file.
    let options = ScanOptions { paths: Vec::new(), ..options.clone() };
    xxh3_64(format!("{} {options:?}", program::identity()).as_bytes())
}

/// What cache files tell.
pub(super) struct Remembered {
    /// Sorted by path.
    pub(super) records: Vec<Record>,
    /// What all files together say, still as bytes.
    pub(super) joined: Option<Part>,
    /// The digest of what lies around the files.
    pub(super) around: u64,
    /// What tells the file from others.
    pub(super) base: u64,
    /// Where the outsides lie.
    pub(super) packs: Vec<Arc<Pack>>,
}

/// What is known of all files together.
#[derive(Clone, Copy, Default)]
pub(super) struct Whole<'a> {
    /// What they say, as `Joined` writes itself.
    pub(super) joined: Option<&'a [u8]>,
    /// The digest of what lies around them.
    pub(super) around: u64,
}

/// Where that is written which is new since a cache file was.
fn beside(file: &Path) -> PathBuf {
    file.with_extension("news")
}

/// What a cache file and the one beside it tell; `stored` is the first, if it was read already.
pub(super) fn load(file: &Path, stored: Option<Stored>, options: &ScanOptions) -> Option<Remembered> {
    let key = key(options);
    let own = |stored: &Stored, base: u64| stored.key == key && stored.base == base;
    let stored = stored.or_else(|| Stored::read(file)).filter(|stored| own(stored, 0))?;
    let base = stored.sum;
    let mut all = remembered(stored, base)?;
    if let Some(stored) = Stored::read(&beside(file)).filter(|stored| own(stored, base)) {
        let news = remembered(stored, base)?;
        for mut record in news.records {
            let at = all.records.binary_search_by(|known| known.path.cmp(&record.path)).ok()?;
            record.is_news = true;
            all.records[at] = record;
        }
        all.packs.extend(news.packs);
    }
    Some(all)
}

fn remembered(stored: Stored, base: u64) -> Option<Remembered> {
    let Stored { head: bytes, file, pack_at, .. } = stored;
    let head: Head<'_> = postcard::from_bytes(&bytes).ok()?;
    let pack = Arc::new(Pack::new(file, pack_at));
    let joined = match head.joined {
        Some(joined) => Some(Part::of(&bytes, joined)?),
        None => None,
    };
    let records = head.entries.par_iter().map(|entry| record(entry, &bytes, &pack)).collect::<Option<_>>()?;
    Some(Remembered { records, joined, around: head.around, base, packs: vec![pack] })
}

fn record(entry: &[u8], bytes: &Arc<Vec<u8>>, pack: &Arc<Pack>) -> Option<Record> {
    let entry: Entry<'_> = postcard::from_bytes(entry).ok()?;
    let outside =
        entry.outside.as_ref().map(|o| Outside::packed(o.name.into(), o.digest, pack.clone(), o.place));
    let judged = match entry.judged {
        Some(stored) => Some(Judged {
            said: Said::Packed(Part::of(bytes, stored.said)?),
            counts: stored.counts,
            accepted: stored.accepted,
            problem: None,
            applies: Families(stored.applies),
            rests_on: stored.rests_on,
            classes: stored.classes,
        }),
        None => None,
    };
    let problem = |stored: &StoredProblem<'_>| {
        let code =
            crate::codes::ALL.iter().chain(hallmark_python::codes::ALL).find(|c| c.id == stored.code)?;
        let message = stored.message.to_owned();
        Some(Problem { path: entry.path.to_owned(), line: stored.line, code: code.id, message })
    };
    Some(Record {
        path: entry.path.to_owned(),
        content: entry.content,
        stamp: entry.stamp,
        is_news: false,
        bytes: entry.bytes,
        outside,
        problems: entry.problems.iter().map(problem).collect::<Option<_>>()?,
        judged,
    })
}

/// Writes a cache file; gives what tells it from others. `None` if there is nothing that could be written.
pub(super) fn store(
    file: &Path,
    options: &ScanOptions,
    records: &[Record],
    whole: Whole<'_>,
) -> hallmark_core::Result<Option<u64>> {
    let records: Vec<&Record> = records.iter().collect();
    let Some((bytes, sum)) = encode(&records, whole, key(options), 0) else { return Ok(None) };
    write_unsynced(file, &bytes)?;
    // What was new is in the file now.
    let _ = std::fs::remove_file(beside(file));
    Ok(Some(sum))
}

/// Writes what is new since the cache file of this sum was written.
pub(super) fn store_news(
    file: &Path,
    options: &ScanOptions,
    records: &[Record],
    base: u64,
) -> hallmark_core::Result<()> {
    let news: Vec<&Record> = records.iter().filter(|record| record.is_news).collect();
    let Some((bytes, _)) = encode(&news, Whole::default(), key(options), base) else { return Ok(()) };
    write_unsynced(&beside(file), &bytes)
}

/// A file of these records, and the sum of its head.
fn encode(records: &[&Record], whole: Whole<'_>, key: u64, base: u64) -> Option<(Vec<u8>, u64)> {
    let outsides: Vec<Option<Vec<u8>>> =
        records.par_iter().map(|record| outside(record)).collect::<Option<_>>()?;
    let mut pack = Vec::new();
    let mut places = Vec::with_capacity(records.len());
    for bytes in outsides {
        places.push(match &bytes {
            Some(bytes) => Some(Place::of(bytes, pack.len())?),
            None => None,
        });
        pack.extend(bytes.into_iter().flatten());
    }
    let entries: Vec<Vec<u8>> =
        records.par_iter().zip(places).map(|(record, place)| entry(record, place)).collect::<Option<_>>()?;
    let entries = entries.iter().map(Vec::as_slice).collect();
    let head = postcard::to_allocvec(&Head { entries, joined: whole.joined, around: whole.around }).ok()?;
    Some(Stored::bytes((key, base), &head, &pack))
}

/// The outside of a record, if it has one; `None` if that cannot be read any longer.
fn outside(record: &Record) -> Option<Option<Vec<u8>>> {
    match &record.outside {
        Some(outside) => outside.bytes().map(Some),
        None => Some(None),
    }
}

/// An [`Entry`] whose outside lies at this place.
fn entry(record: &Record, place: Option<Place>) -> Option<Vec<u8>> {
    let outside = record.outside.as_ref().zip(place);
    // What could not be judged to its end is tried again.
    let judged = record.judged.as_ref().filter(|judged| judged.problem.is_none());
    let said = judged.and_then(|judged| judged.said.bytes());
    let problems = record.problems.iter();
    let entry = Entry {
        path: &record.path,
        content: record.content,
        stamp: record.stamp,
        bytes: record.bytes,
        outside: outside.map(|(o, place)| StoredOutside { name: &o.name, digest: o.digest, place }),
        problems: problems
            .map(|p| StoredProblem { line: p.line, code: p.code, message: &p.message })
            .collect(),
        judged: judged.zip(said.as_deref()).map(|(judged, said)| StoredJudged {
            said,
            counts: judged.counts.clone(),
            accepted: judged.accepted,
            applies: judged.applies.0,
            rests_on: judged.rests_on.clone(),
            classes: judged.classes,
        }),
    };
    postcard::to_allocvec(&entry).ok()
}
