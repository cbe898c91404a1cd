//! What an expression is, as far as rules ask; and texts that are SQL built by formatting.

use ruff_python_ast::{Expr, ExprFString, InterpolatedStringElement, Number, Operator};
use ruff_text_size::Ranged as _;

use super::{Lowerer, span};
use crate::facts::{Name, SqlText, StatementKind, Value};

impl Lowerer<'_> {
    pub(super) fn value(&mut self, expr: &Expr) -> Value {
        match expr {
            Expr::StringLiteral(literal) => Value::Text(self.literal_text(literal.value.to_str())),
            Expr::FString(formatted) => {
                if formatted.value.elements().any(InterpolatedStringElement::is_interpolation) {
                    Value::Formatted
                } else {
                    Value::Constant
                }
            }
            Expr::NoneLiteral(_) => Value::Nothing,
            Expr::BooleanLiteral(literal) => Value::Bool(literal.value),
            Expr::NumberLiteral(number) => match &number.value {
                Number::Int(value) => value.as_i64().map_or(Value::Constant, Value::Integer),
                _ => Value::Constant,
            },
            Expr::BytesLiteral(_) | Expr::EllipsisLiteral(_) => Value::Constant,
            Expr::Name(_) | Expr::Attribute(_) | Expr::Call(_) | Expr::Await(_) => {
                self.path(expr).map_or(Value::Other, Value::Path)
            }
            Expr::Dict(dict) => {
                let keys = dict.iter_keys().filter_map(|key| match key {
                    Some(Expr::StringLiteral(key)) => Some(self.literal_text(key.value.to_str())),
                    _ => None,
                });
                Value::Dict(keys.collect())
            }
            Expr::List(_) | Expr::Tuple(_) | Expr::Set(_) => Value::Sequence,
            Expr::Lambda(_) => Value::Lambda,
            Expr::Starred(_) => Value::Spread,
            _ => Value::Other,
        }
    }

    /// Keeps the expression if it is a text that begins like a statement and is built by formatting.
    pub(super) fn note_sql(&mut self, expr: &Expr, sink: Option<&str>) {
        if !begins_like_a_statement(expr) {
            return;
        }
        let Some((first, built_by)) = formatted_text(expr) else { return };
        let Some(kind) = kind_of(&first) else { return };
        let names_only = kind == StatementKind::Data && interpolates_names_only(expr);
        let sink: Option<Name> = sink.map(|s| self.name(s));
        let (place, scope) = (span(expr.range()), self.scope);
        self.module.statements.push(SqlText { built_by, kind, names_only, sink, span: place, scope });
    }
}

/// Whether what is literal at the beginning of a text that is built has the first word of a statement. Nearly no text has, and
/// the others need not be put together.
fn begins_like_a_statement(expr: &Expr) -> bool {
    const FIRST: &[&str] = &[
        "alter", "call", "create", "delete", "detach", "drop", "insert", "match", "merge", "optional",
        "select", "truncate", "unwind", "update",
    ];
    let mut expr = expr;
    let text = loop {
        match expr {
            Expr::BinOp(operation) => expr = &operation.left,
            Expr::Call(call) => match &*call.func {
                Expr::Attribute(method) if method.attr.as_str() == "format" => expr = &method.value,
                _ => return false,
            },
            Expr::StringLiteral(text) => break text.value.to_str(),
            Expr::FString(formatted) => match formatted.value.elements().next() {
                Some(InterpolatedStringElement::Literal(literal)) => break &*literal.value,
                _ => return false,
            },
            _ => return false,
        }
    };
    let text = text.trim_start();
    let word = text.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    // A word that the literal ends in may go on in the next one.
    word.len() == text.len() || FIRST.iter().any(|first| word.eq_ignore_ascii_case(first))
}

