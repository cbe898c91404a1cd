//! Which changes are told: not every flutter, and never nothing. Pure: time is what the caller says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::config::MinState;
use crate::ServiceKind;
use crate::monitor::Health;
use crate::monitor::bulletin::Turn;
use crate::monitor::machine::RECOVERING;

/// Alerts of one service that may follow each other without a pause.
pub(crate) const BURST: f64 = 4.0;

/// A change that is to be told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Due {
    pub(crate) turn: Arc<Turn>,
    /// Whether it ends a trouble that was told.
    pub(crate) recovery: bool,
    /// Changes before it that were not told, to spare the reader.
    pub(crate) suppressed: u32,
}

/// What was told of one service.
#[derive(Debug)]
struct Row {
    /// How bad the last alert was.
    told: u8,
    tokens: f64,
    counted_at: Duration,
    suppressed: u32,
    /// The last change that was kept back.
    kept: Option<Arc<Turn>>,
}

/// Limits the alerts of each service to a burst and a rate.
#[derive(Debug)]
pub(crate) struct Limiter {
    min: MinState,
    pause: Duration,
    rows: BTreeMap<ServiceKind, Row>,
}

impl Limiter {
    pub(crate) fn new(min: MinState, pause: Duration) -> Self {
        Self { min, pause: pause.max(Duration::from_secs(1)), rows: BTreeMap::new() }
    }

    /// Takes note of a change; the alert if it is to be told now.
    pub(crate) fn offer(&mut self, at: Duration, turn: &Arc<Turn>) -> Option<Due> {
        // The way back from down leads through degraded, which is no news of its own.
        if turn.to == Health::Degraded && turn.reason == RECOVERING {
            return None;
        }
        let (level, pause) = (self.min.level(turn.to), self.pause);
        let row = self.rows.entry(turn.service).or_insert_with(|| Row {
            told: 0,
            tokens: BURST,
            counted_at: at,
            suppressed: 0,
            kept: None,
        });
        if row.kept.take().is_some() {
            row.suppressed += 1;
        }
        if level == row.told {
            return None;
        }
        row.refill(at, pause);
        row.kept = Some(Arc::clone(turn));
        row.tell(level)
    }

    /// What was kept back and may be told now, because it still is so.
    pub(crate) fn due(&mut self, at: Duration) -> Vec<Due> {
        let (min, pause) = (self.min, self.pause);
        let due = self.rows.values_mut().filter_map(|row| {
            let level = min.level(row.kept.as_ref()?.to);
            row.refill(at, pause);
            row.tell(level)
        });
        due.collect()
    }

    /// Whether something is kept back.
    pub(crate) fn keeps(&self) -> bool {
        self.rows.values().any(|row| row.kept.is_some())
    }
}

impl Row {
    fn refill(&mut self, at: Duration, pause: Duration) {
        let since = at.saturating_sub(self.counted_at);
        self.tokens = (self.tokens + since.as_secs_f64() / pause.as_secs_f64()).min(BURST);
        self.counted_at = at;
    }

    /// Tells what is kept, if a token is left.
    fn tell(&mut self, level: u8) -> Option<Due> {
        if self.tokens < 1.0 {
            return None;
        }
        let turn = self.kept.take()?;
        self.tokens -= 1.0;
        self.told = level;
        let recovery = level == 0 && turn.to != Health::NotMeasured;
        Some(Due { turn, recovery, suppressed: std::mem::take(&mut self.suppressed) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(to: Health) -> Arc<Turn> {
        Arc::new(Turn {
            service: ServiceKind::Redis,
            at: "2026-11-29T00:00:00Z".to_owned(),
            from: Health::Healthy,
            to,
            lasted_ms: 0,
            reason: "seen".to_owned(),
            fault: None,
            cause: None,
        })
    }

    fn limiter(min: MinState) -> Limiter {
        Limiter::new(min, Duration::from_secs(60))
    }

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_outage_is_told_from_its_beginning_to_its_end() {
        let mut limiter = limiter(MinState::Degraded);
        let told: Vec<_> = [Health::Degraded, Health::Down, Health::Healthy]
            .into_iter()
            .filter_map(|to| limiter.offer(s(1), &turn(to)))
            .map(|due| (due.turn.to, due.recovery))
            .collect();
        assert_eq!(told, [(Health::Degraded, false), (Health::Down, false), (Health::Healthy, true)]);
    }

    #[test]
    fn the_first_good_news_is_none_and_the_least_state_counts() {
        let mut limiter = limiter(MinState::Down);
        assert_eq!(limiter.offer(s(1), &turn(Health::Healthy)), None);
        assert_eq!(limiter.offer(s(2), &turn(Health::Degraded)), None);
        assert!(limiter.offer(s(3), &turn(Health::Down)).is_some());
        let recovering =
            Arc::new(Turn { reason: RECOVERING.to_owned(), ..(*turn(Health::Degraded)).clone() });
        assert_eq!(limiter.offer(s(4), &recovering), None);
        assert!(limiter.offer(s(5), &turn(Health::Healthy)).unwrap().recovery);
    }

    #[test]
    fn a_flutter_is_counted_and_the_last_word_is_always_told() {
        let mut limiter = limiter(MinState::Degraded);
        let mut told = 0;
        for second in 0..40 {
            let to = if second % 2 == 0 { Health::Down } else { Health::Healthy };
            told += u32::from(limiter.offer(s(second), &turn(to)).is_some());
        }
        assert!((4..=5).contains(&told), "{told}");
        limiter.offer(s(41), &turn(Health::Down));
        let told_down = limiter.rows[&ServiceKind::Redis].told == 2;
        let later = limiter.due(s(200));
        assert_eq!(later.len(), usize::from(!told_down));
        if let Some(due) = later.first() {
            assert!(due.turn.to == Health::Down && due.suppressed > 10, "{due:?}");
        }
        assert!(limiter.due(s(1_000)).is_empty() && !limiter.keeps());
    }

    #[test]
    fn what_is_over_before_it_could_be_told_is_not_told_late() {
        let mut limiter = limiter(MinState::Degraded);
        for to in [Health::Down, Health::Healthy, Health::Down, Health::Healthy] {
            assert!(limiter.offer(s(1), &turn(to)).is_some());
        }
        assert_eq!(limiter.offer(s(2), &turn(Health::Down)), None);
        assert!(limiter.keeps());
        assert_eq!(limiter.offer(s(3), &turn(Health::Healthy)), None);
        assert!(limiter.due(s(500)).is_empty());
    }
}
