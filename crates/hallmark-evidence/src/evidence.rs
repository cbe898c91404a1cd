//! One measured fact, and the four verdicts.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::limits::DECIMALS;

/// What a measurement says. Only [`Verdict::Proven`] is green, and only it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Measured, and within its threshold.
    Proven,
    /// Measured, and not within its threshold.
    Failed,
    /// Taken out by name, with a reason, an owner and a date; neither for nor against.
    Exempted,
    /// Not measured: nobody knows. It counts nothing, and it is said.
    NotMeasured,
}

impl Verdict {
    /// The four, in the order reports list them.
    pub const ALL: [Self; 4] = [Self::Proven, Self::Failed, Self::Exempted, Self::NotMeasured];

    /// `Proven` if it holds, else `Failed`.
    #[must_use]
    pub const fn of(holds: bool) -> Self {
        if holds { Self::Proven } else { Self::Failed }
    }

    /// The name in JSON and in text: `proven`, `failed`, `exempted`, `not_measured`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Failed => "failed",
            Self::Exempted => "exempted",
            Self::NotMeasured => "not_measured",
        }
    }

    /// Whether it counts for the project.
    #[must_use]
    pub const fn is_green(self) -> bool {
        matches!(self, Self::Proven)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One measured fact: what was measured, against what, with which result, and how anyone can measure it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The requirement it speaks to, for example `REQ-INF-001`.
    pub requirement: String,
    /// The check, unique in a certification, for example `postgres.usable`.
    pub check: String,
    /// What was measured, a phrase.
    pub what: String,
    /// The result, with numbers rounded by [`rounded`].
    pub measured: Value,
    /// What the result was held against, a phrase such as `p95 < 10 ms`.
    pub threshold: String,
    /// The verdict.
    pub verdict: Verdict,
    /// When the measurement ended: RFC 3339, UTC.
    pub at: String,
    /// How long it took, in milliseconds.
    pub duration_ms: f64,
    /// The command that measures it again.
    pub reproduce: String,
    /// SHA-256 of the raw data, in hexadecimal: the canonical form of `measured` where there is no other.
    pub digest: String,
    /// Its share within its gate; what counts is its quotient by the sum.
    pub weight: f64,
    /// Why it failed, was exempted or was not measured; empty if proven.
    #[serde(default)]
    pub reason: String,
}

impl Evidence {
    /// A measurement that is not made yet: verdict `not_measured`, weight 1, now.
    #[must_use]
    pub fn new(requirement: impl Into<String>, check: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            requirement: requirement.into(),
            check: check.into(),
            what: what.into(),
            measured: Value::Null,
            threshold: String::new(),
            verdict: Verdict::NotMeasured,
            at: hallmark_core::clock::now(),
            duration_ms: 0.0,
            reproduce: String::new(),
            digest: hallmark_core::digest::sha256(b"null"),
            weight: 1.0,
            reason: String::new(),
        }
    }

    /// Sets the threshold phrase.
    #[must_use]
    pub fn threshold(mut self, text: impl Into<String>) -> Self {
        self.threshold = text.into();
        self
    }

    /// Sets the command that measures it again.
    #[must_use]
    pub fn reproduce(mut self, command: impl Into<String>) -> Self {
        self.reproduce = command.into();
        self
    }

    /// Sets the weight; a negative or non-finite one becomes 0.
    #[must_use]
    pub fn weight(mut self, weight: f64) -> Self {
        self.weight = if weight.is_finite() { weight.max(0.0) } else { 0.0 };
        self
    }

    /// Sets how long the measurement took and that it ended now.
    #[must_use]
    pub fn took(mut self, duration: std::time::Duration) -> Self {
        self.duration_ms = round(duration.as_secs_f64() * 1000.0);
        self.at = hallmark_core::clock::now();
        self
    }

    /// Sets the result and its verdict; the digest is that of the canonical result.
    #[must_use]
    pub fn measured(mut self, value: Value, holds: bool) -> Self {
        self.measured = rounded(value);
        self.digest =
            hallmark_core::digest::sha256(hallmark_core::canonical::to_string(&self.measured).as_bytes());
        self.verdict = Verdict::of(holds);
        self
    }

    /// Sets the digest to that of the raw data behind the result.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.digest = hallmark_core::digest::sha256(bytes);
        self
    }

    /// Says why it is not proven.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }

    /// The digest of this evidence as a whole: SHA-256 over its canonical JSON.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let value = serde_json::to_value(self).map_or(Value::Null, rounded);
        hallmark_core::digest::sha256(hallmark_core::canonical::to_string(&value).as_bytes())
    }
}

/// The value with every fractional number rounded to [`DECIMALS`] places, so that any JSON reader gives the same bytes back.
#[must_use]
pub fn rounded(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => number
            .as_f64()
            .map(round)
            .and_then(serde_json::Number::from_f64)
            .map_or(Value::Null, Value::Number),
        Value::Array(items) => Value::Array(items.into_iter().map(rounded).collect()),
        Value::Object(members) => Value::Object(members.into_iter().map(|(k, v)| (k, rounded(v))).collect()),
        other => other,
    }
}

fn round(number: f64) -> f64 {
    let scale = 10_f64.powi(DECIMALS);
    let scaled = number * scale;
    // Beyond 2^53 a double has no such decimals to begin with.
    if scaled.abs() < 9.0e15 { scaled.round() / scale } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_proven_is_green() {
        let green: Vec<_> = Verdict::ALL.into_iter().filter(|v| v.is_green()).collect();
        assert_eq!(green, [Verdict::Proven]);
        assert_eq!(json!(Verdict::NotMeasured), json!("not_measured"));
    }

    #[test]
    fn what_nobody_measured_is_not_measured() {
        let evidence = Evidence::new("REQ-X-001", "x", "something");
        assert_eq!(evidence.verdict, Verdict::NotMeasured);
        assert!(!evidence.verdict.is_green());
    }

    #[test]
    fn rounded_numbers_survive_any_reader() {
        let value = rounded(json!({"p95": 0.1 + 0.2, "many": [1.0 / 3.0, 1e300, -0.000_000_4], "count": 3}));
        let text = hallmark_core::canonical::to_string(&value);
        let again: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(hallmark_core::canonical::to_string(&again), text);
        assert_eq!(value["p95"], json!(0.3));
    }

    #[test]
    fn the_fingerprint_moves_with_every_field() {
        let evidence = Evidence::new("R", "c", "w").measured(json!({"n": 1}), true);
        let print = evidence.fingerprint();
        for changed in [
            Evidence { verdict: Verdict::Failed, ..evidence.clone() },
            Evidence { measured: json!({"n": 2}), ..evidence.clone() },
            Evidence { weight: 2.0, ..evidence.clone() },
            Evidence { threshold: "n < 9".into(), ..evidence.clone() },
        ] {
            assert_ne!(changed.fingerprint(), print);
        }
    }
}
