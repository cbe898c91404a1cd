//! What makes a record of a file a row of the table, and what is said of one that is none.

use std::collections::BTreeSet;
use std::sync::Arc;

use hallmark_core::{Error, Result, json};
use hallmark_python::models::FieldType;
use serde_json::{Map, Value, json};

use crate::files::{self, Format, Record};
use crate::table::{Column, Role, Table};
use crate::write::{self, Cells};
use crate::{codes, limits};

/// A refused row.
pub(super) struct Refusal {
    pub(super) row: u64,
    pub(super) line: u64,
    pub(super) column: Option<String>,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn json(&self) -> Value {
        json!({"row": self.row, "line": self.line, "column": self.column, "code": self.code, "message": self.message})
    }

    /// The refusal as a cause of the error that ends the import.
    pub(super) fn sentence(&self) -> String {
        let column = self.column.as_deref().map(|c| format!(", {c}")).unwrap_or_default();
        format!("row {} (line {}{column}): [{}] {}", self.row, self.line, self.code, self.message)
    }
}

/// What was read, and what of it was refused.
#[derive(Default)]
pub(super) struct Tally {
    /// Rows read so far.
    pub(super) read: u64,
    /// The refused rows.
    pub(super) refused: Vec<Refusal>,
    /// Managed fields that the file names, and that are left out.
    pub(super) ignored: BTreeSet<String>,
    /// Rows read of the parts before.
    pub(super) began: u64,
    /// Rows refused of the parts before.
    pub(super) refused_before: usize,
}

impl Tally {
    /// One that begins behind this row, with so many refused before it.
    pub(super) fn from(read: u64, refused_before: usize) -> Self {
        Self { read, began: read, refused_before, ..Self::default() }
    }

    /// That of the part behind this one.
    pub(super) fn next(&mut self) -> Self {
        let next = Self::from(self.read, self.refused_before.saturating_add(self.refused.len()));
        std::mem::replace(self, next)
    }

    /// Refuses a row.
    ///
    /// # Errors
    /// `HM-D024` if there are too many to go on.
    pub(super) fn refuse(&mut self, row: u64, line: u64, error: &Error) -> Result<()> {
        if self.refused_before.saturating_add(self.refused.len()) >= limits::IMPORT_ERRORS_MAX {
            let message = format!("more than {} rows were refused", limits::IMPORT_ERRORS_MAX);
            return Err(Error::new(&codes::TOO_MUCH, message));
        }
        let (column, code, message) =
            (error.place().map(str::to_owned), error.code().id, error.message().to_owned());
        self.refused.push(Refusal { row, line, column, code, message });
        Ok(())
    }
}

/// How records become rows.
#[derive(Clone)]
pub(super) struct Rules {
    pub(super) table: Arc<Table>,
    pub(super) format: Format,
    /// Whether rows that are there are changed: then every row must name the same fields.
    pub(super) update: bool,
    pub(super) mapping: Map<String, Value>,
    /// The columns of the mapping that no row has had yet.
    pub(super) unmet: BTreeSet<String>,
    /// Whether the names of columns were seen, of a header or of a row.
    pub(super) has_names: bool,
    /// The columns that the first row names, in update mode.
    pub(super) given: Option<Vec<String>>,
}

impl Rules {
    /// The checked cells of a record.
    ///
    /// # Errors
    /// What is wrong with it, at its column.
    pub(super) fn row(&mut self, record: Record, ignored: &mut BTreeSet<String>) -> Result<Cells> {
        let mut data = Map::new();
        let cells = record.cells?;
        self.has_names = true;
        for (name, value) in cells {
            if self.unmet.contains(&name) {
                self.unmet.remove(&name);
            }
            let Some(field) = self.field(&name)? else { continue };
            let column = self.table.column(field).map_err(|e| e.at(name.clone()))?;
            if data.contains_key(field) {
                let message = format!("two columns of the file give {field}");
                return Err(Error::new(&codes::BAD_PARAMETER, message).at(field.to_owned()));
            }
            if is_managed(column) {
                if !ignored.contains(field) {
                    ignored.insert(field.to_owned());
                }
                continue;
            }
            match self.format {
                Format::Csv => {
                    let value = typed(column, value).map_err(|e| e.at(field.to_owned()))?;
                    // An empty cell of a required field means "not given": its default applies, or it is missing.
                    if !value.is_null() || column.field.nullable {
                        data.insert(field.to_owned(), value);
                    }
                }
                Format::Jsonl => {
                    data.insert(field.to_owned(), value);
                }
                // A row of these has all columns: null means "not given" where none may be.
                _ => {
                    let value = adapted(column, value).map_err(|e| e.at(field.to_owned()))?;
                    if !value.is_null() || column.field.nullable {
                        data.insert(field.to_owned(), value);
                    }
                }
            }
        }
        if self.update {
            let names: Vec<String> = data.keys().cloned().collect();
            if *self.given.get_or_insert_with(|| names.clone()) != names {
                let message =
                    "the row gives other fields than the first row; an update needs the same in all";
                return Err(Error::new(&codes::BAD_PARAMETER, message));
            }
        }
        write::complete(&self.table, &data)
    }

