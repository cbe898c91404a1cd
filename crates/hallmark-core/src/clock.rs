//! Times as Hallmark writes them: RFC 3339 in UTC.

/// Now, in UTC, to the millisecond: `2026-11-24T21:14:16.123Z`.
#[must_use]
pub fn now() -> String {
    let now = jiff::Timestamp::now();
    let rounded = now.round(jiff::Unit::Millisecond).unwrap_or(now);
    format!("{rounded:.3}")
}
