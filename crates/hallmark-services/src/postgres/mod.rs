//! PostgreSQL: a bounded pool of connections whose errors are coded.

pub(crate) mod backup;
mod client;
mod config;
mod content;
mod error;
pub(crate) mod health;
pub(crate) mod process;
pub(crate) mod pulse;
mod roles;
pub(crate) mod seed;
pub(crate) mod survive;
mod tls;
mod transactions;
pub(crate) mod verify;

pub use client::Postgres;
pub use config::PostgresConfig;
pub use error::error;
