//! The gates, one file each, beside its negative control.

pub(crate) mod framework;
pub(crate) mod gold_standards;
pub(crate) mod infrastructure;

use crate::context::Instrument;

/// The gates, in the order in which they are measured and shown.
pub(crate) static GATES: &[&Instrument] = &[&gold_standards::GATE, &infrastructure::GATE, &framework::GATE];
