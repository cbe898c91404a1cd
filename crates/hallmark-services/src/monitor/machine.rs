//! From single observations to a state, with hysteresis. Pure: no clock, no I/O; time is what the caller says.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::limits;

/// How a service is. Only [`Health::Healthy`] is green.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It answers, in time, and nothing speaks against it.
    Healthy,
    /// It is slow, or a check failed and it is not confirmed yet that it is down, or that it is back.
    Degraded,
    /// Check after check failed.
    Down,
    /// Nothing was measured: not started, stopped on purpose, starting for the first time.
    NotMeasured,
}

impl Health {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Healthy, Self::Degraded, Self::Down, Self::NotMeasured];

    /// The name that JSON, metrics and people use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Down => "down",
            Self::NotMeasured => "not_measured",
        }
    }
}

impl std::fmt::Display for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What kind of failure was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The process is gone.
    Gone,
    /// The process is there and suspended (SIGSTOP, a debugger, a frozen group).
    Suspended,
    /// Nothing accepts connections.
    Refused,
    /// It takes the request and does not answer.
    Hung,
    /// An open connection was cut; a new one could be made.
    Cut,
    /// It refused the credentials.
    Credentials,
    /// It answers with something else than it should.
    Wrong,
}

impl Fault {
    /// What is certain when it is seen once needs no confirmation.
    const fn weight(self) -> u32 {
        match self {
            Self::Hung | Self::Credentials => limits::FAILURES_TO_DOWN,
            _ => 1,
        }
    }
}

/// Why a service that was down is not healthy yet.
pub(crate) const RECOVERING: &str = "it answers again, and has to go on doing so";

/// How the reason begins if a server's clock is not this machine's.
pub(crate) const CLOCK: &str = "its clock is";

/// One observation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beat {
    /// The request was answered, after this long.
    Answered(Duration),
    /// It is not answered yet, and should be.
    Late,
    /// It failed: how, and what was seen.
    Failed(Fault, String),
    /// An open connection was cut, and the service answered on a new one.
    Cut(String),
}

/// What a closer look found, which light checks cannot see: it stands until the next closer look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is: [`Health::Degraded`] or [`Health::Down`].
    pub health: Health,
    /// What was found.
    pub reason: String,
}

/// Another state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The state before.
    pub from: Health,
    /// The state now.
    pub to: Health,
    /// How long the state before had lasted.
    pub lasted: Duration,
    /// What was seen.
    pub reason: String,
    /// The kind of failure, if one was seen.
    pub fault: Option<Fault>,
}

/// The state of one service.
#[derive(Clone, Debug)]
pub struct Machine {
    slow_over: Duration,
    base: Health,
    shown: Health,
    since: Duration,
    reason: String,
    fault: Option<Fault>,
    failures: u32,
    first_failure: Option<Duration>,
    /// Answers in time since the last trouble.
    calm: u32,
    /// Whether the last answers were slow, the newest last.
    window: VecDeque<bool>,
    slow: bool,
    /// When `healthy` was left lately.
    left: VecDeque<Duration>,
    finding: Option<Finding>,
}

impl Machine {
    /// A service of which nothing is known. Answers that take longer than `slow_over` are slow.
    #[must_use]
    pub fn new(slow_over: Duration) -> Self {
        Self {
            slow_over,
            base: Health::NotMeasured,
            shown: Health::NotMeasured,
            since: Duration::ZERO,
            reason: "not measured yet".to_owned(),
            fault: None,
            failures: 0,
            first_failure: None,
            calm: 0,
            window: VecDeque::with_capacity(limits::SLOW_WINDOW),
            slow: false,
            left: VecDeque::new(),
            finding: None,
        }
    }

    /// The state.
    #[must_use]
    pub fn health(&self) -> Health {
        self.shown
    }

