//! ChromaDB over its v2 HTTP API.

pub(crate) mod backup;
mod client;
mod config;
mod fallback;
pub(crate) mod health;
pub(crate) mod process;
pub(crate) mod pulse;
pub(crate) mod seed;
pub(crate) mod survive;
pub(crate) mod verify;

pub use client::{Chroma, Collection, CollectionId, Neighbour, Records};
pub use config::ChromaConfig;
pub use fallback::{Measure, Record, Vectors, nearest};
