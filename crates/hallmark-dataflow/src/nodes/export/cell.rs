//! One value of a row on its way into a file that has types of its own.

use hallmark_core::Result;
use hallmark_python::models::FieldType;
use serde_json::Value;
use tokio_postgres::Row;

use crate::value::{self, JsonText};

/// The value; JSON as its text, in which numbers keep all their digits.
///
/// # Errors
/// `HM-D031` if the column has another type than the model says.
pub(super) fn of(row: &Row, at: usize, kind: FieldType) -> Result<Value> {
    if !kind.is_json() {
        return value::decode(row, at, kind);
    }
    let text = value::get::<JsonText<'_>>(row, at)?;
    Ok(text.map_or(Value::Null, |JsonText(text)| Value::from(text)))
}
