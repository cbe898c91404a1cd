//! An API that speaks OpenAI's protocol: chat and embeddings, with the HTTP status kept.

mod client;
mod config;
mod fallback;
pub(crate) mod health;
pub(crate) mod process;
pub(crate) mod pulse;
pub(crate) mod verify;

pub use client::{ChatMessage, ChatRequest, Completion, OpenAi};
pub use config::{DEFAULT_EMBEDDING_MODEL, DEFAULT_MODEL, OpenAiConfig};
pub use fallback::Models;
