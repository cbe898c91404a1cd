//! The load of many users: requests as the product makes them of the stores, in the mix of the requirements.
//!
//! 60 % classify, 25 % recommend, 10 % data, 5 % administer. A request is what the product does on PostgreSQL, Neo4j, ChromaDB and Redis for
//! it. The language model has no part: one processor answers one question a second or so, and a hundred users would measure that
//! alone; its targets are measured by themselves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::limits::{PATIENCE, SAMPLES_MIN, SAMPLES_MIN_P99};
use super::measure::{Collected, Pace, Timed, call, numbers};
use super::scene::Scene;
use super::statistics::{Samples, Statistic};
use super::target::{Bound, Target};
use crate::ServiceKind;
use crate::recorder::milliseconds;

/// The services that a request may need.
pub(super) const NEEDED: [ServiceKind; 4] =
    [ServiceKind::Postgres, ServiceKind::Neo4j, ServiceKind::Chroma, ServiceKind::Redis];

/// A kind of request.
pub(super) struct Request {
    pub(super) id: &'static str,
    pub(super) what: &'static str,
    pub(super) bounds: &'static [Bound],
    /// How many of a hundred requests take this way, and the targets whose work it does one after another.
    ways: &'static [(u64, &'static [&'static str])],
}

/// The requests; their shares add up to a hundred.
pub(super) static REQUESTS: &[Request] = &[
    Request {
        id: "load.classify",
        what: "60 %: from the cache; one in five anew: product, neighbours, stored",
        bounds: &[Bound::mean(200.0), Bound::p95(500.0), Bound::p99(1_000.0)],
        ways: &[
            (48, &["redis.hit"]),
            (12, &["redis.miss", "postgres.simple", "chromadb.search", "redis.store"]),
        ],
    },
    Request {
        id: "load.recommend",
        what: "25 %: what fits, what is alike, the products found",
        bounds: &[Bound::mean(1_000.0), Bound::p95(2_000.0), Bound::p99(5_000.0)],
        ways: &[(25, &["neo4j.traversal", "chromadb.similarity", "postgres.simple"])],
    },
    Request {
        id: "load.data",
        what: "10 %: a product and the session, or an order written",
        bounds: &[Bound::p95(200.0)],
        ways: &[(5, &["postgres.simple", "redis.session"]), (5, &["postgres.commit", "redis.store"])],
    },
    Request {
        id: "load.admin",
        what: "5 %: the sales of a category",
        bounds: &[Bound::p95(500.0)],
        ways: &[(5, &["postgres.join"])],
    },
];

/// What the users saw, by request and by target.
pub(super) struct Seen {
    pub(super) by_id: BTreeMap<&'static str, Samples>,
    /// Requests a second that were answered.
    pub(super) per_second: f64,
}

/// So many users for `duration`, and longer until there are enough samples; each sends [`super::limits::USER_PACE`] requests a second at most.
pub(super) async fn run(
    scene: &Arc<Scene>,
    targets: &BTreeMap<&'static str, &'static Target>,
    users: usize,
    duration: Duration,
) -> Seen {
    let (began, answered) = (Instant::now(), Arc::new(Answered::new()));
    let users = (0..users).map(|user| {
        let (scene, targets, answered) = (Arc::clone(scene), targets.clone(), Arc::clone(&answered));
        tokio::spawn(async move {
            let mut numbers = numbers(&scene);
            let mut own = User { scene: &scene, targets: &targets, seen: BTreeMap::new() };
            let mut pace = Pace::new(user, users);
            while began.elapsed() < duration || (began.elapsed() < PATIENCE && !answered.enough()) {
                pace.wait().await;
                let (request, way) = choose(numbers.next() % 100);
                own.send(&REQUESTS[request], REQUESTS[request].ways[way].1, numbers.next()).await;
                answered.counts[request][way].fetch_add(1, Ordering::Relaxed);
            }
            own.seen
        })
    });
    let mut all: BTreeMap<&'static str, Collected> = BTreeMap::new();
    for user in join_all(users).await {
        for (id, seen) in user.unwrap_or_default() {
            all.entry(id).or_default().join(seen);
        }
    }
    let answered: usize =
        REQUESTS.iter().filter_map(|request| all.get(request.id)).map(|seen| seen.calls.len()).sum();
    let per_second = answered as f64 / began.elapsed().as_secs_f64();
    Seen { by_id: all.into_iter().map(|(id, seen)| (id, seen.samples())).collect(), per_second }
}

/// The number of the request, and of its way, that a number below a hundred stands for.
fn choose(mut number: u64) -> (usize, usize) {
    for (index, request) in REQUESTS.iter().enumerate() {
        for (way, (share, _)) in request.ways.iter().enumerate() {
            if number < *share {
                return (index, way);
            }
            number -= share;
        }
    }
    (0, 0)
}

/// How many requests went each way.
struct Answered {
    counts: Vec<Vec<AtomicUsize>>,
}

impl Answered {
    fn new() -> Self {
        let zeros = |request: &Request| request.ways.iter().map(|_| AtomicUsize::new(0)).collect();
        Self { counts: REQUESTS.iter().map(zeros).collect() }
    }

    /// Whether every limit has a sample that can decide on it.
    fn enough(&self) -> bool {
        REQUESTS.iter().zip(&self.counts).all(|(request, ways)| {
            let counts: Vec<usize> = ways.iter().map(|count| count.load(Ordering::Relaxed)).collect();
            let rare = request.bounds.iter().any(|bound| bound.statistic == Statistic::P99);
            let needed = if rare { SAMPLES_MIN_P99 } else { SAMPLES_MIN };
            counts.iter().sum::<usize>() >= needed && counts.iter().all(|count| *count >= SAMPLES_MIN)
        })
    }
}

/// One user, and what it saw.
struct User<'a> {
    scene: &'a Scene,
    targets: &'a BTreeMap<&'static str, &'static Target>,
    seen: BTreeMap<&'static str, Collected>,
}

impl User<'_> {
    /// One request: its steps one after another; the first that fails ends it.
    async fn send(&mut self, request: &'static Request, steps: &[&'static str], number: u64) {
        let began = Instant::now();
        for id in steps {
            let Some(target) = self.targets.get(id) else { continue };
            let own = self.seen.entry(id).or_default();
            if !call(self.scene, target, number, own).await {
                let failure = own.failure.clone();
                let whole = self.seen.entry(request.id).or_default();
                whole.errors += 1;
                whole.failure = whole.failure.take().or(failure);
                return;
            }
        }
        let ms = milliseconds(began.elapsed());
        self.seen.entry(request.id).or_default().calls.push(Timed { began, ms });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::SUBJECTS;

    #[test]
    fn the_mix_is_the_one_of_the_requirements_and_every_step_is_a_target() {
        let shares: Vec<u64> = REQUESTS.iter().map(|r| r.ways.iter().map(|way| way.0).sum()).collect();
        assert_eq!(shares, [60, 25, 10, 5]);
        let drawn = (0..100).filter(|number| REQUESTS[choose(*number).0].id == "load.recommend").count();
        assert_eq!(drawn, 25);
        let known: Vec<&str> = SUBJECTS.iter().flat_map(|s| s.targets).map(|t| t.id).collect();
        for step in REQUESTS.iter().flat_map(|r| r.ways).flat_map(|way| way.1) {
            assert!(known.contains(step), "{step}");
        }
    }
}
