//! Models written as Python that reads back to the same description.

use std::fmt::Write as _;

use hallmark_core::{Error, Result};
use hallmark_python::models::{Field, FieldDefault, FieldType, ModelDecl};
use serde_json::{Map, Value, json};

use crate::codes;

/// What a written file begins with.
const HEAD: &str = "\"\"\"Models, written by `hallmark models import-db`.\"\"\"

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Dict, List, Optional
from uuid import UUID, uuid4

from dataflow import DataFlow, Field

db = DataFlow()
";

/// Words that no attribute of a class can be called.
const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// The models as a Python file. Relations and keywords without effect are left out.
///
/// # Errors
/// `HM-D096` if a field has a name that Python cannot write, or one that a class hides from its table (`_x`).
pub fn write(models: &[ModelDecl]) -> Result<String> {
    let mut out = HEAD.to_owned();
    for model in models {
        let _ = write!(out, "\n\n@db.model\nclass {}:\n", model.name);
        if let Some(table) = &model.table {
            let _ = writeln!(out, "    __tablename__ = {}", text(table));
        }
        if !model.primary_key.is_empty() {
            let _ = writeln!(out, "    __primary_key__ = {}", python(&json!(model.primary_key)));
        }
        out.push('\n');
        for field in &model.fields {
            push_field(&mut out, model, field)?;
        }
        push_table_level(&mut out, model);
    }
    Ok(out)
}

fn push_field(out: &mut String, model: &ModelDecl, field: &Field) -> Result<()> {
    let letters = |c: char| c == '_' || c.is_alphanumeric();
    let begins = field.name.starts_with(|c: char| c.is_alphabetic());
    if !begins || !field.name.chars().all(letters) || KEYWORDS.contains(&field.name.as_str()) {
        let message = format!("{} has a field {:?}, which Python cannot write", model.name, field.name);
        return Err(Error::new(&codes::NOT_WRITABLE, message)
            .at(field.name.clone())
            .next("write TOML instead: hallmark models import-db --format toml"));
    }
    let kind = match field.kind {
        FieldType::Integer => "int",
        FieldType::Text => "str",
        FieldType::Float => "float",
        FieldType::Decimal => "Decimal",
        FieldType::Boolean => "bool",
        FieldType::Timestamp => "datetime",
        FieldType::Date => "date",
        FieldType::Time => "time",
        FieldType::Uuid => "UUID",
        FieldType::Bytes => "bytes",
        FieldType::Object => "Dict[str, Any]",
        FieldType::Array => "List[Any]",
        FieldType::FloatArray => "List[float]",
        FieldType::Json => "Any",
    };
    let kind = if field.nullable { format!("Optional[{kind}]") } else { kind.to_owned() };
    let words = keywords(field);
    let value = if words.is_empty() { String::new() } else { format!(" = Field({})", words.join(", ")) };
    let _ = writeln!(out, "    {}: {kind}{value}", field.name);
    Ok(())
}

