//! The way to one service: a place in its bulkhead, its breaker, a time limit, repeats of what may be repeated.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hallmark_core::{Error, Result};

use super::breaker::Ticket;
use super::ticker::Ticker;
use super::{
    Admission, Breaker, BreakerState, Bulkhead, Policy, Repeat, Source, Tally, is_outage, is_passing, ledger,
};
use crate::{ServiceKind, codes, limits};

/// The guarded way to one service. Clones share it.
#[derive(Clone, Debug)]
pub struct Line {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    service: ServiceKind,
    policy: Policy,
    breaker: Mutex<Breaker>,
    bulkhead: Bulkhead,
    ticker: Ticker,
    tally: Tally,
    /// Whether nothing is guarded.
    bare: bool,
}

impl Line {
    /// A way that nothing has gone yet.
    #[must_use]
    pub fn new(service: ServiceKind, policy: Policy, tally: Tally) -> Self {
        let wait = limits::BULKHEAD_WAIT.min(policy.timeout);
        Self::made(service, policy, tally, wait, false)
    }

    /// A way without any guard: the work is done, once, and its end is its own.
    #[must_use]
    pub fn bare(service: ServiceKind, policy: Policy, tally: Tally) -> Self {
        let policy = Policy { fallback: false, ..policy };
        Self::made(service, policy, tally, limits::BULKHEAD_WAIT, true)
    }

    fn made(service: ServiceKind, policy: Policy, tally: Tally, wait: Duration, bare: bool) -> Self {
        let bulkhead = Bulkhead::new(service, policy.concurrency, wait);
        let breaker = Mutex::new(Breaker::new(policy.breaker));
        let ticker = Ticker::default();
        Self { inner: Arc::new(Inner { service, policy, breaker, bulkhead, ticker, tally, bare }) }
    }

