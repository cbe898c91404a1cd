//! The score of the requirements, from proven evidence only: four equal parts of the baseline and three gates.
//!
//! `total = Σ weight × share`, with the baseline's 0.65 broken down into 4 × 0.1625, gold standards 0.15, infrastructure 0.10
//! and framework validation 0.10. The share of a section is [`Section::share`]. Nothing is added for a claim.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::section::{HardFailure, Kind, Section, State};

/// What the whole baseline can add.
pub const BASELINE_WEIGHT: f64 = 0.65;
/// The number of equal parts that the baseline is broken down into.
pub const BASELINE_PARTS: u8 = 4;
/// From here a project is excellent.
pub const EXCELLENT: f64 = 0.95;
/// From here it is good, and passes.
pub const GOOD: f64 = 0.90;
/// From here it is acceptable, and does not pass.
pub const ACCEPTABLE: f64 = 0.80;

/// The level of the requirements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Below 0.80, or refused by a hard failure.
    Insufficient,
    /// From 0.80.
    Acceptable,
    /// From 0.90.
    Good,
    /// From 0.95.
    Excellent,
}

impl Level {
    /// The level of a score.
    #[must_use]
    pub fn of(score: f64) -> Self {
        if score >= EXCELLENT {
            Self::Excellent
        } else if score >= GOOD {
            Self::Good
        } else if score >= ACCEPTABLE {
            Self::Acceptable
        } else {
            Self::Insufficient
        }
    }

    /// The name in JSON and in text.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Insufficient => "insufficient",
            Self::Acceptable => "acceptable",
            Self::Good => "good",
            Self::Excellent => "excellent",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What follows from the sections.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// The proven figure, 0 to 1, cut (not rounded up) to four digits.
    pub total: f64,
    /// Its level; `Insufficient` whenever a hard failure refuses.
    pub level: Level,
    /// Whether the certificate is granted.
    pub passed: bool,
    /// Why it is not, most important first; empty if it is.
    pub refusals: Vec<String>,
}

/// Scores the sections.
#[must_use]
pub fn score(sections: &[Section]) -> Score {
    let total = cut(sections.iter().map(|s| s.weight * s.share()).sum());
    let hard: Vec<&HardFailure> = sections.iter().flat_map(|s| &s.hard_failures).collect();
    let mut refusals: Vec<String> = hard.iter().map(|h| describe(h)).collect();
    for section in sections.iter().filter(|s| s.kind == Kind::Seal && s.state() == State::Failed) {
        let why =
            section.evidence.iter().map(|e| e.reason.as_str()).find(|r| !r.is_empty()).unwrap_or_default();
        refusals.push(format!("what the certificate rests on does not hold: {why}"));
    }
    for section in
        sections.iter().filter(|s| s.kind != Kind::Baseline && s.state() == State::InstrumentNotProven)
    {
        let missed: Vec<&str> =
            section.controls.iter().filter(|c| !c.caught).map(|c| c.id.as_str()).collect();
        let why = if missed.is_empty() {
            "no defect was planted".to_owned()
        } else {
            format!("not caught: {}", missed.join(", "))
        };
        refusals.push(format!("the instrument of \"{}\" is not proven ({why})", section.title));
    }
    if total < GOOD {
        refusals.push(format!("the proven score is {total:.4}, and a certificate needs {GOOD:.2}"));
    }
    let level = if hard.is_empty() { Level::of(total) } else { Level::Insufficient };
    Score { total, level, passed: refusals.is_empty(), refusals }
}

fn describe(failure: &HardFailure) -> String {
    let place = failure.places.first().map_or(String::new(), |p| format!(", first at {p}"));
    format!("{}: {} ({} in all{place})", failure.check, failure.what, failure.count)
}

