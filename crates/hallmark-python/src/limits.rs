//! Every bound of the Python front end, in one place.

/// The largest file that is read, in bytes; a larger one is a problem, not a scan that takes minutes.
pub const SOURCE_BYTES: u64 = 20 * 1024 * 1024;

/// The deepest nesting of expressions and statements that is followed; CPython itself refuses far less.
pub const NESTING_DEPTH: u32 = 1_500;

/// The stack of a thread that parses, in bytes: enough for [`NESTING_DEPTH`] in an unoptimised build.
pub const PARSER_STACK_BYTES: usize = 64 * 1024 * 1024;

/// The longest symbolic path of an expression, in bytes; a longer one is treated as unknown.
pub const PATH_BYTES: usize = 240;

/// The names that a thread keeps from one file to the next; with more it begins anew.
pub const SHARED_NAMES: usize = 100_000;

/// The names that are asked first: as many as fit into the nearer of a processor's caches.
pub const LAST_NAMES: usize = 4_096;

/// How much of a string literal is kept as a fact, in bytes.
pub const LITERAL_BYTES: usize = 400;

/// The longest chain of re-exports or base classes that is followed.
pub const RESOLVE_STEPS: u32 = 24;

/// The longest code in a text that is read, in bytes.
pub const CODE_BYTES: usize = 100_000;

/// The parts of a text put together by `+` that are looked at.
pub const CONCATENATIONS: usize = 50;

/// The parts of a statement in a text that are looked at.
pub const SUMMANDS: usize = 200;

/// The longest chain of names and lists behind a part of a statement that is followed.
pub const FOLLOWED_PARTS: usize = 8;

/// The number of called functions that are kept of one test.
pub const CALLS_OF_A_TEST: usize = 40;

/// The number of returned paths that are kept of one function.
pub const RETURNED_PATHS: usize = 8;
