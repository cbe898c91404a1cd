//! The primary key: one column or several, of any type that has an order and an equality.
//!
//! Callers name a row by the value of the key, `7`, `"EC0101"`; a key of several columns, by an object of their values,
//! `{"tenant": "a", "code": 7}`. The object form is taken for a key of one column too.

use std::cmp::Ordering;

use hallmark_core::{Error, Result};
use hallmark_python::models::FieldType;
use serde_json::{Map, Value};
use tokio_postgres::Row;

use crate::codes;
use crate::instant::Instant;
use crate::sql::Sql;
use crate::table::{Column, Table};
use crate::value::{self, Bound};

impl Table {
    /// The key as messages and parameters name it: `id`, or `{tenant, code}`.
    #[must_use]
    pub fn key_label(&self) -> String {
        match self.keys().as_slice() {
            [one] => one.name().to_owned(),
            several => {
                let names: Vec<&str> = several.iter().map(|c| c.name()).collect();
                format!("{{{}}}", names.join(", "))
            }
        }
    }

    /// The quoted columns of the key, with a prefix such as `t.` before each.
    #[must_use]
    pub fn key_idents(&self, prefix: &str) -> String {
        self.keys().iter().map(|c| format!("{prefix}{}", c.ident)).collect::<Vec<_>>().join(", ")
    }

    /// The select list of the key, to be read with [`Table::key_of`].
    #[must_use]
    pub fn key_selected(&self) -> String {
        self.keys().iter().map(|c| c.selected()).collect::<Vec<_>>().join(", ")
    }

    /// Whether these columns are exactly the key's, in any order.
    #[must_use]
    pub fn is_key(&self, columns: &[&Column]) -> bool {
        let keys = self.keys();
        keys.len() == columns.len() && keys.iter().all(|k| columns.iter().any(|c| c.name() == k.name()))
    }

    /// The key that begins at column `at` of a row that was selected with [`Table::key_selected`].
    ///
    /// # Errors
    /// As [`value::decode`].
    pub fn key_of(&self, row: &Row, at: usize) -> Result<Value> {
        let mut values = Map::new();
        for (i, column) in self.keys().iter().enumerate() {
            values.insert(column.name().to_owned(), value::decode(row, at + i, column.field.kind)?);
        }
        Ok(self.key_in(&values))
    }

    /// The key in a row, as callers name it.
    #[must_use]
    pub fn key_in(&self, row: &Map<String, Value>) -> Value {
        let value = |c: &Column| row.get(c.name()).cloned().unwrap_or_default();
        match self.keys().as_slice() {
            [one] => value(one),
            several => several.iter().map(|c| (c.name().to_owned(), value(c))).collect::<Map<_, _>>().into(),
        }
    }

    /// The checked values of a key that a caller gave, in the key's order.
    ///
    /// # Errors
    /// `HM-D018` naming what is missing, `HM-D010` for a field that is none of the key's, and the codes of values.
    pub fn key_values(&self, id: &Value) -> Result<Vec<(&Column, Bound)>> {
        let keys = self.keys();
        let given: Vec<&Value> = match (keys.as_slice(), id) {
            (_, Value::Object(members)) => {
                if let Some(other) = members.keys().find(|n| !keys.iter().any(|c| c.name() == n.as_str())) {
                    let message = format!("{other:?} is no part of the key of {}", self.model.name);
                    return Err(Error::new(&codes::UNKNOWN_FIELD, message)
                        .at("id")
                        .next(format!("the key is {}", self.key_label())));
                }
                keys.iter().map(|c| members.get(c.name()).unwrap_or(&Value::Null)).collect()
            }
            ([_], one) => vec![one],
            _ => {
                let message = format!("the key of {} is an object of {}", self.model.name, self.key_label());
                return Err(Error::new(&codes::WRONG_VALUE, message).at("id"));
            }
        };
        let mut values = Vec::with_capacity(keys.len());
        for (column, value) in keys.into_iter().zip(given) {
            if value.is_null() {
                let message = format!("the key of {} needs {}", self.model.name, column.name());
                return Err(Error::new(&codes::MISSING_VALUE, message).at(column.name().to_owned()));
            }
            let bound =
                value::encode(column.field.kind, value).map_err(|e| e.at(column.name().to_owned()))?;
            values.push((column, bound));
        }
        Ok(values)
    }

    /// Appends the condition that a row has this key.
    ///
    /// # Errors
    /// As [`Table::key_values`].
    pub fn push_key(&self, sql: &mut Sql, id: &Value) -> Result<()> {
        Self::push_key_values(sql, self.key_values(id)?);
        Ok(())
    }

    /// As [`Table::push_key`], for values that were checked.
    pub(crate) fn push_key_values(sql: &mut Sql, values: Vec<(&Column, Bound)>) {
        for (i, (column, bound)) in values.into_iter().enumerate() {
            sql.push(if i > 0 { " AND " } else { "" }).push(&column.ident).push(" = ");
            sql.bind(bound, crate::sql::compared_as(column));
        }
    }

    /// The order in which several rows are changed: that of numbers, else that of the keys' texts. A key that is none comes first.
    #[must_use]
    pub(crate) fn key_order(&self, a: &Value, b: &Value) -> Ordering {
        match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => self.key_text(a).ok().cmp(&self.key_text(b).ok()),
        }
    }

    /// The key as one text that is the same for every way to write the same key, for names of cache entries.
    ///
    /// # Errors
    /// As [`Table::key_values`].
    pub fn key_text(&self, id: &Value) -> Result<String> {
        let values = self.key_values(id)?;
        if let [(column, one)] = values.as_slice() {
            return Ok(plain(column.field.kind, one));
        }
        let texts: Vec<String> = values.iter().map(|(c, bound)| plain(c.field.kind, bound)).collect();
        Ok(Value::from(texts).to_string())
    }
}

/// Whether a field of this type can be a key.
pub(crate) fn can_be_key(kind: FieldType) -> bool {
    !matches!(kind, FieldType::FloatArray) && !kind.is_json()
}

/// A checked value as one text that is the same for every way to write it.
pub(crate) fn plain(kind: FieldType, bound: &Bound) -> String {
    match bound {
        Bound::Bool(v) => v.to_string(),
        Bound::Int(v) => v.to_string(),
        Bound::Float(v) => v.to_string(),
        Bound::Text(text) if kind == FieldType::Decimal => canonical_decimal(text),
        Bound::Text(text) => text.clone(),
        Bound::Timestamp(at) => at.to_string(),
        Bound::FarTimestamp(at) => Instant(*at).to_string(),
        Bound::Uuid(id) => id.to_string(),
        Bound::Bytes(bytes) => hallmark_core::digest::to_hex(bytes),
        other => format!("{other:?}"),
    }
}

/// `+1.50`, `1.5` and `15e-1` as the same text: the digits without zeros at either end, and the power of ten.
fn canonical_decimal(text: &str) -> String {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return "0".to_owned();
    }
    let trailing = all.len() - all.trim_end_matches('0').len();
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let power = exponent.parse::<i64>().unwrap_or(0) - count(fraction.len()) + count(trailing);
    format!("{sign}{significant}e{power}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_decimal_has_one_text() {
        for same in ["1.5", "+1.50", "15e-1", "0001.5000", "0.15E1"] {
            assert_eq!(canonical_decimal(same), "15e-1", "{same}");
        }
        assert_eq!(canonical_decimal("-100"), "-1e2");
        assert_eq!(canonical_decimal("0.00"), canonical_decimal("-0"));
        assert_ne!(canonical_decimal("1.05"), canonical_decimal("1.5"));
    }
}
