//! Where runs are kept.

use hallmark_core::{Error, Result};
use serde_json::Value;

use crate::workflow::Plan;
use crate::{Caller, Run, RunSummary, codes};

/// Where runs are kept: PostgreSQL, or explicitly nowhere.
#[derive(Clone, Debug)]
pub struct RunStore {
    kept: bool,
}

/// A run about to begin.
pub(crate) struct NewRun;

impl NewRun {
    pub(crate) fn new(_run: &Run, _plan: &Plan, _given: &Value, _caller: &Caller) -> Self {
        Self
    }
}

/// What became of a request to begin.
pub(crate) enum Begun {
    Now,
    #[expect(dead_code, reason = "answered by the store")]
    Before(String),
}

impl RunStore {
    /// Keeps nothing: for scratch work, and said so by whoever writes it.
    #[must_use]
    pub fn none() -> Self {
        Self { kept: false }
    }

    /// Whether runs are kept nowhere.
    #[must_use]
    pub fn is_none(&self) -> bool {
        !self.kept
    }

    pub(crate) async fn begin(&self, _new: &NewRun) -> Result<Begun> {
        if self.kept { Ok(Begun::Now) } else { Err(no_store()) }
    }

    pub(crate) async fn finish(&self, _run: &Run) -> Result<()> {
        Err(no_store())
    }

    /// The run of this id.
    ///
    /// # Errors
    /// `HM-W040` if there is none, `HM-W041` if runs are not kept.
    pub async fn get(&self, run_id: &str) -> Result<Run> {
        if self.kept { Ok(()) } else { Err(no_store()) }?;
        Err(Error::new(&codes::RUN_NOT_FOUND, format!("there is no run {run_id}")))
    }

    /// The newest runs, of one session if one is named.
    ///
    /// # Errors
    /// `HM-W041` if runs are not kept.
    pub async fn list(&self, _limit: u32, _session: Option<&str>) -> Result<Vec<RunSummary>> {
        Err(no_store())
    }
}

fn no_store() -> Error {
    Error::new(&codes::NO_STORE, "runs cannot be kept: PostgreSQL is not configured")
        .next("hallmark up, or set HALLMARK_POSTGRES_URL")
}
