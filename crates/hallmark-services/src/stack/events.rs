//! What `up` tells while it works, and what it asks.

use hallmark_core::Error;
use serde::Serialize;

use super::config::Provider;
use super::install::Plan;
use crate::ServiceKind;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// Something is being installed.
    Installing {
        /// What, for people.
        what: String,
    },
    /// It is installed.
    Installed {
        /// What, for people.
        what: String,
        /// How long it took.
        duration_ms: u64,
    },
    /// A service is being started, or looked for at its address.
    Starting {
        /// Which.
        service: ServiceKind,
        /// Who provides it.
        provider: Provider,
    },
    /// A service runs but is not usable yet.
    Waiting {
        /// Which.
        service: ServiceKind,
        /// The step of the probe that does not pass yet, and what was seen.
        step: String,
        /// How long it has taken so far.
        elapsed_ms: u64,
    },
    /// A service is usable: every step of its probe passed.
    Usable {
        /// Which.
        service: ServiceKind,
        /// Its address without secrets.
        endpoint: String,
        /// How long it took from the start of its work.
        duration_ms: u64,
    },
    /// A service could not be made usable.
    Failed {
        /// Which.
        service: ServiceKind,
        /// Why.
        error: std::sync::Arc<Error>,
        /// How long it took.
        duration_ms: u64,
    },
    /// A service could not be provided, and everything else goes on without it.
    NotMeasured {
        /// Which.
        service: ServiceKind,
        /// Why.
        reason: String,
    },
    /// Something that a reader should know, for example that an interrupted restore is finished.
    Note {
        /// What.
        text: String,
    },
}

/// The answer to the question whether to install.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// Yes.
    Given,
    /// No.
    Refused,
    /// There is nobody to ask: no terminal.
    NobodyToAsk,
}

/// Who watches `up`. The binary prints; a test collects.
pub trait Observer: Send + Sync {
    /// Takes note of an event.
    fn event(&self, event: &Event);

    /// Asks whether what is missing may be installed. Called at most once per `up`, never with `--yes`.
    fn consent(&self, plan: &Plan) -> Consent;
}

/// Watches nothing and agrees to nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _event: &Event) {}

    fn consent(&self, _plan: &Plan) -> Consent {
        Consent::NobodyToAsk
    }
}
