//! What a certification tells while it works.

use std::sync::Arc;

use serde::Serialize;

use crate::section::State;

/// One step of a certification.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The sections that will be worked through, in order, by their titles.
    Planned {
        /// The titles.
        titles: Vec<&'static str>,
    },
    /// A section is being measured.
    Measuring {
        /// Its name.
        section: &'static str,
        /// Its title.
        title: &'static str,
    },
    /// Defects are being planted for a section's instrument.
    Controlling {
        /// Its name.
        section: &'static str,
        /// Its title.
        title: &'static str,
    },
    /// A section is done.
    Measured {
        /// Its name.
        section: &'static str,
        /// Its title.
        title: &'static str,
        /// Its state.
        state: State,
        /// Checks proven, and checks in all.
        checks: [usize; 2],
        /// Controls caught, and controls in all.
        controls: [usize; 2],
        /// How long it took, in milliseconds.
        duration_ms: f64,
    },
    /// The certificate is being signed and written.
    Writing,
}

/// Receives the steps; called from the certification's own task, so it must return at once.
pub type Progress = Arc<dyn Fn(&Event) + Send + Sync>;
