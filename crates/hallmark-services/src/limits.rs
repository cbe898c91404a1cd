//! Every bound of this crate. What is bounded says so in its error when the bound is hit.

use std::time::Duration;

use hallmark_core::Error;

use crate::{ServiceKind, codes};

/// Notices of a channel that may wait in this process.
pub const NOTICES_WAITING_MAX: usize = 4_096;
/// How long a connection may take to be made.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a caller waits for a free connection of a pool before the pool counts as exhausted.
pub const POOL_WAIT: Duration = Duration::from_secs(5);

/// Connections of the PostgreSQL pool unless the configuration says otherwise.
pub const POSTGRES_POOL_SIZE: usize = 10;

/// The largest pool that a configuration may ask for.
pub const POOL_SIZE_MAX: usize = 256;

/// How long PostgreSQL may work on one statement.
pub const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long Neo4j may work on one query, its driver's repeats of transient failures included.
pub const CYPHER_TIMEOUT: Duration = Duration::from_secs(60);

/// Connections of the Neo4j pool.
pub const NEO4J_POOL_SIZE: usize = 8;

/// Rows that one Cypher query may return.
pub const CYPHER_ROWS: usize = 50_000;

/// Nesting of a JSON value that becomes a Cypher parameter.
pub const PARAMETER_DEPTH: usize = 32;

/// How long one Redis command may take.
pub const REDIS_RESPONSE: Duration = Duration::from_secs(5);

/// How often the Redis connection is made anew before a command fails.
pub const REDIS_RECONNECTS: usize = 2;

/// How long one ChromaDB request may take.
pub const CHROMA_TIMEOUT: Duration = Duration::from_secs(30);

/// Records that one ChromaDB request may carry; larger upserts are sent in several.
pub const CHROMA_BATCH: usize = 1_000;

/// Collections that one listing returns.
pub const CHROMA_COLLECTIONS: usize = 1_000;

/// How long one request to the model API may take: a small local model on a busy machine needs most of it.
pub const MODEL_TIMEOUT: Duration = Duration::from_secs(120);

/// Texts that one embedding request carries; longer lists are sent in several.
pub const EMBEDDING_BATCH: usize = 64;

/// Bytes of an HTTP answer.
pub const HTTP_BODY_BYTES: usize = 32 * 1024 * 1024;

/// Bytes of a refusal's text that an error repeats.
pub const REFUSAL_BYTES: usize = 300;

/// Samples that must agree on the server's identity.
pub const PROBE_SAMPLES: usize = 3;

/// The time over which those samples are taken, at least.
pub const PROBE_SPREAD: Duration = Duration::from_millis(1_000);

/// How long one probe may take in all.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(90);

/// How long one step of a probe may take: a server's first query after its start can need several seconds.
pub const PROBE_STEP: Duration = Duration::from_secs(20);

/// How long a step may take in which a model answers: a small one on a busy machine, behind other questions, is slow.
pub const PROBE_MODEL_STEP: Duration = Duration::from_secs(45);

/// How long a server may take to answer the first bytes of its protocol; one that hangs is found out here.
pub const PROBE_HANDSHAKE: Duration = Duration::from_secs(5);

/// How long one trial of a verification may take.
pub const TRIAL: Duration = Duration::from_secs(20);

/// How long a trial may take in which a model answers several questions.
pub const TRIAL_MODEL: Duration = Duration::from_secs(120);

/// How long a probe's canary may outlive a probe that was killed, in seconds.
pub const CANARY_TTL_S: u64 = 60;

/// The error of a pool that gave no connection in time.
pub(crate) fn exhausted(service: ServiceKind, size: usize, wait: Duration) -> Error {
    let seconds = wait.as_secs_f64();
    Error::new(
        &codes::POOL_EXHAUSTED,
        format!("all {size} connections of {}'s pool were in use for {seconds} s", service.title()),
    )
}
/// How long a request waits for a place in a bulkhead.
pub const BULKHEAD_WAIT: Duration = Duration::from_millis(1_000);

/// Requests to one service at the same time that a configuration may ask for.
pub const CONCURRENCY_MAX: usize = 4_096;

/// Repeats of one read that a configuration may ask for.
pub const RETRIES_MAX: usize = 5;

/// The oldest answer of a fallback that a configuration may ask for.
pub const FALLBACK_TTL_MAX: Duration = Duration::from_secs(86_400);

/// Memory for the answers that may stand in for one service, at most.
pub const FALLBACK_MEMORY_MAX: u64 = 4_096 * 1024 * 1024;

/// How far behind its primary a replica may be that answers reads, unless the configuration says otherwise.
pub const REPLICA_LAG: Duration = Duration::from_millis(1_000);

/// How long a service that is slow to answer may take to show that it lives.
pub const PULSE_PATIENCE: Duration = Duration::from_millis(1_500);

/// How often a process looks whether what it says of its fallbacks has changed.
pub const REPORT_EVERY: Duration = Duration::from_millis(250);

/// Entries of Redis that this process remembers to be stale.
pub const REDIS_OWED_MAX: usize = 10_000;

/// How long no entry of Redis is believed after more than [`REDIS_OWED_MAX`] became stale: the longest life of an entry.
pub const REDIS_DISTRUST: Duration = Duration::from_secs(30 * 86_400);

/// How often a process that reads looks how far the replicas are.
pub const REPLICA_LOOK: Duration = Duration::from_millis(200);

/// Read replicas that a stack runs at most.
pub const REPLICAS_MAX: usize = 2;

/// Records of a collection that a process holds at most.
pub const VECTORS_HELD: usize = 5_000;

/// Questions of one process after which a collection is held.
pub const VECTORS_HOT: u32 = 3;

/// Collections whose questions are counted.
pub const VECTORS_COUNTED: usize = 1_000;

/// When the records of a collection that are held are fetched anew.
pub const VECTORS_REFRESH: Duration = Duration::from_secs(600);

/// Collections that a process fetches at the same time to hold them.
pub const VECTORS_FETCHING: usize = 4;
/// How often it is tried to cancel a statement that nobody waits for.
pub const CANCEL_ATTEMPTS: u32 = 20;
/// How long one request to cancel may take.
pub const CANCEL_PATIENCE: Duration = Duration::from_secs(2);
/// How long the server has to give up a statement before it is asked again.
pub const CANCEL_PAUSE: Duration = Duration::from_millis(250);
/// Connections on which reads by key are sent one behind another.
pub const LANES_MAX: usize = 4;
/// Reads that are better sent behind each other than on another of them; more than these wait for each other and are asked together.
pub const LANE_TAKEN_GOOD: usize = 8;
/// Statements that stay prepared on one connection; beyond, they are prepared anew.
pub const STATEMENTS_KEPT: usize = 500;
/// Statements of a driven connection that are found by comparing their texts.
pub const STATEMENTS_RECENT: usize = 16;
/// Statements that write which callers drive themselves at the same time; who comes then takes a connection of the pool.
pub const SOLOS_MAX: usize = 4;
/// Reads that may be under way on one of them; who comes then takes a connection of the pool.
pub const LANE_TAKEN_MAX: usize = 64;
