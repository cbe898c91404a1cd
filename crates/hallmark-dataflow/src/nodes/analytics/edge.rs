//! An end of a stretch of time, as a call gives it: an instant, or a day that begins at midnight of the time zone.

use hallmark_core::Result;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::input::Ask;
use crate::sql::Sql;
use crate::value::{self, Bound};

/// The end.
#[derive(Clone, Copy, Debug)]
pub(in crate::nodes) enum Edge {
    /// This instant, wherever one is.
    Instant(Timestamp),
    /// The midnight with which the day begins in the time zone of the call.
    Day(Date),
}

impl Edge {
    /// The end that a parameter names, if it is given.
    ///
    /// # Errors
    /// `HM-D011` if it is no time.
    pub(super) fn read(ask: &Ask<'_>, parameter: &str) -> Result<Option<Self>> {
        let Some(text) = ask.text(parameter) else { return Ok(None) };
        match Self::day(text) {
            Some(day) => Ok(Some(day)),
            None => value::timestamp(text)
                .map(|instant| Some(Self::Instant(instant)))
                .map_err(|e| e.at(parameter.to_owned())),
        }
    }

    /// The day that a text names. What is no plain day is an instant: the calendar library would take the day of one with a time.
    pub(in crate::nodes) fn day(text: &str) -> Option<Self> {
        let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        text.parse::<Date>().ok().filter(|day| plain && day.year() >= 1).map(Self::Day)
    }

    /// Whether it is given as a day.
    pub(super) fn is_day(self) -> bool {
        matches!(self, Self::Day(_))
    }

    /// Whether it comes before another one. A day is placed by the zones that this machine knows.
    pub(super) fn is_before(self, other: Self, zone: &str) -> bool {
        let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
        let at = |edge| match edge {
            Self::Instant(instant) => Some(instant),
            Self::Day(day) => day.to_zoned(zone.clone()).ok().map(|midnight| midnight.timestamp()),
        };
        match (self, other) {
            (Self::Day(day), Self::Day(other)) => day < other,
            _ => at(self).zip(at(other)).is_none_or(|(at, other)| at < other),
        }
    }

    /// Appends the instant.
    pub(in crate::nodes) fn push(self, sql: &mut Sql, zone: &str) {
        match self {
            Self::Instant(instant) => drop(sql.bind(Bound::Timestamp(instant), None)),
            Self::Day(day) => push_first(sql, zone, &|sql| {
                sql.bind(Bound::Text(day.to_string()), Some("date")).push("::timestamp");
            }),
        }
    }
}

/// Appends the first instant at which the clocks of a time zone show a time. Where they are put back over midnight (the Azores, Cuba), a
/// day begins at the first of its two midnights; PostgreSQL takes the second.
pub(super) fn push_first(sql: &mut Sql, zone: &str, local: &dyn Fn(&mut Sql)) {
    let zoned = |sql: &mut Sql| {
        sql.push(" AT TIME ZONE ").bind(Bound::Text(zone.to_owned()), None);
    };
    let last = |sql: &mut Sql| {
        local(sql.push("("));
        zoned(sql);
        sql.push(")");
    };
    last(sql.push("(CASE WHEN (("));
    sql.push(" - interval '1 hour')");
    zoned(sql);
    local(sql.push(") = "));
    last(sql.push(" THEN "));
    last(sql.push(" - interval '1 hour' ELSE "));
    sql.push(" END)");
}
