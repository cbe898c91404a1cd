//! Everything on a real PostgreSQL and a real Redis.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

mod caching;
mod coherence;
mod damaged;
mod declared;
mod dice;
mod edges;
mod enums;
mod every_node;
mod explain;
mod fallbacks;
mod files;
mod filters;
mod formats;
mod full;
mod given_up;
mod governed;
mod gzip;
mod hostile;
mod imports;
mod keys;
mod lookups;
mod mdtest;
mod migrations;
mod oracle;
mod own_postgres;
mod queries;
mod referred;
mod relations;
mod rows;
mod schema;
mod slow;
mod support;
