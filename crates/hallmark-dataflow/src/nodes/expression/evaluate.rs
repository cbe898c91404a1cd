//! Expressions over a row at hand.
//!
//! Decimals of a row are texts; those of the fields that hold them are computed with exactly, as long as no double takes part.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use hallmark_core::Result;
use serde_json::{Map, Number, Value};

use super::exact::Exact;
use super::{Expression, bad};
use crate::value;

/// A value on its way.
#[derive(Clone, Debug)]
enum Val {
    /// As it stands in a row.
    Json(Value),
    /// An exact number.
    Exact(Exact),
    /// A number as it stands in the expression: exact beside an exact one, else the double.
    Literal(Exact, Number),
}

impl Val {
    fn json(self) -> Value {
        match self {
            Self::Json(value) => value,
            Self::Exact(exact) => Value::String(exact.to_string()),
            Self::Literal(_, double) => Value::Number(double),
        }
    }

    /// The exact number that it is beside one; `None` for a double, and what is no number.
    fn exact(&self) -> Option<Exact> {
        match self {
            Self::Exact(exact) | Self::Literal(exact, _) => Some(exact.clone()),
            Self::Json(Value::Number(number)) if !number.is_f64() => Exact::read(&number.to_string()),
            Self::Json(_) => None,
        }
    }

    /// The value as it is beside one that is not exact.
    fn plain(self) -> Value {
        match self {
            Self::Exact(exact) => value::float(exact.double()),
            other => other.json(),
        }
    }
}

impl Expression {
    /// The value for a row, in which these fields hold decimals. Null in arithmetic and text functions gives null.
    ///
    /// # Errors
    /// `HM-D060` for a type that an operation does not take, a division by zero or a result that is no finite number.
    pub(in crate::nodes) fn evaluate(
        &self,
        row: &Map<String, Value>,
        decimals: &BTreeSet<String>,
    ) -> Result<Value> {
        Row { row, decimals }.of(self).map(Val::json)
    }
}

struct Row<'a> {
    row: &'a Map<String, Value>,
    decimals: &'a BTreeSet<String>,
}

impl Row<'_> {
    fn of(&self, expression: &Expression) -> Result<Val> {
        let truth_of = |inner: &Expression| truth(&self.of(inner)?.json());
        Ok(match expression {
            Expression::Literal(Value::Number(number)) if number.is_f64() => {
                match Exact::read(&number.to_string()) {
                    Some(exact) => Val::Literal(exact, number.clone()),
                    None => Val::Json(Value::Number(number.clone())),
                }
            }
            Expression::Literal(value) => Val::Json(value.clone()),
            Expression::Long(digits, double) => match Exact::read(digits) {
                Some(exact) => Val::Literal(exact, double.clone()),
                None => Val::Json(Value::Number(double.clone())),
            },
            Expression::Field(name) => self.field(name)?,
            Expression::Unary("not", inner) => Val::Json(Value::Bool(!truth_of(inner)?)),
            Expression::Unary(_, inner) => match self.of(inner)? {
                Val::Literal(exact, double) => {
                    let negative = double.as_f64().and_then(|double| Number::from_f64(-double));
                    Val::Literal(exact.negated(), negative.unwrap_or(double))
                }
                other => arithmetic("-", Val::Json(Value::from(0)), other)?,
            },
            Expression::Binary("and", left, right) => {
                Val::Json(Value::Bool(truth_of(left)? && truth_of(right)?))
            }
            Expression::Binary("or", left, right) => {
                Val::Json(Value::Bool(truth_of(left)? || truth_of(right)?))
            }
            Expression::Binary(operator @ ("==" | "!=" | "<" | "<=" | ">" | ">="), left, right) => {
                Val::Json(compare(operator, self.of(left)?, self.of(right)?)?)
            }
            Expression::Binary(operator, left, right) => {
                arithmetic(operator, self.of(left)?, self.of(right)?)?
            }
            Expression::Call("if", arguments) => {
                let chosen = if truth_of(&arguments[0])? { 1 } else { 2 };
                self.of(&arguments[chosen])?
            }
            Expression::Call(name, arguments) => {
                let values = arguments.iter().map(|a| self.of(a)).collect::<Result<Vec<_>>>()?;
                called(name, values)?
            }
        })
    }

    fn field(&self, name: &str) -> Result<Val> {
        let found = self.row.get(name).ok_or_else(|| bad(format!("the row has no field {name:?}")))?;
        let exact = match found {
            _ if !self.decimals.contains(name) => None,
            Value::String(text) => Exact::read(text),
            Value::Number(number) => Exact::read(&number.to_string()),
            _ => None,
        };
        Ok(exact.map_or_else(|| Val::Json(found.clone()), Val::Exact))
    }
}

