//! The bounds of this crate.

use std::time::Duration;

/// Days from a certification to the next review.
pub const REVIEW_DAYS: i64 = 90;

/// Findings that a report lists in full; the rest is counted.
pub const FINDINGS_LISTED_MAX: usize = 200;

/// Places that a hard failure names; the rest is counted.
pub const PLACES_LISTED_MAX: usize = 25;

/// The longest reason kept of one measurement, in characters.
pub const REASON_CHARS_MAX: usize = 600;

/// Timed repetitions of each core operation.
pub const SAMPLES: usize = 25;

/// Timed repetitions of the language model's completion, which takes seconds.
pub const SAMPLES_COMPLETION: usize = 5;

/// The longest one core operation may take before it is given up.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest a probe of one service may take.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(60);

/// The longest the project's tests may take, unless configured otherwise.
pub const TESTS_TIMEOUT_S: u64 = 600;

/// The longest installing the project's test requirements may take.
pub const INSTALL_TIMEOUT: Duration = Duration::from_secs(300);

/// Bytes kept of a child process's output, from its end.
pub const OUTPUT_BYTES_MAX: usize = 64 * 1024;

/// The longest one request to a channel may take.
pub const CHANNEL_TIMEOUT: Duration = Duration::from_secs(60);

/// The largest answer taken from a channel.
pub const CHANNEL_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Generated nodes that are also reached over a channel; all are executed.
pub const NODES_OVER_WIRE: usize = 9;

/// Files that the digest of a tree covers; more are refused rather than left out.
pub const TREE_FILES_MAX: usize = 500_000;

/// The largest certificate that is read back.
pub const CERTIFICATE_BYTES_MAX: u64 = 64 * 1024 * 1024;
