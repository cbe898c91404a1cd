//! Finds the model classes of a file.

use std::collections::BTreeMap;

use ruff_python_ast::statement_visitor::{StatementVisitor, walk_stmt};
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Expr, ExprCall, Keyword, PySourceType, Stmt, StmtClassDef};
use ruff_source_file::LineIndex;
use ruff_text_size::{Ranged as _, TextRange};
use serde_json::Value;

use super::annotation::Enums;
use super::class::{self, File};
use super::ir::{ModelDecl, Place};
use super::{Problem, Severity, codes, literal};

/// Reads the models of a file.
pub(super) fn read(path: &str, text: &str) -> (Vec<ModelDecl>, Vec<Problem>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // Most files of a project declare no model; not parsing them is what makes reading a whole tree quick.
    if memchr::memmem::find(text.as_bytes(), b"model").is_none() {
        return (Vec::new(), Vec::new());
    }
    let lines = Lines { path, text, index: LineIndex::from_source_text(text) };
    let parsed = ruff_python_parser::parse_unchecked_source(text, PySourceType::Python);
    let mut problems = Vec::new();
    if let Some(error) = parsed.errors().first() {
        problems.push(Problem {
            code: codes::FILE_SYNTAX.id,
            severity: Severity::Error,
            message: format!("the file is not valid Python: {}", error.error),
            place: lines.place(error.location),
            model: None,
        });
    }
    let mut found = Found::default();
    found.visit_body(parsed.suite());
    let enums = enumerations(&found.classes);
    let file = File { lines: &lines, text, enums: &enums };
    let mut models: Vec<ModelDecl> = Vec::new();
    for (class, keywords) in found.models(&file, &mut problems) {
        let (model, mut of_class) = class::read(class, keywords, &file);
        problems.append(&mut of_class);
        let Some(model) = model else { continue };
        if models.iter().any(|m| m.name == model.name) {
            problems.push(Problem {
                code: codes::DECLARED_TWICE.id,
                severity: Severity::Note,
                message: format!("model {} is declared again; the first declaration counts", model.name),
                place: lines.place(class.name.range()),
                model: Some(model.name),
            });
        } else {
            models.push(model);
        }
    }
    problems.sort_by_key(|p| (p.place.line, p.place.column));
    (models, problems)
}

/// Places in the file.
pub(super) struct Lines<'a> {
    path: &'a str,
    text: &'a str,
    index: LineIndex,
}

impl Lines<'_> {
    /// The place where a range begins.
    pub(super) fn place(&self, range: TextRange) -> Place {
        let at = self.index.line_column(range.start(), self.text);
        Place { path: self.path.to_owned(), line: at.line.get(), column: at.column.get() }
    }
}

/// Every class, every name bound to a `model` decorator, every call of one.
#[derive(Default)]
struct Found<'a> {
    classes: Vec<&'a StmtClassDef>,
    calls: Vec<&'a ExprCall>,
    bare_model: bool,
}

impl<'a> StatementVisitor<'a> for Found<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::ClassDef(class) => self.classes.push(class),
            // `from dataflow import model`, `model = db.model`: only then is a bare `@model` one of ours.
            Stmt::ImportFrom(import) => {
                let ours = import.module.as_ref().is_some_and(|m| m.contains("dataflow"));
                self.bare_model |= ours && import.names.iter().any(|n| n.name.as_str() == "model");
            }
            Stmt::Assign(assign) => {
                let to_model =
                    assign.targets.iter().any(|t| literal::last_name(t) == Some("model") && t.is_name_expr());
                self.bare_model |= to_model && is_model_attribute(&assign.value);
                Calls(&mut self.calls).visit_expr(&assign.value);
            }
            Stmt::Expr(statement) => Calls(&mut self.calls).visit_expr(&statement.value),
            Stmt::Return(statement) => {
                if let Some(value) = &statement.value {
                    Calls(&mut self.calls).visit_expr(value);
                }
            }
            _ => {}
        }
        walk_stmt(self, stmt);
    }
}

/// Collects `X.model(...)` calls inside an expression.
struct Calls<'a, 'b>(&'b mut Vec<&'a ExprCall>);

impl<'a> Visitor<'a> for Calls<'a, '_> {
    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Call(call) = expr
            && is_model_attribute(&call.func)
        {
            self.0.push(call);
        }
        visitor::walk_expr(self, expr);
    }
}

fn is_model_attribute(expr: &Expr) -> bool {
    matches!(expr, Expr::Attribute(attribute) if attribute.attr.as_str() == "model")
}

impl<'a> Found<'a> {
    /// The model classes in source order, each with the decorator's keywords.
    fn models(&self, file: &File<'_>, problems: &mut Vec<Problem>) -> Vec<(&'a StmtClassDef, &'a [Keyword])> {
        let mut models: Vec<(&StmtClassDef, &[Keyword])> = Vec::new();
        for class in &self.classes {
            let keywords = class.decorator_list.iter().find_map(|d| self.decorator(&d.expression));
            if let Some(keywords) = keywords {
                models.push((class, keywords));
            }
        }
        for call in &self.calls {
            let [Expr::Name(argument)] = &*call.arguments.args else { continue };
            match self.classes.iter().find(|c| c.name.as_str() == argument.id.as_str()) {
                Some(class) if models.iter().all(|(m, _)| m.range() != class.range()) => {
                    models.push((class, &call.arguments.keywords));
                }
                Some(_) => {}
                None => problems.push(Problem {
                    code: codes::NO_CLASS.id,
                    severity: Severity::Note,
                    message: format!(
                        "`{}` is passed to a model call, but no such class is in this file",
                        argument.id
                    ),
                    place: file.lines.place(call.range()),
                    model: None,
                }),
            }
        }
        models
    }

    /// The keywords of a model decorator; `None` if it is another decorator.
    fn decorator(&self, expr: &'a Expr) -> Option<&'a [Keyword]> {
        let (target, keywords): (&Expr, &[Keyword]) = match expr {
            Expr::Call(call) if call.arguments.args.is_empty() => (&call.func, &call.arguments.keywords),
            other => (other, &[]),
        };
        let bare = matches!(target, Expr::Name(name) if name.id.as_str() == "model") && self.bare_model;
        (bare || is_model_attribute(target)).then_some(keywords)
    }
}

/// The enumerations among the classes: `Name` to all values, `Name.MEMBER` to one.
fn enumerations(classes: &[&StmtClassDef]) -> Enums {
    let mut enums: Enums = BTreeMap::new();
    for class in classes {
        let bases = class.arguments.iter().flat_map(|a| a.args.iter());
        if !bases.filter_map(literal::last_name).any(|b| matches!(b, "Enum" | "StrEnum" | "IntEnum")) {
            continue;
        }
        let mut values: Vec<Value> = Vec::new();
        for statement in &class.body {
            let Stmt::Assign(assign) = statement else { continue };
            if let (Some(Expr::Name(name)), Some(value)) =
                (assign.targets.first(), literal::value(&assign.value))
            {
                enums.insert(format!("{}.{}", class.name, name.id), vec![value.clone()]);
                values.push(value);
            }
        }
        enums.insert(class.name.to_string(), values);
    }
    enums
}
