//! The circuit breaker: closed, open, half-open. Pure: it is told the time.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// When a breaker opens, and how long it stays open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Failures in a row that open it.
    pub failures: u32,
    /// How long it stays open at first; it doubles with each trial that fails.
    pub cool_down: Duration,
    /// The longest that it stays open.
    pub cool_down_max: Duration,
}

/// The state as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Requests pass.
    Closed,
    /// One request is on trial, or the next one will be; the others are refused.
    HalfOpen,
    /// Requests are refused.
    Open,
}

impl BreakerState {
    /// The three, from good to bad.
    pub const ALL: [Self; 3] = [Self::Closed, Self::HalfOpen, Self::Open];

    /// The name in JSON and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may pass; its end must be reported with this ticket.
    Pass(Ticket),
    /// It is refused; after this long one will be let through on trial.
    Refused(Duration),
}

/// Names the time in the breaker's life in which a request was let through, so that a late end says nothing about another time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    era: u64,
    trial: bool,
}

impl Ticket {
    /// Whether the request is on trial.
    #[must_use]
    pub const fn is_trial(self) -> bool {
        self.trial
    }
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant },
    Trial,
}

/// One breaker.
#[derive(Debug)]
pub struct Breaker {
    policy: BreakerPolicy,
    state: State,
    /// Counts the changes of state.
    era: u64,
    /// Trials that failed since it was last closed.
    failed_trials: u32,
    opened: u64,
}

impl Breaker {
    /// A closed one.
    #[must_use]
    pub const fn new(policy: BreakerPolicy) -> Self {
        Self { policy, state: State::Closed { failures: 0 }, era: 0, failed_trials: 0, opened: 0 }
    }

    /// Whether a request may pass now. While it is half-open, exactly one may.
    pub fn admit(&mut self, now: Instant) -> Admission {
        match self.state {
            State::Closed { .. } => Admission::Pass(Ticket { era: self.era, trial: false }),
            State::Open { until } if now < until => Admission::Refused(until - now),
            State::Open { .. } => {
                self.enter(State::Trial);
                Admission::Pass(Ticket { era: self.era, trial: true })
            }
            State::Trial => Admission::Refused(Duration::ZERO),
        }
    }

    /// The service answered.
    pub fn succeeded(&mut self, ticket: Ticket) {
        if ticket.era != self.era {
            return;
        }
        match &mut self.state {
            State::Closed { failures } => *failures = 0,
            _ => {
                self.failed_trials = 0;
                self.enter(State::Closed { failures: 0 });
            }
        }
    }

    /// The service did not answer.
    pub fn failed(&mut self, ticket: Ticket, now: Instant) {
        if ticket.era != self.era {
            return;
        }
        match &mut self.state {
            State::Closed { failures } => {
                *failures += 1;
                if *failures >= self.policy.failures {
                    self.open(now);
                }
            }
            State::Trial => {
                self.failed_trials = self.failed_trials.saturating_add(1);
                self.open(now);
            }
            State::Open { .. } => {}
        }
    }

    /// The service was seen to be dead, not merely late: one such failure opens.
    pub fn died(&mut self, ticket: Ticket, now: Instant) {
        if let State::Closed { failures } = &mut self.state
            && ticket.era == self.era
        {
            *failures = self.policy.failures;
        }
        self.failed(ticket, now);
    }

    /// Nobody waited for the end: a trial that was given up is no verdict, and the next request is on trial.
    pub fn abandoned(&mut self, ticket: Ticket, now: Instant) {
        if ticket.trial && ticket.era == self.era {
            self.enter(State::Open { until: now });
        }
    }

