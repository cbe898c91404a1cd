//! PostgreSQL: a bounded pool of connections whose errors are coded.

mod client;
mod config;
mod error;
pub(crate) mod health;
pub(crate) mod process;
pub(crate) mod pulse;
mod tls;
pub(crate) mod verify;

pub use client::Postgres;
pub use config::PostgresConfig;
pub use error::error;