/// Both numbers, if one of them is exact and the other can be taken so.
fn exact_pair(left: &Val, right: &Val) -> Option<(Exact, Exact)> {
    let one = matches!(left, Val::Exact(_)) || matches!(right, Val::Exact(_));
    Some((left.exact()?, right.exact()?)).filter(|_| one)
}

fn called(name: &str, values: Vec<Val>) -> Result<Val> {
    if name == "coalesce" {
        let is_null = |v: &Val| matches!(v, Val::Json(Value::Null));
        let found = values.into_iter().find(|v| !is_null(v));
        return Ok(found.unwrap_or(Val::Json(Value::Null)));
    }
    match (name, values.as_slice()) {
        ("abs", [Val::Exact(exact)]) => return Ok(Val::Exact(exact.clone().abs())),
        ("round", [Val::Exact(exact), digits @ ..]) => {
            let digits =
                digits.first().map(|d| position(&d.clone().json())).transpose()?.unwrap_or(0).min(15);
            return exact.round(digits).map(Val::Exact);
        }
        _ => {}
    }
    let values: Vec<Value> = values.into_iter().map(Val::json).collect();
    call(name, &values).map(Val::Json)
}

/// Whether a condition holds; null does not.
pub(in crate::nodes) fn truth(value: &Value) -> Result<bool> {
    match value {
        Value::Bool(truth) => Ok(*truth),
        Value::Null => Ok(false),
        other => Err(bad(format!("a condition is true or false, found {}", value::type_name(other)))),
    }
}

fn arithmetic(operator: &str, left: Val, right: Val) -> Result<Val> {
    if let Some((a, b)) = exact_pair(&left, &right) {
        return a.compute(operator, &b).map(Val::Exact);
    }
    let is_text = |v: &Val| matches!(v, Val::Json(Value::String(_)));
    // Beside a text an exact number is its text, as in a row.
    let (left, right) = match operator {
        "+" if is_text(&left) || is_text(&right) => (left.json(), right.json()),
        _ => (left.plain(), right.plain()),
    };
    doubles(operator, &left, &right).map(Val::Json)
}

fn doubles(operator: &str, left: &Value, right: &Value) -> Result<Value> {
    if left.is_null() || right.is_null() {
        return Ok(Value::Null);
    }
    if let (Value::String(a), Value::String(b), "+") = (left, right, operator) {
        return Ok(Value::String(format!("{a}{b}")));
    }
    if let (Some(a), Some(b)) = (left.as_i64(), right.as_i64())
        && operator != "/"
    {
        let exact = match operator {
            "+" => a.checked_add(b),
            "-" => a.checked_sub(b),
            "*" => a.checked_mul(b),
            _ => a.checked_rem(b),
        };
        return exact.map(Value::from).ok_or_else(|| bad(format!("{a} {operator} {b} has no 64-bit result")));
    }
    let (a, b) = (number(left)?, number(right)?);
    let result = match operator {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" => a / b,
        _ => a % b,
    };
    finite(result)
}

