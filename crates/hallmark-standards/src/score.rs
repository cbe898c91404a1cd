//! The compliance score: the weighted share of compliant files, family by family. `docs/score.md` is its specification.

use hallmark_diagnostics::Severity;
use hallmark_python::Module;

use crate::report::FamilySummary;
use crate::rule::Family;
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
    Family::ALL.into_iter().map(|family| of_family(family, records, scopes)).collect()
}

fn of_family(family: Family, records: &[&Record], scopes: &Scopes) -> FamilySummary {
    let mut counts = [0; 3];
    let (mut applicable, mut compliant, mut kept) = (0, 0, 0.0);
    for record in records {
        let judged = record.judged.as_ref();
        let own = judged.into_iter().flat_map(|j| &j.findings).filter(|f| f.family == family.name());
        let (mut broken, mut lost) = (false, 0.0_f64);
        for finding in own {
            counts[finding.severity as usize] += 1;
            if finding.severity == Severity::Error {
                broken = true;
                lost = lost.max(scopes.of(&record.path).weight(finding.rule));
            }
        }
        let unparsed = !record.problems.is_empty();
        let applies = judged.is_some_and(|j| j.applies.has(family)) || (unparsed && family.weight() > 0.0);
        if applies || broken {
            applicable += 1;
            compliant += usize::from(!broken && !unparsed);
            kept += if unparsed { 0.0 } else { 1.0 - lost };
        }
    }
    FamilySummary {
        family: family.name(),
        requirement: family.requirement(),
        errors: counts[Severity::Error as usize],
        warnings: counts[Severity::Warning as usize],
        infos: counts[Severity::Info as usize],
        applicable_files: applicable,
        compliant_files: compliant,
        weight: family.weight(),
        score: (applicable > 0).then(|| share(kept, applicable)),
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
