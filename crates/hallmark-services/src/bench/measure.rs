//! One target at a time: by one caller, by several, and as fast as several callers can.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use hallmark_core::Error;

use super::limits::{
    FAILURES_IN_A_ROW, PATIENCE, SAMPLES_MAX, SAMPLES_MIN, USER_PACE, WARM_UP, WARM_UP_CALLS, WINDOWS,
};
use super::scene::Scene;
use super::statistics::Samples;
use super::target::{Capacity, Target};
use crate::recorder::milliseconds;
use crate::verify::Fresh;

/// One call and when it began, so that the calls of many callers can be put in order.
pub(super) struct Timed {
    pub(super) began: Instant,
    pub(super) ms: f64,
}

/// What several callers saw of one target.
#[derive(Default)]
pub(super) struct Collected {
    pub(super) calls: Vec<Timed>,
    pub(super) errors: u64,
    pub(super) failure: Option<(&'static str, String)>,
}

impl Collected {
    /// Adds what another caller saw.
    pub(super) fn join(&mut self, other: Self) {
        self.calls.extend(other.calls);
        self.errors += other.errors;
        self.failure = self.failure.take().or(other.failure);
    }

    pub(super) fn fail(&mut self, error: &Error) {
        self.errors += 1;
        self.failure.get_or_insert_with(|| (error.code().id, error.to_string()));
    }

    /// The times in the order in which the calls began.
    pub(super) fn samples(mut self) -> Samples {
        self.calls.sort_by_key(|call| call.began);
        Samples {
            ms: self.calls.into_iter().map(|call| call.ms).collect(),
            errors: self.errors,
            failure: self.failure,
        }
    }
}

/// A number for each call that no call before had.
pub(super) fn numbers(scene: &Scene) -> Fresh {
    Fresh::seeded(scene.serial() << 32)
}

/// Calls that do not count: connections are made, statements prepared, caches filled.
async fn warm_up(scene: &Scene, target: &Target, numbers: &mut Fresh) {
    let began = Instant::now();
    for _ in 0..WARM_UP_CALLS {
        let _ = (target.work)(scene, numbers.next()).await;
        if began.elapsed() > WARM_UP {
            return;
        }
    }
}

/// One caller after its own calls, for `duration`, and longer until there are enough samples.
pub(super) async fn alone(scene: &Scene, target: &Target, duration: Duration) -> Samples {
    let mut numbers = numbers(scene);
    warm_up(scene, target, &mut numbers).await;
    let (began, mut seen, mut in_a_row) = (Instant::now(), Collected::default(), 0);
    loop {
        let (calls, elapsed) = (seen.calls.len(), began.elapsed());
        let enough = elapsed >= duration && calls >= SAMPLES_MIN;
        if enough
            || calls >= SAMPLES_MAX
            || elapsed >= PATIENCE.max(duration)
            || in_a_row >= FAILURES_IN_A_ROW
        {
            return seen.samples();
        }
        in_a_row = if call(scene, target, numbers.next(), &mut seen).await { 0 } else { in_a_row + 1 };
    }
}

/// One call, noted; whether it succeeded.
pub(super) async fn call(scene: &Scene, target: &Target, number: u64, seen: &mut Collected) -> bool {
    let began = Instant::now();
    let done = (target.work)(scene, number).await;
    let ms = milliseconds(began.elapsed());
    match done {
        Ok(()) => {
            seen.calls.push(Timed { began, ms });
            true
        }
        Err(error) => {
            seen.fail(&error);
            false
        }
    }
}

/// So many users at a time, who each send [`USER_PACE`] calls a second at most and wait for their answers; for `duration`, and longer
/// until there are enough samples.
pub(super) async fn together(
    scene: &Arc<Scene>,
    target: &'static Target,
    users: usize,
    duration: Duration,
) -> Samples {
    let (began, answered) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let callers = (0..users).map(|user| {
        let (scene, answered) = (Arc::clone(scene), Arc::clone(&answered));
        tokio::spawn(async move {
            let (mut numbers, mut seen) = (numbers(&scene), Collected::default());
            let mut pace = Pace::new(user, users);
            let goes_on = || match began.elapsed() {
                elapsed if elapsed < duration => true,
                elapsed => elapsed < PATIENCE && answered.load(Ordering::Relaxed) < SAMPLES_MIN,
            };
            while goes_on() && seen.errors < FAILURES_IN_A_ROW {
                pace.wait().await;
                call(&scene, target, numbers.next(), &mut seen).await;
                answered.fetch_add(1, Ordering::Relaxed);
            }
            seen
        })
    });
    let mut all = Collected::default();
    for user in join_all(callers).await {
        all.join(user.unwrap_or_default());
    }
    all.samples()
}

/// When a user sends next.
pub(super) struct Pace {
    due: Instant,
}

impl Pace {
    /// Users begin one after another within one turn, so that they do not all send at the same instant.
    pub(super) fn new(user: usize, users: usize) -> Self {
        let turn = 1.0 / USER_PACE;
        Self { due: Instant::now() + Duration::from_secs_f64(turn * user as f64 / users.max(1) as f64) }
    }

    /// Waits for the turn. A user whose answer came late sends at once, and does not catch up.
    pub(super) async fn wait(&mut self) {
        tokio::time::sleep_until(self.due.into()).await;
        self.due = (self.due + Duration::from_secs_f64(1.0 / USER_PACE)).max(Instant::now());
    }
}

/// Calls a second in each of [`WINDOWS`] windows, and what failed.
pub(super) struct Rates {
    pub(super) per_second: Vec<f64>,
    pub(super) samples: Samples,
}

/// As many calls as the callers can make, each the next as soon as its last is answered.
pub(super) async fn capacity(
    scene: &Arc<Scene>,
    target: &'static Target,
    capacity: &Capacity,
    duration: Duration,
) -> Rates {
    let mut warm = numbers(scene);
    warm_up(scene, target, &mut warm).await;
    let began = Instant::now();
    let callers = (0..capacity.callers).map(|_| {
        let scene = Arc::clone(scene);
        tokio::spawn(async move {
            let (mut numbers, mut seen, mut in_a_row) = (numbers(&scene), Collected::default(), 0);
            while began.elapsed() < duration && in_a_row < FAILURES_IN_A_ROW {
                let done = call(&scene, target, numbers.next(), &mut seen).await;
                in_a_row = if done { 0 } else { in_a_row + 1 };
            }
            seen
        })
    });
    let mut all = Collected::default();
    for caller in join_all(callers).await {
        all.join(caller.unwrap_or_default());
    }
    let window = duration / WINDOWS;
    let mut counts = vec![0_u32; WINDOWS as usize];
    for one in &all.calls {
        let ended = one.began + Duration::from_secs_f64(one.ms / 1_000.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the number of a window")]
        let index = ((ended - began).as_secs_f64() / window.as_secs_f64()) as usize;
        // What was answered after the end belongs to no window.
        if let Some(count) = counts.get_mut(index) {
            *count += 1;
        }
    }
    let per_second = counts.iter().map(|count| f64::from(*count) / window.as_secs_f64()).collect();
    Rates { per_second, samples: all.samples() }
}