fn keywords(field: &Field) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = |name: &str, value: Option<String>| {
        words.extend(value.map(|value| format!("{name}={value}")));
    };
    let yes = |is: bool| is.then(|| "True".to_owned());
    word("primary_key", yes(field.primary_key));
    word("auto_increment", field.auto_increment.map(|is| python(&is.into())));
    word("unique", yes(field.unique));
    word("index", yes(field.index));
    for (name, count) in [
        ("max_length", field.max_length),
        ("min_length", field.min_length),
        ("max_digits", field.max_digits),
        ("decimal_places", field.decimal_places),
    ] {
        word(name, count.map(|n| n.to_string()));
    }
    for (limit, inside, outside) in [(&field.minimum, "ge", "gt"), (&field.maximum, "le", "lt")] {
        if let Some(limit) = limit {
            word(if limit.exclusive { outside } else { inside }, Some(python(&limit.value)));
        }
    }
    word("pattern", field.pattern.as_deref().map(text));
    word("choices", (!field.choices.is_empty()).then(|| python(&json!(field.choices))));
    word("enum_type", field.enum_type.as_deref().map(text));
    word("renamed_from", field.renamed_from.as_deref().map(text));
    word("foreign_key", field.foreign_key.as_deref().map(text));
    word("on_delete", field.on_delete.map(|a| text(a.sql())));
    match &field.default {
        None | Some(FieldDefault::Computed(_)) => {}
        Some(FieldDefault::Now) => word("default_factory", Some("datetime.now".to_owned())),
        Some(FieldDefault::Today) => word("default_factory", Some("date.today".to_owned())),
        Some(FieldDefault::Uuid) => word("default_factory", Some("uuid4".to_owned())),
        // A list or a dictionary would be one for all rows; what makes it anew is a function.
        Some(FieldDefault::Value(value @ (Value::Array(_) | Value::Object(_)))) => {
            word("default_factory", Some(format!("lambda: {}", python(value))));
        }
        Some(FieldDefault::Value(Value::String(number))) if field.kind == FieldType::Decimal => {
            word("default", Some(format!("Decimal({})", text(number))));
        }
        Some(FieldDefault::Value(value)) => word("default", Some(python(value))),
    }
    words
}

fn push_table_level(out: &mut String, model: &ModelDecl) {
    let list = |out: &mut String, name: &str, items: Vec<Value>| {
        if !items.is_empty() {
            let _ = writeln!(out, "\n    {name} = [");
            for item in items {
                let _ = writeln!(out, "        {},", python(&item));
            }
            out.push_str("    ]\n");
        }
    };
    if !model.options.is_empty() {
        let options = Value::Object(model.options.clone().into_iter().collect());
        let _ = writeln!(out, "\n    __dataflow__ = {}", python(&options));
    }
    let indexes = model.indexes.iter().map(|index| {
        let mut entry = Map::new();
        entry.extend(index.name.clone().map(|n| ("name".to_owned(), n.into())));
        entry.insert("fields".to_owned(), json!(index.fields));
        entry.extend(index.unique.then(|| ("unique".to_owned(), true.into())));
        entry.extend(index.method.clone().map(|m| ("type".to_owned(), m.into())));
        entry.extend(index.operator_class.clone().map(|c| ("options".to_owned(), c.into())));
        entry.extend(index.condition.clone().map(|c| ("condition".to_owned(), c.into())));
        entry.extend((!index.include.is_empty()).then(|| ("include".to_owned(), json!(index.include))));
        Value::Object(entry)
    });
    list(out, "__indexes__", indexes.collect());
    let named = |name: &Option<String>, mut entry: Map<String, Value>| {
        entry.extend(name.clone().map(|n| ("name".to_owned(), n.into())));
        Value::Object(entry)
    };
    let mut constraints: Vec<Value> = Vec::new();
    for check in &model.checks {
        let entry = [("type", json!("check")), ("condition", json!(check.condition))];
        constraints.push(named(&check.name, entry.map(|(k, v)| (k.to_owned(), v)).into_iter().collect()));
    }
    for key in &model.foreign_keys {
        let mut entry: Map<String, Value> = [
            ("type".to_owned(), json!("foreign_key")),
            ("fields".to_owned(), json!(key.fields)),
            ("references".to_owned(), json!(key.target)),
        ]
        .into_iter()
        .collect();
        entry.extend((!key.columns.is_empty()).then(|| ("references_fields".to_owned(), json!(key.columns))));
        entry.extend(key.on_delete.map(|a| ("on_delete".to_owned(), a.sql().into())));
        constraints.push(named(&key.name, entry));
    }
    list(out, "__constraints__", constraints);
}

fn text(text: &str) -> String {
    Value::from(text).to_string()
}

/// A value as a literal of Python.
fn python(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Array(items) => format!("[{}]", items.iter().map(python).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| format!("{}: {}", text(name), python(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}
