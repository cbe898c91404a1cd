//! Every bound of the fixer, in one place.

/// How often a file is scanned again after its fixes were applied; what is still fixable then is left and reported.
pub const ROUNDS: usize = 10;

/// The largest manifest of a run that is read, in bytes.
pub const MANIFEST_BYTES: u64 = 64 * 1024 * 1024;

/// Lines of context around each change of a diff.
pub const DIFF_CONTEXT_LINES: usize = 3;
