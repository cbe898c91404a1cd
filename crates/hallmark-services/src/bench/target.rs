//! A target: a piece of work on one service, and the limits it is held to.

use futures_util::future::BoxFuture;
use hallmark_core::Result;

use super::scene::Scene;
use super::statistics::Statistic;
use crate::ServiceKind;

/// A limit, and the document that it comes from.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// What is held to it.
    pub statistic: Statistic,
    /// Milliseconds at most; for [`Statistic::Rate`], calls a second at least.
    pub limit: f64,
}

impl Bound {
    /// A mean of at most so many milliseconds.
    pub(super) const fn mean(limit: f64) -> Self {
        Self { statistic: Statistic::Mean, limit }
    }

    /// A 95th percentile of at most so many milliseconds.
    pub(super) const fn p95(limit: f64) -> Self {
        Self { statistic: Statistic::P95, limit }
    }

    /// A 99th percentile of at most so many milliseconds.
    pub(super) const fn p99(limit: f64) -> Self {
        Self { statistic: Statistic::P99, limit }
    }

    /// At least so many calls a second.
    pub(super) const fn rate(limit: f64) -> Self {
        Self { statistic: Statistic::Rate, limit }
    }
}

/// One call of the work; the number differs from call to call and chooses what is asked.
pub(super) type Work = for<'a> fn(&'a Scene, u64) -> BoxFuture<'a, Result<()>>;

/// Something on a service's data: made, or taken away.
pub(super) type Prepare = for<'a> fn(&'a Scene) -> BoxFuture<'a, Result<Loaded>>;

/// Whether the data were there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loaded {
    /// Rows, nodes, vectors or keys.
    pub(super) items: u64,
    /// Whether they were made now.
    pub(super) made: bool,
}

/// A piece of work that is timed.
pub(super) struct Target {
    /// `<service>.<what>`: stays the same from version to version.
    pub(super) id: &'static str,
    /// What is done, a phrase.
    pub(super) what: &'static str,
    /// What it is held to; none: it is only a part of other work.
    pub(super) bounds: &'static [Bound],
    pub(super) work: Work,
}

/// How many calls of a target a service does in a second.
pub(super) struct Capacity {
    /// `<service>.rate`.
    pub(super) id: &'static str,
    /// The target whose work is done.
    pub(super) target: &'static str,
    /// Callers at a time.
    pub(super) callers: usize,
    pub(super) bound: Bound,
}

/// A service: its data, its targets.
pub(super) struct Subject {
    pub(super) service: ServiceKind,
    /// Loads the data unless they are there.
    pub(super) load: Prepare,
    /// Removes everything that the measurements made on the service.
    pub(super) purge: for<'a> fn(&'a Scene) -> BoxFuture<'a, Result<()>>,
    pub(super) targets: &'static [Target],
    pub(super) capacity: Option<Capacity>,
}
