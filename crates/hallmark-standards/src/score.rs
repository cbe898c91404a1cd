//! The compliance score: the weighted share of compliant files, family by family. `docs/score.md` is its specification.

use hallmark_diagnostics::Severity;
use hallmark_python::Module;

use crate::report::FamilySummary;
use crate::rule::Family;
use crate::rules;
use crate::scope::Scopes;
use crate::tier::Tier;
use crate::workspace::{Families, Record};

/// The page that `hallmark explain score` prints.
pub const PAGE: &str = include_str!("../../../docs/score.md");

/// The families that apply to a file.
pub(crate) fn applies(module: &Module, tier: Tier) -> Families {
    let mut out = Families::default();
    if !module.imports.is_empty() {
        out.add(Family::Imports);
    }
    let has_node = module.classes.iter().any(|c| {
        c.bases.iter().flatten().any(|b| b.ends_with("Node"))
            || c.methods
                .iter()
                .any(|m| module.functions.get(*m as usize).is_some_and(|f| f.declared.is_some()))
    });
    if has_node {
        out.add(Family::Registration);
        out.add(Family::Parameters);
    }
    if !(module.functions.is_empty() && module.calls.is_empty() && module.assigns.is_empty()) {
        out.add(Family::Security);
        out.add(Family::Platform);
    }
    let imports = |roots: &[&str]| {
        module.imports.iter().any(|i| roots.contains(&i.module.split('.').next().unwrap_or_default()))
    };
    if imports(&["kailash", "dataflow", "nexus"]) {
        out.add(Family::Workflow);
    }
    if imports(&["dataflow"]) {
        out.add(Family::Dataflow);
    }
    if imports(&["nexus", "mcp", "fastmcp", "kailash_mcp"]) {
        out.add(Family::Channels);
    }
    if tier.is_test() {
        out.add(Family::Testing);
    }
    if tier.is_test() || !module.handlers.is_empty() {
        out.add(Family::Mocking);
    }
    if !module.handlers.is_empty() {
        out.add(Family::Errors);
    }
    out
}

/// The state of every family, in the order of [`Family::ALL`]. A file that could not be parsed counts for every family that
/// applies anywhere: nobody can say what it would have held.
pub(crate) fn families(records: &[&Record], scopes: &Scopes) -> Vec<FamilySummary> {
    let mut tallies = Family::ALL.map(|_| Tally::default());
    for record in records {
        // What the file loses in each family that it breaks.
        let mut lost = Family::ALL.map(|_| None::<f64>);
        for count in record.judged.iter().flat_map(|judged| &judged.counts) {
            let Some(rule) = rules::all().get(count.rule) else { continue };
            let Some(place) = Family::ALL.iter().position(|family| *family == rule.family) else { continue };
            tallies[place].counts[count.severity as usize] += count.number;
            if count.severity == Severity::Error {
                let weight = scopes.of(&record.path).weight(rule.name);
                lost[place] = Some(lost[place].unwrap_or(0.0).max(weight));
            }
        }
        for ((family, tally), lost) in Family::ALL.into_iter().zip(&mut tallies).zip(lost) {
            tally.add(family, record, lost);
        }
    }
    Family::ALL.into_iter().zip(tallies).map(|(family, tally)| tally.summary(family)).collect()
}

/// The state of one family so far.
#[derive(Default)]
struct Tally {
    /// Findings by severity.
    counts: [usize; 3],
    applicable: usize,
    compliant: usize,
    kept: f64,
}

impl Tally {
    /// Counts a file, and what it loses if it breaks the family's standards.
    fn add(&mut self, family: Family, record: &Record, lost: Option<f64>) {
        let unparsed = !record.problems.is_empty();
        let applies = record.judged.as_ref().is_some_and(|j| j.applies.has(family))
            || (unparsed && family.weight() > 0.0);
        if applies || lost.is_some() {
            self.applicable += 1;
            self.compliant += usize::from(lost.is_none() && !unparsed);
            self.kept += if unparsed { 0.0 } else { 1.0 - lost.unwrap_or(0.0) };
        }
    }

    fn summary(self, family: Family) -> FamilySummary {
        FamilySummary {
            family: family.name(),
            requirement: family.requirement(),
            errors: self.counts[Severity::Error as usize],
            warnings: self.counts[Severity::Warning as usize],
            infos: self.counts[Severity::Info as usize],
            applicable_files: self.applicable,
            compliant_files: self.compliant,
            weight: family.weight(),
            score: (self.applicable > 0).then(|| share(self.kept, self.applicable)),
        }
    }
}

/// The weighted mean over the families that apply to at least one file; `None` if none does.
pub(crate) fn overall(families: &[FamilySummary]) -> Option<f64> {
    let measured = families.iter().filter_map(|f| f.score.map(|s| (f.weight, s)));
    let (weight, sum) = measured.fold((0.0, 0.0), |(w, s), (weight, score)| (w + weight, s + weight * score));
    (weight > 0.0).then(|| floor(sum / weight))
}

fn share(kept: f64, files: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "numbers of files are far below 2^52")]
    let share = kept / files as f64;
    floor(share)
}

/// Four digits, rounded down: 1.0 means all, never almost all.
fn floor(share: f64) -> f64 {
    (share * 1e4 + 1e-9).floor() / 1e4
}
