//! How far behind its primary a replica is. Pure: it is told positions and times.
//!
//! The clocks of two servers are not compared. A position of the primary's log is noted together with the time, on one clock, before
//! it was asked for; once a replica has replayed up to it, the replica holds all that was committed by that time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A position in the write-ahead log, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lsn(u64);

impl Lsn {
    /// Reads `16/B374D848`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (high, low) = text.split_once('/')?;
        let (high, low) = (u32::from_str_radix(high, 16).ok()?, u32::from_str_radix(low, 16).ok()?);
        Some(Self(u64::from(high) << 32 | u64::from(low)))
    }
}

/// Positions that are remembered; older ones tell of an age that no bound allows anyhow.
const SAMPLES: usize = 512;

/// Positions of the primary and when each was reached.
#[derive(Debug, Default)]
pub struct LagMeter {
    samples: VecDeque<(Instant, Lsn)>,
}

impl LagMeter {
    /// The primary was at this position at that time, or later.
    pub fn primary(&mut self, asked: Instant, at: Lsn) {
        // A smaller position than before is another cluster's: nothing that was known holds.
        if self.samples.back().is_some_and(|(_, known)| at < *known) {
            self.samples.clear();
        }
        if self.samples.len() == SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back((asked, at));
    }

    /// The latest time of which a replica that has replayed this far holds everything; `None` if that is not known.
    #[must_use]
    pub fn holds(&self, replayed: Lsn) -> Option<Instant> {
        let upto = self.samples.partition_point(|(_, at)| *at <= replayed);
        upto.checked_sub(1).and_then(|last| self.samples.get(last)).map(|(asked, _)| *asked)
    }
}

/// Whether a replica may answer a read: all that it holds is recent enough, and what this process wrote is in it.
#[must_use]
pub fn serves(
    holds: Option<Instant>,
    wrote: Option<Instant>,
    bound: Duration,
    now: Instant,
) -> Option<Duration> {
    let holds = holds?;
    let lag = now.saturating_duration_since(holds);
    (lag <= bound && wrote.is_none_or(|wrote| holds > wrote)).then_some(lag)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn positions_are_read_and_ordered() {
        assert_eq!(Lsn::parse("16/B374D848"), Some(Lsn(0x16_B374_D848)));
        assert!(Lsn::parse("0/FFFFFFFF") < Lsn::parse("1/0"));
        assert_eq!((Lsn::parse(""), Lsn::parse("1/x")), (None, None));
    }

    #[test]
    fn a_replica_holds_all_up_to_the_last_position_that_it_passed() {
        let (mut meter, t) = (LagMeter::default(), Instant::now());
        assert_eq!(meter.holds(Lsn(9)), None, "nothing was measured");
        for n in 0..5 {
            meter.primary(t + MS * n, Lsn(u64::from(n) * 10));
        }
        assert_eq!(meter.holds(Lsn(25)), Some(t + MS * 2));
        assert_eq!(meter.holds(Lsn(40)), Some(t + MS * 4), "it has caught up");
        assert_eq!(meter.holds(Lsn(400)), Some(t + MS * 4), "ahead of what was asked: not younger than that");
    }

    #[test]
    fn an_idle_primary_makes_no_lag_and_another_cluster_forgets_all() {
        let (mut meter, t) = (LagMeter::default(), Instant::now());
        meter.primary(t, Lsn(10));
        meter.primary(t + MS * 500, Lsn(10));
        assert_eq!(meter.holds(Lsn(10)), Some(t + MS * 500));
        meter.primary(t + MS * 600, Lsn(3));
        assert_eq!(meter.holds(Lsn(2)), None);
        for n in 0..2_000 {
            meter.primary(t + MS * (700 + n), Lsn(100 + u64::from(n)));
        }
        assert_eq!(meter.samples.len(), SAMPLES);
    }

    #[test]
    fn what_this_process_wrote_must_be_there() {
        let t = Instant::now();
        let (holds, now, bound) = (Some(t + MS * 10), t + MS * 30, MS * 50);
        assert_eq!(serves(holds, None, bound, now), Some(MS * 20));
        assert_eq!(serves(holds, Some(t + MS * 9), bound, now), Some(MS * 20));
        assert_eq!(serves(holds, Some(t + MS * 10), bound, now), None, "at the same time is not before");
        assert_eq!(serves(holds, Some(t + MS * 20), bound, now), None);
        assert_eq!(serves(holds, None, MS * 19, now), None, "too far behind");
        assert_eq!(serves(None, None, bound, now), None);
    }
}
