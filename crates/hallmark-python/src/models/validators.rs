//! Validators and classifications that are stacked on a model or listed in a field, as far as they can be read.

use ruff_python_ast::{Expr, ExprCall};
use serde_json::Value;

use super::ir::{Field, ModelDecl};
use super::scope::File;
use super::{field, literal};

/// The SDK's own expressions.
const EMAIL: &str = r"^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)+$";
const URL: &str =
    r"^https?://(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z]{2,}(?::\d{1,5})?(?:/[^\s]*)?$";
const PHONE: &str = r"^\+?(?:[\s\-().]*\d){7,15}[\s\-().]*$";
const UUID: &str =
    r"^(?:urn:uuid:)?\{?[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}\}?$";

/// Whether a call makes a validator that is known here.
pub(super) fn known(call: &ExprCall) -> bool {
    matches!(
        literal::last_name(&call.func),
        Some("length_validator" | "range_validator" | "pattern_validator" | "one_of_validator")
            | Some("Ge" | "Gt" | "Le" | "Lt" | "MinLen" | "MaxLen")
    )
}

/// Lets a field keep to a validator; one that only Python could run is listed.
pub(super) fn apply(field: &mut Field, validator: &Expr, file: &File<'_>) {
    let pattern = match literal::last_name(validator) {
        Some("email_validator" | "validate_email") => Some(EMAIL),
        Some("url_validator" | "validate_url") => Some(URL),
        Some("phone_validator") => Some(PHONE),
        Some("uuid_validator") => Some(UUID),
        _ => None,
    };
    if let Some(pattern) = pattern {
        // A typed column holds nothing else anyway.
        if field.kind == super::FieldType::Text {
            field.pattern = Some(pattern.to_owned());
        }
        return;
    }
    let unread = |field: &mut Field| field.unread.push(format!("validator {}", file.unit.slice(validator)));
    let Expr::Call(call) = validator else { return unread(field) };
    let at = |position: usize, name: &str| {
        let keyword =
            call.arguments.keywords.iter().find(|k| k.arg.as_ref().is_some_and(|a| a.as_str() == name));
        let expr = keyword.map(|k| &k.value).or_else(|| call.arguments.args.get(position))?;
        file.constant(expr).filter(|v| !v.is_null())
    };
    let count = |value: Option<Value>| value.and_then(|v| v.as_u64()).and_then(|n| u32::try_from(n).ok());
    match literal::last_name(&call.func) {
        Some("length_validator") => {
            field.min_length = count(at(0, "min_len")).or(field.min_length);
            field.max_length = count(at(1, "max_len")).or(field.max_length);
        }
        Some("MinLen") => field.min_length = count(at(0, "min_length")),
        Some("MaxLen") => field.max_length = count(at(0, "max_length")),
        Some("range_validator") => {
            if let Some(least) = at(0, "min_val") {
                field::bound(field, "ge", least);
            }
            if let Some(most) = at(1, "max_val") {
                field::bound(field, "le", most);
            }
        }
        Some(name @ ("Ge" | "Gt" | "Le" | "Lt")) => match at(0, &name.to_lowercase()) {
            Some(value) => field::bound(field, &name.to_lowercase(), value),
            None => unread(field),
        },
        Some("pattern_validator") => match at(0, "regex") {
            // The SDK matches the whole text.
            Some(Value::String(text)) => field.pattern = Some(format!("^(?:{text})$")),
            _ => unread(field),
        },
        Some("one_of_validator") => match at(0, "allowed") {
            Some(Value::Array(items)) => field.choices = items,
            _ => unread(field),
        },
        _ => unread(field),
    }
}

/// A decorator beside the model's own: a validator or a classification of one field acts, any other is listed.
pub(super) fn decorator(model: &mut ModelDecl, expr: &Expr, file: &File<'_>) {
    let (function, call) = match expr {
        Expr::Call(call) => (&*call.func, Some(call)),
        other => (other, None),
    };
    let Some(name) = literal::last_name(function) else { return };
    let named = call.and_then(|c| c.arguments.args.first()).and_then(|e| file.constant(e));
    let field = named.as_ref().and_then(Value::as_str);
    let field = field.and_then(|n| model.fields.iter_mut().find(|f| f.name == n));
    let second = call.and_then(|c| c.arguments.args.get(1));
    match (name, field, second) {
        // What these add to a class says nothing about a table.
        ("dataclass" | "total_ordering" | "final" | "runtime_checkable" | "define" | "attrs", ..) => {}
        ("field_validator", Some(field), Some(validator)) => apply(field, validator, file),
        ("classify", Some(field), Some(level)) => {
            let field = field.name.clone();
            classify(model, field, literal::last_name(level).unwrap_or_default());
            listed(model, "classify: retention and masking", call.is_some_and(|c| c.arguments.len() > 2));
        }
        _ => listed(model, &format!("decorator {name}"), true),
    }
}

/// Personal fields are masked wherever data leave; what is public or internal is not.
fn classify(model: &mut ModelDecl, field: String, level: &str) {
    if matches!(level.to_ascii_uppercase().as_str(), "PUBLIC" | "INTERNAL") {
        return;
    }
    let entry = model.options.entry("pii_fields".to_owned()).or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(fields) = entry {
        fields.push(Value::String(field));
    }
}

fn listed(model: &mut ModelDecl, name: &str, is: bool) {
    if is {
        model.options.insert(name.to_owned(), Value::Bool(true));
    }
}
