//! Every bound of this crate, with its unit in the name.

/// Characters of a product's name.
pub const NAME_MAX_CHARS: usize = 200;
/// Characters of a description.
pub const DESCRIPTION_MAX_CHARS: usize = 2_000;
/// Characters of a category hint or a context.
pub const HINT_MAX_CHARS: usize = 120;
/// The largest budget that a request may name, in the catalogue's currency.
pub const BUDGET_MAX: f64 = 10_000_000.0;
/// Recommendations in one answer at most.
pub const RECOMMENDATIONS_MAX: usize = 10;
/// Recommendations in one answer unless the request says otherwise.
pub const RECOMMENDATIONS_DEFAULT: usize = 5;
/// Alternatives that a classification shows.
pub const ALTERNATIVES: usize = 4;
/// Neighbours that the classifier looks at.
pub const REFERENCE_NEIGHBOURS: usize = 96;
/// Products near the query that the recommender ranks.
pub const PRODUCT_NEIGHBOURS: usize = 30;
/// Products of complementary categories that the recommender ranks beside them.
pub const COMPLEMENT_NEIGHBOURS: usize = 12;
/// How long a recommendation stays in the cache, in seconds.
pub const CACHE_TTL_S: u64 = 300;
/// Bytes of one data file.
pub const DATA_FILE_MAX_BYTES: u64 = 8 << 20;
/// Categories that the data may hold: all centroids are compared in one query.
pub const CATEGORIES_MAX: usize = 250;
/// Products that the data may hold.
pub const PRODUCTS_MAX: usize = 20_000;
/// Characters of a prefix.
pub const PREFIX_MAX_CHARS: usize = 64;
/// Records of one graph statement.
pub const GRAPH_BATCH: usize = 2_000;
/// Cache keys that are deleted by one command.
pub const CACHE_SCAN_BATCH: usize = 200;
/// Hexadecimal digits of the version that names carry.
pub const VERSION_DIGITS: usize = 12;
/// How long a node of this crate may take.
pub const NODE_TIMEOUT_MS: u64 = 60_000;
