//! Cells in the binary form of `COPY`: a length of four bytes, and the value as PostgreSQL's receive functions take it.

use bytes::{BufMut as _, BytesMut};
use hallmark_core::{Error, Result, json};
use hallmark_python::models::FieldType;
use tokio_postgres::types::{IsNull, ToSql, Type};

use crate::instant::{self, Day, Instant};
use crate::table::Column;
use crate::value::{self, Bound};
use crate::{codes, decimal, limits};

/// What a binary `COPY` begins with: signature, flags, length of an extension.
pub(super) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with.
pub(super) const TRAILER: &[u8] = &(-1_i16).to_be_bytes();

/// Appends null.
pub(super) fn put_null(out: &mut BytesMut) {
    out.put_i32(-1);
}

/// Appends the text of a CSV cell as a value of the column; `false` if it is no such value, or is not plain to tell. What was
/// appended by then is to be taken back.
pub(super) fn put_text(column: &Column, text: &str, out: &mut BytesMut) -> bool {
    let field = &column.field;
    let is_bounded = field.minimum.is_some()
        || field.maximum.is_some()
        || field.min_length.is_some()
        || field.pattern.is_some()
        || !field.choices.is_empty();
    if is_bounded {
        return false;
    }
    let trimmed = text.trim();
    match field.kind {
        FieldType::Text => {
            // A text has at least as many bytes as characters.
            let most = field.max_length.map_or(limits::VALUE_BYTES_MAX, |most| most as usize);
            let fits = text.len() <= most.min(limits::VALUE_BYTES_MAX)
                || text.len() <= limits::VALUE_BYTES_MAX && text.chars().count() <= most;
            fits && memchr::memchr(0, text.as_bytes()).is_none() && {
                put_bytes(text.as_bytes(), out);
                true
            }
        }
        FieldType::Integer => trimmed.parse().is_ok_and(|n: i64| put_bytes(&n.to_be_bytes(), out)),
        FieldType::Float => {
            trimmed.parse().is_ok_and(|n: f64| n.is_finite() && put_bytes(&n.to_bits().to_be_bytes(), out))
        }
        FieldType::Boolean => match trimmed {
            "true" | "t" | "1" => put_bytes(&[1], out),
            "false" | "f" | "0" => put_bytes(&[0], out),
            _ => false,
        },
        FieldType::Decimal => {
            value::is_decimal(trimmed) && decimal::fits(field, trimmed) && put_numeric(trimmed, out)
        }
        FieldType::Timestamp => value::timestamp(trimmed)
            .is_ok_and(|t| Instant::of(t).0 >= instant::FIRST && put(&t, &Type::TIMESTAMPTZ, out)),
        FieldType::Date => put_date(trimmed, out),
        FieldType::Time => value::clock(trimmed).is_ok_and(|time| put(&time, &Type::TIME, out)),
        FieldType::Uuid => trimmed.parse().is_ok_and(|id: uuid::Uuid| put(&id, &Type::UUID, out)),
        FieldType::Object | FieldType::Array | FieldType::FloatArray | FieldType::Json => {
            let parsed =
                serde_json::from_str(trimmed).ok().filter(|_| json::rounded(trimmed.as_bytes()).is_none());
            let bound = parsed.and_then(|json| value::encode(field.kind, &json).ok());
            // A JSON null is null, which the column may refuse.
            bound.is_some_and(|b| !matches!(b, Bound::Null(_)) && put(&b, &b.wire(), out))
        }
        FieldType::Bytes => false,
    }
}

/// Appends a checked value.
///
/// # Errors
/// `HM-C099` if the driver cannot write what was checked.
pub(super) fn put_bound(column: &Column, bound: &Bound, out: &mut BytesMut) -> Result<()> {
    let written = match (column.field.kind, bound) {
        (_, Bound::Null(_)) => {
            put_null(out);
            true
        }
        (FieldType::Decimal, Bound::Text(text)) => put_numeric(text, out),
        (FieldType::Date, Bound::Text(text)) => put_date(text, out),
        (FieldType::Time, Bound::Text(text)) => {
            text.parse().is_ok_and(|time: jiff::civil::Time| put(&time, &Type::TIME, out))
        }
        _ => put(bound, &bound.wire(), out),
    };
    if written {
        return Ok(());
    }
    let message = format!("a value of {} was checked and could not be written", column.name());
    Err(Error::new(&hallmark_core::codes::INTERNAL, message))
}

/// Appends a day.
fn put_date(text: &str, out: &mut BytesMut) -> bool {
    match text.parse::<jiff::civil::Date>() {
        Ok(date) => put(&date, &Type::DATE, out),
        Err(_) => Day::read(text).is_some_and(|far| put_bytes(&far.0.to_be_bytes(), out)),
    }
}

/// Appends bytes with their length; always `true`.
fn put_bytes(bytes: &[u8], out: &mut BytesMut) -> bool {
    // A record is at most 16 MiB long.
    out.put_i32(i32::try_from(bytes.len()).unwrap_or(i32::MAX));
    out.put_slice(bytes);
    true
}

