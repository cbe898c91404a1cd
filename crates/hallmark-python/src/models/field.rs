//! One assignment as a field: its default and its `Field(...)` keywords.

use ruff_python_ast::{Expr, ExprCall};
use serde_json::Value;

use super::annotation::{self, Annotation};
use super::ir::{Field, FieldDefault, FieldType, Limit, OnDelete};
use super::scope::File;
use super::{column, literal, validators};

/// Builds the field of this name from its annotation and the expression on the right, if any.
pub(super) fn build(name: &str, annotation: Annotation, value: Option<&Expr>, file: &File<'_>) -> Field {
    let mut field = Field::new(name, annotation.kind);
    field.nullable = annotation.nullable;
    field.choices = annotation.choices;
    for extra in &annotation.extras {
        match extra {
            Expr::Call(call) if is_field_call(call) => from_call(&mut field, call, file),
            Expr::Call(call) if validators::known(call) => validators::apply(&mut field, extra, file),
            _ => field.unread.push("Annotated".to_owned()),
        }
    }
    match value {
        None => {}
        Some(Expr::Call(call)) if is_field_call(call) => from_call(&mut field, call, file),
        Some(Expr::Call(call)) if column::is_column(call) => column::options(&mut field, call, file),
        Some(expr) => set_default(&mut field, expr, file),
    }
    if name == "id" && field.kind == FieldType::Integer {
        field.nullable = false;
    }
    field
}

/// `Field(...)`, `field(...)`, `Field.primary_key()`, `Field.null()`, with any prefix.
pub(super) fn is_field_call(call: &ExprCall) -> bool {
    match &*call.func {
        Expr::Name(name) => matches!(name.id.as_str(), "Field" | "field"),
        Expr::Attribute(attribute) => {
            matches!(attribute.attr.as_str(), "Field" | "field")
                || literal::last_name(&attribute.value) == Some("Field")
        }
        _ => false,
    }
}

/// Takes what a `Field(...)` call says.
pub(super) fn from_call(field: &mut Field, call: &ExprCall, file: &File<'_>) {
    let mut first_is_default = true;
    match literal::last_name(&call.func) {
        Some("primary_key") => field.primary_key = true,
        Some("unique") => field.unique = true,
        Some("index") => field.index = true,
        Some("null" | "nullable" | "optional") => {
            field.nullable = true;
            field.default.get_or_insert(FieldDefault::Value(Value::Null));
        }
        Some("foreign_key") => {
            first_is_default = false;
            field.foreign_key = call.arguments.args.first().and_then(|e| target(e, file));
        }
        Some("Field" | "field") | None => {}
        Some(other) => field.unread.push(format!("Field.{other}")),
    }
    if let Some(first) = call.arguments.args.first().filter(|_| first_is_default) {
        set_default(field, first, file);
    }
    for keyword in &call.arguments.keywords {
        let Some(name) = &keyword.arg else {
            field.unread.push("**".to_owned());
            continue;
        };
        set_keyword(field, name.as_str(), &keyword.value, file);
    }
}

