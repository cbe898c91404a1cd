//! Annotations as field types.

use ruff_python_ast::{Expr, ExprCall, Operator, Stmt, StmtClassDef};
use serde_json::Value;

use super::ir::FieldType;
use super::literal;
use super::scope::File;

/// The deepest nesting of an annotation that is read.
const DEPTH_MAX: usize = 32;

/// What an annotation says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Annotation {
    pub(super) kind: FieldType,
    pub(super) nullable: bool,
    pub(super) choices: Vec<Value>,
    /// The model that it names, and whether it is a list of such: then it has no column.
    pub(super) relation: Option<(String, bool)>,
    /// `Annotated[...]`: what stands behind the type.
    pub(super) extras: Vec<Expr>,
}

impl Annotation {
    pub(super) fn plain(kind: FieldType) -> Self {
        Self { kind, nullable: false, choices: Vec::new(), relation: None, extras: Vec::new() }
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

/// Reads an annotation.
pub(super) fn read(expr: &Expr, file: &File<'_>) -> Outcome {
    let outer = if let Expr::Subscript(subscript) = expr { &*subscript.value } else { expr };
    if matches!(literal::last_name(outer), Some("ClassVar" | "InitVar" | "KW_ONLY")) {
        return Outcome::NotAField;
    }
    resolve(expr, file, 0).map_or(Outcome::Unknown, Outcome::Field)
}

fn resolve(expr: &Expr, file: &File<'_>, depth: usize) -> Option<Annotation> {
    if depth > DEPTH_MAX || !file.library.spend() {
        return None;
    }
    match expr {
        Expr::Name(_) | Expr::Attribute(_) => {
            let name = literal::last_name(expr)?;
            builtin(name).map(Annotation::plain).or_else(|| named(expr, name, file, depth))
        }
        Expr::StringLiteral(text) => {
            let parsed = ruff_python_parser::parse_expression(text.value.to_str()).ok()?;
            resolve(parsed.expr(), file, depth + 1)
        }
        Expr::BinOp(operation) if operation.op == Operator::BitOr => {
            union(&[&operation.left, &operation.right], file, depth)
        }
        Expr::Subscript(subscript) => {
            let arguments: Vec<&Expr> = match &*subscript.slice {
                Expr::Tuple(tuple) => tuple.elts.iter().collect(),
                one => vec![one],
            };
            generic(literal::last_name(&subscript.value)?, &arguments, file, depth)
        }
        Expr::Call(call) => new_type(call, file, depth),
        _ => None,
    }
}

fn builtin(name: &str) -> Option<FieldType> {
    Some(match name {
        "int" => FieldType::Integer,
        "str" => FieldType::Text,
        "float" => FieldType::Float,
        "Decimal" => FieldType::Decimal,
        "bool" => FieldType::Boolean,
        "datetime" => FieldType::Timestamp,
        "date" => FieldType::Date,
        "time" => FieldType::Time,
        "UUID" => FieldType::Uuid,
        "bytes" | "bytearray" | "memoryview" => FieldType::Bytes,
        "dict" | "Dict" | "Mapping" | "MutableMapping" | "OrderedDict" | "DefaultDict" => FieldType::Object,
        "list" | "List" | "tuple" | "Tuple" | "set" | "Set" | "frozenset" | "FrozenSet" | "Sequence"
        | "MutableSequence" | "Iterable" | "Collection" => FieldType::Array,
        "Any" | "object" | "JSON" | "Json" | "JSONB" => FieldType::Json,
        _ => return None,
    })
}

/// A class or an alias of this file, or of the one that the name is imported from.
fn named(expr: &Expr, name: &str, file: &File<'_>, depth: usize) -> Option<Annotation> {
    if let Some(class) = file.class(name, None) {
        return of_class(class, file);
    }
    if expr.is_name_expr()
        && let Some(value) = file.assigned(name)
    {
        return resolve(value, file, depth + 1);
    }
    file.elsewhere(expr, |other, name| {
        other
            .class(name, None)
            .map_or_else(|| resolve(other.assigned(name)?, other, depth + 1), |class| of_class(class, other))
    })
}

/// `UserId = NewType("UserId", int)`.
fn new_type(call: &ExprCall, file: &File<'_>, depth: usize) -> Option<Annotation> {
    match (literal::last_name(&call.func), &*call.arguments.args) {
        (Some("NewType"), [_, of]) => resolve(of, file, depth + 1),
        _ => None,
    }
}

/// An enumeration is its values, a model is a relation, any other class a nested object.
fn of_class<'a>(class: &'a StmtClassDef, file: &File<'a>) -> Option<Annotation> {
    if is_enumeration(class) {
        return enumeration(&members(class, file)?.into_iter().map(|(_, value)| value).collect::<Vec<_>>());
    }
    let mut read = Annotation::plain(FieldType::Object);
    if file.is_model(class) {
        read.relation = Some((class.name.to_string(), false));
    } else if bases(class).any(|b| b == "NamedTuple") {
        read.kind = FieldType::Array;
    } else if let Some(base) = bases(class).find_map(builtin) {
        // `class Money(Decimal)`: the value is one of its base.
        read.kind = base;
    }
    Some(read)
}

fn bases(class: &StmtClassDef) -> impl Iterator<Item = &str> {
    class.arguments.iter().flat_map(|a| a.args.iter()).filter_map(literal::last_name)
}

pub(super) fn is_enumeration(class: &StmtClassDef) -> bool {
    bases(class).any(|b| matches!(b, "Enum" | "StrEnum" | "IntEnum" | "IntFlag" | "Flag"))
}

/// The members of an enumeration; `None` if one is no literal, for then its values are not known.
pub(super) fn members(class: &StmtClassDef, file: &File<'_>) -> Option<Vec<(String, Value)>> {
    let texts = bases(class).any(|b| b == "StrEnum");
    let mut members: Vec<(String, Value)> = Vec::new();
    for statement in &class.body {
        let Stmt::Assign(assign) = statement else { continue };
        let Some(Expr::Name(name)) = assign.targets.first() else { continue };
        let name = name.id.to_string();
        if name.starts_with('_') {
            continue;
        }
        let value = match &*assign.value {
            Expr::Call(call) if literal::last_name(&call.func) == Some("auto") => {
                if texts {
                    Value::from(name.to_lowercase())
                } else {
                    Value::from(members.len() + 1)
                }
            }
            other => file.constant(other)?,
        };
        members.push((name, value));
    }
    Some(members)
}

pub(super) fn enumeration(values: &[Value]) -> Option<Annotation> {
    let kind = if values.is_empty() {
        return None;
    } else if values.iter().all(Value::is_string) {
        FieldType::Text
    } else if values.iter().all(|v| v.is_i64() || v.is_u64()) {
        FieldType::Integer
    } else {
        return None;
    };
    Some(Annotation { choices: values.to_vec(), ..Annotation::plain(kind) })
}

fn generic(name: &str, arguments: &[&Expr], file: &File<'_>, depth: usize) -> Option<Annotation> {
    match (name, arguments) {
        ("Optional", [inner]) => resolve(inner, file, depth + 1).map(|a| Annotation { nullable: true, ..a }),
        ("Union", members) => union(members, file, depth),
        ("Annotated", [inner, extras @ ..]) => {
            let mut read = resolve(inner, file, depth + 1)?;
            read.extras.extend(extras.iter().map(|e| (*e).clone()));
            Some(read)
        }
        ("Final" | "Mapped" | "Required" | "NotRequired" | "ReadOnly", [inner, ..]) => {
            resolve(inner, file, depth + 1)
        }
        ("Literal", values) => {
            enumeration(&values.iter().map(|v| literal::value(v)).collect::<Option<Vec<_>>>()?)
        }
        ("List" | "list" | "Sequence" | "Set" | "set" | "Iterable", [inner]) => {
            let inner = resolve(inner, file, depth + 1);
            let float = inner.as_ref().is_some_and(|a| a.kind == FieldType::Float && !a.nullable);
            let list = matches!(name, "List" | "list" | "Sequence");
            let kind = if float && list { FieldType::FloatArray } else { FieldType::Array };
            let relation = inner.and_then(|a| a.relation).map(|(model, _)| (model, true));
            Some(Annotation { relation, ..Annotation::plain(kind) })
        }
        ("Type" | "type" | "Callable" | "ClassVar", _) => None,
        (name, _) => match builtin(name)? {
            kind @ (FieldType::Array | FieldType::Object) => Some(Annotation::plain(kind)),
            _ => None,
        },
    }
}

/// A union with `None` is nullable; members of several types make a JSON value.
fn union(members: &[&Expr], file: &File<'_>, depth: usize) -> Option<Annotation> {
    let mut nullable = false;
    let mut found: Option<Annotation> = None;
    for member in members {
        if member.is_none_literal_expr() {
            nullable = true;
            continue;
        }
        let next = resolve(member, file, depth + 1)?;
        nullable |= next.nullable;
        found = Some(match found {
            None => next,
            Some(mut before) if before.kind == next.kind => {
                // A member without choices lets every value through.
                let bounded = !before.choices.is_empty() && !next.choices.is_empty();
                before.choices.extend(next.choices);
                before.choices.truncate(if bounded { before.choices.len() } else { 0 });
                before
            }
            Some(_) => Annotation::plain(FieldType::Json),
        });
    }
    found.map(|a| Annotation { nullable: a.nullable || nullable, ..a })
}
