//! Every bound of the measurements.

use std::time::Duration;

/// The share of repeated measurements in which a bound of an interval holds.
pub const CONFIDENCE: f64 = 0.99;

/// The quantile of the normal distribution at [`CONFIDENCE`].
pub(super) const Z: f64 = 2.326;

/// Samples without which nothing is judged: fewer have no upper bound of a 95th percentile.
pub const SAMPLES_MIN: usize = 100;

/// Samples without which a 99th percentile has no upper bound.
pub const SAMPLES_MIN_P99: usize = 460;

/// Samples of one measurement at most.
pub const SAMPLES_MAX: usize = 200_000;

/// How long a measurement goes on to reach [`SAMPLES_MIN`].
pub const PATIENCE: Duration = Duration::from_secs(180);

/// Calls before those that count: pools fill, plans and caches are made.
pub const WARM_UP_CALLS: usize = 20;

/// How long the warm-up may take.
pub const WARM_UP: Duration = Duration::from_secs(3);

/// Calls in a row that may fail before a measurement is given up.
pub const FAILURES_IN_A_ROW: u64 = 10;

/// The share of calls that may fail.
pub const ERROR_RATE: f64 = 0.001;

/// Parts in time of a sample; a target is met only if each part meets it.
pub const PARTS: usize = 3;

/// Windows that a rate is counted in.
pub const WINDOWS: u32 = 20;

/// Requests a second that one user of the load sends at most: 1,000 by 100 users.
pub const USER_PACE: f64 = 10.0;

/// Users that a load may have.
pub const USERS_MAX: usize = 2_000;

/// Seconds that one measurement may be asked to take.
pub const DURATION_MAX_S: u64 = 3_600;
