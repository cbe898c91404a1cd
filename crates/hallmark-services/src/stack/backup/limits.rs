//! Every bound of backups. What is bounded says so when the bound is hit.

use std::time::Duration;

/// How long one program that dumps or restores may work.
pub(crate) const PROGRAM_TIMEOUT: Duration = Duration::from_secs(6 * 60 * 60);

/// How long a lock of a table may keep a dump waiting.
pub(crate) const LOCK_WAIT_MS: u64 = 60_000;

/// How long another backup or restore of the same project may take before this one gives up.
pub(crate) const LOCK_PATIENCE: Duration = Duration::from_secs(60 * 60);

/// How long a server may take until all its threads stand still.
pub(crate) const FREEZE_PATIENCE: Duration = Duration::from_secs(5);

/// How often a service is copied anew because its counts stayed the same and the copy's differ.
pub(crate) const ATTEMPTS: u32 = 3;

/// Bytes of plain text that are encrypted at a time.
pub(crate) const SEAL_CHUNK: usize = 64 * 1024;

/// Memory that deriving a key from a passphrase takes, in KiB.
pub(crate) const KEY_MEMORY_KIB: u32 = 64 * 1024;

/// The most memory that a backup's header may ask for, in KiB: a forged header must not eat the machine.
pub(crate) const KEY_MEMORY_KIB_MAX: u32 = 1024 * 1024;

/// Passes over that memory.
pub(crate) const KEY_PASSES: u32 = 3;

/// The most passes that a backup's header may ask for.
pub(crate) const KEY_PASSES_MAX: u32 = 16;

/// Records of ChromaDB, keys of Redis that one request reads.
pub(crate) const PAGE: usize = 500;

/// Backups that are kept unless the configuration says otherwise.
pub(crate) const KEEP_LAST: u32 = 7;

/// Days of which one backup each is kept unless the configuration says otherwise.
pub(crate) const KEEP_DAILY: u32 = 7;

/// Weeks of which one backup each is kept unless the configuration says otherwise.
pub(crate) const KEEP_WEEKLY: u32 = 4;

/// How often the schedule is looked at.
pub(crate) const SCHEDULE_PAUSE: Duration = Duration::from_secs(20);

/// The shortest interval between two backups of the schedule.
pub(crate) const SCHEDULE_SHORTEST: Duration = Duration::from_secs(60);
