//! Every bound of this crate, with its unit in the name.

/// Nodes that one workflow may hold.
pub const WORKFLOW_MAX_NODES: usize = 1_000;
/// Connections that one workflow may hold.
pub const WORKFLOW_MAX_CONNECTIONS: usize = 10_000;
/// Parameters that one node (or workflow input) may declare.
pub const NODE_MAX_PARAMS: usize = 256;
/// Characters of a node's, parameter's or step's name.
pub const NAME_MAX_CHARS: usize = 128;
/// Levels of nesting of a node's input or result.
pub const VALUE_MAX_DEPTH: usize = 64;
/// Approximate bytes of the whole input of one node or workflow.
pub const INPUT_MAX_BYTES: usize = 32 << 20;
/// Approximate bytes of one node's result.
pub const RESULT_MAX_BYTES: usize = 32 << 20;
/// Approximate bytes of all results of one run together.
pub const RUN_MAX_BYTES: usize = 128 << 20;
/// Characters of a string parameter that declares no bound of its own.
pub const STRING_MAX_CHARS: usize = 1 << 20;
/// Nodes of one run that execute at the same time, unless the runtime is told otherwise.
pub const RUN_CONCURRENCY: usize = 16;
/// How long one node may take, unless its description says otherwise.
pub const NODE_TIMEOUT_MS: u64 = 30_000;
/// The longest time that a node or a step may ask for.
pub const NODE_TIMEOUT_MAX_MS: u64 = 3_600_000;
/// How long one run may take, unless the runtime is told otherwise.
pub const RUN_TIMEOUT_MS: u64 = 600_000;
/// Runs that one list answers at most.
pub const RUN_LIST_MAX: u32 = 500;
/// Characters of an idempotency key.
pub const IDEMPOTENCY_KEY_MAX_CHARS: usize = 255;
/// Characters of user text that an error message repeats.
pub const ECHO_MAX_CHARS: usize = 64;
/// A secret shorter than this is masked as a parameter, but not searched for in results: it would blank innocent text.
pub const SECRET_SEARCH_MIN_CHARS: usize = 6;
/// Segments of an output path.
pub const PATH_MAX_SEGMENTS: usize = 32;
/// How often keeping the outcome of a run is tried again.
pub const FINISH_RETRIES: u32 = 3;
/// The first pause before it is tried again, doubled each time.
pub const FINISH_PAUSE_MS: u64 = 100;
