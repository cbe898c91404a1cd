//! Baseline, part 2: core operations of the five services stay within the requirements' targets.
//!
//! A few timed repetitions, not a load test: the median and the 95th percentile over a named number of samples, on data of our
//! own that is removed again. The requirements' figure bounds the median; the 95th percentile is bounded by the figure of the
//! performance targets where they name one, else by the same.

mod control;
mod data;
mod operation;

use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hallmark_core::{Error, Result};
use hallmark_evidence::Evidence;
use serde_json::json;

use crate::context::{Context, Instrument, Measured};
use crate::limits::OPERATION_TIMEOUT;
use crate::score::{BASELINE_PARTS, BASELINE_WEIGHT};
use crate::section::Kind;
use data::Data;
use operation::{OPERATIONS, Operation};

/// The requirement that this part breaks the baseline down to.
const REQUIREMENT: &str = "REQ-BASE-002";

/// The part.
pub(crate) static PART: Instrument = Instrument {
    id: "operations",
    title: "Core operations within their targets",
    kind: Kind::Baseline,
    weight: BASELINE_WEIGHT / BASELINE_PARTS as f64,
    measure,
    control: control::run,
};

fn measure(context: &Context) -> BoxFuture<'_, Measured> {
    async move {
        let data = Data::prepare(&context.handles).await;
        let mut evidence = Vec::with_capacity(OPERATIONS.len());
        for operation in OPERATIONS {
            evidence.push(time(operation, &data).await);
        }
        data.remove().await;
        Measured::evidence(evidence)
    }
    .boxed()
}

/// One operation as evidence: proven only if it could be repeated and both figures are below their targets.
async fn time(operation: &Operation, data: &Data) -> Evidence {
    let started = Instant::now();
    let evidence = Evidence::new(REQUIREMENT, format!("operations.{}", operation.id), operation.what)
        .threshold(format!("median < {} ms, p95 < {} ms", operation.median_ms, operation.p95_ms))
        .reproduce("hallmark certify");
    if let Some(reason) = data.missing(operation.service) {
        return evidence.because(reason);
    }
    match samples(operation, data).await {
        Ok(samples) => {
            let spread = Spread::of(samples);
            let holds = spread.p50_ms < operation.median_ms && spread.p95_ms < operation.p95_ms;
            let evidence = evidence.took(started.elapsed()).measured(spread.to_json(), holds);
            if holds {
                evidence
            } else {
                evidence.because(format!(
                    "median {:.1} ms, 95th percentile {:.1} ms",
                    spread.p50_ms, spread.p95_ms
                ))
            }
        }
        Err(error) => evidence
            .took(started.elapsed())
            .measured(json!({"error": error.code().id}), false)
            .because(error.to_string()),
    }
}

/// One repetition that warms up, then the timed ones.
async fn samples(operation: &Operation, data: &Data) -> Result<Vec<f64>> {
    let mut samples = Vec::with_capacity(operation.samples);
    for n in 0..=operation.samples {
        let started = Instant::now();
        let once = tokio::time::timeout(OPERATION_TIMEOUT, (operation.run)(data, n));
        once.await.map_err(|_| too_long(operation))??;
        if n > 0 {
            samples.push(milliseconds(started.elapsed()));
        }
    }
    Ok(samples)
}

fn too_long(operation: &Operation) -> Error {
    let what = format!("{} took longer than {} s", operation.what, OPERATION_TIMEOUT.as_secs());
    Error::new(&hallmark_services::codes::TIMED_OUT, what)
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// The spread of timed samples.
struct Spread {
    p50_ms: f64,
    p95_ms: f64,
    slowest_ms: f64,
    samples: usize,
}

impl Spread {
    fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        Self {
            p50_ms: percentile(&samples, 50),
            p95_ms: percentile(&samples, 95),
            slowest_ms: samples.last().copied().unwrap_or(f64::INFINITY),
            samples: samples.len(),
        }
    }

    fn to_json(&self) -> serde_json::Value {
        let round = |ms: f64| (ms * 1000.0).round() / 1000.0;
        json!({"p50_ms": round(self.p50_ms), "p95_ms": round(self.p95_ms), "slowest_ms": round(self.slowest_ms), "samples": self.samples})
    }
}

/// The nearest-rank percentile of sorted samples: a value that was measured, never one between two.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(f64::INFINITY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_measured_values_and_no_sample_is_slowest_of_all() {
        let samples: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!((percentile(&samples, 50), percentile(&samples, 95)), (10.0, 19.0));
        assert_eq!(percentile(&[3.0], 95), 3.0);
        assert_eq!(percentile(&[], 95), f64::INFINITY);
    }
}
