//! What was measured, for programs and as evidence.

use hallmark_evidence::{Evidence, Verdict as Proof};
use serde::Serialize;
use serde_json::json;

use super::limits::SAMPLES_MIN;
use super::machine::Machine;
use super::measure::Rates;
use super::statistics::{Interval, Samples, Statistic, Verdict, mean};
use super::target::Bound;
use crate::ServiceKind;

/// The schema of the JSON; a field that goes or changes its meaning makes it a new one.
pub const SCHEMA: &str = "hallmark.bench/1";

/// A limit, what was measured of it, and what that says.
#[derive(Clone, Debug, Serialize)]
pub struct Judged {
    /// What was held to the limit.
    pub statistic: Statistic,
    /// Milliseconds at most; for a rate, calls a second at least.
    pub limit: f64,
    /// What was measured, with its interval.
    #[serde(flatten)]
    pub interval: Interval,
    /// What that says.
    pub verdict: Verdict,
}

/// What was measured of one piece of work.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// The target: `postgres.simple`, `load.classify`.
    pub id: String,
    /// The service; none for a request that needs several.
    pub service: Option<ServiceKind>,
    /// What was done.
    pub what: String,
    /// Users, or callers, at a time.
    pub users: usize,
    /// Calls that succeeded.
    pub samples: usize,
    /// Calls that failed.
    pub errors: u64,
    /// Milliseconds on average.
    pub mean_ms: f64,
    /// The median, in milliseconds.
    pub p50_ms: f64,
    /// The 95th percentile, in milliseconds.
    pub p95_ms: f64,
    /// The 99th percentile, in milliseconds.
    pub p99_ms: f64,
    /// The longest, in milliseconds.
    pub max_ms: f64,
    /// The limits; empty where the requirements name none.
    pub bounds: Vec<Judged>,
    /// The worst verdict of the limits.
    pub verdict: Verdict,
    /// Why it is not met.
    pub reason: Option<String>,
    /// The code of the first call that failed.
    pub code: Option<&'static str>,
}

/// What a piece of work is, before it was measured.
pub(super) struct Subtitle<'a> {
    pub(super) id: &'a str,
    pub(super) service: Option<ServiceKind>,
    pub(super) what: &'a str,
    pub(super) users: usize,
}

impl Figure {
    /// Judges a sample by its bounds.
    pub(super) fn of(title: &Subtitle<'_>, samples: &Samples, bounds: &[Bound]) -> Self {
        let judged = bounds
            .iter()
            .map(|bound| {
                let (interval, verdict) = samples.judge(bound.statistic, bound.limit);
                Judged { statistic: bound.statistic, limit: bound.limit, interval, verdict }
            })
            .collect();
        Self::new(title, samples, judged)
    }

    /// Judges a rate by its bound.
    pub(super) fn of_rate(title: &Subtitle<'_>, rates: &Rates, bound: Bound) -> Self {
        let interval = mean(&rates.per_second);
        let verdict = match interval {
            Interval { low: Some(low), .. } if low >= bound.limit => Verdict::Met,
            Interval { high: Some(high), .. } if high < bound.limit => Verdict::Missed,
            _ => Verdict::Undecided,
        };
        let judged = Judged { statistic: bound.statistic, limit: bound.limit, interval, verdict };
        Self::new(title, &rates.samples, vec![judged])
    }

    fn new(title: &Subtitle<'_>, samples: &Samples, bounds: Vec<Judged>) -> Self {
        let mut sorted = samples.ms.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |p| super::statistics::quantile(&sorted, p).value;
        let worst = bounds.iter().map(|judged| judged.verdict).max();
        let verdict = if samples.ms.is_empty() {
            Verdict::NotMeasured
        } else if samples.fails() {
            Verdict::Missed
        } else {
            worst.unwrap_or(Verdict::NotMeasured)
        };
        Self {
            id: title.id.to_owned(),
            service: title.service,
            what: title.what.to_owned(),
            users: title.users,
            samples: sorted.len(),
            errors: samples.errors,
            mean_ms: mean(&samples.ms).value,
            p50_ms: at(0.5),
            p95_ms: at(0.95),
            p99_ms: at(0.99),
            max_ms: sorted.last().copied().unwrap_or_default(),
            reason: reason(samples, &bounds),
            code: samples.failure.as_ref().map(|(code, _)| *code),
            bounds,
            verdict,
        }
    }

    /// Whether the requirements name a limit for it.
    #[must_use]
    pub fn is_held(&self) -> bool {
        !self.bounds.is_empty()
    }

