//! From byte ranges to lines, columns, excerpts and fingerprints.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use hallmark_core::digest;
use hallmark_diagnostics::{Excerpt, Finding, Position, limits};
use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::xxh3_128;

use crate::ScanOptions;
use crate::context::Raw;

/// Turns the findings of one file into their final form, each with the place of the suppression that accepts it. `text` is what
/// the spans point into. Accepted findings count for the fingerprints of others like them, so that accepting one changes none.
pub(crate) fn finish(
    raws: Vec<Raw>,
    path: &str,
    text: &str,
    options: &ScanOptions,
) -> Vec<(Finding, Option<usize>)> {
    let lines: Vec<usize> =
        std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1)).collect();
    let file: Arc<str> = path.into();
    let mut seen: FxHashMap<u128, u32> = FxHashMap::default();
    let mut key = String::new();
    raws.into_iter()
        .map(|raw| {
            let (start, end) =
                (raw.span.start as usize, (raw.span.end as usize).max(raw.span.start as usize));
            let (from, start_column, line) = place(text, &lines, start);
            let (to, end_column, _) = place(text, &lines, end);
            // What is shown, and what the fingerprint is made of, must not give a secret away.
            let line =
                if raw.masked { mask(line, start - lines[from], end - lines[from]) } else { line.to_owned() };
            let excerpt = excerpt(&line, start - lines[from], end - lines[from], raw.label);
            key.clear();
            key.extend([raw.rule.name, "\n", path, "\n", line.trim()]);
            let occurrence = seen.entry(xxh3_128(key.as_bytes())).or_default();
            *occurrence += 1;
            let _ = write!(key, "\n{occurrence}");
            let fingerprint = digest::sha256(key.as_bytes())[..16].to_owned();
            let number = |n: usize| u32::try_from(n + 1).unwrap_or(u32::MAX);
            let accepted = raw.accepted;
            let finding = Finding {
                rule: raw.rule.name,
                severity: raw.severity,
                message: raw.message,
                why: raw.rule.why,
                action: raw.action.map_or(Cow::Borrowed(raw.rule.action), Cow::Owned),
                path: file.clone(),
                start: Position { line: number(from), column: start_column },
                end: Position { line: number(to), column: end_column },
                tier: raw.tier.name(),
                edition: options.edition.name(),
                sdk_version: options.edition.sdk_version(),
                family: raw.rule.family.name(),
                requirement: raw.rule.family.requirement(),
                fingerprint,
                fix: raw.fix.map(Box::new),
                excerpt,
            };
            (finding, accepted)
        })
        .collect()
}

/// The index of the line of a byte, its column in characters from 1, and the line without its break.
fn place<'t>(text: &'t str, lines: &[usize], at: usize) -> (usize, u32, &'t str) {
    let at = at.min(text.len());
    let index = lines.partition_point(|start| *start <= at).saturating_sub(1);
    let start = lines[index];
    let end = lines.get(index + 1).map_or(text.len(), |next| next - 1);
    let line = text.get(start..end).unwrap_or_default().trim_end_matches('\r');
    let column = text.get(start..at).map_or(0, |before| before.chars().count());
    (index, u32::try_from(column + 1).unwrap_or(u32::MAX), line)
}

/// The line with every letter and digit of the range replaced, byte for byte so that places stay as they are.
fn mask(line: &str, start: usize, end: usize) -> String {
    let inside = |at: usize| (start..end).contains(&at);
    let hide = |(at, c): (usize, char)| match c {
        c if inside(at) && !matches!(c, '"' | '\'') => "*".repeat(c.len_utf8()),
        c => c.to_string(),
    };
    line.char_indices().map(hide).collect()
}

fn excerpt(line: &str, start: usize, end: usize, label: String) -> Excerpt {
    if line.len() > limits::EXCERPT_BYTES {
        return Excerpt { label, ..Excerpt::default() };
    }
    // A finding that goes on over more lines is marked to the end of its first one.
    let start = start.min(line.len());
    let end = end.clamp(start, line.len());
    Excerpt { text: line.to_owned(), start, end, label }
}
