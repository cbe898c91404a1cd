//! What a class says of its table: options, indexes, constraints, key, name; in attributes, or in an inner `Meta`.

use ruff_python_ast::{Expr, ExprCall, Stmt, StmtClassDef};
use ruff_text_size::Ranged as _;
use serde_json::{Map, Value, json};

use super::class::Reader;
use super::ir::{Check, Field, ForeignKey, Index, Limit, ModelDecl, OnDelete};
use super::scope::File;
use super::{Severity, codes, field, literal};

/// Takes a class attribute with two leading underscores.
pub(super) fn attribute(reader: &mut Reader, name: &str, value: &Expr, file: &File<'_>) {
    match name {
        "__dataflow__" => options(reader, value, file),
        // Python's own names say nothing about a table.
        "__slots__" | "__doc__" | "__module__" | "__qualname__" | "__annotations__" | "__abstract__"
        | "__init__" | "__repr__" | "__eq__" | "__hash__" => {}
        "__table_args__" => table_arguments(reader, value, file),
        other => word(reader, other, value, file),
    }
}

/// `class Meta`: its attributes mean the same as keys of `__dataflow__`. Another inner class is kept as an option, so that it
/// is listed and never dropped.
pub(super) fn inner_class(reader: &mut Reader, inner: &StmtClassDef, file: &File<'_>) {
    if inner.name.as_str() == "Meta" {
        for statement in &inner.body {
            if let Stmt::Assign(assign) = statement
                && let Some(name) = assign.targets.first().and_then(literal::last_name)
            {
                word(reader, name, &assign.value, file);
            }
        }
        return;
    }
    let text = inner.body.iter().filter_map(|s| match s {
        Stmt::Assign(a) => {
            Some((literal::last_name(a.targets.first()?)?.to_owned(), literal::value(&a.value)?))
        }
        _ => None,
    });
    let members: Map<String, Value> = text.collect();
    reader.model.options.insert(format!("class {}", inner.name), Value::Object(members));
}

/// One word with its value, wherever it stands.
fn word(reader: &mut Reader, name: &str, value: &Expr, file: &File<'_>) {
    match name {
        "__tablename__" | "table" | "table_name" | "tablename" | "db_table" | "__table__" => {
            match file.constant(value) {
                Some(Value::String(table)) => reader.model.table = Some(table),
                _ => {
                    let shown = file.unit.slice(value);
                    let message = format!("`{name}` is `{shown}`, not a literal: the generated name is used");
                    let at = (value.range(), file);
                    reader.problem(&codes::OPTION_UNREADABLE, Severity::Warning, at, message);
                }
            }
        }
        "__indexes__" | "indexes" => indexes(reader, value, file),
        "__constraints__" | "constraints" => constraints(reader, value, file),
        "unique_together" | "__unique_together__" => match file.constant(value).as_ref().and_then(groups) {
            Some(groups) => {
                for fields in groups {
                    reader.model.indexes.push(Index { fields, unique: true, ..Index::default() });
                }
            }
            None => reader.option(name, value, file),
        },
        "__primary_key__" | "primary_key" => match file.constant(value).as_ref().and_then(texts) {
            Some(names) => {
                reader.model.options.insert("primary_key".to_owned(), json!(names));
            }
            None => reader.option(name, value, file),
        },
        other => reader.option(other, value, file),
    }
}

fn options(reader: &mut Reader, value: &Expr, file: &File<'_>) {
    let value = match value {
        Expr::Name(name) => file.assigned(name.id.as_str()).unwrap_or(value),
        other => other,
    };
    let Expr::Dict(dict) = value else {
        let message = "`__dataflow__` is not a literal dictionary: none of its options is read".to_owned();
        reader.problem(&codes::OPTION_UNREADABLE, Severity::Warning, (value.range(), file), message);
        return;
    };
    for item in &dict.items {
        match item.key.as_ref().and_then(literal::value) {
            Some(Value::String(key)) => word(reader, &key, &item.value, file),
            _ => {
                let message = "an option's key is not a literal text".to_owned();
                let at = (item.value.range(), file);
                reader.problem(&codes::OPTION_UNREADABLE, Severity::Warning, at, message);
            }
        }
    }
}

