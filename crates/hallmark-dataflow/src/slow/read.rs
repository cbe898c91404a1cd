//! What was slow, statement by statement.

use std::collections::BTreeMap;
use std::path::Path;

use hallmark_core::{Error, Result};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::log::log_file;
use super::shape::shape;
use super::{GIVEN_UP, Slow};
use crate::{codes, value};

/// What the log holds.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// The statements in the order in which they were written down.
    pub entries: Vec<Slow>,
    /// Lines that are none, such as one that a kill cut off.
    pub unreadable: u64,
}

/// All calls of one statement by one operation of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The node.
    pub node: String,
    /// Its operation.
    pub operation: String,
    /// The statement with `?` for what differs between calls.
    pub shape: String,
    /// The slowest call.
    pub slowest: Slow,
    /// How many calls were slow.
    pub calls: u64,
    /// How many of them failed or were given up.
    pub failed: u64,
    /// The sum of their times, in milliseconds.
    pub total_ms: f64,
    /// The time that 95 of 100 calls stay below, in milliseconds: that of the call at this rank.
    pub p95_ms: f64,
    /// The mean of the rows of those that ended; `None` if none did.
    pub rows: Option<f64>,
    /// When the last one ended.
    pub last: String,
}

impl Kept {
    /// Reads the log of a project's state folder; without one there is nothing in it.
    ///
    /// # Errors
    /// `HM-D108` if the system refuses.
    pub fn read(folder: &Path) -> Result<Self> {
        let mut kept = Self::default();
        for file in log_file(folder).files() {
            let bytes = match std::fs::read(&file) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => {
                    let message = format!("{} could not be read", file.display());
                    return Err(Error::new(&codes::SLOW_LOG, message).because(&error));
                }
            };
            for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                match serde_json::from_slice(line) {
                    Ok(entry) => kept.entries.push(entry),
                    Err(_) => kept.unreadable += 1,
                }
            }
        }
        Ok(kept)
    }

    /// Leaves out what ended before this.
    #[must_use]
    pub fn after(mut self, since: Timestamp) -> Self {
        self.entries.retain(|entry| entry.at.parse::<Timestamp>().is_ok_and(|at| at >= since));
        self
    }

    /// Slow statements that nobody had time to write down.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.entries.iter().map(|entry| entry.lost).sum()
    }

    /// The statements, those that took most time in all first.
    #[must_use]
    pub fn groups(self) -> Vec<Group> {
        let mut by_shape: BTreeMap<(String, String, String), Vec<Slow>> = BTreeMap::new();
        for entry in self.entries {
            let key = (entry.node.clone(), entry.operation.clone(), shape(&entry.sql));
            by_shape.entry(key).or_default().push(entry);
        }
        let mut groups: Vec<Group> =
            by_shape.into_iter().filter_map(|(key, calls)| Group::of(key, calls)).collect();
        groups.sort_by(|a, b| b.total_ms.total_cmp(&a.total_ms));
        groups
    }
}

impl Group {
    fn of((node, operation, shape): (String, String, String), mut calls: Vec<Slow>) -> Option<Self> {
        let last = calls.iter().map(|call| call.at.clone()).max()?;
        let failed = calls.iter().filter(|call| call.error.is_some()).count() as u64;
        let rows: Vec<u64> = calls.iter().filter_map(|call| call.rows).collect();
        let rows = (!rows.is_empty()).then(|| rows.iter().sum::<u64>() as f64 / rows.len() as f64);
        let total_ms = calls.iter().map(|call| call.ms).sum();
        calls.sort_by(|a, b| a.ms.total_cmp(&b.ms));
        let p95_ms = calls[(calls.len() * 95).div_ceil(100).max(1) - 1].ms;
        let count = calls.len() as u64;
        let slowest = calls.pop()?;
        Some(Self { node, operation, shape, slowest, calls: count, failed, total_ms, p95_ms, rows, last })
    }

    /// The mean time, in milliseconds.
    #[must_use]
    pub fn mean_ms(&self) -> f64 {
        self.total_ms / self.calls.max(1) as f64
    }

