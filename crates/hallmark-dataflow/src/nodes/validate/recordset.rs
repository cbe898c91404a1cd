//! Given rows as a table that the database can ask: one parameter, however many rows.

use hallmark_core::digest;
use serde_json::{Map, Value};

use crate::sql::Sql;
use crate::table::Column;
use crate::value::{self, Bound};

/// Rows with their places, reduced to these columns.
pub(super) struct Recordset<'a> {
    columns: Vec<&'a Column>,
    rows: Vec<Value>,
}

impl<'a> Recordset<'a> {
    /// The rows whose values all fit their columns; with `whole`, only those in which none of them is missing or null.
    pub(super) fn new<'r>(
        columns: Vec<&'a Column>,
        rows: impl Iterator<Item = (usize, &'r Map<String, Value>)>,
        whole: bool,
    ) -> Self {
        let one = |(i, row): (usize, &Map<String, Value>)| {
            let mut members = Map::from_iter([("_i".to_owned(), Value::from(i))]);
            for column in &columns {
                let given = row.get(column.name()).unwrap_or(&Value::Null);
                if given.is_null() && whole {
                    return None;
                }
                let bound = value::encode(column.field.kind, given).ok()?;
                members.insert(column.name().to_owned(), plain(&bound, given));
            }
            Some(Value::Object(members))
        };
        let rows = rows.filter_map(one).collect();
        Self { columns, rows }
    }

    /// Whether there is nothing to ask.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Appends it as `given`, whose column `_i` is the row's place.
    pub(super) fn push(&self, sql: &mut Sql) {
        sql.push("jsonb_to_recordset(").bind(Bound::Json(Value::Array(self.rows.clone())), None);
        sql.push(") AS given(_i bigint");
        for column in &self.columns {
            sql.push(&format!(", {} {}", column.ident, column.sql_type));
        }
        sql.push(")");
    }
}

/// A checked value as the database reads it from JSON: a time without a zone would be taken in the session's.
fn plain(bound: &Bound, given: &Value) -> Value {
    match bound {
        Bound::Timestamp(at) => Value::from(at.to_string()),
        Bound::Bytes(bytes) => Value::from(format!("\\x{}", digest::to_hex(bytes))),
        Bound::Text(text) => Value::from(text.as_str()),
        _ => given.clone(),
    }
}