    /// The limits as one reads them: `mean < 5 ms, p95 < 15 ms`.
    #[must_use]
    pub fn threshold(&self) -> String {
        let phrase = |judged: &Judged| match judged.statistic {
            Statistic::Rate => format!("{} or more a second", judged.limit),
            other => format!("{} < {} ms", other.name(), judged.limit),
        };
        self.bounds.iter().map(phrase).collect::<Vec<_>>().join(", ")
    }

    fn evidence(&self) -> Evidence {
        let requirement = self.service.map_or("REQ-INF", ServiceKind::requirement);
        let check = format!("bench.{}.{}_users", self.id, self.users);
        let evidence = Evidence::new(requirement, check, self.what.clone())
            .threshold(self.threshold())
            .reproduce("hallmark bench");
        if self.verdict == Verdict::NotMeasured {
            return evidence.because(self.reason.clone().unwrap_or_default());
        }
        let evidence = evidence.measured(json!(self), self.verdict == Verdict::Met);
        let reason = self.reason.clone().unwrap_or_default();
        match self.verdict {
            Verdict::Met => evidence,
            // Inside the noise nobody knows.
            Verdict::Undecided => Evidence { verdict: Proof::NotMeasured, ..evidence.because(reason) },
            _ => evidence.because(reason),
        }
    }
}

/// Why it is not met, if it is not.
fn reason(samples: &Samples, bounds: &[Judged]) -> Option<String> {
    if samples.fails() || samples.ms.is_empty() {
        let (_, said) = samples.failure.clone().unwrap_or(("", "no call was made".to_owned()));
        let all = samples.errors + samples.ms.len() as u64;
        return Some(format!("{} of {all} calls failed, the first: {said}", samples.errors));
    }
    let worst = bounds.iter().max_by_key(|judged| judged.verdict)?;
    let (name, limit) = (worst.statistic.name(), worst.limit);
    let value = worst.interval.value;
    let (Some(low), Some(high)) = (worst.interval.low, worst.interval.high) else {
        return Some(format!("{name} is about {value:.2}, and the sample too small to tell"));
    };
    match worst.verdict {
        Verdict::Met => None,
        Verdict::Missed => Some(format!("{name} is {low:.2} to {high:.2}, and the limit {limit}")),
        _ if samples.ms.len() < SAMPLES_MIN => {
            Some(format!("{name} is about {value:.2}, and the sample too small to tell"))
        }
        _ if low < limit && high < limit => Some(format!(
            "{name} is {low:.2} to {high:.2} as a whole, and beyond {limit} in a part of the time"
        )),
        _ => Some(format!("{name} is {low:.2} to {high:.2}: the limit {limit} is within the noise")),
    }
}

/// The data of one service.
#[derive(Clone, Debug, Serialize)]
pub struct Data {
    /// The service.
    pub service: ServiceKind,
    /// Rows, nodes, vectors or keys.
    pub items: u64,
    /// Whether they were loaded in this run.
    pub loaded: bool,
    /// How long that took.
    pub seconds: f64,
}

/// A service of which nothing was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Absent {
    /// The service.
    pub service: ServiceKind,
    /// Why.
    pub reason: String,
    /// The code, if an attempt failed.
    pub code: Option<&'static str>,
}

/// One user count of the load.
#[derive(Clone, Debug, Serialize)]
pub struct Load {
    /// Users at a time.
    pub users: usize,
    /// Requests a second that they would send if every answer came at once.
    pub offered_per_second: f64,
    /// Requests a second that were answered.
    pub answered_per_second: f64,
}

/// Everything that was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// When it ended.
    pub measured_at: String,
    /// How long it took.
    pub seconds: f64,
    /// How sure each bound of an interval is.
    pub confidence: f64,
    /// Seconds of each measurement, as they were asked for.
    pub duration_s: f64,
    /// The machine, as it was before.
    pub machine: Machine,
    /// What the data are made from.
    pub fingerprint: String,
    /// The data.
    pub data: Vec<Data>,
    /// What was measured.
    pub figures: Vec<Figure>,
    /// How many requests the users of the load got answered.
    pub load: Vec<Load>,
    /// What was not.
    pub not_measured: Vec<Absent>,
}

impl Report {
    /// How many figures with a limit have this verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.figures.iter().filter(|figure| figure.is_held() && figure.verdict == verdict).count()
    }

    /// One piece of evidence for each figure that is held to a limit.
    #[must_use]
    pub fn evidence(&self) -> Vec<Evidence> {
        self.figures.iter().filter(|figure| figure.is_held()).map(Figure::evidence).collect()
    }
}
