//! The bounds of this crate.

use std::time::Duration;

/// How long the interpreter may take to say whether it has pytest.
pub const VERSION_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a relay waits for the real server to accept a connection.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes that a relay moves at once.
pub const CHUNK_BYTES: usize = 64 * 1024;

/// Bytes of a name, a statement or a header that a meter keeps; what is longer is passed on and not looked at.
pub const TEXT_BYTES_MAX: usize = 256;

/// Bytes of the head of an HTTP message that a meter reads; a longer one makes the connection opaque.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Requests under way on one connection that a meter tells apart; more make the connection opaque.
pub const PIPELINE_MAX: usize = 100_000;

/// Nesting of a Redis answer that a meter follows.
pub const RESP_DEPTH_MAX: usize = 64;

/// Kinds of request that the record of one test names; the rest is counted without a name.
pub const LABELS_MAX: usize = 40;

/// Connections that one relay carries at a time; one more is refused, as a server does that is full.
pub const CONNECTIONS_MAX: usize = 4_096;

/// Connections that the report tells of one by one; the rest is counted.
pub const CONNECTIONS_LISTED_MAX: usize = 20_000;

/// Bytes of one message of the plugin.
pub const MESSAGE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Tests that one run may have.
pub const TESTS_MAX: usize = 1_000_000;

/// How long the server's own account of a connection may take.
pub const SIGHTING_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the plugin's last messages may take after pytest has ended.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);

/// How long pytest may take to end after it was interrupted, before it and all it started are killed.
pub const INTERRUPT_TIMEOUT: Duration = Duration::from_secs(15);

/// Generations of parents that are looked through for the process that runs the tests.
pub const ANCESTORS_MAX: usize = 64;
