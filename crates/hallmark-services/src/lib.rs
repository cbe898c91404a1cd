//! The five services: their configuration, clients, probes, processes and supervisor.
//!
//! Only this crate constructs a client of PostgreSQL, Neo4j, ChromaDB, Redis or an OpenAI-compatible API; every other
//! room holds a handle of [`Handles`]. A probe ([`probe()`]) never fails: it reports. What Hallmark did not start it
//! never stops, resets or fills; on a service it works in names of its own and removes them.

pub mod bench;
pub mod chroma;
pub mod endpoints;
pub mod handles;
pub mod http;
pub mod kind;
pub mod limits;
pub mod monitor;
pub mod neo4j;
pub mod openai;
pub mod platform;
pub mod postgres;
pub mod probe;
mod recorder;
pub mod redis;
pub mod resilience;
pub mod section;
pub mod stack;
mod url;
pub mod verify;
pub mod witness;

pub use chroma::{Chroma, ChromaConfig};
pub use endpoints::{Endpoints, Variable};
pub use handles::Handles;
pub use kind::ServiceKind;
pub use neo4j::{Neo4j, Neo4jConfig};
pub use openai::{OpenAi, OpenAiConfig};
pub use postgres::{Postgres, PostgresConfig};
pub use probe::{ProbeOptions, ProbeReport, State, Step, probe, probe_all, probe_with};
pub use redis::{Redis, RedisConfig};
pub use resilience::{Answer, FallbacksConfig, Guarded, Ledger, Source};
pub use stack::{Stack, StackConfig};
pub use verify::{Judgement, Outcome, Trial, Verification, verify, verify_all};

hallmark_core::codes! {
    /// Errors of the services: HM-S001 to HM-S049 clients and probes, from HM-S050 the stack that runs them.
    pub mod codes {
        NOT_CONFIGURED = "HM-S001", "the service is not configured", Unavailable;
        ENDPOINT_INVALID = "HM-S002", "a service's address is not valid", Usage;
        UNREACHABLE = "HM-S003", "the service does not accept connections", Unavailable;
        TIMED_OUT = "HM-S004", "the service did not answer in time", Unavailable;
        AUTHENTICATION = "HM-S005", "the service refused the credentials", Unavailable;
        WRONG_SERVER = "HM-S006", "another kind of server answers at the address", Unavailable;
        POOL_EXHAUSTED = "HM-S007", "no connection became free in time", Unavailable;
        TLS_UNSUPPORTED = "HM-S008", "TLS to this service is not supported yet", Usage;
        ANSWER_TOO_LARGE = "HM-S009", "the answer is larger than the bound", Unavailable;
        ANSWER_INVALID = "HM-S010", "the service's answer was not understood", Unavailable;
        STATEMENT = "HM-S011", "PostgreSQL refused the statement", Findings;
        CONSTRAINT = "HM-S012", "the data breaks a constraint of the database", Findings;
        STATEMENT_TIMEOUT = "HM-S013", "the statement took longer than its limit", Unavailable;
        CYPHER = "HM-S014", "Neo4j refused the query", Findings;
        CHROMA_REQUEST = "HM-S015", "ChromaDB refused the request", Findings;
        CHROMA_NOT_FOUND = "HM-S016", "ChromaDB has no such collection", Findings;
        REDIS_COMMAND = "HM-S017", "Redis refused the command", Findings;
        API_NOT_FOUND = "HM-S018", "the model API has no such path or model", Unavailable;
        API_RATE_LIMITED = "HM-S019", "the model API limits the rate", Unavailable;
        API_REQUEST = "HM-S020", "the model API refused the request", Findings;
        API_FAILED = "HM-S021", "the model API failed", Unavailable;
        CONNECTION_LOST = "HM-S022", "the connection broke during the work", Unavailable;
        PARAMETER = "HM-S023", "a value cannot be sent to the service", Usage;
        VERSION = "HM-S024", "the server's version or role does not serve", Unavailable;
        EXTENSION_MISSING = "HM-S025", "an extension that is needed is not installed", Unavailable;
        NOT_STABLE = "HM-S026", "the server changed while it was being probed", Unavailable;
        CANARY = "HM-S027", "what was written did not come back", Unavailable;
        AUTHENTICATION_OFF = "HM-S028", "a wrong password was accepted", Unavailable;
        STARTING = "HM-S029", "the server is still starting", Unavailable;
        ANSWERS_SUSPECT = "HM-S030", "the answers do not depend on the questions", Unavailable;
        TLS_FAILED = "HM-S031", "no trusted TLS connection could be made", Unavailable;
        STAND_IN = "HM-S032", "the server does what no real one does", Findings;
        BULKHEAD_FULL = "HM-S033", "too many requests to the service are under way", Unavailable;
        CIRCUIT_OPEN = "HM-S034", "the service failed just now and is not asked for a moment", Unavailable;
    }
}
