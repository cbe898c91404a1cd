//! How right the scanner is, measured: against labels of real files, and by violations planted into clean ones.
//!
//! `corpus/labels` holds the labels, `corpus/known.tsv` the strict list of places where scanner and labels differ: a difference
//! that is not listed fails, and so does a listed one that is none any longer.

mod labels;
mod mutants;
mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use hallmark_core::{canonical, digest, fs};
use hallmark_standards::{Profile, ScanOptions, Status, rules};

use crate::shell::{self, Failure, Outcome};
use labels::{Labels, Place};

/// How many lines a finding may be away from its label: a call and the text in it often begin on different lines.
const NEAR: u32 = 2;

/// Rules that the labels do not speak of: they rest on a whole repository, on configuration, or on the file's own comments.
const UNLABELLED: &[&str] = &[
    "duplicate-node-name",
    "implicit-root-import",
    "platform-shim-import",
    "ungoverned-node-base",
    "unknown-node-type",
    "unregistered-marker",
    "unresolved-import",
    "unused-node-import",
];

/// What is counted of one rule.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
struct Count {
    right: usize,
    wrong: usize,
    missed: usize,
}

/// What was found out about the labelled files.
#[derive(Default)]
struct Measured {
    /// How many files are labelled.
    labelled: usize,
    /// Those of them that are there as they were labelled.
    at_hand: BTreeSet<String>,
    /// Counts by rule.
    counts: BTreeMap<String, Count>,
    /// Where scanner and labels differ.
    differences: BTreeSet<(Place, &'static str)>,
    /// The files without any label.
    clean: Vec<mutants::Host>,
}

/// Measures both and compares with the last run.
pub(crate) fn run(update: bool) -> Outcome<()> {
    let folder = shell::root().join("corpus");
    let mut measured = Measured::default();
    for labels in &labels::read(&folder.join("labels"))? {
        measure(labels, &mut measured)?;
    }
    if measured.at_hand.is_empty() {
        return Err(Failure("no labelled file is at hand".to_owned()));
    }
    let tallies = mutants::run(&measured.clean)?;
    shell::say(&table(&measured.counts, &tallies));
    let failed: usize = tallies.iter().map(|t| t.failures.len()).sum();
    shell::say(&summary(&measured, tallies.iter().map(|t| t.planted).sum(), failed));
    remember(&measured.counts)?;
    for tally in &tallies {
        for failure in tally.failures.iter().take(3) {
            shell::say(&format!("mutant of {}: {failure}\n", tally.rule));
        }
    }
    let known = folder.join("known.tsv");
    if update {
        let mut text =
            "# Where scanner and labels differ, by decision or for now: path, line, rule, wrong or missed.\n"
                .to_owned();
        for ((path, line, rule), kind) in &measured.differences {
            let _ = writeln!(text, "{path}\t{line}\t{rule}\t{kind}");
        }
        return Ok(fs::write_atomic(&known, text.as_bytes(), fs::Mode::Default)?);
    }
    strict(&std::fs::read_to_string(known)?, &measured, failed)
}

/// Looks at the files of one repository, if they are to be had.
fn measure(labels: &Labels, measured: &mut Measured) -> Outcome<()> {
    measured.labelled += labels.files.len();
    let Some((root, what)) = sources::find(labels)? else {
        let (repository, variable) = (&labels.repository, sources::VARIABLE);
        shell::say(&format!("{repository}: not at hand; set {variable} to a folder with a checkout\n"));
        return Ok(());
    };
    let as_labelled = |path: &str, known: &str| {
        std::fs::read(root.join(path)).is_ok_and(|bytes| digest::sha256(&bytes).starts_with(known))
    };
    let present: BTreeSet<&String> =
        labels.files.iter().filter(|(path, known)| as_labelled(path, known)).map(|(path, _)| path).collect();
    shell::say(&format!(
        "{what}: {} of {} labelled files as they were labelled\n",
        present.len(),
        labels.files.len()
    ));
    measured.at_hand.extend(present.iter().map(|path| (*path).clone()));
    compare(labels, &root, &present, &mut measured.counts, &mut measured.differences);
    for path in present.into_iter().filter(|path| !labels.places.iter().any(|(own, ..)| own == *path)) {
        let text = std::fs::read_to_string(root.join(path))?;
        measured.clean.push(mutants::Host { path: path.clone(), text });
    }
    Ok(())
}

fn summary(measured: &Measured, planted: usize, failed: usize) -> String {
    let (right, wrong, missed) =
        measured.counts.values().fold((0, 0, 0), |(r, w, m), c| (r + c.right, w + c.wrong, m + c.missed));
    format!(
        "\nlabels: {} of {} files, {} places; precision {} recall {}\n\
         mutants: {planted} planted into {} clean files, {failed} files with a difference ({})\n",
        measured.at_hand.len(),
        measured.labelled,
        right + missed,
        percent(right, right + wrong),
        percent(right, right + missed),
        measured.clean.len(),
        percent(planted - failed.min(planted), planted),
    )
}

/// Counts one repository.
fn compare(
    labels: &Labels,
    root: &std::path::Path,
    present: &BTreeSet<&String>,
    counts: &mut BTreeMap<String, Count>,
    differences: &mut BTreeSet<(Place, &'static str)>,
) {
    let options =
        ScanOptions { root: root.to_path_buf(), profile: Profile::Strict, ..ScanOptions::default() };
    let report = hallmark_standards::scan(&options);
    let counted = |rule: &str| {
        let stable =
            rules::find(rule).is_some_and(|r| r.status == Status::Stable && r.family.name() != "meta");
        stable && !UNLABELLED.contains(&rule)
    };
    let mut found: BTreeSet<Place> = report
        .findings
        .iter()
        .filter(|f| counted(f.rule))
        .map(|f| (f.path.to_string(), f.start.line, f.rule.to_owned()))
        .filter(|(path, ..)| present.contains(path))
        .collect();
    let mut expected: BTreeSet<Place> = labels
        .places
        .iter()
        .filter(|(path, _, rule)| counted(rule) && present.contains(path))
        .cloned()
        .collect();
    for near in [0, NEAR, u32::MAX] {
        for place in expected.clone() {
            let (path, line, rule) = &place;
            // A rule about the file as a whole has no line of its own.
            if near == u32::MAX && rule != "test-without-tier" {
                continue;
            }
            let hit =
                found.iter().find(|(p, l, r)| p == path && r == rule && l.abs_diff(*line) <= near).cloned();
            if let Some(hit) = hit {
                found.remove(&hit);
                expected.remove(&place);
                counts.entry(rule.clone()).or_default().right += 1;
            }
        }
    }
    let unclear = |(path, line, rule): &Place| {
        labels.ambiguous.iter().any(|(p, l, r)| p == path && r == rule && l.abs_diff(*line) <= NEAR)
    };
    for place in found.into_iter().filter(|place| !unclear(place)) {
        counts.entry(place.2.clone()).or_default().wrong += 1;
        differences.insert((place, "wrong"));
    }
    for place in expected {
        counts.entry(place.2.clone()).or_default().missed += 1;
        differences.insert((place, "missed"));
    }
}

/// Refuses differences that are not listed, and listed ones that are none.
fn strict(known: &str, measured: &Measured, failed: usize) -> Outcome<()> {
    let show = |((path, line, rule), kind): &(Place, &str)| format!("{path}\t{line}\t{rule}\t{kind}");
    let now: BTreeSet<String> = measured.differences.iter().map(show).collect();
    let listed: BTreeSet<String> = known
        .lines()
        .filter(|line| {
            !line.starts_with('#')
                && line.split('\t').next().is_some_and(|path| measured.at_hand.contains(path))
        })
        .map(str::to_owned)
        .collect();
    let mut problems = String::new();
    for line in now.difference(&listed) {
        let _ = writeln!(problems, "new: {line}");
    }
    for line in listed.difference(&now) {
        let _ = writeln!(problems, "no longer so, take it out of corpus/known.tsv: {line}");
    }
    if failed > 0 {
        let _ = writeln!(problems, "{failed} mutants were not found as they stand");
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure(format!("the corpus differs\n{problems}"))) }
}

fn table(counts: &BTreeMap<String, Count>, tallies: &[mutants::Tally]) -> String {
    let last = last();
    let mut out = format!(
        "{:<34} {:>6} {:>6} {:>6} {:>6} {:>6} {:>8}\n",
        "RULE", "RIGHT", "WRONG", "MISSED", "PREC", "REC", "MUTANTS"
    );
    for tally in tallies {
        let count = counts.get(tally.rule).copied().unwrap_or_default();
        if count == Count::default() && tally.planted == 0 {
            continue;
        }
        let change =
            last.get(tally.rule).filter(|before| **before != [count.right, count.wrong, count.missed]);
        let change = change.map_or(String::new(), |[r, w, m]| format!("  (was {r}/{w}/{m})"));
        let found = format!("{}/{}", tally.planted.saturating_sub(tally.failures.len()), tally.planted);
        let _ = writeln!(
            out,
            "{:<34} {:>6} {:>6} {:>6} {:>6} {:>6} {found:>8}{change}",
            tally.rule,
            count.right,
            count.wrong,
            count.missed,
            percent(count.right, count.right + count.wrong),
            percent(count.right, count.right + count.missed),
        );
    }
    out
}

fn percent(part: usize, whole: usize) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    // Rounded down: 100.0 means all.
    let tenths = part * 1000 / whole;
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn last_file() -> std::path::PathBuf {
    shell::root().join("target/corpus/last.json")
}

/// What the last run counted: right, wrong and missed of each rule.
fn last() -> BTreeMap<String, [usize; 3]> {
    let text = std::fs::read_to_string(last_file()).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

fn remember(counts: &BTreeMap<String, Count>) -> Outcome<()> {
    let plain: BTreeMap<&str, [usize; 3]> =
        counts.iter().map(|(rule, c)| (rule.as_str(), [c.right, c.wrong, c.missed])).collect();
    let text = canonical::to_string(&serde_json::to_value(&plain)?);
    Ok(fs::write_atomic(&last_file(), text.as_bytes(), fs::Mode::Default)?)
}
