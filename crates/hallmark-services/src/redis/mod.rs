//! Redis: one multiplexed connection that is made anew when it breaks.

mod client;
mod config;
pub(crate) mod health;
pub(crate) mod process;
pub(crate) mod pulse;
pub(crate) mod verify;

pub use client::{Redis, error};
pub use config::RedisConfig;