    /// How the way is guarded.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.inner.policy
    }

    /// The breaker's state now.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        self.breaker().state(Instant::now())
    }

    /// Requests that are under way.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.inner.bulkhead.taken()
    }

    /// Whether a request would be let through now.
    ///
    /// # Errors
    /// `HM-S034` while the circuit is open.
    pub fn check(&self) -> Result<()> {
        if !self.inner.bare && self.state() == BreakerState::Open { Err(self.refused()) } else { Ok(()) }
    }

    /// Does the work on the service, under the time limit.
    ///
    /// # Errors
    /// The work's own; `HM-S004` if it took too long, `HM-S033` if too much is under way, `HM-S034` while the circuit is open.
    pub async fn call<T, F>(&self, repeat: Repeat, work: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        self.repeated(repeat, work, || std::future::ready(false), false).await
    }

    /// As [`Line::call`], but work that takes longer than the limit goes on as long as the service shows a pulse: a large
    /// question to a server that lives is no outage. Without a pulse the circuit opens at once: nobody else waits as long.
    ///
    /// # Errors
    /// As [`Line::call`].
    pub async fn call_watched<T, F, P>(
        &self,
        repeat: Repeat,
        work: impl Fn() -> F,
        pulse: impl Fn() -> P,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>>,
        P: Future<Output = bool>,
    {
        self.repeated(repeat, work, pulse, true).await
    }

    async fn repeated<T, F, P>(
        &self,
        repeat: Repeat,
        work: impl Fn() -> F,
        pulse: impl Fn() -> P,
        watched: bool,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>>,
        P: Future<Output = bool>,
    {
        // Boxed: the futures of drivers are large, and each layer that holds one holds all of it.
        if self.inner.bare {
            return Box::pin(work()).await;
        }
        let mut pauses = self.inner.policy.retry.pauses(repeat, None);
        loop {
            let error = match self.attempt(Box::pin(work()), &pulse, watched).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            match pauses.next() {
                Some(pause) if is_passing(&error) => tokio::time::sleep(pause).await,
                _ => return Err(error),
            }
        }
    }

    /// Counts an answer, and notes it in the ledger of the call.
    pub fn note(&self, source: &Source) {
        self.inner.tally.answered(self.inner.service, source);
        ledger::note(self.inner.service, source);
    }

    async fn attempt<T, P>(
        &self,
        work: impl Future<Output = Result<T>>,
        pulse: &impl Fn() -> P,
        watched: bool,
    ) -> Result<T>
    where
        P: Future<Output = bool>,
    {
        // Looked at first: who is refused anyway does not wait for a place.
        self.check()?;
        let place =
            self.inner.bulkhead.enter().await.inspect_err(|_| self.inner.tally.full(self.inner.service))?;
        let ticket = match self.breaker().admit(Instant::now()) {
            Admission::Pass(ticket) => ticket,
            Admission::Refused(_) => return Err(self.refused()),
        };
        let mut trip = Trip { line: self, ticket: Some(ticket) };
        // A trial is somebody's request: a server without a pulse must not cost it the whole time limit.
        let End { result, dead } = if watched && ticket.is_trial() && !self.beats(pulse).await {
            End { result: Err(self.late()), dead: true }
        } else {
            self.watched(work, pulse).await
        };
        drop(place);
        trip.end(result.as_ref().err(), dead && watched);
        result
    }

    async fn watched<T, P>(&self, work: impl Future<Output = Result<T>>, pulse: &impl Fn() -> P) -> End<T>
    where
        P: Future<Output = bool>,
    {
        let limit = self.inner.policy.timeout;
        self.inner.ticker.touch();
        let mut work = std::pin::pin!(work);
        loop {
            // The answer is looked at first: one that is there must not set a timer.
            tokio::select! {
                biased;
                result = work.as_mut() => return End { result, dead: false },
                () = tokio::time::sleep(limit) => {}
            }
            // The work goes on meanwhile: an answer that comes now still counts.
            tokio::select! {
                biased;
                result = work.as_mut() => return End { result, dead: false },
                alive = self.beats(pulse) => {
                    if !alive {
                        return End { result: Err(self.late()), dead: true };
                    }
                }
            }
        }
    }

    async fn beats<P: Future<Output = bool>>(&self, pulse: &impl Fn() -> P) -> bool {
        matches!(tokio::time::timeout(limits::PULSE_PATIENCE, Box::pin(pulse())).await, Ok(true))
    }

    fn late(&self) -> Error {
        let (title, limit) = (self.inner.service.title(), self.inner.policy.timeout.as_millis());
        Error::new(&codes::TIMED_OUT, format!("{title} did not answer within {limit} ms"))
            .next(format!("hallmark status --why {}", self.inner.service))
    }

    fn refused(&self) -> Error {
        let service = self.inner.service;
        let error = Error::new(
            &codes::CIRCUIT_OPEN,
            format!("{} failed just now, and is not asked again for a moment", service.title()),
        );
        let error = match self.inner.tally.reason(service) {
            Some(reason) => error.because_text(reason),
            None => error,
        };
        error.next(format!("hallmark status --why {service}"))
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.inner.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How one attempt ended.
struct End<T> {
    result: Result<T>,
    /// Whether the service showed no pulse.
    dead: bool,
}

/// One request on its way. If nobody waits for its end, the breaker is told so.
struct Trip<'a> {
    line: &'a Line,
    ticket: Option<Ticket>,
}

impl Trip<'_> {
    fn end(&mut self, error: Option<&Error>, dead: bool) {
        let Some(ticket) = self.ticket.take() else { return };
        let now = Instant::now();
        let outage = error.filter(|error| is_outage(error));
        let (before, after, opened) = {
            let mut breaker = self.line.breaker();
            let before = breaker.state(now);
            match outage {
                Some(_) if dead => breaker.died(ticket, now),
                Some(_) => breaker.failed(ticket, now),
                None => breaker.succeeded(ticket),
            }
            (before, breaker.state(now), breaker.opened())
        };
        let inner = &self.line.inner;
        inner.tally.breaker(inner.service, after, opened, outage);
        if before != after {
            let (service, state) = (inner.service.name(), after.name());
            match outage {
                Some(error) => tracing::warn!(service, state, %error, "the circuit changed"),
                None => tracing::info!(service, state, "the circuit changed"),
            }
        }
    }
}

impl Drop for Trip<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.line.breaker().abandoned(ticket, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    fn line(retries: usize) -> Line {
        let mut policy = Policy::of(ServiceKind::Redis);
        policy.timeout = Duration::from_millis(20);
        policy.breaker.cool_down = Duration::from_millis(60);
        policy.retry.retries = retries;
        policy.retry.pause = Duration::from_millis(1);
        Line::new(ServiceKind::Redis, policy, Tally::default())
    }

    fn refused() -> Error {
        Error::new(&codes::UNREACHABLE, "refused")
    }

    #[tokio::test]
    async fn what_may_be_done_twice_is_repeated_and_the_rest_is_not() {
        let (line, count) = (line(2), AtomicUsize::new(0));
        let work = || async { if count.fetch_add(1, Ordering::SeqCst) < 2 { Err(refused()) } else { Ok(7) } };
        assert_eq!(line.call(Repeat::Idempotent, work).await.unwrap(), 7);
        assert_eq!(count.load(Ordering::SeqCst), 3);
        count.store(0, Ordering::SeqCst);
        assert!(line.call(Repeat::Never, work).await.is_err());
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn waits_in_vain_open_the_circuit_and_a_trial_closes_it() {
        let (line, count) = (line(2), AtomicUsize::new(0));
        let hang = || async {
            count.fetch_add(1, Ordering::SeqCst);
            std::future::pending::<Result<()>>().await
        };
        for _ in 0..3 {
            assert!(line.call(Repeat::Idempotent, hang).await.unwrap_err().is(&codes::TIMED_OUT));
        }
        assert_eq!(count.load(Ordering::SeqCst), 3, "a wait in vain is not repeated");
        let error = line.call(Repeat::Idempotent, hang).await.unwrap_err();
        assert!(error.is(&codes::CIRCUIT_OPEN) && error.next_step().is_some(), "{error:?}");
        assert_eq!(count.load(Ordering::SeqCst), 3, "the service is not asked");
        tokio::time::sleep(Duration::from_millis(80)).await;
        assert_eq!(line.state(), BreakerState::HalfOpen);
        line.call(Repeat::Never, || async { Ok(()) }).await.unwrap();
        assert_eq!(line.state(), BreakerState::Closed);
    }

    #[tokio::test]
    async fn slow_work_on_a_living_service_goes_on() {
        let line = line(0);
        let slow = || async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok(1)
        };
        assert_eq!(line.call_watched(Repeat::Never, slow, || std::future::ready(true)).await.unwrap(), 1);
        let dead = || std::future::ready(false);
        assert!(line.call_watched(Repeat::Never, slow, dead).await.unwrap_err().is(&codes::TIMED_OUT));
        assert_eq!(line.state(), BreakerState::Open, "a server without a pulse is asked no more");
        tokio::time::sleep(Duration::from_millis(80)).await;
        let count = AtomicUsize::new(0);
        let quick = || async {
            count.fetch_add(1, Ordering::SeqCst);
            Ok(2)
        };
        let error = line.call_watched(Repeat::Never, quick, dead).await.unwrap_err();
        assert!(error.is(&codes::TIMED_OUT) && line.state() == BreakerState::Open, "{error:?}");
        assert_eq!(count.load(Ordering::SeqCst), 0, "a trial begins with the pulse");
    }

    #[tokio::test]
    async fn a_refusal_of_what_was_asked_is_an_answer() {
        let line = line(2);
        for _ in 0..9 {
            let wrong = || async { Err::<(), _>(Error::new(&codes::REDIS_COMMAND, "WRONGTYPE")) };
            assert!(line.call(Repeat::Idempotent, wrong).await.is_err());
        }
        assert_eq!(line.state(), BreakerState::Closed);
    }
}