    /// Why it is not healthy.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        let finding = self.finding.as_ref().filter(|finding| finding.health > self.base);
        match finding {
            Some(finding) => Some(&finding.reason),
            None => (self.shown != Health::Healthy).then_some(self.reason.as_str()),
        }
    }

    /// The kind of failure behind the state.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        self.fault.filter(|_| self.shown != Health::Healthy)
    }

    /// Since when it is in this state.
    #[must_use]
    pub fn since(&self) -> Duration {
        self.since
    }

    /// Takes note of an observation. `starting`: a service that never answered may still fail without being called down.
    pub fn observe(&mut self, at: Duration, beat: &Beat, starting: bool) -> Option<Change> {
        if self.base == Health::NotMeasured && starting && !matches!(beat, Beat::Answered(_)) {
            self.calm = 0;
            if let Beat::Failed(fault, reason) = beat {
                (self.reason, self.fault) = (format!("starting: {reason}"), Some(*fault));
            }
            return None;
        }
        match beat {
            Beat::Answered(took) => self.answered(*took),
            Beat::Late => {
                let waited = limits::PATIENCE.as_millis();
                self.troubled(at, format!("no answer within {waited} ms"), Some(Fault::Hung));
            }
            Beat::Cut(reason) => self.troubled(at, reason.clone(), Some(Fault::Cut)),
            Beat::Failed(fault, reason) => self.failed(at, *fault, reason),
        }
        self.settle(at)
    }

    /// Takes note of what a closer look found; `None`: nothing speaks against the service.
    pub fn find(&mut self, at: Duration, finding: Option<Finding>) -> Option<Change> {
        self.finding = finding;
        self.settle(at)
    }

    /// Nothing is measured from here on, until something is observed.
    pub fn rest(&mut self, at: Duration, reason: &str) -> Option<Change> {
        let slow_over = self.slow_over;
        let (shown, since, left) = (self.shown, self.since, std::mem::take(&mut self.left));
        *self = Self { shown, since, left, ..Self::new(slow_over) };
        reason.clone_into(&mut self.reason);
        self.settle(at)
    }

    fn answered(&mut self, took: Duration) {
        (self.failures, self.first_failure) = (0, None);
        let slow = took > self.slow_over;
        if self.window.len() == limits::SLOW_WINDOW {
            self.window.pop_front();
        }
        self.window.push_back(slow);
        let count = self.window.iter().filter(|slow| **slow).count();
        self.slow = count >= if self.slow { limits::SLOW_LEAVE + 1 } else { limits::SLOW_ENTER };
        self.calm = if slow { 0 } else { self.calm + 1 };
        if self.base == Health::Down {
            (self.base, self.calm) = (Health::Degraded, u32::from(!slow));
            RECOVERING.clone_into(&mut self.reason);
            self.fault = None;
        }
        if self.slow {
            self.base = Health::Degraded;
            (self.reason, self.fault) = (self.slowness(took), None);
        } else if !self.slow && self.calm >= self.answers_needed() {
            (self.base, self.fault) = (Health::Healthy, None);
        }
    }

    fn slowness(&self, took: Duration) -> String {
        let (took, over) = (took.as_millis(), self.slow_over.as_millis());
        format!("slow: a trivial request took {took} ms, and most of the last ones more than {over} ms")
    }

    fn failed(&mut self, at: Duration, fault: Fault, reason: &str) {
        self.failures = self.failures.saturating_add(fault.weight());
        let first = *self.first_failure.get_or_insert(at);
        let confirmed = self.failures >= limits::FAILURES_TO_DOWN
            && (at.saturating_sub(first) >= limits::DOWN_AFTER || fault.weight() > 1);
        self.troubled(at, reason.to_owned(), Some(fault));
        if confirmed {
            self.base = Health::Down;
        }
    }

    /// Leaves `healthy` at once; a service that is down stays so.
    fn troubled(&mut self, at: Duration, reason: String, fault: Option<Fault>) {
        self.calm = 0;
        (self.reason, self.fault) = (reason, fault);
        if self.base == Health::Healthy {
            self.left.push_back(at);
        }
        if self.base != Health::Down {
            self.base = Health::Degraded;
        }
        while self.left.front().is_some_and(|left| at.saturating_sub(*left) > limits::FLAP_WINDOW) {
            self.left.pop_front();
        }
    }

    /// A service that keeps coming and going has to answer for longer before it is believed.
    fn answers_needed(&self) -> u32 {
        let relapses = u32::try_from(self.left.len()).unwrap_or(u32::MAX).saturating_sub(1);
        limits::ANSWERS_TO_HEALTHY << relapses.min(limits::FLAP_DOUBLINGS)
    }

    /// The state that is shown: the worse of what the light checks and the closer look say.
    fn settle(&mut self, at: Duration) -> Option<Change> {
        let now = match (&self.finding, self.base) {
            (_, Health::NotMeasured) => Health::NotMeasured,
            (Some(finding), base) => base.max(finding.health),
            (None, base) => base,
        };
        if now == self.shown {
            return None;
        }
        let (from, lasted) = (self.shown, at.saturating_sub(self.since));
        (self.shown, self.since) = (now, at);
        let reason = self.reason().unwrap_or("it answers in time").to_owned();
        Some(Change { from, to: now, lasted, reason, fault: self.fault() })
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
