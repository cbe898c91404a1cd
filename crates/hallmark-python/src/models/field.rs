//! One annotated assignment as a field: its default and its `Field(...)` keywords.

use ruff_python_ast::{Expr, ExprCall};
use serde_json::Value;

use super::annotation::{Annotation, Enums};
use super::ir::{Field, FieldDefault, FieldType};
use super::literal;

/// Builds the field of this name from its annotation and the expression on the right, if any.
pub(super) fn build(name: &str, annotation: Annotation, value: Option<&Expr>, source: &Source<'_>) -> Field {
    let mut field = Field::new(name, annotation.kind);
    field.nullable = annotation.nullable;
    field.choices = annotation.choices;
    match value {
        None => {}
        Some(Expr::Call(call)) if is_field_call(call) => from_call(&mut field, call, source),
        Some(expr) => set_default(&mut field, expr, source),
    }
    if name == "id" && field.kind == FieldType::Integer {
        field.nullable = false;
    }
    field
}

/// What reading an expression needs beside it.
pub(super) struct Source<'a> {
    pub(super) text: &'a str,
    pub(super) enums: &'a Enums,
}

impl Source<'_> {
    /// The source text of an expression, for messages.
    pub(super) fn slice(&self, expr: &Expr) -> String {
        use ruff_text_size::Ranged as _;
        let range = expr.range();
        self.text.get(range.start().to_usize()..range.end().to_usize()).unwrap_or_default().to_owned()
    }
}

/// `Field(...)`, `field(...)`, `Field.primary_key()`, `Field.null()`, with any prefix.
fn is_field_call(call: &ExprCall) -> bool {
    match &*call.func {
        Expr::Name(name) => matches!(name.id.as_str(), "Field" | "field"),
        Expr::Attribute(attribute) => {
            matches!(attribute.attr.as_str(), "Field" | "field")
                || literal::last_name(&attribute.value) == Some("Field")
        }
        _ => false,
    }
}

fn from_call(field: &mut Field, call: &ExprCall, source: &Source<'_>) {
    match literal::last_name(&call.func) {
        Some("primary_key") => field.primary_key = true,
        Some("null") => {
            field.nullable = true;
            field.default.get_or_insert(FieldDefault::Value(Value::Null));
        }
        Some("foreign_key") => {
            field.foreign_key =
                call.arguments.args.first().and_then(literal::value).and_then(|v| text_of(&v));
        }
        Some("Field" | "field") | None => {}
        Some(other) => field.unread.push(format!("Field.{other}")),
    }
    if let Some(first) = call.arguments.args.first()
        && literal::last_name(&call.func) != Some("foreign_key")
    {
        set_default(field, first, source);
    }
    for keyword in &call.arguments.keywords {
        let Some(name) = &keyword.arg else {
            field.unread.push("**".to_owned());
            continue;
        };
        set_keyword(field, name.as_str(), &keyword.value, source);
    }
}

fn set_keyword(field: &mut Field, name: &str, expr: &Expr, source: &Source<'_>) {
    let value = literal::value(expr);
    let truth = value.as_ref().is_some_and(|v| v.as_bool() == Some(true));
    let count = value.as_ref().and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
    match name {
        "primary_key" => field.primary_key = truth,
        "unique" => field.unique = truth,
        "index" => field.index = truth,
        "null" | "nullable" => field.nullable = truth,
        "max_length" if count.is_some() => field.max_length = count,
        "max_digits" | "precision" if count.is_some() => field.max_digits = count,
        "decimal_places" | "scale" if count.is_some() => field.decimal_places = count,
        // A text without a bound is what `str` already is.
        "text" => {}
        "default" => set_default(field, expr, source),
        "default_factory" => field.default = Some(factory(expr, source)),
        "choices" => match value {
            Some(Value::Array(items)) => field.choices = items,
            _ => field.unread.push(name.to_owned()),
        },
        "foreign_key" | "references" => match value.as_ref().and_then(text_of) {
            Some(target) => field.foreign_key = Some(target),
            None => match literal::last_name(expr) {
                Some(target) => field.foreign_key = Some(target.to_owned()),
                None => field.unread.push(name.to_owned()),
            },
        },
        other => field.unread.push(other.to_owned()),
    }
}

fn text_of(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Sets the default from an expression; an explicit `None` makes the field nullable, whatever its annotation says.
fn set_default(field: &mut Field, expr: &Expr, source: &Source<'_>) {
    if expr.is_ellipsis_literal_expr() {
        return;
    }
    let default = match literal::value(expr) {
        Some(value) => FieldDefault::Value(value),
        None => dynamic(expr, source),
    };
    if default == FieldDefault::Value(Value::Null) {
        field.nullable = true;
    }
    field.default = Some(default);
}

/// `datetime.now()`, `uuid4()`, `Status.ACTIVE` and the like.
fn dynamic(expr: &Expr, source: &Source<'_>) -> FieldDefault {
    match expr {
        Expr::Call(call) => match literal::last_name(&call.func) {
            Some("str") => match &*call.arguments.args {
                [inner] => dynamic(inner, source),
                _ => FieldDefault::Computed(source.slice(expr)),
            },
            _ => callable(&call.func, source),
        },
        Expr::Attribute(_) => member(expr, source)
            .map_or_else(|| FieldDefault::Computed(source.slice(expr)), FieldDefault::Value),
        _ => FieldDefault::Computed(source.slice(expr)),
    }
}

/// `default_factory=...`: a callable's name or a lambda.
fn factory(expr: &Expr, source: &Source<'_>) -> FieldDefault {
    match expr {
        Expr::Lambda(lambda) => match literal::value(&lambda.body) {
            Some(value) => FieldDefault::Value(value),
            None => dynamic(&lambda.body, source),
        },
        _ => callable(expr, source),
    }
}

fn callable(function: &Expr, source: &Source<'_>) -> FieldDefault {
    match literal::last_name(function) {
        Some("list" | "tuple" | "set") => FieldDefault::Value(Value::Array(Vec::new())),
        Some("dict") => FieldDefault::Value(Value::Object(serde_json::Map::new())),
        Some("utcnow" | "now") => FieldDefault::Now,
        Some("today") => FieldDefault::Today,
        Some("uuid4" | "uuid1" | "uuid7") => FieldDefault::Uuid,
        _ => FieldDefault::Computed(source.slice(function)),
    }
}

/// `Status.ACTIVE` or `Status.ACTIVE.value`, if the enumeration is in the file.
fn member(expr: &Expr, source: &Source<'_>) -> Option<Value> {
    let Expr::Attribute(attribute) = expr else { return None };
    let owner = match &*attribute.value {
        inner @ Expr::Attribute(_) if attribute.attr.as_str() == "value" => return member(inner, source),
        owner => literal::last_name(owner)?,
    };
    source.enums.get(&format!("{owner}.{}", attribute.attr))?.first().cloned()
}
