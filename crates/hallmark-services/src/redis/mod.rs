//! Redis: one multiplexed connection that is made anew when it breaks.

pub(crate) mod backup;
mod client;
mod config;
mod fallback;
pub(crate) mod health;
pub mod lease;
pub(crate) mod process;
pub(crate) mod pulse;
pub(crate) mod seed;
pub(crate) mod survive;
pub(crate) mod verify;

pub use client::{Redis, error};
pub use config::RedisConfig;
pub use fallback::{Entry, LocalCache};
