//! PostgreSQL: a bounded pool of connections whose errors are coded.

pub(crate) mod backup;
mod batch;
mod client;
mod config;
mod content;
mod driven;
mod error;
pub(crate) mod health;
mod held;
pub mod lag;
mod lane;
mod listen;
mod prepared;
pub(crate) mod process;
pub(crate) mod pulse;
mod reads;
mod recent;
pub(crate) mod replica;
mod roles;
mod script;
pub(crate) mod seed;
mod shared;
mod solo;
pub(crate) mod survive;
mod tls;
mod transactions;
pub(crate) mod verify;

pub use client::Postgres;
pub use config::PostgresConfig;
pub(crate) use config::replica_places;
pub use error::error;
pub use held::{Held, cancelling};
pub use listen::Listener;
pub use prepared::Prepared;
pub use reads::{Reads, Writer};
