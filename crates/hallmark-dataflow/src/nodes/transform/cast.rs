//! Casts that lose nothing.

use hallmark_python::models::FieldType;
use serde_json::Value;

use crate::value::{self, Bound};

/// What a value can be cast to.
pub(super) const TARGETS: [(&str, FieldType); 7] = [
    ("integer", FieldType::Integer),
    ("float", FieldType::Float),
    ("text", FieldType::Text),
    ("boolean", FieldType::Boolean),
    ("decimal", FieldType::Decimal),
    ("timestamp", FieldType::Timestamp),
    ("date", FieldType::Date),
];

/// The cast value; `None` if it would lose something. Null stays null.
pub(super) fn cast(value: &Value, kind: FieldType) -> Option<Value> {
    let plain = match value {
        Value::Null => return Some(Value::Null),
        Value::String(text) => text.trim().to_owned(),
        Value::Array(_) | Value::Object(_) if kind != FieldType::Text => return None,
        other => other.to_string(),
    };
    match kind {
        FieldType::Text => Some(Value::String(value.as_str().map_or(plain, str::to_owned))),
        FieldType::Integer => plain.parse::<i64>().ok().map(Value::from).or_else(|| {
            let whole = plain.strip_suffix(".0").unwrap_or_default();
            whole.parse::<i64>().ok().map(Value::from)
        }),
        FieldType::Float => {
            plain.parse::<f64>().ok().and_then(serde_json::Number::from_f64).map(Value::Number)
        }
        FieldType::Decimal | FieldType::Timestamp | FieldType::Date => {
            match value::encode(kind, &Value::from(plain)).ok()? {
                Bound::Timestamp(at) => Some(Value::from(at.to_string())),
                Bound::Text(text) => Some(Value::from(text)),
                _ => None,
            }
        }
        _ => match plain.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Some(Value::Bool(true)),
            "false" | "no" | "0" => Some(Value::Bool(false)),
            _ => None,
        },
    }
}
