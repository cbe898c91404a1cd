//! Every bound of the scanner, in one place.

/// The number of findings of one rule in one file that are reported one by one; the rest is one more finding that counts them.
pub const FINDINGS_PER_RULE_AND_FILE: usize = 200;

/// The number of ids of one builder that are looked through.
pub const IDS_OF_A_BUILDER: usize = 2_000;

/// The largest cache file that is read, in bytes.
pub const CACHE_BYTES: u64 = 1024 * 1024 * 1024;

/// The number of threads at most; more gain nothing, since reading dominates then.
pub const THREADS: usize = 16;

/// The number of entries of a history; older ones are dropped.
pub const HISTORY_ENTRIES: usize = 500;

/// The number of entries, the newest, that keep which file has how many findings of which rule.
pub const HISTORY_PLACES: usize = 20;

/// The largest manifest, lock file or configuration that is read, in bytes.
pub const MANIFEST_BYTES: u64 = 16 * 1024 * 1024;

/// The number of folders above the root that are looked into for the beginning of the repository.
pub const FOLDERS_ABOVE: usize = 16;

/// How old a file must be, in seconds, for its times to tell a later write: no file system's clock ticks more slowly.
pub const SETTLED_SECONDS: i64 = 2;

/// One in so many files may have changed since a cache was written, for what changed to be written beside it instead of all anew.
pub const NEWS_ONE_IN: usize = 16;

/// One in so many folders may have been listed anew for what is kept of all listings to stay as it is.
pub const LISTED_ONE_IN: usize = 64;

/// The number of files whose findings are put together at once: what they took is used again for the next ones.
pub const OPENED_AT_ONCE: usize = 512;

/// The part of a file that is looked at to tell whether Python runs it.
pub(crate) const SHEBANG_BYTES: u64 = 128;
