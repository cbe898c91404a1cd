//! Models in TOML.
//!
//! ```toml
//! [[model]]
//! name = "Part"
//! table = "parts"                       # the plural of the name by default
//! primary_key = ["maker", "code"]       # or `primary_key = true` in the fields
//!
//! [model.options]
//! soft_delete = true
//!
//! [[model.field]]
//! name = "code"
//! type = "text"
//! max_length = 12
//! ```

use hallmark_python::models::{
    Check, Field, FieldDefault, FieldType, ForeignKey, Index, Limit, ModelDecl, OnDelete, Problem, Severity,
};
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::{place, problem};
use crate::codes;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileDecl {
    #[serde(default)]
    model: Vec<ModelToml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelToml {
    name: Spanned<String>,
    table: Option<String>,
    #[serde(default)]
    primary_key: Vec<Spanned<String>>,
    #[serde(default)]
    options: toml::Table,
    #[serde(default)]
    field: Vec<FieldToml>,
    #[serde(default)]
    index: Vec<IndexToml>,
    #[serde(default)]
    check: Vec<CheckToml>,
    #[serde(default)]
    foreign_key: Vec<ForeignKeyToml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldToml {
    name: Spanned<String>,
    #[serde(rename = "type")]
    kind: FieldType,
    #[serde(default)]
    nullable: bool,
    default: Option<toml::Value>,
    default_json: Option<Spanned<String>>,
    default_of: Option<DefaultOf>,
    #[serde(default)]
    primary_key: bool,
    auto_increment: Option<bool>,
    #[serde(default)]
    unique: bool,
    #[serde(default)]
    index: bool,
    max_length: Option<u32>,
    min_length: Option<u32>,
    minimum: Option<toml::Value>,
    maximum: Option<toml::Value>,
    above: Option<toml::Value>,
    below: Option<toml::Value>,
    pattern: Option<String>,
    max_digits: Option<u32>,
    decimal_places: Option<u32>,
    #[serde(default)]
    choices: Vec<toml::Value>,
    enum_type: Option<String>,
    renamed_from: Option<String>,
    references: Option<String>,
    on_delete: Option<OnDelete>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DefaultOf {
    Null,
    Now,
    Today,
    Uuid,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IndexToml {
    name: Option<String>,
    fields: Spanned<Vec<String>>,
    #[serde(default)]
    unique: bool,
    method: Option<String>,
    operator_class: Option<String>,
    condition: Option<String>,
    #[serde(default)]
    include: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckToml {
    name: Option<String>,
    condition: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ForeignKeyToml {
    name: Option<String>,
    fields: Vec<String>,
    target: String,
    #[serde(default)]
    columns: Vec<String>,
    on_delete: Option<OnDelete>,
}

/// Reads the models of a TOML file; `path` is only what places are written with.
#[must_use]
pub fn read(path: &str, text: &str) -> (Vec<ModelDecl>, Vec<Problem>) {
    let file: FileDecl = match ::toml::from_str(text) {
        Ok(file) => file,
        Err(error) => {
            let at = place(path, text, error.span().map_or(0, |s| s.start));
            let message = error.message().to_owned();
            return (Vec::new(), vec![problem(&codes::DECLARATION, Severity::Error, at, None, message)]);
        }
    };
    let mut reader = Reader { path, text, problems: Vec::new() };
    let models = file.model.into_iter().filter_map(|model| reader.model(model)).collect();
    (models, reader.problems)
}

struct Reader<'a> {
    path: &'a str,
    text: &'a str,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn told(&mut self, severity: Severity, at: usize, model: &str, message: String) {
        let place = place(self.path, self.text, at);
        self.problems.push(problem(&codes::DECLARATION, severity, place, Some(model), message));
    }

    fn model(&mut self, declared: ModelToml) -> Option<ModelDecl> {
        let at = declared.name.span().start;
        let name = declared.name.into_inner();
        let mut model = ModelDecl {
            table: declared.table,
            source: Some(place(self.path, self.text, at)),
            options: declared.options.into_iter().map(|(k, v)| (k, json(v))).collect(),
            ..ModelDecl::new(name.clone())
        };
        for field in declared.field {
            let at = field.name.span().start;
            let field = self.field(&name, field)?;
            if model.get(&field.name).is_some() {
                self.told(Severity::Error, at, &name, format!("field `{}` is declared twice", field.name));
                return None;
            }
            model.fields.push(field);
        }
        for key in &declared.primary_key {
            if model.get(key.get_ref()).is_none() {
                let message = format!("the key of {name} names `{}`, which is no field", key.get_ref());
                self.told(Severity::Error, key.span().start, &name, message);
                return None;
            }
        }
        if !declared.primary_key.is_empty() {
            let names: Vec<String> = declared.primary_key.into_iter().map(Spanned::into_inner).collect();
            model.set_key(&names);
        }
        for index in declared.index {
            if let Some(unknown) = index.fields.get_ref().iter().find(|f| model.get(f).is_none()) {
                let message = format!("an index of {name} names `{unknown}`, which is no declared field");
                self.told(Severity::Note, index.fields.span().start, &name, message);
            }
            model.indexes.push(Index {
                name: index.name,
                fields: index.fields.into_inner(),
                unique: index.unique,
                method: index.method,
                operator_class: index.operator_class,
                condition: index.condition,
                include: index.include,
                unread: Vec::new(),
            });
        }
        let check = |c: CheckToml| Check { name: c.name, condition: c.condition };
        model.checks = declared.check.into_iter().map(check).collect();
        let key = |k: ForeignKeyToml| ForeignKey {
            name: k.name,
            fields: k.fields,
            target: k.target,
            columns: k.columns,
            on_delete: k.on_delete,
        };
        model.foreign_keys = declared.foreign_key.into_iter().map(key).collect();
        if model.fields.is_empty() {
            self.told(Severity::Error, at, &name, format!("{name} declares no field"));
            return None;
        }
        Some(model)
    }

    fn field(&mut self, model: &str, declared: FieldToml) -> Option<Field> {
        let at = declared.name.span().start;
        let place = place(self.path, self.text, at);
        let limit = |inside: Option<toml::Value>, outside: Option<toml::Value>| match (inside, outside) {
            (Some(value), _) => Some(Limit { value: json(value), exclusive: false }),
            (None, Some(value)) => Some(Limit { value: json(value), exclusive: true }),
            (None, None) => None,
        };
        let default = match (declared.default, declared.default_json, declared.default_of) {
            (None, None, None) => None,
            (Some(value), None, None) => Some(FieldDefault::Value(json(value))),
            (None, Some(text), None) => match serde_json::from_str(text.get_ref()) {
                Ok(value) => Some(FieldDefault::Value(value)),
                Err(error) => {
                    let message =
                        format!("default_json of `{}` is no JSON: {error}", declared.name.get_ref());
                    self.told(Severity::Error, text.span().start, model, message);
                    return None;
                }
            },
            (None, None, Some(of)) => Some(match of {
                DefaultOf::Null => FieldDefault::Value(Value::Null),
                DefaultOf::Now => FieldDefault::Now,
                DefaultOf::Today => FieldDefault::Today,
                DefaultOf::Uuid => FieldDefault::Uuid,
            }),
            _ => {
                let message = format!("`{}` has more than one default", declared.name.get_ref());
                self.told(Severity::Error, at, model, message);
                return None;
            }
        };
        Some(Field {
            nullable: declared.nullable,
            default,
            primary_key: declared.primary_key,
            auto_increment: declared.auto_increment,
            unique: declared.unique,
            index: declared.index,
            max_length: declared.max_length,
            min_length: declared.min_length,
            minimum: limit(declared.minimum, declared.above),
            maximum: limit(declared.maximum, declared.below),
            pattern: declared.pattern,
            max_digits: declared.max_digits,
            decimal_places: declared.decimal_places,
            choices: declared.choices.into_iter().map(json).collect(),
            enum_type: declared.enum_type,
            renamed_from: declared.renamed_from,
            foreign_key: declared.references,
            on_delete: declared.on_delete,
            line: place.line,
            column: place.column,
            ..Field::new(declared.name.into_inner(), declared.kind)
        })
    }
}

fn json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(int) => int.into(),
        toml::Value::Float(float) => float.into(),
        toml::Value::Boolean(truth) => truth.into(),
        toml::Value::Datetime(at) => at.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(json).collect(),
        toml::Value::Table(members) => {
            Value::Object(members.into_iter().map(|(name, value)| (name, json(value))).collect())
        }
    }
}
