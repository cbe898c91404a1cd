//! The renderers, on findings that hold what real ones may hold.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by failing")]

mod formats;
mod sample;