fn number(value: &Value) -> Result<f64> {
    value.as_f64().ok_or_else(|| {
        bad(format!("expected a number, found {}", value::type_name(value))).next("use number(...) on a text")
    })
}

fn finite(double: f64) -> Result<Value> {
    Number::from_f64(double).map(Value::Number).ok_or_else(|| bad("the result is no finite number"))
}

fn compare(operator: &str, left: Val, right: Val) -> Result<Value> {
    let read = |v: &Val| match v {
        // As in a condition of the database, a text beside an exact number is one.
        Val::Json(Value::String(text)) => Exact::read(text),
        other => other.exact(),
    };
    let one = matches!(left, Val::Exact(_)) || matches!(right, Val::Exact(_));
    if let (true, Some(a), Some(b)) = (one, read(&left), read(&right)) {
        return Ok(Value::Bool(holds(operator, a.cmp(&b))));
    }
    plainly(operator, &left.plain(), &right.plain())
}

fn holds(operator: &str, order: Ordering) -> bool {
    match operator {
        "==" => order.is_eq(),
        "!=" => order.is_ne(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        _ => order.is_ge(),
    }
}

fn plainly(operator: &str, left: &Value, right: &Value) -> Result<Value> {
    let equal = match (left.as_f64(), right.as_f64()) {
        (Some(a), Some(b)) if !(left.is_i64() && right.is_i64()) => a.total_cmp(&b).is_eq(),
        _ => left == right,
    };
    match operator {
        "==" => return Ok(Value::Bool(equal)),
        "!=" => return Ok(Value::Bool(!equal)),
        _ if left.is_null() || right.is_null() => return Ok(Value::Null),
        _ => {}
    }
    let order = match (left, right) {
        (Value::String(a), Value::String(b)) => a.cmp(b),
        _ => number(left)?.total_cmp(&number(right)?),
    };
    Ok(Value::Bool(holds(operator, order)))
}

fn string(value: &Value) -> Result<&str> {
    value.as_str().ok_or_else(|| {
        bad(format!("expected a text, found {}", value::type_name(value))).next("use text(...) on a number")
    })
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn position(value: &Value) -> Result<usize> {
    value
        .as_u64()
        .and_then(|n| usize::try_from(n).ok())
        .ok_or_else(|| bad("a position is a whole number from 0"))
}

fn call(name: &str, values: &[Value]) -> Result<Value> {
    match name {
        "concat" => return Ok(Value::String(values.iter().map(as_text).collect())),
        _ if values[0].is_null() => return Ok(Value::Null),
        _ => {}
    }
    let first = &values[0];
    Ok(match name {
        "upper" => Value::String(string(first)?.to_uppercase()),
        "lower" => Value::String(string(first)?.to_lowercase()),
        "trim" => Value::from(string(first)?.trim()),
        "length" => Value::from(first.as_array().map_or_else(|| as_text(first).chars().count(), Vec::len)),
        "replace" => Value::String(string(first)?.replace(string(&values[1])?, string(&values[2])?)),
        "substring" => {
            let count = values.get(2).map(position).transpose()?.unwrap_or(usize::MAX);
            Value::String(string(first)?.chars().skip(position(&values[1])?).take(count).collect())
        }
        "round" => {
            let digits = values.get(1).map(position).transpose()?.unwrap_or(0).min(15);
            let scale = 10_f64.powi(i32::try_from(digits).unwrap_or(0));
            return finite((number(first)? * scale).round() / scale);
        }
        "abs" => match first.as_i64() {
            Some(int) => {
                Value::from(int.checked_abs().ok_or_else(|| bad("the result does not fit 64 bits"))?)
            }
            None => return finite(number(first)?.abs()),
        },
        "text" => Value::String(as_text(first)),
        _ => {
            let text = as_text(first);
            let int = text.trim().parse::<i64>().ok().map(Value::from);
            let parsed =
                int.or_else(|| text.trim().parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number));
            return parsed.ok_or_else(|| bad("the text is no number"));
        }
    })
}
