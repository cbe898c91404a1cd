//! Every bound of the language server, in one place.

use std::time::Duration;

/// The largest message that is read, in bytes; a larger one is skipped and answered with an error.
pub const MESSAGE_BYTES: usize = 64 * 1024 * 1024;

/// The longest line of a message's header, in bytes.
pub const HEADER_BYTES: u64 = 8 * 1024;

/// How many messages may wait on either way before the other side has to.
pub const QUEUED_MESSAGES: usize = 256;

/// How many requests may wait for a scan; more are answered with an error.
pub const PARKED_REQUESTS: usize = 512;

/// A file whose last analysis took no longer than this is analysed at once; for others typing has to pause for as long as that took.
pub const INSTANT: Duration = Duration::from_millis(25);

/// The longest pause in typing that is waited for.
pub const DEBOUNCE_MAX: Duration = Duration::from_millis(500);

/// How many suppressions are offered at one place.
pub const SUPPRESSIONS: usize = 10;

/// How many changed files are looked at one by one; more are left to a scan of all.
pub const DIRTY_FILES: usize = 32;

/// How long the project has to be at rest before a scan that new, gone or renamed files ask for.
pub const RESCAN_DELAY: Duration = Duration::from_millis(150);

/// How long the project has to be at rest before the score is sent.
pub const SCORE_DELAY: Duration = Duration::from_millis(400);

/// The stack of the server's thread, in bytes: it parses files too.
pub const STACK_BYTES: usize = hallmark_python::limits::PARSER_STACK_BYTES;
