//! What a part of the score is made of: evidence, and controls that show its instrument can fail.

use hallmark_evidence::{Evidence, Verdict};
use serde::{Deserialize, Serialize};

/// Whether a section is part of the claimed baseline, one of the gates, or the seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One of the four parts that the baseline claim is broken down into.
    Baseline,
    /// One of the gates.
    Gate,
    /// What the certificate itself rests on: adds nothing, and refuses if it does not hold.
    Seal,
}

/// The state of a section. Only `Proven` is green.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Every check that is not exempted is proven, and the instrument was seen to fail.
    Proven,
    /// Some checks are proven, some are not.
    Partial,
    /// No check is proven.
    Failed,
    /// Every check is exempted.
    Exempted,
    /// Nothing was measured.
    NotMeasured,
    /// A planted defect was not caught, or none was planted: the evidence proves nothing.
    InstrumentNotProven,
}

impl State {
    /// The words for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Exempted => "exempted",
            Self::NotMeasured => "not measured",
            Self::InstrumentNotProven => "instrument not proven",
        }
    }
}

/// A negative control: a defect planted in the same certification, which the section's own instrument must catch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// Its name, for example `infrastructure.closed_port`.
    pub id: String,
    /// What was planted, and where: a scratch folder, a scratch server, a closed port.
    pub planted: String,
    /// What the instrument said.
    pub observed: String,
    /// Whether it noticed.
    pub caught: bool,
    /// When: RFC 3339, UTC.
    pub at: String,
    /// How long it took, in milliseconds.
    pub duration_ms: f64,
}

impl Control {
    /// A control that ended now.
    #[must_use]
    pub fn new(id: &str, planted: &str, started: std::time::Instant, outcome: (bool, String)) -> Self {
        Self {
            id: id.to_owned(),
            planted: planted.to_owned(),
            caught: outcome.0,
            observed: outcome.1,
            at: hallmark_core::clock::now(),
            duration_ms: (started.elapsed().as_secs_f64() * 1e6).round() / 1e3,
        }
    }
}

/// A fact that refuses the certificate whatever the number says. It cannot be exempted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HardFailure {
    /// The requirement it breaks.
    pub requirement: String,
    /// The check that found it.
    pub check: String,
    /// What is wrong, a sentence.
    pub what: String,
    /// Where, as `file:line`, the first of them ([`crate::limits::PLACES_LISTED_MAX`]).
    pub places: Vec<String>,
    /// How many there are in all.
    pub count: usize,
}

/// A part of the score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Section {
    /// Its name, for example `gold_standards`.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Baseline, gate or seal.
    pub kind: Kind,
    /// What it can add to the score.
    pub weight: f64,
    /// What was measured.
    pub evidence: Vec<Evidence>,
    /// What was planted.
    pub controls: Vec<Control>,
    /// What refuses the certificate by itself.
    pub hard_failures: Vec<HardFailure>,
}

impl Section {
    /// Whether at least one defect was planted and every planted defect was caught.
    #[must_use]
    pub fn instrument_proven(&self) -> bool {
        !self.controls.is_empty() && self.controls.iter().all(|c| c.caught)
    }

    /// The weight of the proven checks over the weight of all that are not exempted, 0 to 1; 0 if the instrument is not proven.
    #[must_use]
    pub fn share(&self) -> f64 {
        if !self.instrument_proven() {
            return 0.0;
        }
        let all = self.weight_of(|v| v != Verdict::Exempted);
        // All exempted is not a pass: nothing was proven.
        if all <= 0.0 { 0.0 } else { (self.weight_of(Verdict::is_green) / all).clamp(0.0, 1.0) }
    }

    /// How many checks have this verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.evidence.iter().filter(|e| e.verdict == verdict).count()
    }

    /// The state that reports show.
    #[must_use]
    pub fn state(&self) -> State {
        let count = |v| self.count(v);
        let (proven, failed) = (count(Verdict::Proven), count(Verdict::Failed));
        let measured = proven + failed;
        if measured > 0 && !self.instrument_proven() {
            State::InstrumentNotProven
        } else if proven > 0 && failed == 0 && count(Verdict::NotMeasured) == 0 {
            State::Proven
        } else if proven > 0 {
            State::Partial
        } else if failed > 0 {
            State::Failed
        } else if count(Verdict::Exempted) > 0 && count(Verdict::NotMeasured) == 0 {
            State::Exempted
        } else {
            State::NotMeasured
        }
    }

    fn weight_of(&self, counts: impl Fn(Verdict) -> bool) -> f64 {
        self.evidence.iter().filter(|e| counts(e.verdict)).fold(0.0, |all, e| all + e.weight)
    }
}
