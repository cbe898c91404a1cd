//! One decorated class as a model.

use ruff_python_ast::{Expr, Keyword, Stmt, StmtClassDef};
use ruff_text_size::{Ranged as _, TextRange};
use serde_json::{Map, Value, json};

use super::annotation::{self, Enums, Outcome};
use super::field::{self, Source};
use super::finder::Lines;
use super::ir::{FieldDefault, Index, ModelDecl};
use super::{Problem, Severity, codes, literal};

/// Reads one class; the model is `None` if a field has an unknown type or there is no field.
pub(super) fn read(
    class: &StmtClassDef,
    keywords: &[Keyword],
    file: &File<'_>,
) -> (Option<ModelDecl>, Vec<Problem>) {
    let mut reader = Reader {
        file,
        model: ModelDecl {
            name: class.name.to_string(),
            source: Some(file.lines.place(class.name.range())),
            ..ModelDecl::default()
        },
        problems: Vec::new(),
        broken: false,
        unannotated: Vec::new(),
    };
    for keyword in keywords {
        if let Some(name) = &keyword.arg {
            reader.option(name.as_str(), &keyword.value);
        }
    }
    for statement in &class.body {
        reader.statement(statement);
    }
    reader.finish(class.name.range())
}

/// The file that a class is in.
pub(super) struct File<'a> {
    pub(super) lines: &'a Lines<'a>,
    pub(super) text: &'a str,
    pub(super) enums: &'a Enums,
}

struct Reader<'a> {
    file: &'a File<'a>,
    model: ModelDecl,
    problems: Vec<Problem>,
    broken: bool,
    unannotated: Vec<String>,
}

