//! PostgreSQL: a bounded pool of connections whose errors are coded.

pub(crate) mod backup;
mod client;
mod config;
mod content;
mod error;
pub(crate) mod health;
pub mod lag;
mod lane;
pub(crate) mod process;
pub(crate) mod pulse;
mod reads;
pub(crate) mod replica;
mod roles;
pub(crate) mod seed;
pub(crate) mod survive;
mod tls;
mod transactions;
pub(crate) mod verify;

pub use client::Postgres;
pub use config::PostgresConfig;
pub(crate) use config::replica_places;
pub use error::error;
pub use lane::Lookup;
pub use reads::{Reads, Writer};
