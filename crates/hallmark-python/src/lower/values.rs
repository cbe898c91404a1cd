//! What an expression is, as far as rules ask.

use ruff_python_ast::{Expr, InterpolatedStringElement, Number};

use super::Lowerer;
use crate::facts::Value;

impl Lowerer<'_> {
    pub(super) fn value(&mut self, expr: &Expr) -> Value {
        match expr {
            Expr::StringLiteral(literal) => Value::Text(self.literal_text(literal.value.to_str())),
            Expr::FString(formatted) => {
                if formatted.value.elements().any(InterpolatedStringElement::is_interpolation) {
                    Value::Formatted
                } else {
                    Value::Constant
                }
            }
            Expr::NoneLiteral(_) => Value::Nothing,
            Expr::BooleanLiteral(literal) => Value::Bool(literal.value),
            Expr::NumberLiteral(number) => match &number.value {
                Number::Int(value) => value.as_i64().map_or(Value::Constant, Value::Integer),
                _ => Value::Constant,
            },
            Expr::BytesLiteral(_) | Expr::EllipsisLiteral(_) => Value::Constant,
            Expr::Name(_) | Expr::Attribute(_) | Expr::Call(_) | Expr::Await(_) => {
                self.path(expr).map_or(Value::Other, Value::Path)
            }
            Expr::Dict(dict) => {
                let keys = dict.iter_keys().filter_map(|key| match key {
                    Some(Expr::StringLiteral(key)) => Some(self.literal_text(key.value.to_str())),
                    _ => None,
                });
                Value::Dict(keys.collect())
            }
            Expr::List(_) | Expr::Tuple(_) | Expr::Set(_) => Value::Sequence,
            Expr::Lambda(_) => Value::Lambda,
            Expr::Starred(_) => Value::Spread,
            _ => Value::Other,
        }
    }
}
