//! Percentiles with their intervals, and what may be concluded from them.
//!
//! The interval of a percentile is made of two of the sample's own values (order statistics): it rests on no distribution.
//! Neighbouring calls are not independent, so a bound must also hold in each part of the sample's time.

use serde::Serialize;

use super::limits::{CONFIDENCE, ERROR_RATE, PARTS, SAMPLES_MIN, Z};

/// What of a sample is held to a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// The arithmetic mean, in milliseconds.
    Mean,
    /// The 95th percentile, in milliseconds.
    P95,
    /// The 99th percentile, in milliseconds.
    P99,
    /// Calls a second; the limit is the least.
    Rate,
}

impl Statistic {
    /// The name in JSON and in text.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Rate => "rate",
        }
    }
}

/// What a measurement says of a target. Only [`Verdict::Met`] is green.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The whole interval lies within the limit.
    Met,
    /// Nothing was measured.
    NotMeasured,
    /// The limit lies inside the interval, or there are too few samples.
    Undecided,
    /// The whole interval lies beyond the limit.
    Missed,
}

impl Verdict {
    /// The name in JSON and in text.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::NotMeasured => "not measured",
            Self::Undecided => "undecided",
            Self::Missed => "missed",
        }
    }
}

/// A value and the interval that holds the true one with [`CONFIDENCE`] at each side.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Its lower bound; none if the sample is too small for one.
    pub low: Option<f64>,
    /// The value of the sample.
    pub value: f64,
    /// Its upper bound; none if the sample is too small for one.
    pub high: Option<f64>,
}

/// What was measured, in the order of time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples {
    /// How long each call that succeeded took, in milliseconds.
    pub(crate) ms: Vec<f64>,
    /// Calls that failed.
    pub(crate) errors: u64,
    /// The first failure: code and sentence.
    pub(crate) failure: Option<(&'static str, String)>,
}

impl Samples {
    /// The share of calls that failed.
    pub(crate) fn error_rate(&self) -> f64 {
        let all = self.ms.len() as f64 + self.errors as f64;
        if all > 0.0 { self.errors as f64 / all } else { 0.0 }
    }

    /// Whether more calls failed than may.
    pub(crate) fn fails(&self) -> bool {
        self.error_rate() > ERROR_RATE
    }

    /// The interval of a statistic.
    pub(crate) fn interval(&self, statistic: Statistic) -> Interval {
        let mut sorted = self.ms.clone();
        sorted.sort_by(f64::total_cmp);
        match statistic {
            Statistic::P95 => quantile(&sorted, 0.95),
            Statistic::P99 => quantile(&sorted, 0.99),
            Statistic::Mean | Statistic::Rate => mean(&sorted),
        }
    }

    /// Whether the statistic stays below the limit: beyond the noise, and in each part of the time.
    pub(crate) fn judge(&self, statistic: Statistic, limit: f64) -> (Interval, Verdict) {
        let whole = self.interval(statistic);
        if self.ms.len() < SAMPLES_MIN {
            return (whole, Verdict::Undecided);
        }
        let parts: Vec<f64> = self
            .ms
            .chunks(self.ms.len().div_ceil(PARTS))
            .map(|part| Self { ms: part.to_vec(), ..Self::default() }.interval(statistic).value)
            .collect();
        let below = whole.high.is_some_and(|high| high < limit) && parts.iter().all(|value| *value < limit);
        let beyond = whole.low.is_some_and(|low| low >= limit) && parts.iter().all(|value| *value >= limit);
        let verdict = match (below, beyond) {
            (true, _) => Verdict::Met,
            (_, true) => Verdict::Missed,
            _ => Verdict::Undecided,
        };
        (whole, verdict)
    }
}

/// Mean and interval of values that need no order.
pub(crate) fn mean(values: &[f64]) -> Interval {
    let count = values.len() as f64;
    if values.len() < 2 {
        return Interval { low: None, value: values.first().copied().unwrap_or_default(), high: None };
    }
    let value = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|v| (v - value).powi(2)).sum::<f64>() / (count - 1.0);
    let reach = Z * (variance / count).sqrt();
    Interval { low: Some(value - reach), value, high: Some(value + reach) }
}

