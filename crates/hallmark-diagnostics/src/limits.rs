//! Every bound of the renderers, in one place.

/// The widest line that the text renderers write, in columns.
pub const TEXT_WIDTH_COLUMNS: usize = 80;

/// The longest source line that is shown as a code frame, in bytes; longer lines are named but not shown.
pub const EXCERPT_BYTES: usize = 4_096;

/// The number of code frames that `full` shows unless the caller asks for another.
pub const FRAMES: usize = 100;

/// The number of results in one SARIF run; GitHub refuses more.
pub const SARIF_RESULTS: usize = 25_000;

/// The number of findings on one HTML page; a browser is slow with more.
pub const HTML_FINDINGS: usize = 10_000;