impl Reader<'_> {
    fn source(&self) -> Source<'_> {
        Source { text: self.file.text, enums: self.file.enums }
    }

    fn problem(
        &mut self,
        code: &'static hallmark_core::Code,
        severity: Severity,
        range: TextRange,
        message: String,
    ) {
        self.problems.push(Problem {
            code: code.id,
            severity,
            message,
            place: self.file.lines.place(range),
            model: Some(self.model.name.clone()),
        });
    }

    fn statement(&mut self, statement: &Stmt) {
        match statement {
            Stmt::AnnAssign(assign) => match &*assign.target {
                Expr::Name(name) if name.id.starts_with("__") => {
                    if let Some(value) = &assign.value {
                        self.table_level(name.id.as_str(), value);
                    }
                }
                Expr::Name(name) => self.field(name.id.as_str(), &assign.annotation, assign.value.as_deref()),
                _ => {}
            },
            Stmt::Assign(assign) => {
                for target in &assign.targets {
                    if let Expr::Name(name) = target {
                        self.assignment(name.id.as_str(), target, &assign.value);
                    }
                }
            }
            Stmt::ClassDef(inner) => {
                // `class Meta`, `class Config`: kept as an option, so that it is listed and never dropped.
                let text = inner.body.iter().filter_map(|s| match s {
                    Stmt::Assign(a) => {
                        Some((literal::last_name(a.targets.first()?)?.to_owned(), literal::value(&a.value)?))
                    }
                    _ => None,
                });
                let members: Map<String, Value> = text.collect();
                self.model.options.insert(format!("class {}", inner.name), Value::Object(members));
            }
            _ => {}
        }
    }

    fn assignment(&mut self, name: &str, target: &Expr, value: &Expr) {
        if name.starts_with("__") {
            self.table_level(name, value);
        } else if !name.starts_with('_') {
            self.unannotated.push(name.to_owned());
            let message = format!("`{name}` has no annotation, so it is no field; write `{name}: TYPE = …`");
            self.problem(&codes::NO_ANNOTATION, Severity::Note, target.range(), message);
        }
    }

    fn field(&mut self, name: &str, annotation: &Expr, value: Option<&Expr>) {
        let range = annotation.range();
        let read = match annotation::read(annotation, self.file.enums) {
            Outcome::NotAField => return,
            Outcome::Field(read) => read,
            Outcome::Unknown => {
                self.broken = true;
                let shown = self.source().slice(annotation);
                let message = format!(
                    "field `{name}` of {} has the type `{shown}`, which has no column type",
                    self.model.name
                );
                self.problem(&codes::UNKNOWN_TYPE, Severity::Error, range, message);
                return;
            }
        };
        let mut field = field::build(name, read, value, &self.source());
        field.line = self.file.lines.place(range).line;
        if let Some(FieldDefault::Computed(text)) = &field.default {
            let message = format!(
                "the default of `{name}` is `{text}`, which only Python could evaluate: a value must be given"
            );
            self.problem(&codes::COMPUTED_DEFAULT, Severity::Warning, range, message);
        }
        if let Some(before) = self.model.fields.iter_mut().find(|f| f.name == name) {
            *before = field;
            let message =
                format!("field `{name}` is declared twice; the last declaration counts, as in Python");
            self.problem(&codes::DECLARED_TWICE, Severity::Warning, range, message);
        } else {
            self.model.fields.push(field);
        }
    }

    fn table_level(&mut self, name: &str, value: &Expr) {
        match name {
            "__dataflow__" => self.options(value),
            "__indexes__" => self.indexes(value),
            "__tablename__" => match literal::value(value) {
                Some(Value::String(table)) => self.model.table = Some(table),
                _ => {
                    let shown = self.source().slice(value);
                    let message =
                        format!("`__tablename__` is `{shown}`, not a literal: the generated name is used");
                    self.problem(&codes::OPTION_UNREADABLE, Severity::Warning, value.range(), message);
                }
            },
            // Python's own names say nothing about a table.
            "__slots__" | "__doc__" | "__module__" | "__qualname__" | "__annotations__" => {}
            other => self.option(other, value),
        }
    }

    fn options(&mut self, value: &Expr) {
        let Expr::Dict(dict) = value else {
            let message =
                "`__dataflow__` is not a literal dictionary: none of its options is read".to_owned();
            self.problem(&codes::OPTION_UNREADABLE, Severity::Warning, value.range(), message);
            return;
        };
        for item in &dict.items {
            match item.key.as_ref().and_then(literal::value) {
                Some(Value::String(key)) if key == "indexes" => self.indexes(&item.value),
                Some(Value::String(key)) => self.option(&key, &item.value),
                _ => {
                    let message = "an option's key is not a literal text".to_owned();
                    self.problem(&codes::OPTION_UNREADABLE, Severity::Warning, item.value.range(), message);
                }
            }
        }
    }

    fn option(&mut self, key: &str, value: &Expr) {
        let read = literal::value(value).unwrap_or_else(|| {
            let shown = self.source().slice(value);
            let message = format!("option `{key}` is `{shown}`, not a literal");
            self.problem(&codes::OPTION_UNREADABLE, Severity::Warning, value.range(), message);
            json!({ "expression": shown })
        });
        self.model.options.insert(key.to_owned(), read);
    }

    fn indexes(&mut self, value: &Expr) {
        let entries: Vec<&Expr> = match value {
            Expr::List(list) => list.elts.iter().collect(),
            Expr::Tuple(tuple) => tuple.elts.iter().collect(),
            _ => Vec::new(),
        };
        if entries.is_empty() && literal::value(value) != Some(json!([])) {
            let message = "the indexes are not a literal list: none is created".to_owned();
            self.problem(&codes::INDEX_UNREADABLE, Severity::Warning, value.range(), message);
        }
        for entry in entries {
            match literal::value(entry).as_ref().and_then(index) {
                Some(index) => self.model.indexes.push(index),
                None => {
                    let shown = self.source().slice(entry);
                    let message =
                        format!("index entry `{shown}` cannot be read: it needs a literal `fields` list");
                    self.problem(&codes::INDEX_UNREADABLE, Severity::Warning, entry.range(), message);
                }
            }
        }
    }

    fn finish(mut self, range: TextRange) -> (Option<ModelDecl>, Vec<Problem>) {
        if self.broken {
            return (None, self.problems);
        }
        if self.model.fields.is_empty() {
            let message = format!("{} declares no annotated field", self.model.name);
            self.problem(&codes::NO_FIELDS, Severity::Warning, range, message);
            return (None, self.problems);
        }
        (Some(self.model), self.problems)
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

fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(items) => items.iter().map(|v| v.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}
