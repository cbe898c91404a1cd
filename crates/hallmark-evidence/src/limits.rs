//! The bounds of this crate.

/// The longest line of the log; a longer one is refused when written and counts as altered when read.
pub const LOG_LINE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Digits kept after the decimal point of a measured number: fewer than a double holds, so that every reader gets the same bytes.
pub const DECIMALS: i32 = 6;

/// How far from the end of the log its last line is searched.
pub const TAIL_BYTES_MAX: u64 = LOG_LINE_BYTES_MAX as u64 + 1;
