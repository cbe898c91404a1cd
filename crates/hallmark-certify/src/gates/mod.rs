//! The gates, one file each, beside its negative control.

pub(crate) mod infrastructure;

use crate::context::Instrument;

/// The gates, in the order in which they are measured and shown.
pub(crate) static GATES: &[&Instrument] = &[&infrastructure::GATE];
