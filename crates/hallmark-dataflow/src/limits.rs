//! Every bound of this crate.

/// Rows of a page when no limit is given.
pub const PAGE_ROWS_DEFAULT: u64 = 50;
/// The most rows of a page.
pub const PAGE_ROWS_MAX: u64 = 1_000;
/// The most rows of one bulk call; larger data goes through the import node.
pub const BULK_ROWS_MAX: usize = 50_000;
/// The most bytes of one text or JSON value.
pub const VALUE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The deepest nesting of a filter.
pub const FILTER_DEPTH_MAX: usize = 8;
/// The most comparisons of a filter.
pub const FILTER_TERMS_MAX: usize = 200;
/// The most values of an `in` comparison.
pub const FILTER_IN_VALUES_MAX: usize = 5_000;
/// The most fields to sort or group by.
pub const SORT_FIELDS_MAX: usize = 8;
/// The most values shown of a facet.
pub const FACET_VALUES_MAX: u64 = 50;
/// The most buckets of a series or histogram.
pub const BUCKETS_MAX: u64 = 2_000;
/// The most groups of an aggregation.
pub const GROUPS_MAX: u64 = 10_000;
/// The most measures of an aggregation.
pub const MEASURES_MAX: usize = 20;
/// The most bytes of an export that is returned inline.
pub const EXPORT_INLINE_BYTES_MAX: usize = 1024 * 1024;
/// The most rows of an export to a file.
pub const EXPORT_ROWS_MAX: u64 = 50_000_000;
/// The most bytes of a file to import.
pub const IMPORT_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// The most error rows returned inline.
pub const IMPORT_ERRORS_SHOWN_MAX: usize = 100;
/// The most error rows counted before an import is given up.
pub const IMPORT_ERRORS_MAX: usize = 100_000;
/// The most rows that one transformation or validation takes.
pub const ROWS_GIVEN_MAX: usize = 50_000;
/// The most steps of a transformation.
pub const STEPS_MAX: usize = 50;
/// The deepest nesting of an expression.
pub const EXPRESSION_DEPTH_MAX: usize = 32;
/// The longest expression in bytes.
pub const EXPRESSION_BYTES_MAX: usize = 4_096;
/// How long a cached row lives when the model names no time.
pub const CACHE_TTL_SECONDS_DEFAULT: u64 = 300;
/// The longest life of a cached row.
pub const CACHE_TTL_SECONDS_MAX: u64 = 30 * 24 * 3_600;
/// How long one reader may hold the right to fill a cache entry.
pub const CACHE_FILL_LOCK_MS: u64 = 2_000;
/// How often the others look whether the entry was filled.
pub const CACHE_FILL_POLL_MS: u64 = 10;
/// How long a write waits for the cache to forget an entry.
pub const CACHE_FORGET_TIMEOUT_MS: u64 = 250;
/// The longest identifier that PostgreSQL keeps whole.
pub const IDENTIFIER_BYTES_MAX: usize = 63;
/// How long schema work waits for the lock of another one.
pub const SCHEMA_LOCK_TIMEOUT_MS: u64 = 30_000;
/// Rows sampled for the distinct counts of a profile.
pub const PROFILE_ROWS_MAX: u64 = 100_000;
/// How long one import or export may take.
pub const FILE_WORK_TIMEOUT_MS: u64 = 3_600_000;
/// The most bytes of a compiled pattern of a field.
pub const PATTERN_BYTES_MAX: usize = 1024 * 1024;
/// The deepest nesting of a statement of SQL that declares models.
pub const SQL_DEPTH_MAX: usize = 64;
/// Rows that a scan must have looked at for nothing before an index is advised.
pub const ADVICE_ROWS_MIN: f64 = 1_000.0;
/// How few of the rows a scan must have wanted for that: one in so many.
pub const ADVICE_KEPT_ONE_IN: f64 = 10.0;
/// How long a statement of a migration waits for its lock; who queues behind it waits no longer.
pub const MIGRATE_LOCK_TIMEOUT_MS: u64 = 1_000;
/// How often a lock is tried for before a migration stops.
pub const MIGRATE_LOCK_ATTEMPTS: u32 = 30;
/// The longest pause between two attempts.
pub const MIGRATE_LOCK_PAUSE_MS: u64 = 5_000;
/// How long a statement of a migration may run once it has its lock, if it only changes the catalogue.
pub const MIGRATE_BRIEF_TIMEOUT_MS: u64 = 30_000;
/// How long a statement of a migration may take that looks at or writes all rows.
pub const MIGRATE_STATEMENT_TIMEOUT_MS: u64 = 3_600_000;
/// How long one question to the rows may take when a plan is made.
pub const MIGRATE_CHECK_TIMEOUT_MS: u64 = 15_000;
/// How long another migration is waited for.
pub const MIGRATE_WAIT_MS: u64 = 120_000;
/// How often it is asked whether the other migration is done.
pub const MIGRATE_LOCK_POLL_MS: u64 = 100;
/// How many pages of a table get their missing values in one transaction.
pub const MIGRATE_BACKFILL_PAGES: i64 = 200;
/// The size of a table from which on it is asked whether readers and writers may be kept out while it is written anew.
pub const MIGRATE_BLOCKING_BYTES: i64 = 8 * 1024 * 1024;
/// The most records of migrations that are read.
pub const MIGRATE_HISTORY_MAX: i64 = 10_000;
/// How many differences a refused start names.
pub const MIGRATE_DIFFERENCES_SHOWN: usize = 8;
