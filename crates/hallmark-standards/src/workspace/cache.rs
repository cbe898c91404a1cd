//! What is known of a project's files, as a file on disk and a small one beside it that says what is new since. They are an aid
//! only: what is missing, damaged, of other options or of another build is as good as none.
//!
//! A file is a head, which is read whole, and a pack of outsides, each of which is read when somebody asks for it. As long as
//! nothing changes, nobody does.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hallmark_core::fs::write_unsynced;
use hallmark_diagnostics::{Acceptance, Excerpt, Finding, Fix, Position, Problem, Severity, Suppressed};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::pack::{Pack, Place};
use super::stamp::Stamp;
use super::{Families, Judged, Outside, Record};
use crate::tier::Tier;
use crate::{ScanOptions, limits, rules};

/// The first bytes of a cache file; the number changes with the form.
const MAGIC: &[u8] = b"hallmark standards cache 4\n";

/// What follows [`MAGIC`]: the key, the sum of the head that this one adds to, the length of the head and its sum.
const NUMBERS: usize = 4;

#[derive(Serialize, Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    entries: Vec<Entry<'a>>,
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
    /// A [`StoredJudged`], apart so that it is decoded beside others.
    judged: Option<&'a [u8]>,
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
    #[serde(borrow)]
    findings: Vec<StoredFinding<'a>>,
    #[serde(borrow)]
    suppressed: Vec<StoredSuppressed<'a>>,
    applies: u32,
    rests_on: Vec<u32>,
    classes: u64,
}

/// A finding that a comment accepts.
#[derive(Serialize, Deserialize)]
struct StoredSuppressed<'a> {
    #[serde(borrow)]
    finding: StoredFinding<'a>,
    reason: &'a str,
    owner: &'a str,
    until: &'a str,
}

/// A finding without what its rule, its file and the options say.
#[derive(Serialize, Deserialize)]
struct StoredFinding<'a> {
    rule: &'a str,
    severity: Severity,
    message: &'a str,
    /// `None` where it is the rule's own.
    action: Option<&'a str>,
    start: Position,
    end: Position,
    tier: &'a str,
    fingerprint: &'a str,
    fix: Option<Fix>,
    excerpt: Excerpt,
}

/// What must be as it was for anything in the file to hold: the program and the options.
fn key(options: &ScanOptions) -> u64 {
    let program = std::env::current_exe().and_then(|path| path.metadata());
    let program = program.and_then(|data| Ok((data.len(), data.modified()?)));
    // What is reported on does not change what is found in a file.
    let options = ScanOptions { paths: Vec::new(), ..options.clone() };
    xxh3_64(format!("{} {:?} {options:?}", env!("CARGO_PKG_VERSION"), program.ok()).as_bytes())
}

