//! JSON values as PostgreSQL parameters and back, checked before they travel.
//!
//! | field | JSON | notes |
//! | --- | --- | --- |
//! | integer | number | 64 bits, no fraction |
//! | float | number | finite |
//! | decimal | string, or on the way in an integer or a float of up to 15 digits | exact on the way out |
//! | timestamp | string | RFC 3339; a text without a zone is taken as UTC |
//! | date, time | string | `2026-11-24`, `21:14:16.5` |
//! | uuid | string | |
//! | bytes | string | PostgreSQL's hexadecimal form, `\x00ff` |
//! | object, array, json | as they are | no NUL inside texts |
//! | float array | array of numbers | finite |

use std::cmp::Ordering;

use bytes::BytesMut;
use hallmark_core::{Error, Result, digest};
use hallmark_python::models::{FieldType, Limit};
use serde_json::{Map, Number, Value};
use tokio_postgres::Row;
use tokio_postgres::types::{IsNull, Kind, ToSql, Type, to_sql_checked};

use crate::label::Label;
use crate::table::Column;
use crate::{codes, decimal, instant, limits};

/// A checked value with the type that it travels as.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// Null of this wire type.
    Null(Type),
    /// `boolean`.
    Bool(bool),
    /// `bigint`.
    Int(i64),
    /// `double precision`.
    Float(f64),
    /// `text`; decimals, dates and times travel as text and are cast.
    Text(String),
    /// `jsonb`.
    Json(Value),
    /// `timestamptz`.
    Timestamp(jiff::Timestamp),
    /// `timestamptz` of the last hours of the year 9999 and beyond, in microseconds since 2000.
    FarTimestamp(i64),
    /// `uuid`.
    Uuid(uuid::Uuid),
    /// `bytea`.
    Bytes(Vec<u8>),
    /// `double precision[]`.
    Floats(Vec<f64>),
    /// `text[]`, for lists of names and values.
    Texts(Vec<String>),
}

impl Bound {
    /// The type that it travels as.
    #[must_use]
    pub fn wire(&self) -> Type {
        match self {
            Self::Null(wire) => wire.clone(),
            Self::Bool(_) => Type::BOOL,
            Self::Int(_) => Type::INT8,
            Self::Float(_) => Type::FLOAT8,
            Self::Text(_) => Type::TEXT,
            Self::Json(_) => Type::JSONB,
            Self::Timestamp(_) | Self::FarTimestamp(_) => Type::TIMESTAMPTZ,
            Self::Uuid(_) => Type::UUID,
            Self::Bytes(_) => Type::BYTEA,
            Self::Floats(_) => Type::FLOAT8_ARRAY,
            Self::Texts(_) => Type::TEXT_ARRAY,
        }
    }
}

