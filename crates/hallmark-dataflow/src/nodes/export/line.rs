//! A row as a line of text, written straight from what the server sent.

use std::io::Write as _;

use hallmark_core::Result;
use hallmark_python::models::FieldType;
use tokio_postgres::Row;

use crate::files::push_text;
use crate::sensitivity::Masking;
use crate::table::Column;
use crate::value::{self, JsonText, get};

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Cells with commas between.
    Csv,
    /// One JSON object.
    Jsonl,
}

/// A column of the lines.
pub(super) struct Cell {
    kind: FieldType,
    /// Whether the mask stands for its values.
    pub(super) masked: bool,
    /// Its name as a member of a JSON object.
    name: String,
}

impl Cell {
    pub(super) fn new(column: &Column, masking: Masking) -> Self {
        let masked = masking.hides(column.sensitivity);
        let kind = if masked { FieldType::Text } else { column.field.kind };
        Self { kind, masked, name: format!("{}:", serde_json::Value::from(column.name())) }
    }
}

/// Appends the line of a row.
///
/// # Errors
/// `HM-D031` if a column has another type than the model says.
pub(super) fn push(out: &mut Vec<u8>, form: Form, row: &Row, cells: &[Cell]) -> Result<()> {
    let (first, last) = match form {
        Form::Csv => ("", "\n"),
        Form::Jsonl => ("{", "}\n"),
    };
    out.extend_from_slice(first.as_bytes());
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        if form == Form::Jsonl {
            out.extend_from_slice(cell.name.as_bytes());
        }
        if !push_value(out, form, row, at, cell.kind)? && form == Form::Jsonl {
            out.extend_from_slice(b"null");
        }
    }
    out.extend_from_slice(last.as_bytes());
    Ok(())
}

/// Appends a value; `false` if it is null.
fn push_value(out: &mut Vec<u8>, form: Form, row: &Row, at: usize, kind: FieldType) -> Result<bool> {
    if !is_own(row, at, kind) {
        return match value::decode(row, at, kind)? {
            serde_json::Value::Null => Ok(false),
            serde_json::Value::String(found) => {
                text(out, form, &found);
                Ok(true)
            }
            other => {
                raw(out, form, &other.to_string());
                Ok(true)
            }
        };
    }
    match kind {
        FieldType::Integer => Ok(write(out, get::<i64>(row, at)?)),
        FieldType::Boolean => Ok(write(out, get::<bool>(row, at)?)),
        FieldType::Float => {
            let Some(number) = get::<f64>(row, at)? else { return Ok(false) };
            match value::float(number) {
                serde_json::Value::String(name) => text(out, form, &name),
                number => drop(write(out, Some(number))),
            }
            Ok(true)
        }
        FieldType::Text | FieldType::Decimal | FieldType::Date | FieldType::Time => {
            let found = get::<&str>(row, at)?;
            found.iter().for_each(|found| text(out, form, found));
            Ok(found.is_some())
        }
        FieldType::Timestamp => Ok(quoted(out, form, get::<crate::instant::Instant>(row, at)?)),
        FieldType::Uuid => Ok(quoted(out, form, get::<uuid::Uuid>(row, at)?)),
        FieldType::Bytes => {
            let bytes = get::<&[u8]>(row, at)?;
            Ok(quoted(out, form, bytes.map(|b| format!("\\x{}", hallmark_core::digest::to_hex(b)))))
        }
        FieldType::Object | FieldType::Array | FieldType::Json => {
            let found = get::<JsonText<'_>>(row, at)?;
            found.iter().for_each(|json| raw(out, form, json.0));
            Ok(found.is_some())
        }
        FieldType::FloatArray => {
            let found = value::decode(row, at, kind)?;
            if !found.is_null() {
                raw(out, form, &found.to_string());
            }
            Ok(!found.is_null())
        }
    }
}

/// Whether the column has the type that Hallmark gives such fields: a table that was there before its model may have a narrower one.
fn is_own(row: &Row, at: usize, kind: FieldType) -> bool {
    let Some(found) = row.columns().get(at).map(tokio_postgres::Column::type_) else { return false };
    match kind {
        // Texts of every type are read as such.
        FieldType::Text | FieldType::Decimal | FieldType::Date | FieldType::Time => true,
        _ => *found == value::wire(kind),
    }
}

/// Appends what needs no quotes.
fn write(out: &mut Vec<u8>, value: Option<impl std::fmt::Display>) -> bool {
    // Writing into a vector does not fail.
    value.is_some_and(|value| write!(out, "{value}").is_ok())
}

/// Appends what needs no quotes in CSV and no escapes in JSON, unless those of the backslash in front of bytes.
fn quoted(out: &mut Vec<u8>, form: Form, value: Option<impl std::fmt::Display>) -> bool {
    match form {
        Form::Csv => write(out, value),
        Form::Jsonl => {
            let Some(value) = value else { return false };
            text(out, form, &value.to_string());
            true
        }
    }
}

fn text(out: &mut Vec<u8>, form: Form, text: &str) {
    match form {
        Form::Csv => push_text(out, text),
        // Nor does this.
        Form::Jsonl => drop(serde_json::to_writer(out, text)),
    }
}

/// Appends JSON.
fn raw(out: &mut Vec<u8>, form: Form, json: &str) {
    match form {
        Form::Csv => push_text(out, json),
        Form::Jsonl => out.extend_from_slice(json.as_bytes()),
    }
}
