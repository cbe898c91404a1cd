//! Every bound of the stack. What is bounded says so when the bound is hit.

use std::time::Duration;

/// The first port that the stack takes.
pub const PORT_FIRST: u16 = 54_600;

/// The last port that the stack takes; below the ephemeral ports of Linux's usual range end and above its services.
pub const PORT_LAST: u16 = 56_599;

/// The longest path of a Unix socket on Linux, without its closing zero.
pub const SOCKET_PATH_BYTES: usize = 107;

/// How long the machine-wide install lock may be held by another project.
pub const INSTALL_LOCK_WAIT: Duration = Duration::from_secs(20 * 60);

/// How long one package manager call may take.
pub const INSTALL_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// How long another `up` or `down` of the same project may take before this one gives up.
pub const PROJECT_LOCK_WAIT: Duration = Duration::from_secs(10 * 60);

/// How long a version or capability question to a program may take.
pub const ASK_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a service may take from its start until it is usable; Neo4j on a busy machine needs most of it.
pub const USABLE_TIMEOUT: Duration = Duration::from_secs(240);

/// How many refusals of the kept password in a row may be those of a server that is still setting itself up.
pub const REFUSALS: u32 = 1;

/// The pause between two probes of a service that starts.
pub const USABLE_PAUSE: Duration = Duration::from_millis(250);

/// How long the supervisor may take until its control socket answers.
pub const SUPERVISOR_TIMEOUT: Duration = Duration::from_secs(20);

/// How long one request on the control socket may take; stopping Neo4j is the longest.
pub const CONTROL_TIMEOUT: Duration = Duration::from_secs(120);

/// Bytes of one line on the control socket.
pub const CONTROL_LINE_BYTES: usize = 64 * 1024;

/// Orders that wait for one process.
pub const ORDER_QUEUE: usize = 16;

/// Deaths in a row, each within [`STEADY_AFTER`] of its start, after which a process is given up.
pub const RESTARTS_IN_A_ROW: u32 = 5;

/// The pause before the first restart; it doubles with each death in a row.
pub const RESTART_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause before a restart.
pub const RESTART_PAUSE_MAX: Duration = Duration::from_secs(16);

/// A process that has lived this long is steady: its earlier deaths no longer count.
pub const STEADY_AFTER: Duration = Duration::from_secs(60);

/// How often the disk is looked at under a server that must not run while it is full, and how often while it waits for room.
pub const ROOM_PAUSE: Duration = Duration::from_millis(250);

/// How often a process that is not the supervisor's child is looked at.
pub const ADOPTED_PAUSE: Duration = Duration::from_millis(250);

/// How long a fast server may take to stop before it is killed.
pub const STOP_PATIENCE: Duration = Duration::from_secs(15);

/// How long Neo4j may take: idle it needs 11 seconds, 5 of them in closing Bolt.
pub const STOP_PATIENCE_NEO4J: Duration = Duration::from_secs(45);

/// How long a killed process may take to disappear.
pub const KILL_PATIENCE: Duration = Duration::from_secs(10);

/// A log that is longer when its process starts becomes `<name>.log.1`.
pub const LOG_ROTATE_BYTES: u64 = 8 * 1024 * 1024;

/// Bytes that are read from the end of a log.
pub const LOG_TAIL_BYTES: u64 = 1024 * 1024;

/// Lines that `logs` shows unless asked otherwise.
pub const LOG_LINES: usize = 100;

/// Log lines that are kept with the reason of a death.
pub const REASON_LINES: usize = 5;

/// Bytes of a program's output that an error repeats.
pub const OUTPUT_BYTES: usize = 2_000;

/// Memory that the five services need together, in MB.
pub const MEMORY_MB: u64 = 1_500;

/// Disk that downloads and first data need, in MB.
pub const DISK_MB: u64 = 2_000;

/// How long a replica may take from its start until it streams.
pub const REPLICA_PATIENCE: Duration = Duration::from_secs(30);
