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

mod bound;
mod decode;
mod forms;

pub use bound::{Bound, wire};
pub(crate) use decode::{Blank, JsonText, get};
pub use decode::{decode, float, row};
pub use forms::timestamp;
pub(crate) use forms::{clock, is_decimal};

use std::cmp::Ordering;

use hallmark_core::{Error, Result};
use hallmark_python::models::{FieldType, Limit};
use serde_json::Value;

use crate::table::Column;
use crate::{codes, decimal};

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
        // No text has more characters than bytes.
        let most = usize::try_from(max).unwrap_or(usize::MAX);
        let length = if text.len() > most { text.chars().count() } else { 0 };
        if length > most {
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
            if least > 0 && text.chars().count() < usize::try_from(least).unwrap_or(0) {
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
        (FieldType::Integer, Value::Number(number)) => forms::integer(number),
        (FieldType::Float, Value::Number(number)) => match number.as_f64().filter(|f| f.is_finite()) {
            Some(float) => Ok(Bound::Float(float)),
            None => Err(Error::new(&codes::OUT_OF_RANGE, "the number is no finite double")),
        },
        (FieldType::Decimal, Value::Number(number)) => forms::decimal_number(number),
        (FieldType::Decimal, Value::String(text)) => forms::decimal(text),
        (FieldType::Boolean, Value::Bool(truth)) => Ok(Bound::Bool(*truth)),
        (FieldType::Text, Value::String(text)) => forms::clean(text).map(|()| Bound::Text(text.clone())),
        (FieldType::Timestamp, Value::String(text)) => forms::instant(text),
        (FieldType::Date, Value::String(text)) => forms::date(text),
        (FieldType::Time, Value::String(text)) => forms::time(text),
        (FieldType::Uuid, Value::String(text)) => {
            uuid::Uuid::parse_str(text).map(Bound::Uuid).map_err(|_| forms::form("a UUID", text))
        }
        (FieldType::Bytes, Value::String(text)) => forms::from_hex(text).map(Bound::Bytes),
        (FieldType::FloatArray, Value::Array(items)) => forms::floats(items),
        (FieldType::Object, Value::Object(_))
        | (FieldType::Array, Value::Array(_))
        | (FieldType::Json, _) => forms::clean_json(value).map(|()| Bound::Json(value.clone())),
        (_, other) => {
            let message = format!("expected {}, found {}", kind.name(), type_name(other));
            Err(Error::new(&codes::WRONG_VALUE, message))
        }
    }
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