fn indexes(reader: &mut Reader, value: &Expr, file: &File<'_>) {
    let entries = items(value);
    if entries.is_empty() && literal::value(value) != Some(json!([])) {
        let message = "the indexes are not a literal list: none is created".to_owned();
        reader.problem(&codes::INDEX_UNREADABLE, Severity::Warning, (value.range(), file), message);
    }
    for entry in entries {
        let read = match entry {
            Expr::Call(call) => index_call(call, file),
            other => file.constant(other).as_ref().and_then(index),
        };
        match read {
            Some(index) => reader.model.indexes.push(index),
            None => {
                let shown = file.unit.slice(entry);
                let message =
                    format!("index entry `{shown}` cannot be read: it needs a literal `fields` list");
                reader.problem(&codes::INDEX_UNREADABLE, Severity::Warning, (entry.range(), file), message);
            }
        }
    }
}

fn items(value: &Expr) -> Vec<&Expr> {
    match value {
        Expr::List(list) => list.elts.iter().collect(),
        Expr::Tuple(tuple) => tuple.elts.iter().collect(),
        _ => Vec::new(),
    }
}

/// `__constraints__`: field to rules, or a list of constraints.
fn constraints(reader: &mut Reader, value: &Expr, file: &File<'_>) {
    if let Expr::Dict(_) = value
        && let Some(Value::Object(fields)) = file.constant(value)
    {
        for (name, rules) in &fields {
            let Some(field) = reader.model.fields.iter_mut().find(|f| f.name == *name) else {
                let message = format!("`__constraints__` names `{name}`, which is no field");
                let at = (value.range(), file);
                reader.problem(&codes::CONSTRAINT_UNREADABLE, Severity::Warning, at, message);
                continue;
            };
            if let Some(check) = rules.as_object().and_then(|rules| constrain(field, rules)) {
                reader.model.checks.push(Check { name: None, condition: check });
            }
        }
        return;
    }
    for entry in items(value) {
        if !constraint(reader, entry, file) {
            let shown = file.unit.slice(entry);
            let message = format!("constraint `{shown}` cannot be read");
            reader.problem(&codes::CONSTRAINT_UNREADABLE, Severity::Warning, (entry.range(), file), message);
        }
    }
    if items(value).is_empty() && literal::value(value) != Some(json!([])) {
        let message =
            "the constraints are neither a literal dictionary nor a list: none is created".to_owned();
        reader.problem(&codes::CONSTRAINT_UNREADABLE, Severity::Warning, (value.range(), file), message);
    }
}

/// Takes the rules of one field; gives its condition, if there is one.
fn constrain(field: &mut Field, rules: &Map<String, Value>) -> Option<String> {
    let mut check = None;
    for (rule, value) in rules {
        let truth = value.as_bool();
        let count = value.as_u64().and_then(|n| u32::try_from(n).ok());
        let number = value.is_number().then(|| Limit { value: value.clone(), exclusive: false });
        match rule.as_str() {
            "unique" if truth.is_some() => field.unique = truth == Some(true),
            "index" if truth.is_some() => field.index = truth == Some(true),
            "not_null" | "required" if truth.is_some() => field.nullable = truth == Some(false),
            "nullable" | "null" if truth.is_some() => field.nullable = truth == Some(true),
            "max_length" if count.is_some() => field.max_length = count,
            "min_length" if count.is_some() => field.min_length = count,
            "min_value" | "min" | "minimum" if number.is_some() => field.minimum = number,
            "max_value" | "max" | "maximum" if number.is_some() => field.maximum = number,
            "pattern" | "regex" if value.is_string() => field.pattern = value.as_str().map(str::to_owned),
            "choices" | "enum" if value.is_array() => {
                field.choices = value.as_array().cloned().unwrap_or_default();
            }
            "check" if value.is_string() => check = value.as_str().map(str::to_owned),
            other => field.unread.push(other.to_owned()),
        }
    }
    check
}

