//! Models in SQL: every `CREATE TABLE` is one, and `CREATE INDEX` adds to it. Nothing is executed.

use hallmark_python::models::{Index, ModelDecl, Place, Problem, Severity};
use sqlparser::ast::{CreateIndex, Expr, Ident, ObjectName, Spanned as _, Statement};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Location;

use super::{problem, sql_table};
use crate::codes;

/// Reads the models of an SQL file in PostgreSQL's dialect; `path` is only what places are written with. A statement that
/// declares neither table nor index is noted.
#[must_use]
pub fn read(path: &str, text: &str) -> (Vec<ModelDecl>, Vec<Problem>) {
    let parsed = Parser::new(&PostgreSqlDialect {})
        .with_recursion_limit(crate::limits::SQL_DEPTH_MAX)
        .try_with_sql(text)
        .and_then(|mut parser| parser.parse_statements());
    let statements = match parsed {
        Ok(statements) => statements,
        Err(error) => {
            let message = error.to_string();
            let at = located(path, &message);
            return (Vec::new(), vec![problem(&codes::DECLARATION, Severity::Error, at, None, message)]);
        }
    };
    let mut reader = Reader { path, models: Vec::new(), problems: Vec::new() };
    for statement in statements {
        reader.statement(&statement);
    }
    (reader.models, reader.problems)
}

/// The place that the parser names at the end of its message.
fn located(path: &str, message: &str) -> Place {
    let number = |word: &str| {
        let rest = message.rsplit_once(word)?.1;
        rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<usize>().ok()
    };
    Place {
        path: path.to_owned(),
        line: number("Line: ").unwrap_or(1),
        column: number("Column: ").unwrap_or(1),
    }
}

pub(super) struct Reader<'a> {
    path: &'a str,
    models: Vec<ModelDecl>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    pub(super) fn place(&self, at: Location) -> Place {
        let number = |n: u64| usize::try_from(n).unwrap_or(0).max(1);
        Place { path: self.path.to_owned(), line: number(at.line), column: number(at.column) }
    }

    pub(super) fn told(&mut self, severity: Severity, at: Location, model: Option<&str>, message: String) {
        let place = self.place(at);
        self.problems.push(problem(&codes::DECLARATION, severity, place, model, message));
    }

    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::CreateTable(table) => {
                let model = sql_table::read(self, table);
                self.models.extend(model);
            }
            Statement::CreateIndex(index) => self.index(index),
            // What prepares or describes a schema declares no model.
            Statement::CreateSchema { .. }
            | Statement::CreateExtension { .. }
            | Statement::Comment { .. } => {}
            other => {
                let text = other.to_string();
                let words: Vec<&str> = text.split_whitespace().take(3).collect();
                let message = format!("`{} …` declares no table or index and is not read", words.join(" "));
                self.told(Severity::Note, other.span().start, None, message);
            }
        }
    }

    fn index(&mut self, index: &CreateIndex) {
        let table = last(&index.table_name).map(name);
        let at = last(&index.table_name).map_or(Location::empty(), |i| i.span.start);
        let Some(model) = self.models.iter_mut().find(|m| m.table == table) else {
            let message = format!("an index of {}, which no statement before it creates", index.table_name);
            return self.told(Severity::Warning, at, None, message);
        };
        let column = |e: &Expr| if let Expr::Identifier(ident) = e { Some(name(ident)) } else { None };
        let fields: Option<Vec<String>> = index.columns.iter().map(|c| column(&c.column.expr)).collect();
        let Some(fields) = fields else {
            let model = model.name.clone();
            let message = "an index over an expression is not read: it needs columns".to_owned();
            return self.told(Severity::Warning, at, Some(&model), message);
        };
        let classes: Vec<String> =
            index.columns.iter().filter_map(|c| c.operator_class.as_ref()).map(name).collect();
        model.indexes.push(Index {
            name: index.name.as_ref().and_then(last).map(name),
            fields,
            unique: index.unique,
            method: index.using.as_ref().map(|u| u.to_string().to_lowercase()).filter(|u| u != "btree"),
            operator_class: classes.first().cloned(),
            condition: index.predicate.as_ref().map(ToString::to_string),
            include: index.include.iter().map(name).collect(),
            unread: Vec::new(),
        });
    }
}

/// A name as PostgreSQL keeps it: in small letters, unless it is quoted.
pub(super) fn name(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

/// The last part of a name that may begin with a schema.
pub(super) fn last(path: &ObjectName) -> Option<&Ident> {
    path.0.last().and_then(|part| part.as_ident())
}