    /// The state at this time.
    #[must_use]
    pub fn state(&self, now: Instant) -> BreakerState {
        match self.state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { until } if now < until => BreakerState::Open,
            State::Open { .. } | State::Trial => BreakerState::HalfOpen,
        }
    }

    /// How often it opened.
    #[must_use]
    pub const fn opened(&self) -> u64 {
        self.opened
    }

    fn open(&mut self, now: Instant) {
        let doubled = self.policy.cool_down.saturating_mul(2_u32.saturating_pow(self.failed_trials));
        self.opened += 1;
        self.enter(State::Open { until: now + doubled.min(self.policy.cool_down_max) });
    }

    fn enter(&mut self, state: State) {
        self.era += 1;
        self.state = state;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOL: Duration = Duration::from_secs(1);

    fn breaker() -> Breaker {
        Breaker::new(BreakerPolicy { failures: 3, cool_down: COOL, cool_down_max: COOL * 5 })
    }

    fn pass(breaker: &mut Breaker, now: Instant) -> Ticket {
        match breaker.admit(now) {
            Admission::Pass(ticket) => ticket,
            Admission::Refused(wait) => panic!("refused for {wait:?}"),
        }
    }

    fn fail(breaker: &mut Breaker, now: Instant, times: u32) {
        for _ in 0..times {
            let ticket = pass(breaker, now);
            breaker.failed(ticket, now);
        }
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_between_them_does_not() {
        let (mut b, t) = (breaker(), Instant::now());
        fail(&mut b, t, 2);
        let ticket = pass(&mut b, t);
        b.succeeded(ticket);
        fail(&mut b, t, 2);
        assert_eq!(b.state(t), BreakerState::Closed);
        fail(&mut b, t, 1);
        assert_eq!((b.state(t), b.opened()), (BreakerState::Open, 1));
        assert_eq!(b.admit(t + COOL / 4), Admission::Refused(COOL * 3 / 4));
    }

    #[test]
    fn a_death_that_was_seen_opens_at_once() {
        let (mut b, t) = (breaker(), Instant::now());
        let (first, second) = (pass(&mut b, t), pass(&mut b, t));
        b.died(first, t);
        assert_eq!((b.state(t), b.opened()), (BreakerState::Open, 1));
        b.died(second, t);
        assert_eq!(b.admit(t), Admission::Refused(COOL), "told twice of the same");
        let trial = pass(&mut b, t + COOL);
        b.died(trial, t + COOL);
        assert_eq!(b.admit(t + COOL), Admission::Refused(COOL * 2));
    }

    #[test]
    fn one_request_is_on_trial_and_its_success_closes() {
        let (mut b, t) = (breaker(), Instant::now());
        fail(&mut b, t, 3);
        let later = t + COOL;
        assert_eq!(b.state(later), BreakerState::HalfOpen);
        let trial = pass(&mut b, later);
        assert_eq!(b.admit(later), Admission::Refused(Duration::ZERO), "only one");
        b.succeeded(trial);
        assert_eq!(b.state(later), BreakerState::Closed);
        fail(&mut b, later, 2);
        assert_eq!(b.state(later), BreakerState::Closed, "it counts from the beginning");
    }

    #[test]
    fn a_trial_that_fails_doubles_the_pause_up_to_its_bound() {
        let (mut b, mut t) = (breaker(), Instant::now());
        fail(&mut b, t, 3);
        for pause in [1, 2, 4, 5, 5] {
            assert_eq!(b.admit(t), Admission::Refused(COOL * pause));
            t += COOL * pause;
            fail(&mut b, t, 1);
        }
        t += COOL * 5;
        let trial = pass(&mut b, t);
        b.succeeded(trial);
        fail(&mut b, t, 3);
        assert_eq!(b.admit(t), Admission::Refused(COOL), "a success forgets the failed trials");
    }

    #[test]
    fn a_late_end_of_an_earlier_time_says_nothing() {
        let (mut b, t) = (breaker(), Instant::now());
        let slow = pass(&mut b, t);
        let slower = pass(&mut b, t);
        fail(&mut b, t, 3);
        b.succeeded(slow);
        assert_eq!(b.state(t), BreakerState::Open, "an answer to a question asked before");
        let trial = pass(&mut b, t + COOL);
        b.failed(slower, t + COOL);
        b.succeeded(trial);
        assert_eq!(b.state(t + COOL), BreakerState::Closed);
    }

    #[test]
    fn a_trial_that_was_given_up_makes_room_for_the_next() {
        let (mut b, t) = (breaker(), Instant::now());
        fail(&mut b, t, 3);
        let trial = pass(&mut b, t + COOL);
        b.abandoned(trial, t + COOL);
        let next = pass(&mut b, t + COOL);
        b.succeeded(next);
        assert_eq!(b.state(t + COOL), BreakerState::Closed);
    }
}
