//! Sorting and keyset pages with an opaque cursor: page 1,000 costs what page 1 costs.

use hallmark_core::{Error, Result, digest};
use hallmark_python::models::FieldType;
use serde_json::{Value, json};

use crate::sql::Sql;
use crate::table::Table;
use crate::value::{self, Bound};
use crate::{codes, limits};

/// One expression to sort by.
#[derive(Clone, Debug)]
pub struct SortKey {
    /// The name that identifies it in a cursor.
    pub name: String,
    /// The SQL expression: a quoted column, or fixed text.
    pub expression: String,
    /// The type of its values.
    pub kind: FieldType,
    /// Largest first.
    pub descending: bool,
}

/// Reads a `sort` parameter (`["-total", "name"]`, or one text with commas) and adds the key as the last tie-breaker.
///
/// # Errors
/// `HM-D010` for an unknown field, `HM-D016` for one that has no order or a malformed list.
pub fn keys(table: &Table, sort: Option<&Value>) -> Result<Vec<SortKey>> {
    let texts: Vec<String> = match sort {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(one)) => {
            one.split(',').map(|s| s.trim().to_owned()).filter(|s| !s.is_empty()).collect()
        }
        Some(Value::Array(items)) => items
            .iter()
            .map(|v| v.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or_else(|| Error::new(&codes::BAD_SORT, "sort is a list of field names"))?,
        Some(_) => {
            return Err(Error::new(
                &codes::BAD_SORT,
                "sort is a list of field names, `-` in front for descending",
            ));
        }
    };
    if texts.len() > limits::SORT_FIELDS_MAX {
        return Err(Error::new(
            &codes::BAD_SORT,
            format!("at most {} fields can be sorted by", limits::SORT_FIELDS_MAX),
        ));
    }
    let mut keys: Vec<SortKey> = Vec::new();
    for text in &texts {
        let (name, descending) = text.strip_prefix('-').map_or((text.as_str(), false), |n| (n, true));
        let column = table.column(name)?;
        if column.field.kind.is_json() || column.field.kind == FieldType::FloatArray {
            return Err(Error::new(
                &codes::BAD_SORT,
                format!("{name} is {} and has no order", column.field.kind.name()),
            ));
        }
        keys.push(SortKey {
            name: name.to_owned(),
            expression: column.ident.clone(),
            kind: column.field.kind,
            descending,
        });
    }
    let descending = keys.last().is_some_and(|k| k.descending);
    for key in table.keys() {
        if !keys.iter().any(|k| k.name == key.name()) {
            keys.push(SortKey {
                name: key.name().to_owned(),
                expression: key.ident.clone(),
                kind: key.field.kind,
                descending,
            });
        }
    }
    Ok(keys)
}

/// Appends `ORDER BY`; nulls come last in both directions.
pub fn push_order(sql: &mut Sql, keys: &[SortKey]) {
    sql.push(" ORDER BY ");
    for (i, key) in keys.iter().enumerate() {
        sql.push(if i > 0 { ", " } else { "" }).push(&key.expression);
        sql.push(if key.descending { " DESC NULLS LAST" } else { " ASC NULLS LAST" });
    }
}

/// Appends the condition that a row comes after the cursor.
///
/// # Errors
/// `HM-D017` if the cursor is not one of this sort order.
pub fn push_after(sql: &mut Sql, keys: &[SortKey], cursor: &str) -> Result<()> {
    let values = read_cursor(keys, cursor)?;
    sql.push("(false");
    for (i, key) in keys.iter().enumerate() {
        // Nothing comes after a null.
        if values[i] == Bound::Null(value::wire(key.kind)) {
            continue;
        }
        sql.push(" OR (");
        for (before, value) in keys.iter().zip(&values).take(i) {
            sql.push(&before.expression)
                .push(" IS NOT DISTINCT FROM ")
                .bind(value.clone(), cast(before.kind))
                .push(" AND ");
        }
        sql.push("(").push(&key.expression).push(if key.descending { " < " } else { " > " });
        sql.bind(values[i].clone(), cast(key.kind));
        sql.push(" OR ").push(&key.expression).push(" IS NULL))");
    }
    sql.push(")");
    Ok(())
}

fn cast(kind: FieldType) -> Option<&'static str> {
    match kind {
        FieldType::Decimal => Some("numeric"),
        FieldType::Date => Some("date"),
        FieldType::Time => Some("time"),
        _ => None,
    }
}

/// The cursor after a row with these sort values.
#[must_use]
pub fn cursor(keys: &[SortKey], values: &[Value]) -> String {
    digest::to_hex(json!([signature(keys), values]).to_string().as_bytes())
}

fn signature(keys: &[SortKey]) -> String {
    keys.iter()
        .map(|k| format!("{}{}", if k.descending { "-" } else { "" }, k.name))
        .collect::<Vec<_>>()
        .join(",")
}

fn read_cursor(keys: &[SortKey], cursor: &str) -> Result<Vec<Bound>> {
    let bad = || {
        Error::new(&codes::BAD_CURSOR, "the cursor is not one of this sort order")
            .next("begin again without a cursor")
    };
    if !cursor.is_ascii() || !cursor.len().is_multiple_of(2) || cursor.len() > limits::VALUE_BYTES_MAX {
        return Err(bad());
    }
    let bytes: Option<Vec<u8>> =
        (0..cursor.len()).step_by(2).map(|i| u8::from_str_radix(&cursor[i..i + 2], 16).ok()).collect();
    let read: Option<(String, Vec<Value>)> = bytes.and_then(|b| serde_json::from_slice(&b).ok());
    let (of, values) = read.ok_or_else(bad)?;
    if of != signature(keys) || values.len() != keys.len() {
        return Err(bad());
    }
    keys.iter().zip(&values).map(|(k, v)| value::encode(k.kind, v).map_err(|_| bad())).collect()
}
