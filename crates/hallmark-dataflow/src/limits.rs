//! Every bound of this crate.

/// Rows of a page when no limit is given.
pub const PAGE_ROWS_DEFAULT: u64 = 50;
/// The most rows of a page.
pub const PAGE_ROWS_MAX: u64 = 1_000;
/// The most rows of one bulk call; larger data goes through the import node.
pub const BULK_ROWS_MAX: usize = 50_000;
/// How often a bulk call is done if it has to give way in a deadlock.
pub const DEADLOCK_ATTEMPTS_MAX: u32 = 5;
/// The pause before it is done again, for each time that it was done.
pub const DEADLOCK_PAUSE_MS: u64 = 50;
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
/// The most steps of time of a facet.
pub const FACET_STEPS_MAX: u64 = 366;
/// Steps of time of a facet when no limit is given.
pub const FACET_STEPS_DEFAULT: u64 = 100;
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
/// The most bytes of an xlsx file to import: the texts that its cells share are held in memory.
pub const SHEET_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// The most columns of a file to import: those of a sheet of Excel, ten times those of a table of PostgreSQL.
pub const IMPORT_COLUMNS_MAX: usize = 16_384;
/// The most bytes of what a file of Parquet says of itself at its end. It takes some forty times as many in memory.
pub const PARQUET_FOOTER_BYTES_MAX: u32 = 16 * 1024 * 1024;
/// Rows of a part, if an import goes on in parts and is not told of how many.
pub const IMPORT_PART_ROWS_DEFAULT: u64 = 100_000;
/// The fewest rows of a part.
pub const IMPORT_PART_ROWS_MIN: u64 = 100;
/// How long an import that is to be resumed waits for one that was killed to be noticed.
pub const IMPORT_WAIT_MS: u64 = 5_000;
/// The most records of imports that a file is compared with.
pub const IMPORT_RECORDS_MAX: i64 = 200;
/// Bytes of values that rows to import refer to, before it is looked whose those rows are.
pub const IMPORT_REFERRED_BYTES_MAX: usize = 8 * 1024 * 1024;
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
/// The most bytes of the text of a slow statement that are kept.
pub const SLOW_TEXT_BYTES_MAX: usize = 16 * 1024;
/// How long the file of slow statements grows before it becomes the older one of two.
pub const SLOW_FILE_BYTES: u64 = 4 * 1024 * 1024;
/// Slow statements that may wait to be written down.
pub const SLOW_WAITING_MAX: usize = 1_024;
/// How long PostgreSQL may take to plan a slow statement anew.
pub const SLOW_PLAN_TIMEOUT_MS: u64 = 10_000;
/// The longest life of a row, a hundred years.
pub const ROW_TTL_SECONDS_MAX: u64 = 100 * 365 * 24 * 3_600;
/// How many expired rows one statement of a purge removes.
pub const PURGE_ROWS: i64 = 5_000;
/// How many such statements one call makes.
pub const PURGE_ROUNDS_MAX: usize = 1_000;
/// How many entries are taken off at once.
pub const CACHE_FORGET_CHUNK: usize = 500;
/// How long it is kept that there is no row.
pub const CACHE_NEGATIVE_TTL_SECONDS: u64 = 30;
/// The most tags of an entry.
pub const CACHE_TAGS_MAX: usize = 16;
/// The longest tag in bytes.
pub const CACHE_TAG_BYTES_MAX: usize = 128;
/// How often the counts of a cache go to Redis.
pub const CACHE_COUNTS_EVERY_MS: u64 = 1_000;
/// How long after its last sign of life a connection that listens is believed: no answer is older than that.
pub const CACHE_TRUST_MS: u64 = 2_000;
/// How often a sign of life is asked for.
pub const CACHE_LISTEN_TICK_MS: u64 = 500;
/// How long it may take.
pub const CACHE_LISTEN_ASK_MS: u64 = 1_000;
/// How long another process has to say that it has listened all the time.
pub const CACHE_GREETING_MS: u64 = 300;
/// How long the first reader waits until changes are heard.
pub const CACHE_LISTEN_WAIT_MS: u64 = 1_500;
/// How long until it is tried again to listen, and the longest such pause.
pub const CACHE_LISTEN_PAUSE_MS: u64 = 100;
/// The longest pause.
pub const CACHE_LISTEN_PAUSE_MAX_MS: u64 = 2_000;
/// The most related rows that one call reads of a relation.
pub const RELATED_ROWS_MAX: usize = 10_000;
/// The most rows that are created with another one.
pub const NESTED_ROWS_MAX: usize = 1_000;
/// Rows that one call of `index` takes when no limit is given: embedding them takes a few seconds.
pub const INDEX_PAGE_DEFAULT: u64 = 200;
/// The most vectors given with one call.
pub const INDEX_ROWS_MAX: usize = 1_000;
/// The most numbers of a vector.
pub const VECTOR_NUMBERS_MAX: usize = 16_384;
/// The fewest rows that a collection of vectors is asked for: other conditions may leave some out.
pub const NEAR_ROWS_MIN: usize = 50;
/// The most rows that a collection of vectors is asked for.
pub const NEAR_ROWS_MAX: usize = 5_000;
/// The most groups of a cube: each one more doubles the subtotals.
pub const CUBE_FIELDS_MAX: usize = 5;
/// The most window functions of an aggregation.
pub const WINDOWS_MAX: usize = 20;
/// The farthest row that a window function looks at, and the most rows of a moving one.
pub const WINDOW_ROWS_MAX: f64 = 100_000.0;
/// The most rules of a validation.
pub const RULES_MAX: usize = 200;
