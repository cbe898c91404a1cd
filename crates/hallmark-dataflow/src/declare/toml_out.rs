//! Models written as TOML that reads back to the same description.

use std::fmt::Write as _;

use hallmark_python::models::{Field, FieldDefault, ModelDecl};
use serde_json::Value;

/// The models as a TOML file. Relations and keywords without effect, which TOML does not declare, are left out.
#[must_use]
pub fn write(models: &[ModelDecl]) -> String {
    let mut out = String::new();
    for model in models {
        let _ = writeln!(out, "[[model]]\nname = {}", text(&model.name));
        if let Some(table) = &model.table {
            let _ = writeln!(out, "table = {}", text(table));
        }
        if !model.primary_key.is_empty() {
            let _ = writeln!(out, "primary_key = {}", list(&model.primary_key));
        }
        if !model.options.is_empty() {
            out.push_str("\n[model.options]\n");
            for (name, value) in model.options.iter().filter_map(|(n, v)| Some((n, plain(v)?))) {
                let _ = writeln!(out, "{} = {value}", text(name));
            }
        }
        for field in &model.fields {
            push_field(&mut out, field);
        }
        for index in &model.indexes {
            let _ = writeln!(out, "\n[[model.index]]\nfields = {}", list(&index.fields));
            push(&mut out, "name", index.name.as_deref().map(text));
            push(&mut out, "unique", index.unique.then(|| "true".to_owned()));
            push(&mut out, "method", index.method.as_deref().map(text));
            push(&mut out, "operator_class", index.operator_class.as_deref().map(text));
            push(&mut out, "condition", index.condition.as_deref().map(text));
            push(&mut out, "include", (!index.include.is_empty()).then(|| list(&index.include)));
        }
        for check in &model.checks {
            let _ = writeln!(out, "\n[[model.check]]\ncondition = {}", text(&check.condition));
            push(&mut out, "name", check.name.as_deref().map(text));
        }
        for key in &model.foreign_keys {
            let (fields, target) = (list(&key.fields), text(&key.target));
            let _ = writeln!(out, "\n[[model.foreign_key]]\nfields = {fields}\ntarget = {target}");
            push(&mut out, "name", key.name.as_deref().map(text));
            push(&mut out, "columns", (!key.columns.is_empty()).then(|| list(&key.columns)));
            push(&mut out, "on_delete", key.on_delete.and_then(|a| serde_json::to_string(&a).ok()));
        }
        out.push('\n');
    }
    out
}

fn push_field(out: &mut String, field: &Field) {
    let kind = serde_json::to_string(&field.kind).unwrap_or_default();
    let _ = writeln!(out, "\n[[model.field]]\nname = {}\ntype = {kind}", text(&field.name));
    let yes = |is: bool| is.then(|| "true".to_owned());
    push(out, "primary_key", yes(field.primary_key));
    push(out, "auto_increment", field.auto_increment.map(|is| is.to_string()));
    push(out, "nullable", yes(field.nullable));
    push(out, "unique", yes(field.unique));
    push(out, "index", yes(field.index));
    push(out, "max_length", field.max_length.map(|n| n.to_string()));
    push(out, "min_length", field.min_length.map(|n| n.to_string()));
    push(out, "max_digits", field.max_digits.map(|n| n.to_string()));
    push(out, "decimal_places", field.decimal_places.map(|n| n.to_string()));
    for (limit, inside, outside) in
        [(&field.minimum, "minimum", "above"), (&field.maximum, "maximum", "below")]
    {
        if let Some(limit) = limit {
            push(out, if limit.exclusive { outside } else { inside }, plain(&limit.value));
        }
    }
    push(out, "pattern", field.pattern.as_deref().map(text));
    let choices: Vec<String> = field.choices.iter().filter_map(plain).collect();
    push(out, "choices", (!choices.is_empty()).then(|| format!("[{}]", choices.join(", "))));
    push(out, "enum_type", field.enum_type.as_deref().map(text));
    push(out, "renamed_from", field.renamed_from.as_deref().map(text));
    push(out, "references", field.foreign_key.as_deref().map(text));
    push(out, "on_delete", field.on_delete.and_then(|a| serde_json::to_string(&a).ok()));
    match &field.default {
        None | Some(FieldDefault::Computed(_)) => {}
        Some(FieldDefault::Now) => push(out, "default_of", Some(text("now"))),
        Some(FieldDefault::Today) => push(out, "default_of", Some(text("today"))),
        Some(FieldDefault::Uuid) => push(out, "default_of", Some(text("uuid"))),
        Some(FieldDefault::Value(Value::Null)) => push(out, "default_of", Some(text("null"))),
        Some(FieldDefault::Value(value @ (Value::Array(_) | Value::Object(_)))) => {
            push(out, "default_json", Some(text(&value.to_string())));
        }
        Some(FieldDefault::Value(value)) => push(out, "default", plain(value)),
    }
}

fn push(out: &mut String, name: &str, value: Option<String>) {
    if let Some(value) = value {
        let _ = writeln!(out, "{name} = {value}");
    }
}

/// A text as TOML writes it: the escapes of JSON are a part of its own; only DEL is one more.
fn text(text: &str) -> String {
    Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

fn list(items: &[String]) -> String {
    format!("[{}]", items.iter().map(|i| text(i)).collect::<Vec<_>>().join(", "))
}

/// A value as TOML writes it; `None` for what TOML does not know: null, and a whole number above 63 bits.
fn plain(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) if number.is_u64() && number.as_i64().is_none() => return None,
        Value::Number(number) => number.to_string(),
        Value::String(given) => text(given),
        Value::Array(items) => {
            format!("[{}]", items.iter().filter_map(plain).collect::<Vec<_>>().join(", "))
        }
        Value::Object(members) => {
            let members = members.iter().filter_map(|(n, v)| Some(format!("{} = {}", text(n), plain(v)?)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
    })
}