/// The text that is built by formatting with something that is not a constant, as far as it is literal: all of an f-string with
/// `{}` for each interpolation, what stands before the first operator otherwise.
fn formatted_text(expr: &Expr) -> Option<(String, &'static str)> {
    match expr {
        Expr::FString(formatted) => f_string(formatted).map(|first| (first, "f-string")),
        Expr::BinOp(operation) if operation.op == Operator::Mod => match &*operation.left {
            Expr::StringLiteral(left) => Some((left.value.to_str().to_owned(), "%")),
            _ => None,
        },
        Expr::BinOp(operation) if operation.op == Operator::Add => {
            let mut dynamic = false;
            let mut left = expr;
            while let Expr::BinOp(inner) = left {
                if inner.op != Operator::Add {
                    return None;
                }
                dynamic |= is_dynamic(&inner.right);
                left = &inner.left;
            }
            match left {
                Expr::StringLiteral(first) if dynamic => Some((first.value.to_str().to_owned(), "+")),
                Expr::FString(first) => f_string(first).map(|first| (first, "f-string")),
                _ => None,
            }
        }
        Expr::Call(call) => match &*call.func {
            Expr::Attribute(method) if method.attr.as_str() == "format" => match &*method.value {
                Expr::StringLiteral(text) => Some((text.value.to_str().to_owned(), "format")),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

fn f_string(formatted: &ExprFString) -> Option<String> {
    let mut text = String::new();
    let mut dynamic = false;
    for element in formatted.value.elements() {
        match element {
            InterpolatedStringElement::Literal(literal) => text.push_str(&literal.value),
            InterpolatedStringElement::Interpolation(part) => {
                dynamic |= is_dynamic(&part.expression);
                text.push_str("{}");
            }
        }
    }
    dynamic.then_some(text)
}

/// Whether a part of a statement may hold a value from outside: not a literal, a constant or a list of placeholders.
fn is_dynamic(expr: &Expr) -> bool {
    let name = match expr {
        Expr::Name(name) => name.id.as_str(),
        Expr::Attribute(attribute) => attribute.attr.as_str(),
        Expr::StringLiteral(_) | Expr::NumberLiteral(_) => return false,
        // `", ".join(...)` and friends glue parts that were built elsewhere; what they hold cannot be seen here.
        // So does what a function quotes as a name.
        Expr::Call(call) => {
            let callee = match &*call.func {
                Expr::Attribute(method) => method.attr.as_str(),
                Expr::Name(function) => function.id.as_str(),
                _ => return true,
            };
            return callee != "join" && !callee.contains("quote") && !callee.contains("escape");
        }
        Expr::FString(inner) => return f_string(inner).is_some(),
        _ => return true,
    };
    let constant = name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    !constant && !name.contains("placeholder") && !name.contains("quoted")
}

/// What kind of statement a text begins like.
fn kind_of(text: &str) -> Option<StatementKind> {
    let text = text.trim_start();
    let head: String = text.chars().take(24).collect::<String>().to_ascii_uppercase();
    let begins = |verbs: &[&str]| verbs.iter().any(|verb| head.starts_with(verb));
    if begins(&[
        "MATCH (",
        "MERGE (",
        "CREATE (",
        "OPTIONAL MATCH (",
        "MATCH P",
        "UNWIND $",
        "DETACH DELETE ",
        "CALL DB.",
    ]) || (begins(&["MATCH "]) && text.contains('('))
    {
        return Some(StatementKind::Graph);
    }
    if begins(&["SELECT ", "INSERT INTO ", "DELETE FROM ", "SELECT\n"])
        || (begins(&["UPDATE "]) && text.to_ascii_uppercase().contains(" SET "))
    {
        return Some(StatementKind::Data);
    }
    let object = [
        "TABLE",
        "INDEX",
        "UNIQUE INDEX",
        "SCHEMA",
        "DATABASE",
        "VIEW",
        "TYPE",
        "SEQUENCE",
        "TRIGGER",
        "FUNCTION",
        "EXTENSION",
        "ROLE",
        "USER",
        "TEMP",
        "MATERIALIZED",
    ];
    let defines = ["CREATE ", "DROP ", "ALTER ", "TRUNCATE "].iter().find_map(|verb| head.strip_prefix(verb));
    defines.filter(|rest| object.iter().any(|o| rest.starts_with(o))).map(|_| StatementKind::Definition)
}

/// Whether a text ends in a bracket that names stand in, as in `INSERT INTO t (` or `COUNT(`, and not values.
fn opens_names(text: &str) -> bool {
    let Some(before) = text.strip_suffix('(') else { return false };
    let word = before.trim_end().rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    !matches!(word, "VALUES" | "IN" | "ANY" | "ALL" | "")
}

/// Whether every part that is interpolated stands where the name of a table or column stands. A value there is no parameter
/// in any database; the name must be checked against a list.
fn interpolates_names_only(expr: &Expr) -> bool {
    let Expr::FString(formatted) = expr else { return false };
    let mut before = String::new();
    let mut quoted = false;
    for element in formatted.value.elements() {
        match element {
            InterpolatedStringElement::Literal(literal) => {
                quoted ^= literal.value.matches('\'').count() % 2 == 1;
                before = literal.value.to_ascii_uppercase();
            }
            InterpolatedStringElement::Interpolation(part) => {
                let named = before.trim_end_matches(['"', '`', '.', '[']).trim_end();
                let last = named.rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
                let introduces = [
                    "FROM", "INTO", "UPDATE", "TABLE", "JOIN", "BY", "SELECT", "DISTINCT", "SET", "AND",
                    "WHERE", "ON",
                ];
                let is_name = introduces.contains(&last) || named.ends_with(',') || opens_names(named);
                if is_dynamic(&part.expression) && (quoted || !is_name || before.trim_end().ends_with('=')) {
                    return false;
                }
                before.clear();
                // What follows one name directly, as in `{schema}.{table}`, is read by the literal in between.
                before.push_str("FROM");
            }
        }
    }
    true
}
