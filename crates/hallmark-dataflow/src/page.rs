//! Sorting and keyset pages with an opaque cursor: page 1,000 costs what page 1 costs.

use hallmark_core::{Error, Result, digest};
use hallmark_python::models::FieldType;
use serde_json::{Value, json};

use crate::sensitivity::Masking;
use crate::sql::{Sql, compared_as};
use crate::table::{Column, Table};
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
    /// What its values are cast to, if that is not the type that they travel as.
    pub cast: Option<String>,
    /// Whether rows may have no value; they come last.
    pub nullable: bool,
    /// Largest first.
    pub descending: bool,
}

/// What pages are sorted by: [`order`], with a cursor that holds the values of all of it, the key too.
///
/// # Errors
/// As [`order`]; `HM-D016` if the key itself is masked.
pub fn keys(table: &Table, sort: Option<&Value>, masking: Masking) -> Result<Vec<SortKey>> {
    table.keys().iter().try_for_each(|key| refuse_hidden(key, masking))?;
    order(table, sort, masking)
}

/// Reads a `sort` parameter (`["-total", "name"]`, or one text with commas) and adds the key as the last tie-breaker.
///
/// # Errors
/// `HM-D010` for an unknown field, `HM-D016` for one that is masked or has no order, or a malformed list.
pub fn order(table: &Table, sort: Option<&Value>, masking: Masking) -> Result<Vec<SortKey>> {
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
        refuse_hidden(column, masking)?;
        if column.field.kind.is_json() || column.field.kind == FieldType::FloatArray {
            return Err(Error::new(
                &codes::BAD_SORT,
                format!("{name} is {} and has no order", column.field.kind.name()),
            ));
        }
        let nullable = table.takes_nulls(column) && !table.is_key(&[column]);
        keys.push(SortKey::of(column, nullable, descending));
    }
    let descending = keys.last().is_some_and(|k| k.descending);
    for key in table.keys() {
        if !keys.iter().any(|k| k.name == key.name()) {
            keys.push(SortKey::of(key, false, descending));
        }
    }
    Ok(keys)
}

impl SortKey {
    fn of(column: &Column, nullable: bool, descending: bool) -> Self {
        Self {
            name: column.name().to_owned(),
            expression: column.ident.clone(),
            kind: column.field.kind,
            cast: compared_as(column).map(str::to_owned),
            nullable,
            descending,
        }
    }
}

/// Refuses an order by values that the caller does not see: the order would tell them.
fn refuse_hidden(column: &Column, masking: Masking) -> Result<()> {
    if masking.hides(column.sensitivity) {
        let what = if Masking::Secrets.hides(column.sensitivity) { "secret" } else { "personal" };
        let message = format!("{} is {what}; nothing is sorted by it", column.name());
        return Err(Error::new(&codes::BAD_SORT, message).at("sort"));
    }
    Ok(())
}

/// Appends `ORDER BY`; nulls come last in both directions. Where there are none that is not said, for an index that is read backwards
/// would have them first.
pub fn push_order(sql: &mut Sql, keys: &[SortKey]) {
    sql.push(" ORDER BY ");
    for (i, key) in keys.iter().enumerate() {
        sql.push(if i > 0 { ", " } else { "" }).push(&key.expression);
        sql.push(match (key.descending, key.nullable) {
            (true, true) => " DESC NULLS LAST",
            (true, false) => " DESC",
            (false, _) => " ASC NULLS LAST",
        });
    }
}

/// Appends the condition that a row comes after the cursor, as a range of an index wherever nulls and directions allow it: else a page
/// would read all rows of the pages before.
///
/// # Errors
/// `HM-D017` if the cursor is not one of this sort order.
pub fn push_after(sql: &mut Sql, keys: &[SortKey], cursor: &str) -> Result<()> {
    let values = read_cursor(keys, cursor)?;
    let ranged = |key: &SortKey, value: &Bound| !key.nullable && !matches!(value, Bound::Null(_));
    let pairs = || keys.iter().zip(&values);
    let one_way = keys.iter().all(|key| key.descending == keys[0].descending);
    if one_way && pairs().all(|(key, value)| ranged(key, value)) {
        let names: Vec<&str> = keys.iter().map(|key| key.expression.as_str()).collect();
        sql.push("(").push(&names.join(", ")).push(if keys[0].descending { ") < (" } else { ") > (" });
        for (i, (key, value)) in pairs().enumerate() {
            sql.push(if i > 0 { ", " } else { "" }).bind(value.clone(), key.cast.as_deref());
        }
        sql.push(")");
        return Ok(());
    }
    if let Some((key, value)) = pairs().next().filter(|(key, value)| ranged(key, value)) {
        sql.push(&key.expression).push(if key.descending { " <= " } else { " >= " });
        sql.bind(value.clone(), key.cast.as_deref()).push(" AND ");
    }
    sql.push("(false");
    for (i, (key, value)) in pairs().enumerate() {
        // Nothing comes after a null.
        if matches!(value, Bound::Null(_)) {
            continue;
        }
        sql.push(" OR (");
        for (before, value) in pairs().take(i) {
            sql.push(&before.expression)
                .push(" IS NOT DISTINCT FROM ")
                .bind(value.clone(), before.cast.as_deref())
                .push(" AND ");
        }
        sql.push("(").push(&key.expression).push(if key.descending { " < " } else { " > " });
        sql.bind(value.clone(), key.cast.as_deref());
        if key.nullable {
            sql.push(" OR ").push(&key.expression).push(" IS NULL");
        }
        sql.push("))");
    }
    sql.push(")");
    Ok(())
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
    keys.iter().zip(&values).map(|(k, v)| of_cursor(k.kind, v).map_err(|_| bad())).collect()
}

/// As [`value::encode`], and what only other writers put into a table: a page may end at a row of theirs.
///
/// # Errors
/// As [`value::encode`].
fn of_cursor(kind: FieldType, value: &Value) -> Result<Bound> {
    value::encode(kind, value).or_else(|error| {
        let Some(text) = value.as_str().filter(|t| t.len() < 64) else { return Err(error) };
        let endless = |n: i64| Ok(Bound::FarTimestamp(n));
        match (kind, text) {
            (FieldType::Float, "NaN" | "inf" | "-inf") => text.parse().map(Bound::Float).map_err(|_| error),
            (FieldType::Timestamp, "infinity") => endless(i64::MAX),
            (FieldType::Timestamp, "-infinity") => endless(i64::MIN),
            (FieldType::Decimal, "NaN" | "Infinity" | "-Infinity")
            | (FieldType::Date, "infinity" | "-infinity")
            | (FieldType::Time, "24:00:00") => Ok(Bound::Text(text.to_owned())),
            _ => Err(error),
        }
    })
}
