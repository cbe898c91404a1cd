//! Repeats with growing, jittered pauses: only of what may be done twice, and only of failures that came quickly.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use hallmark_core::Error;

use crate::codes;

/// Whether a request may be sent again after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// It changes nothing, or doing it twice is the same as once.
    Idempotent,
    /// Nobody knows what a second time would do.
    Never,
}

/// How often and how late a failure is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Repeats after the first attempt.
    pub retries: usize,
    /// The pause before the first repeat; it doubles with each, and jitter of up to the same length is added.
    pub pause: Duration,
    /// The longest pause before jitter.
    pub pause_max: Duration,
}

impl RetryPolicy {
    /// The pauses, one for each repeat. The same seed gives the same pauses.
    pub fn pauses(&self, repeat: Repeat, seed: Option<u64>) -> impl Iterator<Item = Duration> + Send + use<> {
        let builder = ExponentialBuilder::new()
            .with_min_delay(self.pause)
            .with_max_delay(self.pause_max)
            .with_factor(2.0)
            .with_max_times(self.retries)
            .with_jitter();
        let builder = seed.map_or(builder, |seed| builder.with_jitter_seed(seed));
        builder.build().take(if repeat == Repeat::Idempotent { self.retries } else { 0 })
    }
}

/// Whether an error says that the service cannot be used now: what a breaker counts and a fallback answers. A refusal of what
/// was asked (a broken statement, an unknown collection) is an answer.
#[must_use]
pub fn is_outage(error: &Error) -> bool {
    let outages = [
        &codes::UNREACHABLE,
        &codes::TIMED_OUT,
        &codes::AUTHENTICATION,
        &codes::WRONG_SERVER,
        &codes::POOL_EXHAUSTED,
        &codes::API_RATE_LIMITED,
        &codes::API_FAILED,
        &codes::CONNECTION_LOST,
        &codes::STARTING,
        &codes::TLS_FAILED,
        &codes::BULKHEAD_FULL,
        &codes::CIRCUIT_OPEN,
    ];
    outages.into_iter().any(|code| error.is(code))
}

/// Whether another attempt may help and costs little: a wait that was in vain once is not repeated, and a refused password
/// is not tried again.
#[must_use]
pub fn is_passing(error: &Error) -> bool {
    let passing = [
        &codes::UNREACHABLE,
        &codes::CONNECTION_LOST,
        &codes::STARTING,
        &codes::API_FAILED,
        &codes::API_RATE_LIMITED,
    ];
    passing.into_iter().any(|code| error.is(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy =
        RetryPolicy { retries: 4, pause: Duration::from_millis(20), pause_max: Duration::from_millis(100) };

    #[test]
    fn pauses_grow_are_jittered_and_bounded() {
        let of = |seed| POLICY.pauses(Repeat::Idempotent, Some(seed)).collect::<Vec<_>>();
        let all = of(7);
        assert_eq!(all.len(), 4);
        for (pause, base) in all.iter().zip([20, 40, 80, 100]) {
            let base = Duration::from_millis(base);
            assert!((base..=base * 2 + POLICY.pause).contains(pause), "{pause:?} for {base:?}");
        }
        assert_eq!(all, of(7));
        assert!((0..20).any(|seed| of(seed) != all), "two clients do not come back at the same moment");
    }

    #[test]
    fn only_what_may_be_done_twice_is_repeated() {
        assert_eq!(POLICY.pauses(Repeat::Never, None).count(), 0);
    }

    #[test]
    fn an_answer_is_no_outage() {
        let error = |code| Error::new(code, "x");
        assert!(!is_outage(&error(&codes::STATEMENT)) && !is_outage(&error(&codes::CHROMA_NOT_FOUND)));
        assert!(is_outage(&error(&codes::TIMED_OUT)) && !is_passing(&error(&codes::TIMED_OUT)));
        assert!(is_passing(&error(&codes::UNREACHABLE)) && is_outage(&error(&codes::UNREACHABLE)));
        assert!(!is_passing(&error(&codes::AUTHENTICATION)), "some servers count the wrong passwords");
    }
}
