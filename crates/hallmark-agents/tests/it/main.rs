//! The agents on real services: Neo4j, ChromaDB, Redis and the embeddings server.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod fallbacks;
mod support;
mod versions;
