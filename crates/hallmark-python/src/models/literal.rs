//! Python literals as JSON values.

use ruff_python_ast::{Expr, Number, UnaryOp};
use serde_json::Value;

/// The deepest nesting of a literal that is read.
const DEPTH_MAX: usize = 32;

/// The JSON value of a literal expression; `None` if it is not a literal (or too deep, or not representable).
pub(super) fn value(expr: &Expr) -> Option<Value> {
    value_at(expr, 0)
}

fn value_at(expr: &Expr, depth: usize) -> Option<Value> {
    if depth > DEPTH_MAX {
        return None;
    }
    match expr {
        Expr::NoneLiteral(_) => Some(Value::Null),
        Expr::BooleanLiteral(b) => Some(Value::Bool(b.value)),
        Expr::StringLiteral(s) => Some(Value::String(s.value.to_str().to_owned())),
        Expr::BytesLiteral(b) => {
            let bytes: Vec<u8> = b.value.bytes().collect();
            Some(Value::String(format!("\\x{}", hallmark_core::digest::to_hex(&bytes))))
        }
        Expr::NumberLiteral(n) => number(&n.value),
        Expr::UnaryOp(unary) if unary.op == UnaryOp::USub => negate(&value_at(&unary.operand, depth + 1)?),
        Expr::List(list) => sequence(&list.elts, depth),
        Expr::Tuple(tuple) => sequence(&tuple.elts, depth),
        Expr::Set(set) => sequence(&set.elts, depth),
        Expr::Dict(dict) => {
            let mut members = serde_json::Map::new();
            for item in &dict.items {
                let key = match value_at(item.key.as_ref()?, depth + 1)? {
                    Value::String(text) => text,
                    other => other.to_string(),
                };
                members.insert(key, value_at(&item.value, depth + 1)?);
            }
            Some(Value::Object(members))
        }
        Expr::Call(call) => empty_or_decimal(call, depth),
        _ => None,
    }
}

fn sequence(items: &[Expr], depth: usize) -> Option<Value> {
    items.iter().map(|e| value_at(e, depth + 1)).collect::<Option<Vec<_>>>().map(Value::Array)
}

fn number(number: &Number) -> Option<Value> {
    match number {
        Number::Int(int) => int.as_i64().map(Value::from).or_else(|| int.as_u64().map(Value::from)),
        Number::Float(float) => serde_json::Number::from_f64(*float).map(Value::Number),
        Number::Complex { .. } => None,
    }
}

fn negate(value: &Value) -> Option<Value> {
    if let Some(int) = value.as_i64() {
        return int.checked_neg().map(Value::from);
    }
    if value.as_u64() == Some(i64::MIN.unsigned_abs()) {
        return Some(Value::from(i64::MIN));
    }
    value
        .as_f64()
        .filter(|_| value.is_f64())
        .and_then(|f| serde_json::Number::from_f64(-f))
        .map(Value::Number)
}

/// `list()`, `dict()`, `Decimal("1.10")`.
fn empty_or_decimal(call: &ruff_python_ast::ExprCall, depth: usize) -> Option<Value> {
    let name = last_name(&call.func)?;
    match (name, &*call.arguments.args) {
        ("list" | "tuple" | "set", []) => Some(Value::Array(Vec::new())),
        ("dict", []) if call.arguments.keywords.is_empty() => Some(Value::Object(serde_json::Map::new())),
        ("Decimal", [argument]) => match value_at(argument, depth + 1)? {
            Value::String(text) => Some(Value::String(text)),
            number @ Value::Number(_) => Some(Value::String(number.to_string())),
            _ => None,
        },
        _ => None,
    }
}

/// The last part of `a.b.c` or the name itself.
pub(super) fn last_name(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Name(name) => Some(name.id.as_str()),
        Expr::Attribute(attribute) => Some(attribute.attr.as_str()),
        _ => None,
    }
}
