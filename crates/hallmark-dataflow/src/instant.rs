//! Instants as PostgreSQL keeps them, microseconds since 2000: more than the calendar library names, such as the last day of the
//! year 9999 that stands for "never" in many tables, and those of other writers that no calendar names at all.

use tokio_postgres::types::{FromSql, Type};

/// Microseconds from 1970 to 2000.
const EPOCH: i64 = 946_684_800_000_000;
/// The first instant that PostgreSQL keeps, 4713 BC.
pub(crate) const FIRST: i64 = -211_813_488_000_000_000;
/// The last one, of the year 294276.
const LAST: i64 = 9_223_371_331_199_999_999;
const DAY: i64 = 86_400_000_000;
/// The days that PostgreSQL keeps, counted from 2000: 24 November of 4714 BC to the end of 5874897.
const DAYS: std::ops::RangeInclusive<i64> = -2_451_545..=2_145_031_948;
/// Days from 1970 to 2000.
const EPOCH_DAYS: i64 = 10_957;

/// An instant of `timestamptz`, or of `timestamp` taken as UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instant(pub(crate) i64);

impl Instant {
    /// That of the calendar library, less what is below a microsecond.
    pub(crate) fn of(near: jiff::Timestamp) -> Self {
        Self(near.as_microsecond().saturating_sub(EPOCH))
    }

    /// That of so many microseconds since 1970, if PostgreSQL keeps it.
    pub(crate) fn since_1970(micros: i64) -> Option<Self> {
        micros.checked_sub(EPOCH).filter(|n| (FIRST..=LAST).contains(n)).map(Self)
    }

    /// Microseconds since 1970; `None` for what is no instant, as infinity.
    pub(crate) fn micros(self) -> Option<i64> {
        self.0.checked_add(EPOCH).filter(|_| (FIRST..=LAST).contains(&self.0))
    }

    /// The text that a row has for the instant that PostgreSQL writes so in JSON; a text without zone is taken as UTC.
    pub(crate) fn spelt(text: &str) -> String {
        match crate::value::timestamp(text) {
            Ok(near) => Self::of(near).to_string(),
            Err(_) => read(text).map_or_else(|| text.to_owned(), |far| far.to_string()),
        }
    }
}

impl<'a> FromSql<'a> for Instant {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        i64::from_sql(&Type::INT8, raw).map(Self)
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::TIMESTAMPTZ | Type::TIMESTAMP)
    }
}

impl std::fmt::Display for Instant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            i64::MAX => return f.write_str("infinity"),
            i64::MIN => return f.write_str("-infinity"),
            _ => {}
        }
        // Written here and not by the calendar library: it knows fewer instants, and every row has one or two.
        let mut text = Digits::default();
        let (year, month, day) = civil(self.0.div_euclid(DAY));
        let (seconds, part) = (self.0.rem_euclid(DAY) / 1_000_000, self.0.rem_euclid(1_000_000));
        // Years beyond four digits have six and a sign, as in RFC 3339's expanded form.
        if (0..=9_999).contains(&year) {
            text.number(year, 4);
        } else {
            text.push(if year < 0 { b'-' } else { b'+' });
            text.number(year.abs(), 6);
        }
        for (before, number) in [
            (b'-', month),
            (b'-', day),
            (b'T', seconds / 3_600),
            (b':', seconds / 60 % 60),
            (b':', seconds % 60),
        ] {
            text.push(before);
            text.number(number, 2);
        }
        if part != 0 {
            text.push(b'.');
            text.number(part, 6);
            text.trim_zeros();
        }
        text.push(b'Z');
        f.write_str(text.as_str())
    }
}

/// A short text of digits and the signs between them.
#[derive(Default)]
struct Digits {
    bytes: [u8; 32],
    length: usize,
}

impl Digits {
    fn push(&mut self, byte: u8) {
        self.bytes[self.length] = byte;
        self.length += 1;
    }