/// The percentile `p` of sorted values and its interval.
pub(crate) fn quantile(sorted: &[f64], p: f64) -> Interval {
    let count = sorted.len();
    if count == 0 {
        return Interval { low: None, value: 0.0, high: None };
    }
    let value = sorted[rank(count, p)];
    let (mut low, mut high) = (None, None);
    // Of `count` values a binomial number lies below the true percentile.
    let (mut logarithm, mut below) = (count as f64 * (1.0 - p).ln(), 0.0);
    for (index, own) in sorted.iter().enumerate() {
        below += logarithm.exp();
        logarithm += ((count - index) as f64 / (index + 1) as f64).ln() + (p / (1.0 - p)).ln();
        // The value at `index` is at or below the percentile unless at most `index` values are.
        if below <= 1.0 - CONFIDENCE {
            low = Some(sorted.get(index + 1).copied().unwrap_or(*own));
        }
        if below >= CONFIDENCE {
            high = Some(*own);
            break;
        }
    }
    Interval { low, value, high }
}

/// The index of the percentile `p` of `count` sorted values (nearest rank).
fn rank(count: usize, p: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
    let place = (p * count as f64).ceil() as usize;
    place.clamp(1, count) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::Fresh;

    /// Times between 0 and 20 ms, evenly spread: the 95th percentile is 19.
    fn even(count: usize, seed: u64) -> Samples {
        let mut fresh = Fresh::seeded(seed);
        let ms = (0..count).map(|_| f64::from(fresh.unit() + 1.0) * 10.0).collect();
        Samples { ms, ..Samples::default() }
    }

    #[test]
    fn the_interval_holds_the_true_percentile_as_often_as_it_says() {
        let mut held = [0, 0];
        for seed in 0..1_000 {
            let seen = even(300, seed).interval(Statistic::P95);
            held[0] += i32::from(seen.low.unwrap() <= 19.0);
            held[1] += i32::from(seen.high.unwrap() >= 19.0);
        }
        // 990 of 1000 are promised; a binomial number of that many is above 978 but once in ten thousand.
        assert!(held.iter().all(|count| *count > 978), "{held:?}");
        // An interval that is always right may be a useless one.
        let narrow = even(20_000, 7).interval(Statistic::P95);
        assert!(narrow.high.unwrap() - narrow.low.unwrap() < 0.3, "{narrow:?}");
    }

    #[test]
    fn a_target_is_met_or_missed_only_outside_the_noise() {
        let sample = even(2_000, 1);
        assert_eq!(sample.judge(Statistic::P95, 20.0).1, Verdict::Met);
        assert_eq!(sample.judge(Statistic::P95, 19.0).1, Verdict::Undecided);
        assert_eq!(sample.judge(Statistic::P95, 18.0).1, Verdict::Missed);
        assert_eq!(sample.judge(Statistic::Mean, 11.0).1, Verdict::Met);
        assert_eq!(even(SAMPLES_MIN - 1, 1).judge(Statistic::P95, 100.0).1, Verdict::Undecided);
    }

    #[test]
    fn a_part_that_is_slow_decides_against_a_whole_that_is_fast() {
        let mut ms = vec![1.0; 10_000];
        ms[..150].fill(50.0);
        let whole = Samples { ms: ms.clone(), ..Samples::default() };
        assert_eq!(whole.judge(Statistic::P95, 10.0).1, Verdict::Met, "4.5 in a hundred of one part");
        ms[..300].fill(50.0);
        let whole = Samples { ms, ..Samples::default() };
        assert!(whole.interval(Statistic::P95).high.unwrap() < 10.0);
        assert_eq!(whole.judge(Statistic::P95, 10.0).1, Verdict::Undecided, "one part is beyond the limit");
    }

    #[test]
    fn a_small_sample_has_no_upper_bound() {
        let few = even(50, 3).interval(Statistic::P95);
        assert_eq!(few.high, None);
        assert!(few.low.is_some());
        assert_eq!(quantile(&[], 0.95).high, None);
    }
}