/// One constraint of a list: a dictionary, or a call as SQLAlchemy and Django write it. False if it cannot be read.
fn constraint(reader: &mut Reader, entry: &Expr, file: &File<'_>) -> bool {
    let model = &mut reader.model;
    if let Expr::Call(call) = entry {
        return constraint_call(model, call, file);
    }
    let Some(Value::Object(members)) = file.constant(entry) else { return false };
    let get = |names: &[&str]| names.iter().find_map(|n| members.get(*n));
    let name = members.get("name").and_then(Value::as_str).map(str::to_owned);
    let fields = get(&["fields", "columns"]).and_then(texts);
    let condition = get(&["condition", "check", "expression", "sql"]).and_then(Value::as_str);
    match (members.get("type").and_then(Value::as_str).unwrap_or_default(), fields, condition) {
        ("unique", Some(fields), _) => {
            model.indexes.push(Index { name, fields, unique: true, ..Index::default() });
        }
        ("check" | "", _, Some(condition)) => {
            model.checks.push(Check { name, condition: condition.to_owned() });
        }
        ("primary_key", Some(fields), _) => {
            model.options.insert("primary_key".to_owned(), json!(fields));
        }
        ("foreign_key", Some(fields), _) => {
            let Some(target) = get(&["references", "target", "table"]).and_then(Value::as_str) else {
                return false;
            };
            let columns = get(&["references_fields", "target_fields"]).and_then(texts).unwrap_or_default();
            let on_delete = get(&["on_delete"]).and_then(Value::as_str).and_then(OnDelete::read);
            model.foreign_keys.push(ForeignKey {
                name,
                fields,
                target: target.to_owned(),
                columns,
                on_delete,
            });
        }
        _ => return false,
    }
    true
}

fn constraint_call(model: &mut ModelDecl, call: &ExprCall, file: &File<'_>) -> bool {
    let keyword = |wanted: &str| {
        let found = call.arguments.keywords.iter().find(|k| k.arg.as_ref().is_some_and(|a| a == wanted));
        found.and_then(|k| file.constant(&k.value))
    };
    let name = keyword("name").and_then(|v| v.as_str().map(str::to_owned));
    let positional: Option<Vec<Value>> = call.arguments.args.iter().map(|e| file.constant(e)).collect();
    let Some(positional) = positional else { return false };
    let fields = keyword("fields").or(Some(Value::Array(positional.clone()))).as_ref().and_then(texts);
    let fields = fields.filter(|f| !f.is_empty());
    match (literal::last_name(&call.func), fields) {
        (Some("UniqueConstraint"), Some(fields)) => {
            let condition = keyword("condition").and_then(|v| v.as_str().map(str::to_owned));
            model.indexes.push(Index { name, fields, unique: true, condition, ..Index::default() });
        }
        (Some("CheckConstraint"), Some(texts)) => {
            model.checks.push(Check { name, condition: texts.concat() });
        }
        (Some("PrimaryKeyConstraint"), Some(fields)) => {
            model.options.insert("primary_key".to_owned(), json!(fields));
        }
        (Some("Index"), _) => match index_call(call, file) {
            Some(index) => model.indexes.push(index),
            None => return false,
        },
        (Some("ForeignKeyConstraint"), _) => {
            let [fields, columns, ..] = positional.as_slice() else { return false };
            let (Some(fields), Some(columns)) = (texts(fields), texts(columns)) else { return false };
            let split: Option<Vec<(&str, &str)>> = columns.iter().map(|c| c.rsplit_once('.')).collect();
            let Some(((target, _), split)) = split.as_ref().and_then(|s| Some((*s.first()?, s))) else {
                return false;
            };
            let columns = split.iter().map(|(_, c)| (*c).to_owned()).collect();
            let on_delete = keyword("ondelete").as_ref().and_then(Value::as_str).and_then(OnDelete::read);
            model.foreign_keys.push(ForeignKey {
                name,
                fields,
                target: target.to_owned(),
                columns,
                on_delete,
            });
        }
        _ => return false,
    }
    true
}

