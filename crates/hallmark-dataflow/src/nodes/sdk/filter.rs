//! The SDK's filters and sort orders in the forms of this crate.

use hallmark_core::{Error, Result};
use serde_json::{Map, Value, json};

use crate::codes;

/// A filter with the SDK's operators (`$nin`, `$exists`, `$null`, `$like`) in the words of the filter grammar.
///
/// # Errors
/// `HM-D015` for `$regex` and for a `$like` with a wildcard inside, which have no counterpart.
pub(super) fn translated(filter: &Value) -> Result<Value> {
    let Value::Object(members) = filter else { return Ok(filter.clone()) };
    let mut out = Map::new();
    for (name, value) in members {
        let value = match (name.trim_start_matches('$'), value) {
            ("and" | "or", Value::Array(items)) => {
                Value::Array(items.iter().map(translated).collect::<Result<_>>()?)
            }
            ("not", inner) => translated(inner)?,
            (_, Value::Object(operators)) if operators.keys().any(|k| k.starts_with('$')) => {
                let mut own = Map::new();
                for (operator, operand) in operators {
                    let (operator, operand) = comparison(operator, operand)?;
                    own.insert(operator, operand);
                }
                Value::Object(own)
            }
            // The SDK takes a list as "one of these".
            (_, Value::Array(items)) => json!({"in": items}),
            (_, other) => other.clone(),
        };
        out.insert(name.clone(), value);
    }
    Ok(Value::Object(out))
}

fn comparison(operator: &str, operand: &Value) -> Result<(String, Value)> {
    let word = |w: &str, v: Value| Ok((w.to_owned(), v));
    match operator {
        "$nin" => word("not_in", operand.clone()),
        "$exists" => word("is_null", json!(operand != &json!(true))),
        "$null" => word("is_null", json!(operand != &json!(false))),
        "$like" => match operand.as_str() {
            Some(pattern) => like(pattern),
            None => Err(Error::new(&codes::BAD_FILTER, "`$like` takes a text")),
        },
        "$regex" => Err(Error::new(&codes::BAD_FILTER, "`$regex` is not taken")
            .next("use contains, starts_with or ends_with, or the node of the kind Search")),
        other => word(other, operand.clone()),
    }
}

/// `%x%` is contains, `x%` starts with, `%x` ends with, `x` is equal.
fn like(pattern: &str) -> Result<(String, Value)> {
    let (start, rest) = pattern.strip_prefix('%').map_or((false, pattern), |r| (true, r));
    let (end, inner) = rest.strip_suffix('%').map_or((false, rest), |r| (true, r));
    if inner.contains(['%', '_']) {
        return Err(Error::new(&codes::BAD_FILTER, "`$like` takes `%` at the ends only")
            .next("use contains, starts_with or ends_with"));
    }
    let word = match (start, end) {
        (true, true) => "contains",
        (true, false) => "ends_with",
        (false, true) => "starts_with",
        (false, false) => "eq",
    };
    Ok((word.to_owned(), inner.into()))
}

/// `["-name"]`, `["name DESC"]` and `[{"field": "name", "order": "desc"}]` (or `{"name": -1}`) as a list of names.
///
/// # Errors
/// `HM-D016` for another form.
pub(super) fn sort(sort: &Value) -> Result<Value> {
    let bad = || {
        Error::new(
            &codes::BAD_SORT,
            "a sort order is a name, or {\"field\": …, \"order\": \"asc\" or \"desc\"}",
        )
    };
    let down = |order: &Value| {
        order.as_i64() == Some(-1) || order.as_str().is_some_and(|o| o.eq_ignore_ascii_case("desc"))
    };
    let one = |item: &Value| match item {
        Value::String(text) => {
            let mut words = text.split_whitespace();
            let name = words.next().ok_or_else(bad)?;
            let descending = words.next().is_some_and(|w| w.eq_ignore_ascii_case("desc"));
            Ok(format!("{}{name}", if descending { "-" } else { "" }))
        }
        Value::Object(members) => {
            let (name, order) = match members.get("field") {
                Some(field) => {
                    let order = members.get("order").or_else(|| members.get("direction"));
                    (field.as_str().ok_or_else(bad)?, order.cloned().unwrap_or_default())
                }
                None => {
                    let (name, order) = members.iter().next().ok_or_else(bad)?;
                    (name.as_str(), order.clone())
                }
            };
            Ok(format!("{}{name}", if down(&order) { "-" } else { "" }))
        }
        _ => Err(bad()),
    };
    let names: Vec<String> = sort.as_array().into_iter().flatten().map(one).collect::<Result<_>>()?;
    Ok(names.into())
}
