//! The channels over real sockets, PostgreSQL and Redis, driven by clients that know only the wire.

// The futures of real clients are nested deeper than the compiler's default.
#![recursion_limit = "256"]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod auth;
mod bounds;
mod client;
mod lifecycle;
mod nodes;
mod page;
mod parity;
mod sessions;
mod sockets;
mod sources;
mod world;