    /// The last `width` digits of a number that has no sign.
    fn number(&mut self, number: i64, width: usize) {
        let mut rest = number;
        for byte in self.bytes[self.length..][..width].iter_mut().rev() {
            *byte = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        self.length += width;
    }

    fn trim_zeros(&mut self) {
        while self.length > 0 && self.bytes[self.length - 1] == b'0' {
            self.length -= 1;
        }
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

/// Year, month and day of a number of days since 2000-01-01 (Hinnant's algorithm, on eras of 400 years from March on).
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 730_425;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march + 2) / 5 + 1;
    let month = if march < 10 { march + 3 } else { march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The instant that such a text names, and nothing else does: of the year 9999 what the calendar library has no instant for, and
/// what [`Instant`] says of those beyond.
pub(crate) fn read(text: &str) -> Option<Instant> {
    let (local, offset_minutes) = split_offset(text)?;
    let (year, rest) = match local.strip_prefix('+') {
        Some(far) => (far.get(..6)?.parse::<i64>().ok()?, far.get(6..)?),
        None => (local.get(..4)?.parse::<i64>().ok()?, local.get(4..)?),
    };
    // The calendar of the year 2000 or 2001 checks month, day and time; the year itself is added by hand.
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let sample = format!("{}{rest}", if leap { 2000 } else { 2001 });
    let sample: jiff::civil::DateTime = sample.parse().ok()?;
    let start = jiff::civil::date(sample.year(), 1, 1).at(0, 0, 0, 0);
    let within = i64::try_from(sample.duration_since(start).as_micros()).ok()?;
    let day = days_before(year).checked_mul(DAY)?;
    day.checked_add(within)?.checked_sub(offset_minutes.checked_mul(60_000_000)?).map(Instant)
}

/// A day as PostgreSQL keeps it: days since 2000. It writes years beyond 9999 with all their digits, and those before the first as
/// `0044-03-15 BC`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day(pub(crate) i32);

impl Day {
    fn kept(days: i64) -> Option<Self> {
        i32::try_from(days).ok().filter(|_| DAYS.contains(&days)).map(Self)
    }

    /// That of so many days since 1970, if PostgreSQL keeps it.
    pub(crate) fn since_1970(days: i64) -> Option<Self> {
        days.checked_sub(EPOCH_DAYS).and_then(Self::kept)
    }

    /// Days since 1970.
    pub(crate) fn days(self) -> Option<i32> {
        i32::try_from(i64::from(self.0) + EPOCH_DAYS).ok()
    }

    /// The day that PostgreSQL writes so.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (common, before) = text.strip_suffix(" BC").map_or((text, false), |common| (common, true));
        let (written, rest) = common.split_once('-')?;
        let written = written.bytes().all(|b| b.is_ascii_digit()).then_some(written)?;
        let year: i64 = written.parse().ok().filter(|year| (4..=7).contains(&written.len()) && *year > 0)?;
        let year = if before { 1 - year } else { year };
        let in_year = i64::from(sample(year, &format!("-{rest}"))?.day_of_year()) - 1;
        Self::kept(days_before(year).checked_add(in_year)?)
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match civil(i64::from(self.0)) {
            (year, month, day) if year < 1 => write!(f, "{:04}-{month:02}-{day:02} BC", 1 - year),
            (year, month, day) => write!(f, "{year:04}-{month:02}-{day:02}"),
        }
    }
}

/// The day of the year 2000 or 2001 that has the month and the day of a year: the calendar checks them there.
fn sample(year: i64, rest: &str) -> Option<jiff::civil::Date> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let plain = rest.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    format!("{}{rest}", if leap { 2000 } else { 2001 }).parse().ok().filter(|_| plain)
}

/// Days from 2000-01-01 to the first day of a year.
fn days_before(year: i64) -> i64 {
    let before = year - 1;
    let leaps = |y: i64| y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400);
    (year - 2_000) * 365 + leaps(before) - leaps(1_999)
}

/// The local time, and how many minutes it is before UTC.
fn split_offset(text: &str) -> Option<(&str, i64)> {
    if let Some(local) = text.strip_suffix(['Z', 'z']) {
        return Some((local, 0));
    }
    let at = text.rfind(['+', '-']).filter(|at| *at > 10);
    let Some((local, offset)) = at.and_then(|at| text.split_at_checked(at)) else { return Some((text, 0)) };
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = offset.get(1..)?.split_once(':').unwrap_or((offset.get(1..)?, "0"));
    let (hours, minutes) = (hours.parse::<u8>().ok()?, minutes.parse::<u8>().ok()?);
    (hours < 24 && minutes < 60).then(|| (local, sign * (i64::from(hours) * 60 + i64::from(minutes))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_as_postgresql_writes_them() {
        let texts = [
            ("4714-11-24 BC", -2_451_545),
            ("0044-03-15 BC", -746_117),
            ("0001-12-31 BC", -730_120),
            ("0001-01-01", -730_119),
            ("2000-02-29", 59),
            ("20000-01-01", 6_574_365),
            ("5874897-12-31", 2_145_031_948),
        ];
        for (text, days) in texts {
            assert_eq!(Day::read(text), Some(Day(days)), "{text}");
            assert_eq!(Day(days).to_string(), text);
        }
        for wrong in [
            "",
            "44-03-15 BC",
            "0000-01-01",
            "2001-02-29",
            "4714-11-23 BC",
            "5874898-01-01",
            "-0044-03-15",
            "20000-1-1x",
        ] {
            assert_eq!(Day::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn near_instants_are_written_as_the_calendar_library_writes_them() {
        // Steps that meet every month, hour and length of a fraction, over all that the library knows.
        let [first, last] =
            [jiff::Timestamp::MIN, jiff::Timestamp::MAX].map(|end| end.as_second() * 1_000_000);
        let steps = (0..20_000_i64).map(|n| first + (last - first) / 20_000 * n);
        let fractions = [0, 1, 10, 500_000, 999_999, -1, 86_399_999_999].map(|n| 1_709_164_800_000_000 + n);
        for micros in steps.chain(fractions).chain([first, last, 0, -1]) {
            let near = jiff::Timestamp::from_microsecond(micros).unwrap();
            assert_eq!(Instant::of(near).to_string(), near.to_string());
        }
    }

    #[test]
    fn far_instants_are_read_as_they_are_written() {
        let texts = [
            ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
            ("9999-12-31T23:00:00-05:30", "+010000-01-01T04:30:00Z"),
            ("9999-12-31", "9999-12-31T00:00:00Z"),
            ("+294276-12-31T23:59:59Z", "+294276-12-31T23:59:59Z"),
            ("2024-02-29T12:00:00.5Z", "2024-02-29T12:00:00.5Z"),
        ];
        for (text, written) in texts {
            assert_eq!(read(text).unwrap().to_string(), written, "{text}");
        }
        let near: jiff::Timestamp = "1969-07-20T20:17:40Z".parse().unwrap();
        assert_eq!(read("1969-07-20T20:17:40Z").unwrap().0 + EPOCH, near.as_microsecond());
        assert_eq!(Instant(FIRST).to_string(), "-004713-11-24T00:00:00Z");
        assert_eq!(
            (Instant(i64::MAX).to_string(), Instant(i64::MIN).to_string()),
            ("infinity".into(), "-infinity".into())
        );
        for wrong in
            ["", "9999-02-29T00:00:00Z", "9999-12-31T25:00:00Z", "9999-12-31T00:00:00+99:00", "äää-äää-äää"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