    /// Refuses a mapping of columns that the file does not have: misspelt, they would be without effect. All rows have the same columns
    /// but those of JSON lines, of which only the whole file (`is_whole`) tells that none has one.
    ///
    /// # Errors
    /// `HM-D025`.
    pub(super) fn refuse_unmet(&self, is_whole: bool) -> Result<()> {
        let is_told = self.has_names && (is_whole || self.format != Format::Jsonl);
        let Some(column) = self.unmet.iter().next().filter(|_| is_told) else { return Ok(()) };
        let message = format!("the mapping names {column:?}, which the file does not have");
        Err(Error::new(&codes::BAD_PARAMETER, message).at("mapping"))
    }

    /// The field that a column of the file goes to; `None` if the mapping leaves it out.
    ///
    /// # Errors
    /// `HM-D025` if the mapping says neither.
    pub(super) fn field<'a>(&'a self, name: &'a str) -> Result<Option<&'a str>> {
        match self.mapping.get(name) {
            None => Ok(Some(name)),
            Some(Value::Null) => Ok(None),
            Some(Value::String(field)) => Ok(Some(field)),
            Some(_) => {
                Err(Error::new(&codes::BAD_PARAMETER, "mapping takes field names or null").at("mapping"))
            }
        }
    }
}

/// Whether a file's column of this name is left out: the framework sets it.
pub(super) fn is_managed(column: &Column) -> bool {
    matches!(column.role, Role::UpdatedAt | Role::DeletedAt | Role::Version | Role::Ruled(_))
}

/// A value of a typed file as one of the column's type, if it means the same.
fn adapted(column: &Column, value: Value) -> Result<Value> {
    let bad = |what: &str| Error::new(&codes::WRONG_VALUE, format!("expected {what}"));
    match (column.field.kind, value) {
        // A sheet knows only doubles, and what a file of columns has as doubles is no more exact.
        (FieldType::Decimal | FieldType::Text, Value::Number(number)) => {
            Ok(Value::String(number.to_string()))
        }
        (FieldType::Integer, Value::Number(number))
            if number.as_i64().is_none() && number.as_f64().is_some_and(|n| n.fract() == 0.0) =>
        {
            let message = "a whole number of more than 53 bits may have been rounded by the file";
            Err(Error::new(&codes::WRONG_VALUE, message).next("give it as a text"))
        }
        (FieldType::Boolean, Value::Number(number)) if number.as_i64() == Some(0) => Ok(Value::Bool(false)),
        (FieldType::Boolean, Value::Number(number)) if number.as_i64() == Some(1) => Ok(Value::Bool(true)),
        (FieldType::Uuid, Value::String(text)) => Ok(match text.strip_prefix("\\x") {
            Some(digits) => Value::from(digits),
            None => Value::String(text),
        }),
        // The time of a date that is one alone.
        (FieldType::Date, Value::String(text)) if text.ends_with(" BC") => Ok(Value::String(text)),
        (FieldType::Date, Value::String(text)) => match text.split_once(['T', ' ']) {
            None => Ok(Value::String(text)),
            Some((date, time))
                if time.trim_end_matches('Z').bytes().all(|b| matches!(b, b'0' | b':' | b'.')) =>
            {
                Ok(Value::from(date))
            }
            Some(_) => Err(bad("a date without a time")),
        },
        (
            FieldType::Integer
            | FieldType::Float
            | FieldType::Boolean
            | FieldType::Object
            | FieldType::Array
            | FieldType::FloatArray
            | FieldType::Json,
            text @ Value::String(_),
        ) => typed(column, text),
        (_, value) => Ok(value),
    }
}

/// The text of a CSV cell as a value of the column's type.
fn typed(column: &Column, cell: Value) -> Result<Value> {
    let Value::String(text) = cell else { return Ok(cell) };
    let trimmed = text.trim();
    let bad = |what: &str| Error::new(&codes::WRONG_VALUE, format!("expected {what}"));
    match column.field.kind {
        FieldType::Text => Ok(Value::String(text)),
        FieldType::Integer => trimmed.parse::<i64>().map(Value::from).map_err(|_| bad("integer")),
        FieldType::Float => {
            let number = trimmed.parse::<f64>().ok().filter(|f| f.is_finite());
            number
                .and_then(serde_json::Number::from_f64)
                .map(Value::Number)
                .ok_or_else(|| bad("a finite number"))
        }
        FieldType::Boolean => match trimmed.to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "1" => Ok(Value::Bool(true)),
            "false" | "f" | "no" | "n" | "0" => Ok(Value::Bool(false)),
            _ => Err(bad("true or false")),
        },
        FieldType::Object | FieldType::Array | FieldType::FloatArray | FieldType::Json => {
            if json::rounded(trimmed.as_bytes()).is_some() {
                return Err(files::rounded());
            }
            serde_json::from_str(trimmed).map_err(|_| bad("JSON"))
        }
        _ => Ok(Value::from(trimmed)),
    }
}
