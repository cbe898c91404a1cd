//! The filter grammar, typed by the model.
//!
//! ```json
//! {"status": "active", "total": {"gte": 100, "lt": 500}, "or": [{"name": {"contains": "drill"}}, {"email": {"is_null": true}}]}
//! ```
//!
//! Members of an object are joined with *and*. A bare value means `eq`; a bare null means `is_null`. Operators may be
//! written with a leading `$`. Field names, operators and value types are checked; nothing of the filter becomes SQL text.

use hallmark_core::{Error, Result};
use hallmark_python::models::FieldType;
use serde_json::Value;

use crate::sensitivity::Masking;
use crate::sql::Sql;
use crate::table::{Column, Table};
use crate::value::{self, Bound};
use crate::{codes, limits};

/// A filter as it was given, and what its caller does not see.
#[derive(Clone, Copy, Debug)]
pub struct Filter<'a> {
    /// The filter; null is the empty one.
    pub given: &'a Value,
    /// What of the rows is masked: which rows match must not tell it.
    pub masking: Masking,
}

impl Filter<'static> {
    /// The empty filter.
    pub const EMPTY: Self = Self { given: &Value::Null, masking: Masking::Secrets };
}

/// Appends the filter as a condition (`true` for an empty one).
///
/// # Errors
/// `HM-D010` for an unknown field, `HM-D015` for an unknown operator, a malformed filter or a part of a secret, `HM-D011`, `HM-D012`,
/// `HM-D013` for a value.
pub fn push(sql: &mut Sql, table: &Table, filter: Filter<'_>) -> Result<()> {
    let mut terms = 0;
    Writer { sql, table, masking: filter.masking, terms: &mut terms }.group(filter.given, 0)
}

/// Whether a filter is true of every row, whatever the rows hold: an empty one, and one that joins nothing else.
pub(crate) fn takes_all(filter: &Value) -> bool {
    constant(filter) == Some(true)
}

/// What a filter is of every row, if that can be told without its comparisons.
fn constant(filter: &Value) -> Option<bool> {
    let Value::Object(members) = filter else { return filter.is_null().then_some(true) };
    let parts = members.iter().map(|(name, value)| {
        let items = || value.as_array().into_iter().flatten();
        match name.strip_prefix('$').unwrap_or(name) {
            "and" => joined(items(), true),
            "or" => joined(items(), false),
            "not" => constant(value).map(|truth| !truth),
            _ => None,
        }
    });
    all(parts, true)
}

fn joined<'v>(items: impl Iterator<Item = &'v Value>, empty: bool) -> Option<bool> {
    all(items.map(constant), empty)
}

/// The conjunction of the parts where an empty one is true, their disjunction where it is false.
fn all(parts: impl Iterator<Item = Option<bool>>, empty: bool) -> Option<bool> {
    let mut known = Some(empty);
    for part in parts {
        match part {
            Some(truth) if truth == empty => {}
            Some(truth) => return Some(truth),
            None => known = None,
        }
    }
    known
}

struct Writer<'a> {
    sql: &'a mut Sql,
    table: &'a Table,
    masking: Masking,
    terms: &'a mut usize,
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(&codes::BAD_FILTER, message)
}

