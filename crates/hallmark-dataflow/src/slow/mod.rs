//! Statements of nodes that took long: seen where they are sent, kept in a file beside the project's state, read back by statement.
//!
//! What is kept is the text with its placeholders and the types of its parameters, never a value. A statement that was quick costs two
//! readings of the clock; one that was slow is handed to a thread that writes.

mod log;
mod read;
mod shape;

use std::sync::Arc;
use std::time::{Duration, Instant};

use hallmark_core::{Result, clock};
use hallmark_services::ServiceKind;
use serde::{Deserialize, Serialize};

pub use log::SlowLog;
pub use read::{Group, Kept, since};

use crate::engine::Shared;
use crate::limits;
use crate::value::Bound;

tokio::task_local! {
    static CURRENT: Watch;
}

/// One statement that took long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slow {
    /// When it ended, in UTC.
    pub at: String,
    /// The node that sent it.
    pub node: String,
    /// What the node was asked to do.
    pub operation: String,
    /// Its text; values are parameters. A long one is cut, see [`Slow::is_cut`].
    pub sql: String,
    /// The types of its parameters, as PostgreSQL names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<String>,
    /// How long it took until its last row, in milliseconds.
    pub ms: f64,
    /// The rows that it found or touched; `None` if it did not end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// The code of its error, or [`GIVEN_UP`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Slow statements before this one that nobody had time to write down.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lost: u64,
}

/// The error of a statement whose node did not wait for its end.
pub const GIVEN_UP: &str = "given up";

/// What a text that was cut ends with.
const CUT: &str = " …";

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Slow {
    /// Whether a part of the text is missing, so that it cannot be explained.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.sql.ends_with(CUT)
    }
}

/// Who sends the statements of the task at hand.
#[derive(Clone)]
pub(crate) struct Watch {
    pub(crate) shared: Arc<Shared>,
    pub(crate) node: Arc<str>,
    pub(crate) operation: &'static str,
}

impl Watch {
    /// Runs the work of a node, whose statements are watched if a log is kept.
    pub(crate) async fn over<F: Future>(self, work: F) -> F::Output {
        if self.shared.slow.is_some() { CURRENT.scope(self, work).await } else { work.await }
    }
}

/// The time of one statement. Dropped before its end, the statement was given up.
pub(crate) struct Clock<'a> {
    text: &'a str,
    bound: &'a [Bound],
    /// `None` if nobody watches.
    began: Option<Instant>,
}

impl<'a> Clock<'a> {
    /// Begins to take the time, if somebody watches.
    pub(crate) fn start(text: &'a str, bound: &'a [Bound]) -> Self {
        let began = CURRENT.try_with(|_| Instant::now()).ok();
        Self { text, bound, began }
    }

    /// Ends it with the rows that were found or touched.
    pub(crate) fn end<T>(mut self, result: Result<T>, rows: impl FnOnce(&T) -> u64) -> Result<T> {
        self.stop(result.as_ref().map(rows).map_err(|error| error.code().id));
        result
    }

    /// Ends it with the rows that were found or touched, or the code of its error.
    pub(crate) fn stop(&mut self, ended: std::result::Result<u64, &str>) {
        if let Some(took) = self.slow() {
            self.note(took, ended.ok(), ended.err());
        }
        self.began = None;
    }

    /// How long it took, if that is long.
    fn slow(&self) -> Option<Duration> {
        let took = self.began?.elapsed();
        let threshold = CURRENT.try_with(|watch| watch.shared.slow.as_ref().map(|log| log.threshold()));
        threshold.ok().flatten().filter(|threshold| took >= *threshold).map(|_| took)
    }

    fn note(&self, took: Duration, rows: Option<u64>, error: Option<&str>) {
        let _ = CURRENT.try_with(|watch| {
            let Some(log) = &watch.shared.slow else { return };
            log.note(Slow {
                at: clock::now(),
                node: watch.node.to_string(),
                operation: watch.operation.to_owned(),
                sql: cut(self.text),
                parameters: self.bound.iter().map(|bound| bound.wire().name().to_owned()).collect(),
                ms: (took.as_secs_f64() * 1e6).round() / 1e3,
                rows,
                error: error.map(str::to_owned),
                lost: 0,
            });
            watch.shared.guarded.tally().slow(ServiceKind::Postgres);
        });
    }
}

impl Drop for Clock<'_> {
    fn drop(&mut self) {
        if let Some(took) = self.slow() {
            self.note(took, None, Some(GIVEN_UP));
        }
    }
}

/// Runs a statement without parameters that is sent past [`crate::sql::Sql`], such as `COPY` and `COMMIT`.
pub(crate) async fn timed<T>(
    text: &str,
    rows: impl FnOnce(&T) -> u64,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let clock = Clock::start(text, &[]);
    let result = work.await;
    clock.end(result, rows)
}

fn cut(text: &str) -> String {
    if text.len() <= limits::SLOW_TEXT_BYTES_MAX {
        return text.to_owned();
    }
    let mut end = limits::SLOW_TEXT_BYTES_MAX;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{CUT}", &text[..end])
}
