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
pub(super) enum Edge {
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
        // What is no plain day is an instant: the calendar library would take the day of one with a time.
        let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        let day = text.parse::<Date>().ok().filter(|day| plain && day.year() >= 1);
        match day {
            Some(day) => Ok(Some(Self::Day(day))),
            None => value::timestamp(text)
                .map(|instant| Some(Self::Instant(instant)))
                .map_err(|e| e.at(parameter.to_owned())),
        }
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
    pub(super) fn push(self, sql: &mut Sql, zone: &str) {
        match self {
            Self::Instant(instant) => drop(sql.bind(Bound::Timestamp(instant), None)),
            Self::Day(day) => {
                sql.push("(")
                    .bind(Bound::Text(day.to_string()), Some("date"))
                    .push("::timestamp AT TIME ZONE ");
                sql.bind(Bound::Text(zone.to_owned()), None).push(")");
            }
        }
    }
}