impl Writer<'_> {
    fn group(&mut self, filter: &Value, depth: usize) -> Result<()> {
        if depth > limits::FILTER_DEPTH_MAX {
            return Err(bad(format!("the filter is nested deeper than {}", limits::FILTER_DEPTH_MAX)));
        }
        let members = match filter {
            Value::Null => return self.word("true"),
            Value::Object(members) => members,
            other => return Err(bad(format!("a filter is an object, found {}", value::type_name(other)))),
        };
        if members.is_empty() {
            return self.word("true");
        }
        self.sql.push("(");
        for (i, (name, value)) in members.iter().enumerate() {
            if i > 0 {
                self.sql.push(" AND ");
            }
            match name.strip_prefix('$').unwrap_or(name) {
                "and" => self.list(value, " AND ", "true", depth)?,
                "or" => self.list(value, " OR ", "false", depth)?,
                "not" => {
                    self.sql.push("(");
                    self.group(value, depth + 1)?;
                    // A row for which the condition is unknown (null) is not one that satisfies it.
                    self.sql.push(") IS NOT TRUE");
                }
                _ => {
                    let column = self.table.column(name)?;
                    self.field(column, value)?;
                }
            }
        }
        self.word(")")
    }

    fn word(&mut self, text: &str) -> Result<()> {
        self.sql.push(text);
        Ok(())
    }

    fn list(&mut self, value: &Value, joint: &str, empty: &str, depth: usize) -> Result<()> {
        let Value::Array(items) = value else { return Err(bad("`and` and `or` take an array of filters")) };
        if items.is_empty() {
            return self.word(empty);
        }
        self.sql.push("(");
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                self.sql.push(joint);
            }
            self.group(item, depth + 1)?;
        }
        self.word(")")
    }

    fn field(&mut self, column: &Column, value: &Value) -> Result<()> {
        match value {
            Value::Object(operators) if !operators.is_empty() && !column.field.kind.is_json() => {
                for (i, (operator, operand)) in operators.iter().enumerate() {
                    if i > 0 {
                        self.sql.push(" AND ");
                    }
                    self.compare(column, operator, operand)?;
                }
                Ok(())
            }
            // On JSON columns an object is taken as operators only if all of its keys are operators.
            Value::Object(operators) if !operators.is_empty() && operators.keys().all(|k| is_operator(k)) => {
                for (i, (operator, operand)) in operators.iter().enumerate() {
                    if i > 0 {
                        self.sql.push(" AND ");
                    }
                    self.compare(column, operator, operand)?;
                }
                Ok(())
            }
            Value::Null => self.compare(column, "is_null", &Value::Bool(true)),
            other => self.compare(column, "eq", other),
        }
    }

    fn compare(&mut self, column: &Column, operator: &str, operand: &Value) -> Result<()> {
        *self.terms += 1;
        if *self.terms > limits::FILTER_TERMS_MAX {
            return Err(bad(format!("the filter has more than {} comparisons", limits::FILTER_TERMS_MAX)));
        }
        let operator = operator.strip_prefix('$').unwrap_or(operator);
        self.refuse_parts(column, operator)?;
        let symbol = match operator {
            "eq" if operand.is_null() => return self.null(column, true),
            "ne" if operand.is_null() => return self.null(column, false),
            "is_null" => match operand {
                Value::Bool(truth) => return self.null(column, *truth),
                _ => return Err(bad("`is_null` takes true or false")),
            },
            "in" => return self.any(column, operand, false),
            "not_in" => return self.any(column, operand, true),
            "contains" | "starts_with" | "ends_with" => return self.like(column, operator, operand),
            "eq" => " = ",
            "ne" => " IS DISTINCT FROM ",
            "lt" => " < ",
            "lte" => " <= ",
            "gt" => " > ",
            "gte" => " >= ",
            other => {
                return Err(bad(format!("unknown operator {other:?} on {}", column.name()))
                    .next("use eq, ne, lt, lte, gt, gte, in, not_in, contains, starts_with, ends_with, is_null, and, or, not"));
            }
        };
        if column.field.kind.is_json() && !matches!(operator, "eq" | "ne") {
            return Err(bad(format!(
                "{} is JSON: only eq, ne, contains and is_null compare it",
                column.name()
            )));
        }
        if operand.is_null() {
            return Err(bad(format!("`{operator}` on {} cannot compare with null", column.name())));
        }
        self.sql.push(&column.ident).push(symbol);
        self.sql.bind_compared(column, operand)?;
        Ok(())
    }

    /// Refuses what would tell a secret piece by piece; whoever names the whole of it learns nothing.
    fn refuse_parts(&self, column: &Column, operator: &str) -> Result<()> {
        let whole = matches!(operator, "eq" | "ne" | "in" | "not_in" | "is_null");
        let is_secret = Masking::Secrets.hides(column.sensitivity) && self.masking != Masking::None;
        if whole || !is_secret {
            return Ok(());
        }
        let message = format!("{} is secret: only eq, ne, in, not_in and is_null compare it", column.name());
        Err(bad(message).at("filter").next("ask with include_pii: true if you may"))
    }

    fn null(&mut self, column: &Column, is: bool) -> Result<()> {
        self.sql.push(&column.ident);
        self.word(if is { " IS NULL" } else { " IS NOT NULL" })
    }

    fn any(&mut self, column: &Column, operand: &Value, negated: bool) -> Result<()> {
        let Value::Array(items) = operand else { return Err(bad("`in` takes an array")) };
        if items.len() > limits::FILTER_IN_VALUES_MAX {
            return Err(bad(format!("`in` takes at most {} values", limits::FILTER_IN_VALUES_MAX)));
        }
        if items.is_empty() {
            return self.word(if negated { "true" } else { "false" });
        }
        self.sql.push("(").push(&column.ident).push(if negated { " NOT IN (" } else { " IN (" });
        for (i, item) in items.iter().enumerate() {
            if item.is_null() {
                return Err(bad("`in` takes no null; use is_null"));
            }
            if i > 0 {
                self.sql.push(", ");
            }
            self.sql.bind_compared(column, item)?;
        }
        self.sql.push("))");
        if negated {
            // A null is not one of the values.
            self.sql.push(" IS NOT FALSE");
        }
        Ok(())
    }

    fn like(&mut self, column: &Column, operator: &str, operand: &Value) -> Result<()> {
        if column.field.kind.is_json() && operator == "contains" {
            let bound = value::encode(FieldType::Json, operand)?;
            self.sql.push(&column.ident).push(" @> ").bind(bound, None);
            return Ok(());
        }
        let (FieldType::Text, Value::String(text)) = (column.field.kind, operand) else {
            return Err(bad(format!(
                "`{operator}` compares a text field with a text, and {} is {}",
                column.name(),
                column.field.kind.name()
            )));
        };
        let Bound::Text(text) = value::encode(FieldType::Text, &Value::from(text.as_str()))? else {
            return Err(bad("a text was expected"));
        };
        let escaped = text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
        let pattern = match operator {
            "contains" => format!("%{escaped}%"),
            "starts_with" => format!("{escaped}%"),
            _ => format!("%{escaped}"),
        };
        // Case counts at the start (an index can serve it) and does not inside a text, where people search.
        let symbol = if operator == "contains" { " ILIKE " } else { " LIKE " };
        self.sql.push(&column.text()).push(symbol).bind(Bound::Text(pattern), None);
        Ok(())
    }
}

fn is_operator(key: &str) -> bool {
    matches!(
        key.strip_prefix('$').unwrap_or(key),
        "eq" | "ne"
            | "lt"
            | "lte"
            | "gt"
            | "gte"
            | "in"
            | "not_in"
            | "contains"
            | "starts_with"
            | "ends_with"
            | "is_null"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_filter_that_is_true_of_every_row_is_known_by_its_form() {
        for all in [
            json!(null),
            json!({}),
            json!({"and": []}),
            json!({"$and": [{}, {"and": []}]}),
            json!({"or": [{"name": "x"}, {}]}),
            json!({"not": {"or": []}}),
        ] {
            assert!(takes_all(&all), "{all}");
        }
        for some in [
            json!({"name": "x"}),
            json!({"and": [{}, {"name": "x"}]}),
            json!({"or": []}),
            json!({"or": [{"name": "x"}, {"or": []}]}),
            json!({"not": {}}),
            json!({"not": {"name": "x"}}),
            json!("x"),
        ] {
            assert!(!takes_all(&some), "{some}");
        }
    }
}
