//! Literals of expressions, as parameters of the type that stands beside them.

use hallmark_core::Result;
use hallmark_python::models::FieldType;
use serde_json::{Number, Value};

use super::Expression;
use crate::sql::{Sql, compared_cast};
use crate::value::{self, Bound};

/// Whether it is a text that stands there.
pub(super) fn is_text_literal(expression: &Expression) -> bool {
    matches!(expression, Expression::Literal(Value::String(_)))
}

/// Whether literals of this type are written as texts.
pub(super) fn written(kind: FieldType) -> bool {
    matches!(
        kind,
        FieldType::Timestamp | FieldType::Date | FieldType::Time | FieldType::Uuid | FieldType::Decimal
    )
}

/// Appends a number of more digits than a double has: all of them beside an exact number, else the double.
pub(super) fn long_as(
    sql: &mut Sql,
    (digits, double): (&str, &Number),
    wanted: Option<FieldType>,
) -> Result<()> {
    match wanted {
        Some(FieldType::Decimal) => literal_as(sql, &Value::from(digits), wanted),
        _ => literal_as(sql, &Value::Number(double.clone()), wanted),
    }
}

/// Appends a literal as a parameter of this type.
pub(super) fn literal_as(sql: &mut Sql, literal: &Value, wanted: Option<FieldType>) -> Result<()> {
    let own = match literal {
        Value::Null => None,
        Value::Bool(_) => Some(FieldType::Boolean),
        Value::Number(number) if number.is_i64() => Some(FieldType::Integer),
        Value::Number(_) => Some(FieldType::Float),
        _ => Some(FieldType::Text),
    };
    let Some(kind) = wanted.or(own) else {
        sql.push("NULL");
        return Ok(());
    };
    let bound = value::encode(kind, literal)?;
    let cast = match (&bound, compared_cast(kind)) {
        (_, Some(cast)) => Some(cast),
        // Where nothing else says what type a parameter has, it has its own.
        (Bound::Text(_), None) => Some("text"),
        (_, None) => None,
    };
    sql.bind(bound, cast);
    Ok(())
}
