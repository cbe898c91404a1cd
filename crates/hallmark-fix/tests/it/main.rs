//! Writing and undoing on real files, and processes killed between two writes.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod killed;
mod properties;
mod refusals;
mod support;
