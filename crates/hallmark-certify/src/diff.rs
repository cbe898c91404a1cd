//! Two certificates beside each other: what moved the score, and by how much.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hallmark_evidence::{Evidence, Verdict};
use serde::Serialize;

use crate::Certificate;

/// What lies between two certificates.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diff {
    /// The names of the two.
    pub certificates: [String; 2],
    /// Their commits, where known.
    pub commits: [Option<String>; 2],
    /// Their scores.
    pub scores: [f64; 2],
    /// Sections whose points moved, the largest movement first.
    pub sections: Vec<SectionMove>,
    /// Checks whose verdict changed, that came or went.
    pub checks: Vec<CheckMove>,
}

/// A section whose points moved.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SectionMove {
    /// Its name.
    pub id: String,
    /// Its points before and after.
    pub points: [f64; 2],
}

/// A check whose verdict changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckMove {
    /// Its name.
    pub check: String,
    /// The verdict before and after; `None` where the check did not exist.
    pub verdicts: [Option<Verdict>; 2],
    /// Why it is not proven now, if it is not.
    pub reason: String,
}

/// Compares two certificates of one project, the earlier first.
#[must_use]
pub fn diff(before: &Certificate, after: &Certificate) -> Diff {
    let both = [before, after];
    Diff {
        certificates: both.map(|c| c.certificate_id.clone()),
        commits: both.map(|c| c.project.commit.as_ref().map(|commit| commit.id.clone())),
        scores: both.map(|c| c.production_readiness_score),
        sections: section_moves(before, after),
        checks: check_moves(before, after),
    }
}

fn section_moves(before: &Certificate, after: &Certificate) -> Vec<SectionMove> {
    let points = |c: &Certificate| -> BTreeMap<String, f64> {
        c.sections.iter().map(|s| (s.section.id.clone(), s.points)).collect()
    };
    let (old, new) = (points(before), points(after));
    let ids: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let moved = |id: &&String| SectionMove {
        id: (*id).clone(),
        points: [&old, &new].map(|m| m.get(*id).copied().unwrap_or(0.0)),
    };
    let mut moves: Vec<SectionMove> = ids.iter().map(moved).filter(|m| m.points[0] != m.points[1]).collect();
    moves.sort_by(|a, b| (b.points[1] - b.points[0]).abs().total_cmp(&(a.points[1] - a.points[0]).abs()));
    moves
}

fn check_moves(before: &Certificate, after: &Certificate) -> Vec<CheckMove> {
    let by_check = |c| -> BTreeMap<String, Evidence> {
        Certificate::evidence(c).map(|e| (e.check.clone(), e.clone())).collect()
    };
    let (old, new) = (by_check(before), by_check(after));
    let checks: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let moved = |check: &&String| CheckMove {
        check: (*check).clone(),
        verdicts: [&old, &new].map(|m| m.get(*check).map(|e| e.verdict)),
        reason: new.get(*check).map_or(String::new(), |e| e.reason.clone()),
    };
    checks.iter().map(moved).filter(|m| m.verdicts[0] != m.verdicts[1]).collect()
}

impl Diff {
    /// The difference in lines for a terminal, in ASCII.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let name = |n: usize| match &self.commits[n] {
            Some(commit) => format!("{} ({})", self.certificates[n], commit.get(..10).unwrap_or(commit)),
            None => self.certificates[n].clone(),
        };
        let change = self.scores[1] - self.scores[0];
        let _ = writeln!(text, "{} -> {}", name(0), name(1));
        let _ = writeln!(text, "score {:.4} -> {:.4} ({change:+.4})", self.scores[0], self.scores[1]);
        for m in &self.sections {
            let _ = writeln!(
                text,
                "  {:<24}{:.4} -> {:.4} ({:+.4})",
                m.id,
                m.points[0],
                m.points[1],
                m.points[1] - m.points[0]
            );
        }
        for m in &self.checks {
            let [from, to] = m.verdicts.map(|v| v.map_or("absent", Verdict::name));
            let reason = if m.reason.is_empty() { String::new() } else { format!(": {}", m.reason) };
            let _ = writeln!(text, "  {:<40}{from} -> {to}{reason}", m.check);
        }
        if self.sections.is_empty() && self.checks.is_empty() {
            text.push_str("nothing moved\n");
        }
        text
    }
}