/// Four digits, cut: 0.89999 is not 0.9. The small constant undoes what binary fractions lose (0.65 + 0.15 + 0.1).
fn cut(total: f64) -> f64 {
    ((total * 1e4 + 1e-7).floor() / 1e4).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use hallmark_evidence::{Evidence, Verdict};

    use super::*;
    use crate::section::Control;

    /// A small deterministic generator: a failing case can be repeated.
    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % bound
        }
    }

    fn control(caught: bool) -> Control {
        Control::new("c", "a defect", std::time::Instant::now(), (caught, String::new()))
    }

    fn section(kind: Kind, weight: f64, verdicts: &[(Verdict, f64)]) -> Section {
        let evidence = verdicts.iter().enumerate().map(|(n, (verdict, weight))| {
            let mut evidence = Evidence::new("R", format!("check{n}"), "w").weight(*weight);
            evidence.verdict = *verdict;
            evidence
        });
        Section {
            id: "s".into(),
            title: "S".into(),
            kind,
            weight,
            evidence: evidence.collect(),
            controls: vec![control(true)],
            hard_failures: vec![],
        }
    }

    fn all(verdict: Verdict) -> Vec<Section> {
        let part = BASELINE_WEIGHT / f64::from(BASELINE_PARTS);
        let mut sections = vec![section(Kind::Baseline, part, &[(verdict, 1.0)]); 4];
        sections.extend([0.15, 0.10, 0.10].map(|w| section(Kind::Gate, w, &[(verdict, 1.0)])));
        sections
    }

    fn random_sections(random: &mut Random) -> Vec<Section> {
        let mut sections = all(Verdict::Proven);
        for section in &mut sections {
            section.evidence = (0..=random.below(6))
                .map(|n| {
                    let mut evidence = Evidence::new("R", format!("c{n}"), "w");
                    evidence.weight = 0.25 * random.below(9) as f64;
                    evidence.verdict = Verdict::ALL[random.below(4) as usize];
                    evidence
                })
                .collect();
        }
        sections
    }

    #[test]
    fn the_weights_sum_to_one_and_nothing_proven_is_zero() {
        assert_eq!(score(&all(Verdict::Proven)).total, 1.0);
        for verdict in [Verdict::Failed, Verdict::NotMeasured, Verdict::Exempted] {
            assert_eq!(score(&all(verdict)).total, 0.0, "{verdict}");
            assert!(!score(&all(verdict)).passed);
        }
    }

    #[test]
    fn the_baseline_alone_gives_065_and_does_not_pass() {
        let mut sections = all(Verdict::Proven);
        for gate in sections.iter_mut().filter(|s| s.kind == Kind::Gate) {
            gate.evidence[0].verdict = Verdict::NotMeasured;
        }
        let score = score(&sections);
        assert_eq!((score.total, score.level, score.passed), (0.65, Level::Insufficient, false));
    }

    #[test]
    fn levels_begin_at_their_figure_and_never_below() {
        for (figure, level) in [
            (0.95, Level::Excellent),
            (0.9499, Level::Good),
            (0.90, Level::Good),
            (0.8999, Level::Acceptable),
        ] {
            assert_eq!(Level::of(figure), level);
        }
        assert_eq!(Level::of(0.7999), Level::Insufficient);
        assert_eq!(cut(0.899_999), 0.8999);
        assert_eq!(cut(0.65 + 0.15 + 0.1), 0.9);
    }

    #[test]
    fn not_measured_never_raises_the_score() {
        let mut random = Random(1);
        for case in 0..2000 {
            let mut sections = random_sections(&mut random);
            let before = score(&sections).total;
            let (at, check) = (random.below(7) as usize, random.below(6) as usize);
            // An exempted check put back as unmeasured, or a measured one lost: neither may help.
            if let Some(evidence) = sections[at].evidence.get_mut(check) {
                evidence.verdict = Verdict::NotMeasured;
            }
            assert!(score(&sections).total <= before, "case {case}");
        }
    }

    #[test]
    fn a_check_more_that_is_not_measured_never_raises_the_score() {
        let mut random = Random(2);
        for case in 0..2000 {
            let mut sections = random_sections(&mut random);
            let before = score(&sections).total;
            let at = random.below(7) as usize;
            sections[at].evidence.push(Evidence::new("R", "more", "w"));
            assert!(score(&sections).total <= before, "case {case}");
        }
    }

    #[test]
    fn an_exempted_check_is_as_if_it_were_not_there() {
        let mut random = Random(3);
        for case in 0..2000 {
            let sections = random_sections(&mut random);
            let mut without = sections.clone();
            for section in &mut without {
                section.evidence.retain(|e| e.verdict != Verdict::Exempted);
            }
            assert_eq!(score(&sections).total, score(&without).total, "case {case}");
        }
    }

    #[test]
    fn proving_one_check_more_never_lowers_the_score() {
        let mut random = Random(4);
        for case in 0..2000 {
            let mut sections = random_sections(&mut random);
            let before = score(&sections).total;
            let at = random.below(7) as usize;
            if let Some(evidence) = sections[at].evidence.iter_mut().find(|e| e.verdict != Verdict::Exempted)
            {
                evidence.verdict = Verdict::Proven;
            }
            assert!(score(&sections).total >= before, "case {case}");
        }
    }

    #[test]
    fn a_hard_failure_overrides_a_perfect_number() {
        let mut sections = all(Verdict::Proven);
        sections[4].hard_failures.push(HardFailure {
            requirement: "REQ-GS-003".into(),
            check: "no_doubles".into(),
            what: "test doubles in integration tests".into(),
            places: vec!["tests/integration/test_a.py:4".into()],
            count: 17,
        });
        let score = score(&sections);
        assert_eq!((score.total, score.level, score.passed), (1.0, Level::Insufficient, false));
        assert!(
            score.refusals[0].contains("tests/integration/test_a.py:4")
                && score.refusals[0].contains("17 in all")
        );
    }

    #[test]
    fn a_gate_whose_control_is_not_caught_does_not_pass() {
        for controls in [vec![], vec![control(true), control(false)]] {
            let mut sections = all(Verdict::Proven);
            sections[5].controls = controls;
            assert_eq!(sections[5].state(), State::InstrumentNotProven);
            let score = score(&sections);
            // 0.90 is left, which alone would pass.
            assert_eq!((score.total, score.passed), (0.9, false));
            assert!(score.refusals[0].contains("not proven"));
        }
    }
}
