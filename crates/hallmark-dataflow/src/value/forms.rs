//! The forms of texts and numbers that values are given in.

use hallmark_core::{Error, Result};
use serde_json::{Number, Value};

use super::Bound;
use crate::{codes, instant, limits};

pub(super) fn form(expected: &str, _text: &str) -> Error {
    // The text itself may be personal, so the message says only what was expected.
    Error::new(&codes::WRONG_VALUE, format!("expected {expected}"))
}

pub(super) fn integer(number: &Number) -> Result<Bound> {
    if let Some(int) = number.as_i64() {
        return Ok(Bound::Int(int));
    }
    if number.is_u64() {
        return Err(Error::new(&codes::OUT_OF_RANGE, "the number does not fit 64 bits with a sign"));
    }
    // The number itself may be personal, as a text may.
    Err(Error::new(&codes::WRONG_VALUE, "expected integer, found a number with a fraction"))
}

/// The most digits of which a double always keeps each.
const DOUBLE_DIGITS: usize = 15;

/// A decimal that was given as a number: an integer, or a double so short that it is what was written.
pub(super) fn decimal_number(number: &Number) -> Result<Bound> {
    let text = number.to_string();
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    if number.is_f64() && digits.trim_matches('0').len() > DOUBLE_DIGITS {
        let message = "a number of more than 15 digits may have been rounded: a decimal is given as a text";
        return Err(
            Error::new(&codes::WRONG_VALUE, message).next("put it in quotes: \"12345678901234567890.123\"")
        );
    }
    decimal(&text)
}

pub(super) fn decimal(text: &str) -> Result<Bound> {
    if is_decimal(text) {
        Ok(Bound::Text(text.to_owned()))
    } else {
        Err(form("a decimal number like 1.10", text))
    }
}

/// The most digits of a decimal, written out.
const DECIMAL_DIGITS_MAX: i64 = 1_000;
/// What a text may have beside them: a sign and a point, or an exponent.
const DECIMAL_SIGNS: i64 = 8;

/// Whether a text is a decimal number, perhaps with an exponent.
pub(crate) fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let plain = mantissa.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && mantissa.bytes().filter(|b| *b == b'.').count() <= 1
        && mantissa.bytes().any(|b| b.is_ascii_digit());
    let Some(exponent) = exponent.parse::<i64>().ok().filter(|e| e.abs() <= DECIMAL_DIGITS_MAX) else {
        return false;
    };
    // Written out, as PostgreSQL gives it back, it is to be taken again: in a cursor, in a file.
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
    let before = (digits(whole) + exponent).max(1);
    let behind = (digits(fraction) - exponent).max(0);
    plain && before + behind <= DECIMAL_DIGITS_MAX && digits(text) <= DECIMAL_DIGITS_MAX + DECIMAL_SIGNS
}

/// An instant from RFC 3339; without a zone it is UTC.
///
/// # Errors
/// `HM-D011`.
pub fn timestamp(text: &str) -> Result<jiff::Timestamp> {
    refuse_leap_second(text)?;
    text.parse::<jiff::Timestamp>()
        .or_else(|_| {
            text.parse::<jiff::civil::DateTime>()
                .and_then(|t| t.to_zoned(jiff::tz::TimeZone::UTC))
                .map(|z| z.timestamp())
        })
        .map_err(|_| form("a time like 2026-11-24T21:14:16Z", text))
}

/// Refuses the second 60: the calendar library would take it for the one before, and PostgreSQL for the one after.
fn refuse_leap_second(text: &str) -> Result<()> {
    let local = text.split('[').next().unwrap_or_default();
    let time = local.rsplit(['T', 't', ' ']).next().unwrap_or_default();
    let mut digits = time.bytes().filter(|byte| *byte != b':').take_while(u8::is_ascii_digit).skip(4);
    if (digits.next(), digits.next()) == (Some(b'6'), Some(b'0')) {
        return Err(Error::new(
            &codes::WRONG_VALUE,
            "a leap second cannot be kept: give the second before or after it",
        ));
    }
    Ok(())
}

/// A checked instant of those that PostgreSQL keeps.
pub(super) fn instant(text: &str) -> Result<Bound> {
    refuse_leap_second(text)?;
    match timestamp(text) {
        Ok(near) if instant::Instant::of(near).0 < instant::FIRST => {
            Err(Error::new(&codes::OUT_OF_RANGE, "an instant before the year -4713 cannot be kept"))
        }
        Ok(near) => Ok(Bound::Timestamp(near)),
        Err(error) => instant::read(text).map(|far| Bound::FarTimestamp(far.0)).ok_or(error),
    }
}

/// A checked date. What the calendar library has no day for, beyond the year 9999 and before the first, is read as PostgreSQL writes it.
pub(super) fn date(text: &str) -> Result<Bound> {
    match text.parse::<jiff::civil::Date>() {
        Ok(date) if date.year() < 1 => {
            Err(Error::new(&codes::OUT_OF_RANGE, "a date before the year 1 cannot be kept"))
        }
        Ok(date) => Ok(Bound::Text(date.to_string())),
        Err(_) => instant::Day::read(text)
            .map(|far| Bound::Text(far.to_string()))
            .ok_or_else(|| form("a date like 2026-11-24", text)),
    }
}

/// A checked time of the day, in microseconds: PostgreSQL would round 23:59:59.9999999 to 24:00.
pub(super) fn time(text: &str) -> Result<Bound> {
    let time = clock(text)?;
    let kept = time.subsec_nanosecond() / 1_000 * 1_000;
    let cut = time.with().subsec_nanosecond(kept).build();
    cut.map(|time| Bound::Text(time.to_string())).map_err(|_| form("a time like 21:14:16", text))
}

/// A time of the day as it is written.
///
/// # Errors
/// `HM-D011`.
pub(crate) fn clock(text: &str) -> Result<jiff::civil::Time> {
    refuse_leap_second(text)?;
    text.parse().map_err(|_| form("a time like 21:14:16", text))
}

pub(super) fn clean(text: &str) -> Result<()> {
    if text.contains('\0') {
        return Err(Error::new(&codes::TEXT_REFUSED, "the text has a NUL, which PostgreSQL cannot keep"));
    }
    if text.len() > limits::VALUE_BYTES_MAX {
        let message =
            format!("the text has {} bytes; at most {} are taken", text.len(), limits::VALUE_BYTES_MAX);
        return Err(Error::new(&codes::TEXT_REFUSED, message));
    }
    Ok(())
}

pub(super) fn clean_json(value: &Value) -> Result<()> {
    match value {
        Value::String(text) => clean(text),
        Value::Array(items) => items.iter().try_for_each(clean_json),
        Value::Object(members) => members.iter().try_for_each(|(k, v)| clean(k).and_then(|()| clean_json(v))),
        _ => Ok(()),
    }
}

pub(super) fn floats(items: &[Value]) -> Result<Bound> {
    let read = items.iter().map(|v| v.as_f64().filter(|f| f.is_finite())).collect::<Option<Vec<f64>>>();
    read.map(Bound::Floats)
        .ok_or_else(|| Error::new(&codes::WRONG_VALUE, "expected an array of finite numbers"))
}

pub(super) fn from_hex(text: &str) -> Result<Vec<u8>> {
    let bad = || form(r"bytes like \x00ff", text);
    let digits = text.strip_prefix("\\x").ok_or_else(bad)?;
    if digits.len() % 2 != 0 || !digits.is_ascii() {
        return Err(bad());
    }
    (0..digits.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&digits[i..i + 2], 16).map_err(|_| bad()))
        .collect()
}
