//! Annotations as field types.

use std::collections::BTreeMap;

use ruff_python_ast::{Expr, Operator};
use serde_json::Value;

use super::ir::FieldType;
use super::literal;

/// The deepest nesting of an annotation that is read.
const DEPTH_MAX: usize = 32;

/// What an annotation says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Annotation {
    pub(super) kind: FieldType,
    pub(super) nullable: bool,
    pub(super) choices: Vec<Value>,
}

impl Annotation {
    fn plain(kind: FieldType) -> Self {
        Self { kind, nullable: false, choices: Vec::new() }
    }
}

/// What became of an annotation.
pub(super) enum Outcome {
    /// A field.
    Field(Annotation),
    /// `ClassVar` and the like: no field.
    NotAField,
    /// No column type is known for it.
    Unknown,
}

/// The enumerations of a file: class name to the values of its members.
pub(super) type Enums = BTreeMap<String, Vec<Value>>;

/// Reads an annotation.
pub(super) fn read(expr: &Expr, enums: &Enums) -> Outcome {
    let outer = if let Expr::Subscript(subscript) = expr { &*subscript.value } else { expr };
    if matches!(literal::last_name(outer), Some("ClassVar" | "InitVar")) {
        return Outcome::NotAField;
    }
    resolve(expr, enums, 0).map_or(Outcome::Unknown, Outcome::Field)
}

fn resolve(expr: &Expr, enums: &Enums, depth: usize) -> Option<Annotation> {
    if depth > DEPTH_MAX {
        return None;
    }
    match expr {
        Expr::Name(_) | Expr::Attribute(_) => named(literal::last_name(expr)?, enums),
        Expr::StringLiteral(text) => {
            let parsed = ruff_python_parser::parse_expression(text.value.to_str()).ok()?;
            resolve(parsed.expr(), enums, depth + 1)
        }
        Expr::BinOp(operation) if operation.op == Operator::BitOr => {
            union(&[&operation.left, &operation.right], enums, depth)
        }
        Expr::Subscript(subscript) => {
            let arguments: Vec<&Expr> = match &*subscript.slice {
                Expr::Tuple(tuple) => tuple.elts.iter().collect(),
                one => vec![one],
            };
            generic(literal::last_name(&subscript.value)?, &arguments, enums, depth)
        }
        _ => None,
    }
}

fn named(name: &str, enums: &Enums) -> Option<Annotation> {
    let kind = match name {
        "int" => FieldType::Integer,
        "str" => FieldType::Text,
        "float" => FieldType::Float,
        "Decimal" => FieldType::Decimal,
        "bool" => FieldType::Boolean,
        "datetime" => FieldType::Timestamp,
        "date" => FieldType::Date,
        "time" => FieldType::Time,
        "UUID" => FieldType::Uuid,
        "bytes" | "bytearray" => FieldType::Bytes,
        "dict" | "Dict" | "Mapping" | "MutableMapping" => FieldType::Object,
        "list" | "List" | "tuple" | "Tuple" | "set" | "Set" | "frozenset" | "Sequence" => FieldType::Array,
        "Any" | "object" => FieldType::Json,
        other => return enumeration(enums.get(other)?),
    };
    Some(Annotation::plain(kind))
}

fn enumeration(values: &[Value]) -> Option<Annotation> {
    let kind = if values.iter().all(Value::is_string) {
        FieldType::Text
    } else if values.iter().all(Value::is_i64) {
        FieldType::Integer
    } else {
        return None;
    };
    Some(Annotation { kind, nullable: false, choices: values.to_vec() })
}

fn generic(name: &str, arguments: &[&Expr], enums: &Enums, depth: usize) -> Option<Annotation> {
    match (name, arguments) {
        ("Optional", [inner]) => resolve(inner, enums, depth + 1).map(|a| Annotation { nullable: true, ..a }),
        ("Union", members) => union(members, enums, depth),
        ("Annotated" | "Final" | "Mapped" | "Required" | "NotRequired", [inner, ..]) => {
            resolve(inner, enums, depth + 1)
        }
        ("Literal", values) => {
            enumeration(&values.iter().map(|v| literal::value(v)).collect::<Option<Vec<_>>>()?)
        }
        ("List" | "list" | "Sequence", [inner]) => {
            let float =
                resolve(inner, enums, depth + 1).is_some_and(|a| a.kind == FieldType::Float && !a.nullable);
            Some(Annotation::plain(if float { FieldType::FloatArray } else { FieldType::Array }))
        }
        ("Tuple" | "tuple" | "Set" | "set" | "frozenset" | "FrozenSet", _) => {
            Some(Annotation::plain(FieldType::Array))
        }
        ("Dict" | "dict" | "Mapping" | "MutableMapping" | "DefaultDict", _) => {
            Some(Annotation::plain(FieldType::Object))
        }
        _ => None,
    }
}

/// A union with `None` is nullable; members of several types make a JSON value.
fn union(members: &[&Expr], enums: &Enums, depth: usize) -> Option<Annotation> {
    let mut nullable = false;
    let mut found: Option<Annotation> = None;
    for member in members {
        if member.is_none_literal_expr() {
            nullable = true;
            continue;
        }
        let next = resolve(member, enums, depth + 1)?;
        nullable |= next.nullable;
        found = Some(match found {
            None => next,
            Some(before) if before.kind == next.kind => before,
            Some(_) => Annotation::plain(FieldType::Json),
        });
    }
    found.map(|a| Annotation { nullable: a.nullable || nullable, ..a })
}
