//! Keeps the run time's clock awake while requests come one behind another.
//!
//! A timer that ends before all others wakes the thread that waits for the network, so that it waits less long: a system call and a
//! change of threads, for a time limit that is almost never reached. As long as something shorter is waited for anyway, a new time
//! limit costs neither. A request through a node took a third longer without this.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long each wait is: shorter than any time limit, long enough to cost nothing.
const TICK: Duration = Duration::from_millis(10);
/// Without a request for so long it ends.
const IDLE: Duration = Duration::from_secs(1);

/// The clock of one way to a service.
#[derive(Clone, Debug)]
pub(super) struct Ticker(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    began: Instant,
    /// Milliseconds from `began` to the last request.
    last: AtomicU64,
    is_running: AtomicBool,
}

/// Says that the clock stands when its task ends, also with its run time.
struct Running(Arc<Inner>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.is_running.store(false, Ordering::Relaxed);
    }
}

impl Inner {
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Default for Ticker {
    fn default() -> Self {
        let (last, is_running) = (AtomicU64::new(0), AtomicBool::new(false));
        Self(Arc::new(Inner { began: Instant::now(), last, is_running }))
    }
}

impl Ticker {
    /// A request begins.
    pub(super) fn touch(&self) {
        self.0.last.store(self.0.now(), Ordering::Relaxed);
        if self.0.is_running.swap(true, Ordering::Relaxed) {
            return;
        }
        let running = Running(Arc::clone(&self.0));
        // Ends by itself soon after the last request.
        drop(tokio::spawn(async move {
            let idle = u64::try_from(IDLE.as_millis()).unwrap_or(u64::MAX);
            while running.0.now().saturating_sub(running.0.last.load(Ordering::Relaxed)) < idle {
                tokio::time::sleep(TICK).await;
            }
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_runs_while_there_are_requests_and_starts_again() {
        let ticker = Ticker::default();
        let is_running = || ticker.0.is_running.load(Ordering::Relaxed);
        ticker.touch();
        tokio::time::sleep(TICK).await;
        assert!(is_running());
        let began = Instant::now();
        while is_running() && began.elapsed() < IDLE * 20 {
            tokio::time::sleep(TICK).await;
        }
        assert!(began.elapsed() >= IDLE - TICK * 2, "it goes on for a while after the last request");
        assert!(!is_running());
        ticker.touch();
        assert!(is_running());
    }

    #[test]
    fn it_ends_with_its_run_time() {
        let ticker = Ticker::default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async { ticker.touch() });
        drop(runtime);
        assert!(!ticker.0.is_running.load(Ordering::Relaxed));
    }
}
