//! The compliance score: the weighted share of compliant files, family by family. `docs/score.md` is its specification.

use hallmark_diagnostics::{Finding, Severity};
use hallmark_python::Module;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::report::FamilySummary;
use crate::rule::Family;
use crate::tier::Overrides;

/// The page that `hallmark explain score` prints.
pub const PAGE: &str = include_str!("../../../docs/score.md");

/// The files that each family applies to.
pub(crate) type Applicable<'a> = FxHashMap<Family, FxHashSet<&'a str>>;

/// Decides which families apply to which files. A file that could not be parsed counts for every family that applies
/// anywhere: nobody can say what it would have held.
pub(crate) fn applicability<'a>(
    modules: &[&'a Module],
    files: &[&'a str],
    unparsed: &FxHashSet<&'a str>,
    overrides: &Overrides,
) -> Applicable<'a> {
    let mut out: Applicable<'a> = FxHashMap::default();
    let mut add = |family: Family, path: &'a str| {
        out.entry(family).or_default().insert(path);
    };
    for module in modules {
        let path = &*module.path;
        if !module.imports.is_empty() {
            add(Family::Imports, path);
        }
        let has_node = module.classes.iter().any(|c| {
            c.bases.iter().flatten().any(|b| b.ends_with("Node"))
                || c.methods
                    .iter()
                    .any(|m| module.functions.get(*m as usize).is_some_and(|f| f.declared.is_some()))
        });
        if has_node {
            add(Family::Registration, path);
        }
        if has_node {
            add(Family::Parameters, path);
        }
        if !(module.functions.is_empty() && module.calls.is_empty() && module.assigns.is_empty()) {
            add(Family::Security, path);
            add(Family::Platform, path);
        }
        let imports = |roots: &[&str]| {
            module.imports.iter().any(|i| roots.contains(&i.module.split('.').next().unwrap_or_default()))
        };
        if imports(&["kailash", "dataflow", "nexus"]) {
            add(Family::Workflow, path);
        }
        if imports(&["dataflow"]) {
            add(Family::Dataflow, path);
        }
        if imports(&["nexus", "mcp", "fastmcp", "kailash_mcp"]) {
            add(Family::Channels, path);
        }
        let is_test = overrides.of_file(path).is_test();
        if is_test || !module.handlers.is_empty() {
            add(Family::Mocking, path);
        }
        if is_test {
            add(Family::Testing, path);
        }
        if !module.handlers.is_empty() {
            add(Family::Errors, path);
        }
    }
    for path in files.iter().filter(|f| unparsed.contains(*f)) {
        for family in Family::ALL.into_iter().filter(|f| f.weight() > 0.0) {
            add(family, path);
        }
    }
    out
}

/// The state of every family, in the order of [`Family::ALL`].
pub(crate) fn families(
    findings: &[Finding],
    applicable: &Applicable<'_>,
    unparsed: &FxHashSet<&str>,
) -> Vec<FamilySummary> {
    Family::ALL
        .into_iter()
        .map(|family| {
            let own: Vec<&Finding> = findings.iter().filter(|f| f.family == family.name()).collect();
            let count = |severity| own.iter().filter(|f| f.severity == severity).count();
            let broken: FxHashSet<&str> =
                own.iter().filter(|f| f.severity == Severity::Error).map(|f| f.path.as_str()).collect();
            let mut files: FxHashSet<&str> = applicable.get(&family).cloned().unwrap_or_default();
            files.extend(&broken);
            let compliant = files.iter().filter(|f| !broken.contains(*f) && !unparsed.contains(*f)).count();
            FamilySummary {
                family: family.name(),
                requirement: family.requirement(),
                errors: count(Severity::Error),
                warnings: count(Severity::Warning),
                infos: count(Severity::Info),
                applicable_files: files.len(),
                compliant_files: compliant,
                weight: family.weight(),
                score: (!files.is_empty()).then(|| share(compliant, files.len())),
            }
        })
        .collect()
}

/// The weighted mean over the families that apply to at least one file; `None` if none does.
pub(crate) fn overall(families: &[FamilySummary]) -> Option<f64> {
    let measured = families.iter().filter_map(|f| f.score.map(|s| (f.weight, s)));
    let (weight, sum) = measured.fold((0.0, 0.0), |(w, s), (weight, score)| (w + weight, s + weight * score));
    (weight > 0.0).then(|| floor(sum / weight))
}

fn share(part: usize, whole: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "numbers of files are far below 2^52")]
    let share = part as f64 / whole as f64;
    floor(share)
}

/// Four digits, rounded down: 1.0 means all, never almost all.
fn floor(share: f64) -> f64 {
    (share * 1e4 + 1e-9).floor() / 1e4
}