/// Appends what the driver makes of a value.
fn put(value: &(dyn ToSql + Sync), wire: &Type, out: &mut BytesMut) -> bool {
    let at = out.len();
    out.put_i32(0);
    match value.to_sql_checked(wire, out) {
        Ok(IsNull::No) => {
            let length = i32::try_from(out.len() - at - 4).unwrap_or(i32::MAX);
            out[at..at + 4].copy_from_slice(&length.to_be_bytes());
            true
        }
        Ok(IsNull::Yes) => {
            out.truncate(at);
            put_null(out);
            true
        }
        Err(_) => false,
    }
}

/// Appends a decimal number as `numeric`: digits to the base of ten thousand, the weight of the first, a sign, and how many
/// decimal places are shown (`numeric_recv` in PostgreSQL's sources).
fn put_numeric(text: &str, out: &mut BytesMut) -> bool {
    let negative = text.starts_with('-');
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let Ok(exponent) = exponent.parse::<i64>() else { return false };
    // The digits without a point, and where the point is.
    let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|b| b.wrapping_sub(b'0')).collect();
    let point = whole.len() as i64 + exponent;
    let shown = (digits.len() as i64 - point).max(0);
    let digit = |at: i64| usize::try_from(at).ok().and_then(|at| digits.get(at)).copied().unwrap_or(0);
    // Groups of four are counted from the point.
    let first = (-point).div_euclid(4).min(0);
    let last = (digits.len() as i64 - point + 3).div_euclid(4).max(0);
    let group = |n: i64| (0..4).fold(0_i16, |sum, k| sum * 10 + i16::from(digit(point + n * 4 + k)));
    let mut groups: Vec<i16> = (first..last).map(group).collect();
    while groups.last() == Some(&0) {
        groups.pop();
    }
    let zeros = groups.iter().take_while(|g| **g == 0).count();
    groups.drain(..zeros);
    let weight = if groups.is_empty() { 0 } else { -first - 1 - zeros as i64 };
    let sign = if negative && !groups.is_empty() { 0x4000 } else { 0 };
    let (Ok(count), Ok(weight), Ok(shown)) =
        (i16::try_from(groups.len()), i16::try_from(weight), i16::try_from(shown))
    else {
        return false;
    };
    out.put_i32(8 + i32::from(count) * 2);
    for number in [count, weight, sign, shown] {
        out.put_i16(number);
    }
    groups.iter().for_each(|group| out.put_i16(*group));
    true
}

/// What PostgreSQL says of a row that it could not take: which row of the `COPY`, and what of it.
///
/// The context reads `COPY parts, line 7, column price` or `COPY parts, line 7`.
pub(super) fn refused_row(context: &str) -> Option<(u64, Option<&str>)> {
    let rest = context.lines().find_map(|line| line.strip_prefix("COPY ")?.split_once(", line "))?.1;
    let (row, rest) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
    let column = rest.strip_prefix(", column ").map(|c| c.split([':', ',']).next().unwrap_or(c));
    Some((row.parse().ok()?, column))
}

/// The error of a row that PostgreSQL refused; `row_of` gives the row of the file that was copied as this one.
pub(super) fn failure(error: tokio_postgres::Error, row_of: impl Fn(u64) -> u64) -> Error {
    let place = error.as_db_error().and_then(|db| refused_row(db.where_()?)).map(|(row, column)| {
        let row = row_of(row);
        column.map_or_else(|| format!("row {row}"), |column| format!("row {row}, {column}"))
    });
    let error = crate::sql::failure(error);
    match place {
        Some(place) if !error.is(&codes::DUPLICATE) => error.at(place),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(text: &str) -> Vec<i16> {
        let mut out = BytesMut::new();
        assert!(put_numeric(text, &mut out), "{text}");
        let words: Vec<i16> = out[4..].chunks(2).map(|b| i16::from_be_bytes([b[0], b[1]])).collect();
        assert_eq!(i32::from_be_bytes([out[0], out[1], out[2], out[3]]), words.len() as i32 * 2);
        words
    }

    #[test]
    fn decimals_are_groups_of_four_digits() {
        // Count, weight, sign, decimal places, digits; as `numeric_send` gives them.
        assert_eq!(numeric("0"), [0, 0, 0, 0]);
        assert_eq!(numeric("-0.00"), [0, 0, 0, 2]);
        assert_eq!(numeric("1.10"), [2, 0, 0, 2, 1, 1000]);
        assert_eq!(numeric("-12345.6789"), [3, 1, 0x4000, 4, 1, 2345, 6789]);
        assert_eq!(numeric("10000"), [1, 1, 0, 0, 1]);
        assert_eq!(numeric("0.00012"), [2, -1, 0, 5, 1, 2000]);
        assert_eq!(numeric("1e2"), [1, 0, 0, 0, 100]);
        assert_eq!(numeric("1.5e-3"), [1, -1, 0, 4, 15]);
        assert_eq!(numeric("+123e5"), [1, 1, 0, 0, 1230]);
        assert_eq!(numeric(".5"), [1, -1, 0, 1, 5000]);
        assert_eq!(numeric("5."), [1, 0, 0, 0, 5]);
    }

    #[test]
    fn the_row_is_read_from_the_context() {
        assert_eq!(refused_row("COPY parts, line 7, column price"), Some((7, Some("price"))));
        assert_eq!(refused_row("COPY parts, line 12: \"1,2\""), Some((12, None)));
        assert_eq!(refused_row("SQL statement \"x\""), None);
    }
}