impl ToSql for Bound {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null(_) => Ok(IsNull::Yes),
            Self::Bool(v) => v.to_sql(ty, out),
            Self::Int(v) => v.to_sql(ty, out),
            Self::Float(v) => v.to_sql(ty, out),
            Self::Text(v) => v.to_sql(ty, out),
            Self::Json(v) => v.to_sql(ty, out),
            Self::Timestamp(v) => v.to_sql(ty, out),
            Self::FarTimestamp(v) => v.to_sql(&Type::INT8, out),
            Self::Uuid(v) => v.to_sql(ty, out),
            Self::Bytes(v) => v.to_sql(ty, out),
            Self::Floats(v) => v.to_sql(ty, out),
            Self::Texts(v) => v.to_sql(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// The type that values of a field travel as.
#[must_use]
pub fn wire(kind: FieldType) -> Type {
    match kind {
        FieldType::Integer => Type::INT8,
        FieldType::Float => Type::FLOAT8,
        FieldType::Boolean => Type::BOOL,
        FieldType::Timestamp => Type::TIMESTAMPTZ,
        FieldType::Uuid => Type::UUID,
        FieldType::Bytes => Type::BYTEA,
        FieldType::FloatArray => Type::FLOAT8_ARRAY,
        FieldType::Object | FieldType::Array | FieldType::Json => Type::JSONB,
        FieldType::Text | FieldType::Decimal | FieldType::Date | FieldType::Time => Type::TEXT,
    }
}

/// Checks a value for a column, null and length included.
///
/// # Errors
/// `HM-D011` for a null where none may be, a wrong type or form; `HM-D012` for a value out of range; `HM-D013` for a text with
/// a NUL, longer or shorter than allowed, or that does not match the field's pattern; `HM-D014` for one that is not among the choices.
pub fn for_column(column: &Column, value: &Value) -> Result<Bound> {
    let field = &column.field;
    if value.is_null() && !field.nullable {
        return Err(
            Error::new(&codes::WRONG_VALUE, format!("{} may not be null", field.name)).at(field.name.clone())
        );
    }
    let bound = encode(field.kind, value).map_err(|e| e.at(field.name.clone()))?;
    if let (Bound::Text(text), Some(max), FieldType::Text) = (&bound, field.max_length, field.kind) {
        let length = text.chars().count();
        if u32::try_from(length).unwrap_or(u32::MAX) > max {
            let message = format!("{} has {length} characters; at most {max} fit", field.name);
            return Err(Error::new(&codes::TEXT_REFUSED, message).at(field.name.clone()));
        }
    }
    if let (Bound::Text(text), FieldType::Decimal) = (&bound, field.kind)
        && !decimal::fits(field, text)
    {
        let message = format!("{} has more digits than {} keeps", field.name, column.sql_type);
        return Err(Error::new(&codes::OUT_OF_RANGE, message).at(field.name.clone()));
    }
    bounded(column, &bound)?;
    if !field.choices.is_empty() && !value.is_null() && !field.choices.contains(value) {
        let listed: Vec<String> = field.choices.iter().map(Value::to_string).collect();
        let message = format!("{} must be one of {}", field.name, listed.join(", "));
        return Err(Error::new(&codes::NOT_A_CHOICE, message).at(field.name.clone()));
    }
    Ok(bound)
}

/// Checks the declared bounds of a value.
fn bounded(column: &Column, bound: &Bound) -> Result<()> {
    let field = &column.field;
    let refuse = |code, message: String| Err(Error::new(code, message).at(field.name.clone()));
    match bound {
        Bound::Text(text) if field.kind == FieldType::Text => {
            let least = field.min_length.unwrap_or(0);
            if text.chars().count() < usize::try_from(least).unwrap_or(0) {
                let message = format!("{} has fewer than {least} characters", field.name);
                return refuse(&codes::TEXT_REFUSED, message);
            }
            if column.pattern.as_ref().is_some_and(|p| !p.is_match(text)) {
                let pattern = field.pattern.as_deref().unwrap_or_default();
                let message = format!("{} does not match {pattern}", field.name);
                return refuse(&codes::TEXT_REFUSED, message);
            }
            Ok(())
        }
        Bound::Int(_) | Bound::Float(_) | Bound::Text(_) => {
            // Whole numbers are compared as such; of a decimal the database has the last word.
            let outside = |limit: &Limit, wanted: Ordering| {
                let order = order(bound, &limit.value);
                order.is_some_and(|o| o != wanted && (o != Ordering::Equal || limit.exclusive))
            };
            let below = field.minimum.as_ref().filter(|l| outside(l, Ordering::Greater));
            let above = field.maximum.as_ref().filter(|l| outside(l, Ordering::Less));
            match below.map(|l| (l, "least")).or(above.map(|l| (l, "most"))) {
                Some((limit, word)) => {
                    let inside = if limit.exclusive { ", and not that itself" } else { "" };
                    let message = format!("{} must be at {word} {}{inside}", field.name, limit.value);
                    refuse(&codes::OUT_OF_RANGE, message)
                }
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

fn order(bound: &Bound, limit: &Value) -> Option<Ordering> {
    let limit = || limit.as_f64().or_else(|| limit.as_str()?.parse::<f64>().ok());
    match bound {
        #[expect(
            clippy::cast_precision_loss,
            reason = "only a bound beyond 2^53 could be off by one, and the database checks it too"
        )]
        Bound::Int(int) => (*int as f64).partial_cmp(&limit()?),
        Bound::Float(float) => float.partial_cmp(&limit()?),
        Bound::Text(text) => text.parse::<f64>().ok()?.partial_cmp(&limit()?),
        _ => None,
    }
}

/// Checks a value for a type.
///
/// # Errors
/// As [`for_column`], without place.
pub fn encode(kind: FieldType, value: &Value) -> Result<Bound> {
    if value.is_null() {
        return Ok(Bound::Null(wire(kind)));
    }
    match (kind, value) {
        (FieldType::Integer, Value::Number(number)) => integer(number),
        (FieldType::Float, Value::Number(number)) => match number.as_f64().filter(|f| f.is_finite()) {
            Some(float) => Ok(Bound::Float(float)),
            None => Err(Error::new(&codes::OUT_OF_RANGE, "the number is no finite double")),
        },
        (FieldType::Decimal, Value::Number(number)) => decimal_number(number),
        (FieldType::Decimal, Value::String(text)) => decimal(text),
        (FieldType::Boolean, Value::Bool(truth)) => Ok(Bound::Bool(*truth)),
        (FieldType::Text, Value::String(text)) => clean(text).map(|()| Bound::Text(text.clone())),
        (FieldType::Timestamp, Value::String(text)) => instant(text),
        (FieldType::Date, Value::String(text)) => date(text),
        (FieldType::Time, Value::String(text)) => time(text),
        (FieldType::Uuid, Value::String(text)) => {
            uuid::Uuid::parse_str(text).map(Bound::Uuid).map_err(|_| form("a UUID", text))
        }
        (FieldType::Bytes, Value::String(text)) => from_hex(text).map(Bound::Bytes),
        (FieldType::FloatArray, Value::Array(items)) => floats(items),
        (FieldType::Object, Value::Object(_))
        | (FieldType::Array, Value::Array(_))
        | (FieldType::Json, _) => clean_json(value).map(|()| Bound::Json(value.clone())),
        (_, other) => {
            let message = format!("expected {}, found {}", kind.name(), type_name(other));
            Err(Error::new(&codes::WRONG_VALUE, message))
        }
    }
}

fn form(expected: &str, _text: &str) -> Error {
    // The text itself may be personal, so the message says only what was expected.
    Error::new(&codes::WRONG_VALUE, format!("expected {expected}"))
}

/// The JSON type of a value, as messages name it.
#[must_use]
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn integer(number: &Number) -> Result<Bound> {
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
fn decimal_number(number: &Number) -> Result<Bound> {
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

fn decimal(text: &str) -> Result<Bound> {
    if is_decimal(text) {
        Ok(Bound::Text(text.to_owned()))
    } else {
        Err(form("a decimal number like 1.10", text))
    }
}

/// Whether a text is a decimal number, perhaps with an exponent.
pub(crate) fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let plain = mantissa.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && mantissa.bytes().filter(|b| *b == b'.').count() <= 1
        && mantissa.bytes().any(|b| b.is_ascii_digit());
    let exponent = exponent.parse::<i32>().ok().filter(|e| e.abs() <= 1_000);
    plain && exponent.is_some() && text.len() <= 1_000
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
fn instant(text: &str) -> Result<Bound> {
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
fn date(text: &str) -> Result<Bound> {
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
fn time(text: &str) -> Result<Bound> {
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

fn clean(text: &str) -> Result<()> {
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

fn clean_json(value: &Value) -> Result<()> {
    match value {
        Value::String(text) => clean(text),
        Value::Array(items) => items.iter().try_for_each(clean_json),
        Value::Object(members) => members.iter().try_for_each(|(k, v)| clean(k).and_then(|()| clean_json(v))),
        _ => Ok(()),
    }
}

fn floats(items: &[Value]) -> Result<Bound> {
    let read = items.iter().map(|v| v.as_f64().filter(|f| f.is_finite())).collect::<Option<Vec<f64>>>();
    read.map(Bound::Floats)
        .ok_or_else(|| Error::new(&codes::WRONG_VALUE, "expected an array of finite numbers"))
}

fn from_hex(text: &str) -> Result<Vec<u8>> {
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

/// Reads columns `0..` of a row that was selected with [`Column::selected`].
///
/// # Errors
/// `HM-D031` if the table's columns are not those of the model.
pub fn row(row: &Row, columns: &[&Column]) -> Result<Map<String, Value>> {
    let mut members = Vec::with_capacity(columns.len());
    for (i, column) in columns.iter().enumerate() {
        members.push((column.name().to_owned(), decode(row, i, column.field.kind)?));
    }
    // Collected, the tree is made in one go.
    Ok(members.into_iter().collect())
}

/// Reads one column of a row.
///
/// # Errors
/// `HM-D031` if its type is another.
pub fn decode(row: &Row, at: usize, kind: FieldType) -> Result<Value> {
    // A table that was there before its model may have a narrower type, whose values the field holds too.
    let narrow = row.columns().get(at).map_or(&Type::UNKNOWN, tokio_postgres::Column::type_);
    match kind {
        FieldType::Integer if *narrow == Type::INT4 => {
            get::<i32>(row, at).map(|v| v.map_or(Value::Null, Value::from))
        }
        FieldType::Integer if *narrow == Type::INT2 => {
            get::<i16>(row, at).map(|v| v.map_or(Value::Null, Value::from))
        }
        FieldType::Integer => get::<i64>(row, at).map(|v| v.map_or(Value::Null, Value::from)),
        // The shortest text that names the same number: as a double, 0.1 would show what a single does not hold.
        FieldType::Float if *narrow == Type::FLOAT4 => get::<f32>(row, at)
            .map(|v| v.map_or(Value::Null, |f| float(f.to_string().parse().unwrap_or(f64::from(f))))),
        FieldType::Float => get::<f64>(row, at).map(|v| v.map_or(Value::Null, float)),
        FieldType::Boolean => get::<bool>(row, at).map(|v| v.map_or(Value::Null, Value::from)),
        FieldType::Text if matches!(narrow.kind(), Kind::Enum(_)) => {
            get::<Label>(row, at).map(|v| v.map_or(Value::Null, |label| Value::from(label.0)))
        }
        FieldType::Text | FieldType::Decimal | FieldType::Date | FieldType::Time => {
            get::<String>(row, at).map(|v| v.map_or(Value::Null, Value::from))
        }
        FieldType::Timestamp => {
            get::<instant::Instant>(row, at).map(|v| v.map_or(Value::Null, |t| Value::from(t.to_string())))
        }
        FieldType::Uuid => {
            get::<uuid::Uuid>(row, at).map(|v| v.map_or(Value::Null, |u| Value::from(u.to_string())))
        }
        FieldType::Bytes => get::<Vec<u8>>(row, at)
            .map(|v| v.map_or(Value::Null, |b| Value::from(format!("\\x{}", digest::to_hex(&b))))),
        FieldType::FloatArray => get::<Vec<Option<f64>>>(row, at).map(|v| {
            v.map_or(Value::Null, |a| a.into_iter().map(|f| f.map_or(Value::Null, float)).collect())
        }),
        FieldType::Object | FieldType::Array | FieldType::Json => {
            get::<Value>(row, at).map(|v| v.unwrap_or(Value::Null))
        }
    }
}

/// A double as JSON; what JSON cannot say (another writer's NaN) becomes its PostgreSQL name rather than a silent null.
#[must_use]
pub fn float(double: f64) -> Value {
    Number::from_f64(double).map_or_else(|| Value::from(double.to_string()), Value::Number)
}

/// A value of this type, or null.
///
/// # Errors
/// `HM-D031` if the column has another type.
pub(crate) fn get<'a, T: tokio_postgres::types::FromSql<'a>>(row: &'a Row, at: usize) -> Result<Option<T>> {
    row.try_get::<_, Option<T>>(at).map_err(|e| {
        Error::new(&codes::SCHEMA_DIFFERS, "a column has another type than the model says")
            .because(&e)
            .next("apply the schema and read its report")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_cannot_be_kept_is_refused() {
        let code = |kind, value: Value| encode(kind, &value).unwrap_err().code().id;
        assert_eq!(code(FieldType::Integer, json!(1.5)), "HM-D011");
        assert_eq!(code(FieldType::Integer, json!(u64::MAX)), "HM-D012");
        assert_eq!(code(FieldType::Integer, json!("1")), "HM-D011");
        assert_eq!(code(FieldType::Text, json!("a\0b")), "HM-D013");
        assert_eq!(code(FieldType::Json, json!({"a": ["x\0"]})), "HM-D013");
        assert_eq!(code(FieldType::Decimal, json!("NaN")), "HM-D011");
        assert_eq!(code(FieldType::Decimal, json!("1.1.1")), "HM-D011");
        assert_eq!(code(FieldType::Decimal, json!(0.1 + 0.2)), "HM-D011");
        assert_eq!(code(FieldType::Decimal, json!(12_345_678_901_234_567_890.123_f64)), "HM-D011");
        assert_eq!(code(FieldType::Timestamp, json!("2026-12-31T23:59:60Z")), "HM-D011");
        assert_eq!(code(FieldType::Timestamp, json!("9999-12-31T23:59:60")), "HM-D011");
        assert_eq!(code(FieldType::Time, json!("23:59:60")), "HM-D011");
        assert_eq!(code(FieldType::Time, json!("23:59:60.5")), "HM-D011");
        assert_eq!(code(FieldType::Timestamp, json!("yesterday")), "HM-D011");
        assert_eq!(code(FieldType::FloatArray, json!([1, "x"])), "HM-D011");
        assert_eq!(code(FieldType::Bytes, json!("\\xé1")), "HM-D011");
        assert_eq!(code(FieldType::Object, json!([])), "HM-D011");
    }

    #[test]
    fn what_fits_is_exact() {
        assert_eq!(encode(FieldType::Decimal, &json!("-0.1000")).unwrap(), Bound::Text("-0.1000".to_owned()));
        assert_eq!(encode(FieldType::Decimal, &json!(123.45)).unwrap(), Bound::Text("123.45".to_owned()));
        assert_eq!(
            encode(FieldType::Decimal, &json!(u64::MAX)).unwrap(),
            Bound::Text("18446744073709551615".to_owned())
        );
        assert_eq!(encode(FieldType::Integer, &json!(i64::MIN)).unwrap(), Bound::Int(i64::MIN));
        assert_eq!(encode(FieldType::Bytes, &json!("\\x00ff")).unwrap(), Bound::Bytes(vec![0, 255]));
        let instant = timestamp("2026-11-24T21:14:16").unwrap();
        assert_eq!(instant, timestamp("2026-11-24T22:14:16+01:00").unwrap());
    }
}
