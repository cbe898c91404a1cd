//! Search, Aggregate, Analytics, Validate and Transform beside plain SQL.

use serde_json::{Value, json};

mod aggregate;
mod analytics;
mod search;
mod transform;
mod validate;
mod vectors;

/// Texts that would do something if they were ever read as SQL.
pub(super) const HOSTILE: [&str; 4] =
    ["'; DROP TABLE parts; --", "\") OR 1=1 --", "$1::regconfig", "\\'); SELECT pg_sleep(10); --"];

/// The same with every number as a double: PostgreSQL writes a whole one without its fraction.
pub(super) fn plain(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(members) => members.iter().map(|(k, v)| (k.clone(), plain(v))).collect(),
        other => other.clone(),
    }
}
