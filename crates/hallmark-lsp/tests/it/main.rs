//! Any edits and any bytes: the server knows the text that the editor has, and goes on answering.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod client;
mod random;