    /// The group as a member of `hallmark.data.slow/1`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let rounded = |ms: f64| (ms * 1e3).round() / 1e3;
        json!({
            "node": self.node, "operation": self.operation, "statement": self.shape,
            "calls": self.calls, "failed": self.failed, "total_ms": rounded(self.total_ms),
            "mean_ms": rounded(self.mean_ms()), "p95_ms": self.p95_ms, "max_ms": self.slowest.ms,
            "rows_mean": self.rows.map(rounded), "last_at": self.last,
            "slowest": {
                "at": self.slowest.at, "sql": self.slowest.sql, "parameters": self.slowest.parameters,
                "rows": self.slowest.rows, "error": self.slowest.error,
                "given_up": self.slowest.error.as_deref() == Some(GIVEN_UP),
            },
        })
    }
}

/// A moment that a person names: `2h`, `3 days`, `2026-11-24`, `2026-11-24T21:14:16Z`.
///
/// # Errors
/// `HM-D025`.
pub fn since(text: &str) -> Result<Timestamp> {
    moment(text, Timestamp::now())
}

fn moment(text: &str, now: Timestamp) -> Result<Timestamp> {
    let named = || {
        let day = text.parse::<jiff::civil::Date>().ok().filter(|_| text.len() == 10);
        let day = day.and_then(|day| day.to_zoned(TimeZone::UTC).ok()).map(|day| day.timestamp());
        day.or_else(|| value::timestamp(text).ok())
    };
    let ago = || {
        let span: jiff::Span = text.parse().ok()?;
        let then = now.to_zoned(TimeZone::UTC).checked_sub(span.abs()).ok()?;
        Some(then.timestamp())
    };
    named().or_else(ago).ok_or_else(|| {
        Error::new(&codes::BAD_PARAMETER, format!("{text:?} names no moment"))
            .next("say how long ago, as 2h or 3d, or when, as 2026-11-24T21:14:16Z")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slow(sql: &str, ms: f64, minute: u32) -> Slow {
        Slow {
            at: format!("2026-11-24T10:{minute:02}:00Z"),
            node: "PartSearchNode".to_owned(),
            operation: "search".to_owned(),
            sql: sql.to_owned(),
            parameters: Vec::new(),
            ms,
            rows: Some(2),
            error: None,
            lost: 0,
        }
    }

    #[test]
    fn calls_are_counted_by_statement() {
        let mut entries: Vec<Slow> =
            (1..=40_u32).map(|n| slow(&format!("SELECT a LIMIT {n}"), f64::from(n), n)).collect();
        entries.push(slow("SELECT b", 5_000.0, 0));
        entries.push(Slow { rows: None, error: Some(GIVEN_UP.to_owned()), ..slow("SELECT b", 1.0, 50) });
        let kept = Kept { entries, unreadable: 0 };
        let groups = kept.clone().groups();
        let facts = |g: &Group| (g.shape.clone(), g.calls, g.failed, g.p95_ms, g.slowest.ms);
        assert_eq!(facts(&groups[0]), ("SELECT b".to_owned(), 2, 1, 5_000.0, 5_000.0));
        assert_eq!(facts(&groups[1]), ("SELECT a LIMIT ?".to_owned(), 40, 0, 38.0, 40.0));
        assert_eq!((groups[1].mean_ms(), groups[1].last.as_str()), (20.5, "2026-11-24T10:40:00Z"));
        assert_eq!((groups[0].rows, groups[1].total_ms), (Some(2.0), 820.0));
        let now: Timestamp = "2026-11-24T11:00:00Z".parse().unwrap();
        let late = kept.after(moment("25m", now).unwrap());
        assert_eq!(late.entries.len(), 7);
    }

    #[test]
    fn moments_are_read_as_people_write_them() {
        let now: Timestamp = "2026-11-24T11:00:00Z".parse().unwrap();
        let at = |text: &str| moment(text, now).unwrap().to_string();
        assert_eq!(at("2h"), "2026-11-24T09:00:00Z");
        assert_eq!(at("3d"), "2026-11-21T11:00:00Z");
        assert_eq!(at("90 minutes"), "2026-11-24T09:30:00Z");
        assert_eq!(at("2026-11-23"), "2026-11-23T00:00:00Z");
        assert_eq!(at("2026-11-23T10:00:00+01:00"), "2026-11-23T09:00:00Z");
        assert_eq!(moment("yesterday", now).unwrap_err().code().id, "HM-D025");
    }
}
