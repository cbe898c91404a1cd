//! Latencies in fixed buckets, as Prometheus counts them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The upper ends of the buckets, in microseconds: 1, 2.5 and 5 in each decade from 100 µs to 10 s.
pub const BOUNDS_US: [u64; 16] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000,
];

/// How often answers took how long.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    /// Answers of each bucket, not summed up; the last holds what is beyond every bound.
    counts: [u64; BOUNDS_US.len() + 1],
    /// All of them together, in microseconds.
    sum_us: u64,
    /// The longest, in microseconds.
    max_us: u64,
}

impl Histogram {
    /// Counts an answer.
    pub fn add(&mut self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_US.partition_point(|bound| *bound < us);
        self.counts[bucket] += 1;
        self.sum_us = self.sum_us.saturating_add(us);
        self.max_us = self.max_us.max(us);
    }

    /// How many answers were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Their times together, in seconds.
    #[must_use]
    pub fn sum_seconds(&self) -> f64 {
        Duration::from_micros(self.sum_us).as_secs_f64()
    }

    /// The longest.
    #[must_use]
    pub fn max(&self) -> Duration {
        Duration::from_micros(self.max_us)
    }

    /// For each bound in seconds the number of answers that took no longer; infinity is last.
    pub fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        let bounds = BOUNDS_US.iter().map(|us| Duration::from_micros(*us).as_secs_f64());
        bounds.chain([f64::INFINITY]).zip(&self.counts).scan(0, |sum, (bound, count)| {
            *sum += count;
            Some((bound, *sum))
        })
    }

    /// A time that this share of the answers did not exceed, in milliseconds: the end of its bucket, or the longest
    /// time seen where that is less. `None` without answers.
    #[must_use]
    pub fn quantile_ms(&self, share: f64) -> Option<f64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let wanted = share.clamp(0.0, 1.0) * count as f64;
        let bound = self.cumulative().find(|(_, sum)| *sum as f64 >= wanted && *sum > 0);
        bound.map(|(seconds, _)| (seconds * 1e3).min(self.max().as_secs_f64() * 1e3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_fall_into_the_bucket_that_ends_there() {
        let mut histogram = Histogram::default();
        for us in [100, 101, 10_000_000, 10_000_001] {
            histogram.add(Duration::from_micros(us));
        }
        let sums: Vec<u64> = histogram.cumulative().map(|(_, sum)| sum).collect();
        assert_eq!((sums[0], sums[1], sums[15], sums[16]), (1, 2, 3, 4));
        assert_eq!(histogram.count(), 4);
        assert!((histogram.sum_seconds() - 20.000_202).abs() < 1e-9);
        assert!(histogram.cumulative().last().is_some_and(|(bound, _)| bound.is_infinite()));
    }

    #[test]
    fn quantiles_are_never_below_the_truth_and_never_beyond_the_longest() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile_ms(0.5), None);
        for ms in 1..=100 {
            histogram.add(Duration::from_millis(ms));
        }
        assert_eq!(histogram.quantile_ms(0.5), Some(50.0));
        assert_eq!(histogram.quantile_ms(0.99), Some(100.0));
        assert_eq!(histogram.quantile_ms(0.0), Some(1.0));
        histogram.add(Duration::from_secs(60));
        assert_eq!(histogram.quantile_ms(1.0), Some(60_000.0));
    }
}
