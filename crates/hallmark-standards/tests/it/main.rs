//! Integration tests of the scanner, on real files in real folders.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by failing")]

mod catalogue;
mod incremental;
mod mdtest;
mod options;
mod robustness;
mod workspace;
