//! Agents with real answers: product classification, safety analysis, recommendation, and agents that coordinate.
//!
//! An answer comes from data that [`load`] put into the services: vectors in ChromaDB, a graph of hazards, protective
//! equipment and standards in Neo4j, and for recommendations a cache in Redis. Where the data does not reach, the answer
//! says `known: false` with the reason; where a service is missing, there is a coded error. Nothing is canned.
//!
//! The data is versioned by its digest ([`Data::version`]): every collection, graph node and cache key carries the version,
//! so that a reader sees one version whole. Names of all of them begin with the prefix that the caller gives, one for each
//! project.
//!
//! How the classifier was chosen, and how good it is, is written at [`classify`].

pub mod classify;
mod coordinate;
mod data;
pub mod limits;
mod load;
mod nodes;
mod recommend;
mod request;
mod safety;
mod store;
mod text;
mod workflows;

pub use data::{Category, Data, Product};
pub use load::{LoadReport, load, remove};
pub use nodes::nodes;
pub use workflows::workflows;

hallmark_core::codes! {
    /// Errors of the agents and their data.
    pub mod codes {
        DATA_UNREADABLE = "HM-A001", "the agents' data cannot be read", Usage;
        DATA_INVALID = "HM-A002", "the agents' data contradicts itself", Usage;
        NOT_LOADED = "HM-A003", "the agents' data is not loaded into the services", Unavailable;
        BAD_PREFIX = "HM-A004", "the prefix cannot name collections and keys", Usage;
        EMBEDDINGS_UNAVAILABLE = "HM-A010", "the embeddings service gives no vectors", Unavailable;
        VECTORS_UNAVAILABLE = "HM-A011", "the vector store gives no neighbours", Unavailable;
        GRAPH_UNAVAILABLE = "HM-A012", "the graph gives no answer", Unavailable;
        EMBEDDINGS_INVALID = "HM-A013", "the embeddings service gave vectors that cannot be used", Unavailable;
        NO_PRODUCT = "HM-A020", "no product is named", Usage;
        BAD_CLASSIFICATION = "HM-A021", "the classification that was handed over is not one", Usage;
        BAD_AGENTS = "HM-A022", "the list of agents is not a sequence of distinct known agents", Usage;
        AGENT_FAILED = "HM-A023", "an agent of the coordination failed", Unavailable;
    }
}