/// `Index("name", "a", "b", unique=True)`, `Index(fields=["a"], name="…")`.
fn index_call(call: &ExprCall, file: &File<'_>) -> Option<Index> {
    if literal::last_name(&call.func) != Some("Index") {
        return None;
    }
    let mut index = Index::default();
    for keyword in &call.arguments.keywords {
        let name = keyword.arg.as_ref()?.as_str();
        let value = file.constant(&keyword.value)?;
        match name {
            "name" => index.name = Some(value.as_str()?.to_owned()),
            "fields" => index.fields = texts(&value)?,
            "unique" => index.unique = value.as_bool()?,
            "postgresql_using" => index.method = Some(value.as_str()?.to_owned()),
            other => index.unread.push(other.to_owned()),
        }
    }
    let mut positional =
        call.arguments.args.iter().map(|e| field::target(e, file)).collect::<Option<Vec<_>>>()?;
    if index.fields.is_empty() && positional.len() > 1 {
        index.name = Some(positional.remove(0));
        index.fields = positional;
    }
    (!index.fields.is_empty()).then_some(index)
}

/// `__table_args__`: constraints and indexes, then a dictionary of what only SQLAlchemy knows.
fn table_arguments(reader: &mut Reader, value: &Expr, file: &File<'_>) {
    let entries = if value.is_dict_expr() { vec![value] } else { items(value) };
    for entry in entries {
        if entry.is_dict_expr() {
            reader.option("__table_args__", entry, file);
        } else if !constraint(reader, entry, file) {
            let shown = file.unit.slice(entry);
            let message = format!("constraint `{shown}` cannot be read");
            reader.problem(&codes::CONSTRAINT_UNREADABLE, Severity::Warning, (entry.range(), file), message);
        }
    }
}

/// What can only be said when every field is known: the key's order, and which field a relation goes through.
pub(super) fn settle(model: &mut ModelDecl) {
    if let Some(Value::Array(_)) = model.options.get("primary_key") {
        let names = model.list("primary_key");
        if names.iter().all(|n| model.get(n).is_some()) {
            model.options.remove("primary_key");
            model.set_key(&names);
        }
    }
    let ModelDecl { fields, relations, .. } = model;
    for relation in relations.iter().filter(|r| !r.many) {
        let through = format!("{}_id", relation.name);
        if let Some(field) = fields.iter_mut().find(|f| f.name == through) {
            field.foreign_key.get_or_insert_with(|| relation.target.clone());
        }
    }
}

/// One entry: a dictionary, or a list of fields, or the name of one field.
fn index(value: &Value) -> Option<Index> {
    match value {
        Value::String(field) => Some(Index { fields: vec![field.clone()], ..Index::default() }),
        Value::Array(_) => Some(Index { fields: texts(value)?, ..Index::default() }),
        Value::Object(members) => {
            let mut index = Index::default();
            for (key, value) in members {
                match key.as_str() {
                    "name" => index.name = Some(value.as_str()?.to_owned()),
                    "fields" | "columns" => index.fields = texts(value)?,
                    "unique" => index.unique = value.as_bool()?,
                    "type" | "method" | "using" => index.method = Some(value.as_str()?.to_owned()),
                    "options" | "operator_class" | "ops" if value.is_string() => {
                        index.operator_class = value.as_str().map(str::to_owned);
                    }
                    "condition" | "where" => index.condition = Some(value.as_str()?.to_owned()),
                    "include" => index.include = texts(value)?,
                    other => index.unread.push(other.to_owned()),
                }
            }
            (!index.fields.is_empty()).then_some(index)
        }
        _ => None,
    }
}

pub(super) fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(items) => items.iter().map(|v| v.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

/// `("a", "b")` is one group, `[("a", "b"), ("c",)]` are two.
fn groups(value: &Value) -> Option<Vec<Vec<String>>> {
    match value {
        Value::Array(items) if items.iter().all(Value::is_string) => Some(vec![texts(value)?]),
        Value::Array(items) => items.iter().map(texts).collect(),
        _ => None,
    }
}
