//! Everything on a real PostgreSQL and a real Redis.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

mod caching;
mod declared;
mod every_node;
mod explain;
mod fallbacks;
mod files;
mod filters;
mod keys;
mod lookups;
mod migrations;
mod rows;
mod schema;
mod support;