/// Takes one keyword; one that has no meaning here is listed.
pub(super) fn set_keyword(field: &mut Field, name: &str, expr: &Expr, file: &File<'_>) {
    let value = file.constant(expr);
    let truth = value.as_ref().and_then(Value::as_bool);
    let text = value.as_ref().and_then(Value::as_str).map(str::to_owned);
    let count = value.as_ref().and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
    match (name, truth, count) {
        ("primary_key", Some(truth), _) => field.primary_key = truth,
        ("auto_increment" | "autoincrement" | "identity", Some(truth), _) => {
            field.auto_increment = Some(truth);
        }
        ("unique", Some(truth), _) => field.unique = truth,
        ("index" | "db_index", Some(truth), _) => field.index = truth,
        ("null" | "nullable", Some(truth), _) => field.nullable = truth,
        ("not_null" | "required", Some(truth), _) => field.nullable = !truth,
        ("max_length", _, Some(_)) => field.max_length = count,
        ("min_length", _, Some(_)) => field.min_length = count,
        ("max_digits" | "precision", _, Some(_)) => field.max_digits = count,
        ("decimal_places" | "scale", _, Some(_)) => field.decimal_places = count,
        // A text without a bound is what `str` already is.
        ("text", Some(_), _) => {}
        ("default" | "server_default", ..) => set_default(field, expr, file),
        ("default_factory", ..) => field.default = Some(factory(expr, file)),
        ("auto_now" | "auto_now_add", Some(true), _) => field.default = Some(FieldDefault::Now),
        ("choices", ..) => match value {
            Some(Value::Array(items)) => field.choices = items.iter().map(choice).collect(),
            _ => match annotation::read(expr, file) {
                annotation::Outcome::Field(read) if !read.choices.is_empty() => field.choices = read.choices,
                _ => field.unread.push(name.to_owned()),
            },
        },
        ("foreign_key" | "references" | "fk", ..) => match target(expr, file) {
            Some(target) => field.foreign_key = Some(target),
            None => field.unread.push(name.to_owned()),
        },
        ("on_delete" | "ondelete", ..) => match on_delete(text.as_deref(), expr) {
            Some(action) => field.on_delete = action,
            None => field.unread.push(name.to_owned()),
        },
        ("validators" | "validator", ..) => {
            let each: Vec<&Expr> = match expr {
                Expr::List(list) => list.elts.iter().collect(),
                Expr::Tuple(tuple) => tuple.elts.iter().collect(),
                one => vec![one],
            };
            each.into_iter().for_each(|e| validators::apply(field, e, file));
        }
        ("pattern" | "regex", ..) if text.is_some() => field.pattern = text,
        ("renamed_from", ..) if text.is_some() => field.renamed_from = text,
        ("enum_type", ..) if text.is_some() => field.enum_type = text,
        ("ge" | "min_value" | "minimum" | "gt" | "le" | "max_value" | "maximum" | "lt", ..) => match value {
            Some(value) if value.is_number() || value.is_string() => bound(field, name, value),
            _ => field.unread.push(name.to_owned()),
        },
        _ => field.unread.push(name.to_owned()),
    }
}

/// Sets a bound of a number by the name that it has in Python.
pub(super) fn bound(field: &mut Field, name: &str, value: Value) {
    let limit = Some(Limit { value, exclusive: matches!(name, "gt" | "lt") });
    if matches!(name, "ge" | "gt" | "min_value" | "minimum") {
        field.minimum = limit;
    } else {
        field.maximum = limit;
    }
}

/// A choice is a value, or a pair of value and label.
fn choice(item: &Value) -> Value {
    match item.as_array().map(Vec::as_slice) {
        Some([value, _]) => value.clone(),
        _ => item.clone(),
    }
}

/// What a reference names: a text, a class, `User.id`, or `ForeignKey("users.id")`.
pub(super) fn target(expr: &Expr, file: &File<'_>) -> Option<String> {
    if let Some(Value::String(text)) = file.constant(expr) {
        return Some(text);
    }
    match expr {
        Expr::Attribute(attribute) => match &*attribute.value {
            Expr::Name(owner) if owner.id.starts_with(|c: char| c.is_uppercase()) => {
                Some(format!("{}.{}", owner.id, attribute.attr))
            }
            _ => Some(attribute.attr.to_string()),
        },
        Expr::Name(name) => Some(name.id.to_string()),
        _ => None,
    }
}

/// `"CASCADE"`, `models.CASCADE`, `OnDelete.SET_NULL`; the inner `None` is "no action", which is the default.
pub(super) fn on_delete(text: Option<&str>, expr: &Expr) -> Option<Option<OnDelete>> {
    let word = text.or_else(|| literal::last_name(expr))?;
    if matches!(word.to_ascii_lowercase().replace(' ', "_").as_str(), "no_action" | "do_nothing") {
        return Some(None);
    }
    OnDelete::read(word).map(Some)
}

