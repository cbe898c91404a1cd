//! The four equal parts that the claimed baseline is broken down into.

pub(crate) mod operations;
pub(crate) mod patterns;
pub(crate) mod platform;
pub(crate) mod tests;

use crate::context::Instrument;

/// The parts, in the order in which they are measured and shown.
pub(crate) static PARTS: &[&Instrument] =
    &[&tests::PART, &operations::PART, &platform::PART, &patterns::PART];
