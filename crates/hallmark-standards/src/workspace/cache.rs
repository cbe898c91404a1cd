//! What is known of a project's files, as one file on disk. It is an aid only: one that is missing, damaged, of other options
//! or of another build is as good as none.

use std::path::Path;
use std::sync::Arc;

use hallmark_core::fs::{Mode, write_atomic};
use hallmark_diagnostics::{Acceptance, Excerpt, Finding, Fix, Position, Problem, Severity, Suppressed};
use hallmark_python::Interface;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::{Families, Judged, Outside, Record};
use crate::tier::Tier;
use crate::{ScanOptions, limits, rules};

/// The first bytes of a cache file; the number changes with the form.
const MAGIC: &[u8] = b"hallmark standards cache 3\n";

#[derive(Serialize, Deserialize)]
struct Entry<'a> {
    path: &'a str,
    content: Option<u128>,
    bytes: u64,
    digest: u64,
    /// An [`Interface`], apart so that it is decoded beside others.
    outside: Option<&'a [u8]>,
    #[serde(borrow)]
    problems: Vec<StoredProblem<'a>>,
    /// A [`StoredJudged`].
    judged: Option<&'a [u8]>,
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

/// Reads a cache file: what is known of each file, and the digest of the surroundings that it rests on.
pub(super) fn load(file: &Path, options: &ScanOptions) -> Option<(Vec<Record>, u64)> {
    let size = file.metadata().ok()?.len();
    let bytes = if size <= limits::CACHE_BYTES { std::fs::read(file).ok()? } else { return None };
    let rest = bytes.strip_prefix(MAGIC)?;
    let (head, body) = rest.split_at_checked(24)?;
    let number = |at: usize| head.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
    if number(0)? != key(options) || number(8)? != xxh3_64(body) {
        return None;
    }
    let entries: Vec<Entry<'_>> = postcard::from_bytes(body).ok()?;
    let records = entries.par_iter().map(|entry| record(entry, options)).collect::<Option<_>>()?;
    Some((records, number(16)?))
}

fn record(entry: &Entry<'_>, options: &ScanOptions) -> Option<Record> {
    let outside = match entry.outside {
        Some(bytes) => {
            let interface: Interface = postcard::from_bytes(bytes).ok()?;
            Some(Outside { interface: Arc::new(interface), digest: entry.digest })
        }
        None => None,
    };
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
        bytes: entry.bytes,
        outside,
        problems: entry.problems.iter().map(problem).collect::<Option<_>>()?,
        judged,
    })
}

fn judged(stored: StoredJudged<'_>, path: &str, options: &ScanOptions) -> Option<Judged> {
    let finding = |stored: StoredFinding<'_>| {
        let rule = rules::find(stored.rule)?;
        Some(Finding {
            rule: rule.name,
            severity: stored.severity,
            message: stored.message.to_owned(),
            why: rule.why,
            action: stored.action.unwrap_or(rule.action).to_owned(),
            path: path.to_owned(),
            start: stored.start,
            end: stored.end,
            tier: Tier::parse(stored.tier)?.name(),
            edition: options.edition.name(),
            sdk_version: options.edition.sdk_version(),
            family: rule.family.name(),
            requirement: rule.family.requirement(),
            fingerprint: stored.fingerprint.to_owned(),
            fix: stored.fix,
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

/// Writes a cache file.
pub(super) fn store(
    file: &Path,
    options: &ScanOptions,
    records: &[Record],
    around: u64,
) -> hallmark_core::Result<()> {
    let encoded: Vec<Encoded> = records.par_iter().map(encode).collect();
    let entries = records.iter().zip(&encoded).map(|(record, (outside, judged))| Entry {
        path: &record.path,
        content: record.content,
        bytes: record.bytes,
        digest: record.outside.as_ref().map_or(0, |o| o.digest),
        outside: outside.as_deref(),
        problems: record
            .problems
            .iter()
            .map(|p| StoredProblem { line: p.line, code: p.code, message: &p.message })
            .collect(),
        judged: judged.as_deref(),
    });
    let entries: Vec<Entry<'_>> = entries.collect();
    let Ok(body) = postcard::to_allocvec(&entries) else { return Ok(()) };
    let mut bytes = MAGIC.to_vec();
    bytes.extend(key(options).to_le_bytes());
    bytes.extend(xxh3_64(&body).to_le_bytes());
    bytes.extend(around.to_le_bytes());
    bytes.extend(body);
    write_atomic(file, &bytes, Mode::Default)
}

/// The outside and the judgement of a record, where it has them.
type Encoded = (Option<Vec<u8>>, Option<Vec<u8>>);

fn encode(record: &Record) -> Encoded {
    let outside = record.outside.as_ref().and_then(|o| postcard::to_allocvec(&*o.interface).ok());
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
    (outside, judged)
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
        fix: finding.fix.clone(),
        excerpt: finding.excerpt.clone(),
    }
}