/// Sets the default from an expression; an explicit `None` makes the field nullable, whatever its annotation says.
pub(super) fn set_default(field: &mut Field, expr: &Expr, file: &File<'_>) {
    if expr.is_ellipsis_literal_expr() {
        return;
    }
    let default = match file.constant(expr) {
        Some(value) => FieldDefault::Value(value),
        None => dynamic(expr, file),
    };
    if default == FieldDefault::Value(Value::Null) {
        field.nullable = true;
    }
    field.default = Some(default);
}

/// `datetime.now()`, `uuid4()`, `Status.ACTIVE` and the like.
fn dynamic(expr: &Expr, file: &File<'_>) -> FieldDefault {
    let computed = || FieldDefault::Computed(file.unit.slice(expr));
    match expr {
        Expr::Call(call) => match (literal::last_name(&call.func), &*call.arguments.args) {
            (Some("str"), [inner]) => dynamic(inner, file),
            // `text("now()")`, the way SQLAlchemy writes a default of the server.
            (Some("text"), [Expr::StringLiteral(sql)]) => of_sql(sql.value.to_str()).unwrap_or_else(computed),
            _ => callable(&call.func, file),
        },
        Expr::Attribute(_) => match member(expr, file) {
            Some(value) => FieldDefault::Value(value),
            None => callable(expr, file),
        },
        // `default=_now`: only what is certainly a clock or a UUID is taken from a bare name.
        Expr::Name(_) => callable(expr, file),
        Expr::Lambda(_) => factory(expr, file),
        _ => computed(),
    }
}

/// A default in SQL, where it is one that is known here.
pub(super) fn of_sql(text: &str) -> Option<FieldDefault> {
    match text.trim().to_ascii_lowercase().as_str() {
        "now()" | "current_timestamp" | "current_timestamp()" | "timezone('utc', now())" => {
            Some(FieldDefault::Now)
        }
        "current_date" => Some(FieldDefault::Today),
        "gen_random_uuid()" | "uuid_generate_v4()" => Some(FieldDefault::Uuid),
        _ => None,
    }
}

/// `default_factory=...`: a callable's name or a lambda.
fn factory(expr: &Expr, file: &File<'_>) -> FieldDefault {
    match expr {
        Expr::Lambda(lambda) => match file.constant(&lambda.body) {
            Some(value) => FieldDefault::Value(value),
            None => dynamic(&lambda.body, file),
        },
        _ => callable(expr, file),
    }
}

fn callable(function: &Expr, file: &File<'_>) -> FieldDefault {
    match literal::last_name(function) {
        Some("list" | "tuple" | "set") => FieldDefault::Value(Value::Array(Vec::new())),
        Some("dict") => FieldDefault::Value(Value::Object(serde_json::Map::new())),
        Some("utcnow" | "now" | "current_timestamp") => FieldDefault::Now,
        Some("today" | "current_date") => FieldDefault::Today,
        Some("uuid4" | "uuid1" | "uuid7" | "gen_random_uuid") => FieldDefault::Uuid,
        _ => FieldDefault::Computed(file.unit.slice(function)),
    }
}

/// `Status.ACTIVE` or `Status.ACTIVE.value`, if the enumeration can be read.
fn member(expr: &Expr, file: &File<'_>) -> Option<Value> {
    let Expr::Attribute(attribute) = expr else { return None };
    let owner = match &*attribute.value {
        inner @ Expr::Attribute(_) if attribute.attr.as_str() == "value" => return member(inner, file),
        owner => owner,
    };
    let of = |file: &File<'_>, class: &str| {
        let class = file.class(class, None).filter(|c| annotation::is_enumeration(c))?;
        let members = annotation::members(class, file)?;
        members.into_iter().find(|(name, _)| name == attribute.attr.as_str()).map(|(_, value)| value)
    };
    of(file, literal::last_name(owner)?).or_else(|| file.elsewhere(owner, |other, name| of(other, name)))
}
