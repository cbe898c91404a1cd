//! Neo4j over Bolt: one query, JSON in, JSON out.

pub(crate) mod backup;
mod bolt;
mod client;
mod config;
mod convert;
mod fallback;
pub(crate) mod health;
mod plan;
pub(crate) mod process;
pub(crate) mod pulse;
pub(crate) mod seed;
pub(crate) mod survive;
pub(crate) mod verify;

pub(crate) use client::is_locked_out;
pub use client::{Neo4j, error};
pub use config::Neo4jConfig;
pub(crate) use fallback::weight;
pub use fallback::{Rows, Subgraphs};
