//! The binary as its users meet it, on the real services that `HALLMARK_*` names.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says that it failed by panicking"
)]

mod bad_input;
mod certify;
mod channels;
mod data;
mod fix;
mod integrations;
mod lsp;
mod migrations;
mod models;
mod proof;
mod standards;
mod support;
mod two_servers;