/// What cache files tell.
pub(super) struct Remembered {
    /// Sorted by path.
    pub(super) records: Vec<Record>,
    /// What all files together say, still as bytes.
    pub(super) joined: Option<Vec<u8>>,
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

/// Reads a cache file, and the one beside it.
pub(super) fn load(file: &Path, options: &ScanOptions) -> Option<Remembered> {
    let key = key(options);
    let (head, base, pack) = part(file, key, 0)?;
    let mut all = remembered(&head, base, pack, options)?;
    if let Some((head, _, pack)) = part(&beside(file), key, base) {
        let news = remembered(&head, base, pack, options)?;
        for mut record in news.records {
            let at = all.records.binary_search_by(|known| known.path.cmp(&record.path)).ok()?;
            record.is_news = true;
            all.records[at] = record;
        }
        all.packs.extend(news.packs);
    }
    Some(all)
}

/// The head of a file with its sum, and its pack; `base` is what the head must add to.
fn part(path: &Path, key: u64, base: u64) -> Option<(Vec<u8>, u64, Pack)> {
    let mut file = File::open(path).ok()?;
    let size = file.metadata().ok()?.len();
    let mut start = [0; MAGIC.len() + NUMBERS * 8];
    file.read_exact(&mut start).ok()?;
    let mut numbers = [0; NUMBERS];
    let bytes = start.strip_prefix(MAGIC)?.chunks_exact(8);
    for (number, bytes) in numbers.iter_mut().zip(bytes) {
        *number = u64::from_le_bytes(bytes.try_into().ok()?);
    }
    let [own_key, own_base, length, sum] = numbers;
    if own_key != key || own_base != base || length > size || length > limits::CACHE_BYTES {
        return None;
    }
    let mut head = Vec::with_capacity(usize::try_from(length).ok()?);
    std::io::Read::by_ref(&mut file).take(length).read_to_end(&mut head).ok()?;
    if xxh3_64(&head) != sum {
        return None;
    }
    Some((head, sum, Pack::new(file, start.len() as u64 + length)))
}

fn remembered(head: &[u8], base: u64, pack: Pack, options: &ScanOptions) -> Option<Remembered> {
    let head: Head<'_> = postcard::from_bytes(head).ok()?;
    let pack = Arc::new(pack);
    Some(Remembered {
        records: head.entries.par_iter().map(|e| record(e, &pack, options)).collect::<Option<_>>()?,
        joined: head.joined.map(<[u8]>::to_vec),
        around: head.around,
        base,
        packs: vec![pack],
    })
}

fn record(entry: &Entry<'_>, pack: &Arc<Pack>, options: &ScanOptions) -> Option<Record> {
    let outside =
        entry.outside.as_ref().map(|o| Outside::packed(o.name.into(), o.digest, pack.clone(), o.place));
    let judged = match entry.judged {
        Some(bytes) => Some(judged(postcard::from_bytes(bytes).ok()?, entry.path, options)?),
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

fn judged(stored: StoredJudged<'_>, path: &str, options: &ScanOptions) -> Option<Judged> {
    let file: Arc<str> = path.into();
    let finding = |stored: StoredFinding<'_>| {
        let rule = rules::find(stored.rule)?;
        Some(Finding {
            rule: rule.name,
            severity: stored.severity,
            message: stored.message.to_owned(),
            why: rule.why,
            action: stored.action.map_or(Cow::Borrowed(rule.action), |action| Cow::Owned(action.to_owned())),
            path: file.clone(),
            start: stored.start,
            end: stored.end,
            tier: Tier::parse(stored.tier)?.name(),
            edition: options.edition.name(),
            sdk_version: options.edition.sdk_version(),
            family: rule.family.name(),
            requirement: rule.family.requirement(),
            fingerprint: stored.fingerprint.to_owned(),
            fix: stored.fix.map(Box::new),
            excerpt: stored.excerpt,
        })
    };
    let accepted = |stored: StoredSuppressed<'_>| {
        Some(Suppressed {
            finding: finding(stored.finding)?,
            by: Acceptance::InSource,
            reason: stored.reason.to_owned(),
            owner: stored.owner.to_owned(),
            until: stored.until.to_owned(),
        })
    };
    Some(Judged {
        findings: stored.findings.into_iter().map(finding).collect::<Option<_>>()?,
        problem: None,
        suppressed: stored.suppressed.into_iter().map(accepted).collect::<Option<_>>()?,
        applies: Families(stored.applies),
        rests_on: stored.rests_on,
        classes: stored.classes,
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
    let parts: Vec<Parts> = records.par_iter().map(|record| parts(record)).collect::<Option<_>>()?;
    let mut pack = Vec::new();
    let mut entries = Vec::with_capacity(records.len());
    for (record, (outside, judged)) in records.iter().zip(&parts) {
        let outside = match (&record.outside, outside) {
            (Some(outside), Some(bytes)) => {
                let place = Place::of(bytes, pack.len())?;
                pack.extend_from_slice(bytes);
                Some(StoredOutside { name: &outside.name, digest: outside.digest, place })
            }
            _ => None,
        };
        let problems =
            record.problems.iter().map(|p| StoredProblem { line: p.line, code: p.code, message: &p.message });
        entries.push(Entry {
            path: &record.path,
            content: record.content,
            stamp: record.stamp,
            bytes: record.bytes,
            outside,
            problems: problems.collect(),
            judged: judged.as_deref(),
        });
    }
    let head = postcard::to_allocvec(&Head { entries, joined: whole.joined, around: whole.around }).ok()?;
    let sum = xxh3_64(&head);
    let mut bytes = Vec::with_capacity(MAGIC.len() + NUMBERS * 8 + head.len() + pack.len());
    bytes.extend_from_slice(MAGIC);
    for number in [key, base, head.len() as u64, sum] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(&head);
    bytes.extend_from_slice(&pack);
    Some((bytes, sum))
}

/// The outside and the judgement of a record, where it has them.
type Parts = (Option<Vec<u8>>, Option<Vec<u8>>);

/// `None` if its outside cannot be read any longer.
fn parts(record: &Record) -> Option<Parts> {
    let outside = match &record.outside {
        Some(outside) => Some(outside.bytes()?),
        None => None,
    };
    // What could not be judged to its end is tried again.
    let judged = record.judged.as_ref().filter(|j| j.problem.is_none()).and_then(|judged| {
        let findings = judged.findings.iter().map(stored).collect();
        postcard::to_allocvec(&StoredJudged {
            findings,
            suppressed: judged.suppressed.iter().map(stored_suppressed).collect(),
            applies: judged.applies.0,
            rests_on: judged.rests_on.clone(),
            classes: judged.classes,
        })
        .ok()
    });
    Some((outside, judged))
}

fn stored_suppressed(one: &Suppressed) -> StoredSuppressed<'_> {
    StoredSuppressed {
        finding: stored(&one.finding),
        reason: &one.reason,
        owner: &one.owner,
        until: &one.until,
    }
}

fn stored(finding: &Finding) -> StoredFinding<'_> {
    let own = rules::find(finding.rule).map_or("", |rule| rule.action);
    StoredFinding {
        rule: finding.rule,
        severity: finding.severity,
        message: &finding.message,
        action: (finding.action != own).then_some(&finding.action),
        start: finding.start,
        end: finding.end,
        tier: finding.tier,
        fingerprint: &finding.fingerprint,
        fix: finding.fix.as_deref().cloned(),
        excerpt: finding.excerpt.clone(),
    }
}
