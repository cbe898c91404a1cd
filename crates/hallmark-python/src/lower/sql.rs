//! Texts that are SQL or Cypher built by formatting, and what runs them.

use ruff_python_ast::{Expr, ExprCall, ExprFString, InterpolatedStringElement, Operator, StmtAugAssign};
use ruff_text_size::Ranged as _;

use super::{Lowerer, span};
use crate::facts::{SqlText, StatementKind};
use crate::limits;

/// Methods that run the statement that is their first argument, whatever the variable is called that holds it.
const RUNNERS: &[&str] = &[
    "execute",
    "execute_query",
    "executemany",
    "executescript",
    "fetch",
    "fetch_all",
    "fetch_one",
    "fetchrow",
    "fetchval",
    "query",
    "raw",
    "run",
    "run_query",
    "text",
];

impl<'a> Lowerer<'a> {
    /// Keeps the expression if it is a text that begins like a statement and is built by formatting; gives its place.
    pub(super) fn note_sql(&mut self, expr: &'a Expr, sink: &str) -> Option<usize> {
        let opening = self.opening(expr)?;
        if !begins_like_a_statement(opening) {
            return None;
        }
        let (text, built_by) = self.built_text(expr)?;
        let kind = kind_of(&text)?;
        let names_only = kind == StatementKind::Data && self.interpolates_names_only(expr, "");
        Some(self.push_sql(expr, sink, (built_by, kind, names_only)))
    }

    /// [`Lowerer::note_sql`] for what is assigned to a name.
    pub(super) fn note_named_sql(&mut self, expr: &'a Expr, name: &'a str) {
        if let Some(place) = self.note_sql(expr, name) {
            self.built.push((self.scope, name, place));
        }
    }

    /// Keeps what is added to a name that holds the beginning of a statement.
    pub(super) fn note_added(&mut self, assign: &'a StmtAugAssign) {
        let Expr::Name(target) = &*assign.target else { return };
        if assign.op != Operator::Add || assign.value.is_number_literal_expr() {
            return;
        }
        let name = target.id.as_str();
        let begun = self.named_opening(name).filter(|text| begins_like_a_statement(text));
        self.bindings.add_to(self.scope, name);
        let Some(begun) = begun else {
            self.note_named_sql(&assign.value, name);
            return;
        };
        let Some((text, built_by)) = self.built_text(&assign.value) else { return };
        // A clause that was put together elsewhere.
        if text.trim() == "{}" {
            return;
        }
        let Some(kind) = kind_of(&format!("{begun}{text}")) else { return };
        let names_only = kind == StatementKind::Data && self.interpolates_names_only(&assign.value, begun);
        let place = self.push_sql(&assign.value, name, (built_by, kind, names_only));
        self.built.push((self.scope, name, place));
    }

    fn push_sql(
        &mut self,
        expr: &Expr,
        sink: &str,
        (built_by, kind, names_only): (&'static str, StatementKind, bool),
    ) -> usize {
        let (sink, place, scope) = (self.name(sink), span(expr.range()), self.scope);
        let statement = SqlText { built_by, kind, names_only, sink, run_by: None, span: place, scope };
        self.module.statements.push(statement);
        self.module.statements.len() - 1
    }

    /// Notes that a variable with a statement that was built is given to what runs it.
    pub(super) fn note_run(&mut self, call: &'a ExprCall, method: &str) {
        if self.built.is_empty() || !RUNNERS.contains(&method) {
            return;
        }
        let given = call.arguments.args.first().or_else(|| {
            let named = |name: &str| call.arguments.find_keyword(name).map(|keyword| &keyword.value);
            ["query", "sql", "statement", "stmt"].into_iter().find_map(named)
        });
        let mut given = given;
        while let Some(Expr::BinOp(operation)) = given {
            given = Some(&operation.left);
        }
        let Some(Expr::Name(variable)) = given else { return };
        let variable = variable.id.as_str();
        let Some(scope) = self.lookup(variable).map(|binding| binding.scope) else { return };
        let method = self.name(method);
        for (_, _, place) in self.built.iter().filter(|(at, name, _)| *at == scope && *name == variable) {
            if let Some(statement) = self.module.statements.get_mut(*place) {
                statement.run_by.get_or_insert_with(|| method.clone());
            }
        }
    }

    /// What is literal at the beginning of a text that is built. Nearly no text begins like a statement, and the others need not
    /// be put together.
    fn opening(&self, expr: &'a Expr) -> Option<&'a str> {
        let mut expr = expr;
        let mut textual = false;
        loop {
            match expr {
                Expr::BinOp(operation) => {
                    textual |= match operation.op {
                        Operator::Add => is_text(&operation.right),
                        Operator::Mod => !operation.right.is_number_literal_expr(),
                        _ => false,
                    };
                    expr = &operation.left;
                }
                Expr::Call(call) => match &*call.func {
                    Expr::Attribute(method) if method.attr.as_str() == "format" => {
                        textual = true;
                        expr = &method.value;
                    }
                    _ => return None,
                },
                Expr::StringLiteral(text) => return Some(text.value.to_str()),
                Expr::FString(formatted) => match formatted.value.elements().next()? {
                    InterpolatedStringElement::Literal(literal) => return Some(&literal.value),
                    InterpolatedStringElement::Interpolation(part) => match &*part.expression {
                        Expr::Name(name) => return self.named_opening(name.id.as_str()),
                        _ => return None,
                    },
                },
                Expr::Name(name) if textual => return self.named_opening(name.id.as_str()),
                _ => return None,
            }
        }
    }

    /// What is literal at the beginning of the text that a name holds.
    fn named_opening(&self, name: &str) -> Option<&'a str> {
        let mut value = self.lookup(name)?.value?;
        for _ in 0..limits::FOLLOWED_PARTS {
            match value {
                Expr::Name(other) => value = self.lookup(other.id.as_str())?.value?,
                Expr::StringLiteral(text) => return Some(text.value.to_str()),
                Expr::FString(formatted) => match formatted.value.elements().next()? {
                    InterpolatedStringElement::Literal(literal) => return Some(&literal.value),
                    InterpolatedStringElement::Interpolation(_) => return None,
                },
                Expr::BinOp(operation) => value = &operation.left,
                _ => return None,
            }
        }
        None
    }

    /// The text that is built by formatting with something that is not a constant, as far as it is literal: all of an f-string
    /// with `{}` for each interpolation, what stands before the first operator otherwise.
    fn built_text(&self, expr: &'a Expr) -> Option<(String, &'static str)> {
        match expr {
            Expr::FString(formatted) => {
                let (text, dynamic) = self.f_string(formatted);
                dynamic.then_some((text, "f-string"))
            }
            Expr::BinOp(operation) if operation.op == Operator::Mod => {
                let text = self.literal_text_of(&operation.left)?;
                let dynamic = match &*operation.right {
                    Expr::Tuple(parts) => parts.elts.iter().any(|part| self.is_dynamic(part)),
                    Expr::Dict(parts) => parts.items.iter().any(|part| self.is_dynamic(&part.value)),
                    one => self.is_dynamic(one),
                };
                dynamic.then(|| (text.to_owned(), "%"))
            }
            Expr::BinOp(operation) if operation.op == Operator::Add => self.sum(expr),
            Expr::Call(call) => match &*call.func {
                Expr::Attribute(method) if method.attr.as_str() == "format" => {
                    let text = self.literal_text_of(&method.value)?;
                    let named = call.arguments.keywords.iter().map(|keyword| &keyword.value);
                    let mut parts = call.arguments.args.iter().chain(named);
                    parts.any(|part| self.is_dynamic(part)).then(|| (text.to_owned(), "format"))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// [`Lowerer::built_text`] of parts that are added.
    fn sum(&self, expr: &'a Expr) -> Option<(String, &'static str)> {
        let mut dynamic = false;
        let mut left = expr;
        let mut steps = 0;
        while let Expr::BinOp(inner) = left {
            steps += 1;
            if inner.op != Operator::Add || steps > limits::SUMMANDS {
                return None;
            }
            dynamic |= self.is_dynamic(&inner.right);
            left = &inner.left;
        }
        if let Expr::FString(first) = left {
            let (text, formatted) = self.f_string(first);
            let by = if formatted { "f-string" } else { "+" };
            return (dynamic || formatted).then_some((text, by));
        }
        let first = self.literal_text_of(left).filter(|_| dynamic)?;
        Some((first.to_owned(), "+"))
    }

    /// The text of a literal, or of the literal that a name begins with.
    fn literal_text_of(&self, expr: &'a Expr) -> Option<&'a str> {
        match expr {
            Expr::StringLiteral(text) => Some(text.value.to_str()),
            Expr::Name(name) => self.named_opening(name.id.as_str()),
            _ => None,
        }
    }

    /// The text of an f-string, and whether it may hold a value from outside.
    pub(super) fn f_string(&self, formatted: &'a ExprFString) -> (String, bool) {
        let mut text = String::new();
        let mut dynamic = false;
        for element in formatted.value.elements() {
            match element {
                InterpolatedStringElement::Literal(literal) => text.push_str(&literal.value),
                InterpolatedStringElement::Interpolation(part) => {
                    if text.is_empty()
                        && let Expr::Name(name) = &*part.expression
                        && let Some(begun) = self.named_opening(name.id.as_str())
                    {
                        text.push_str(begun);
                        continue;
                    }
                    dynamic |= !is_placeholder(&text) && self.is_dynamic(&part.expression);
                    text.push_str("{}");
                }
            }
        }
        (text, dynamic)
    }

    /// Whether every part that is interpolated stands where the name of a table or column stands. A value there is no parameter
    /// in any database; the name must be checked against a list. `begun` is what stands before the text.
    fn interpolates_names_only(&self, expr: &'a Expr, begun: &str) -> bool {
        let Expr::FString(formatted) = expr else { return false };
        let mut before = begun.to_ascii_uppercase();
        let mut quoted = is_open(begun);
        for element in formatted.value.elements() {
            match element {
                InterpolatedStringElement::Literal(literal) => {
                    quoted ^= is_open(&literal.value);
                    // `INSERT INTO {table} (`
                    let lists = before == "FROM" && &*literal.value == " (";
                    before = if lists { "INTO T (".to_owned() } else { literal.value.to_ascii_uppercase() };
                }
                InterpolatedStringElement::Interpolation(part) => {
                    if before.is_empty()
                        && let Expr::Name(name) = &*part.expression
                        && let Some(begun) = self.named_opening(name.id.as_str())
                    {
                        before = begun.to_ascii_uppercase();
                        quoted = is_open(begun);
                        continue;
                    }
                    let named = before.trim_end_matches(['"', '`', '.', '[']).trim_end();
                    let last =
                        named.rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
                    let introduces = [
                        "FROM", "INTO", "UPDATE", "TABLE", "JOIN", "BY", "SELECT", "DISTINCT", "SET", "AND",
                        "WHERE", "ON",
                    ];
                    let is_name = introduces.contains(&last) || named.ends_with(',') || opens_names(named);
                    let misplaced = quoted || !is_name || before.trim_end().ends_with('=');
                    if misplaced && !is_placeholder(&before) && self.is_dynamic(&part.expression) {
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
}

/// Whether a part is certainly a text.
fn is_text(expr: &Expr) -> bool {
    matches!(expr, Expr::StringLiteral(_) | Expr::FString(_))
}

/// Whether a text ends inside of quotes.
fn is_open(text: &str) -> bool {
    memchr::memchr_iter(b'\'', text.as_bytes()).count() % 2 == 1
}

/// Whether what follows a text is the number or name of a placeholder, as in `$1`, `:p1` and `%(p1)s`.
fn is_placeholder(before: &str) -> bool {
    let sign =
        before.ends_with('$') || before.ends_with("%(") || (before.ends_with(':') && !before.ends_with("::"));
    sign && !is_open(before)
}

/// A statement without what may stand before its first word.
fn bare(text: &str) -> &str {
    let mut text = text;
    loop {
        let rest = text.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
        let rest = match (rest.strip_prefix("/*"), rest.strip_prefix("--")) {
            (Some(comment), _) => comment.split_once("*/").map_or("", |(_, rest)| rest),
            (_, Some(comment)) => comment.split_once('\n').map_or("", |(_, rest)| rest),
            _ => rest,
        };
        if rest.len() == text.len() {
            return text;
        }
        text = rest;
    }
}

/// Whether a text has the first word of a statement.
fn begins_like_a_statement(text: &str) -> bool {
    const FIRST: &[&str] = &[
        "alter", "call", "create", "delete", "detach", "drop", "explain", "insert", "match", "merge",
        "optional", "replace", "select", "truncate", "unwind", "update", "with",
    ];
    let text = bare(text);
    let word = text.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    // A word that the literal ends in may go on in the next one.
    word.len() == text.len() || FIRST.iter().any(|first| word.eq_ignore_ascii_case(first))
}

/// What kind of statement a text begins like.
fn kind_of(text: &str) -> Option<StatementKind> {
    let mut text = bare(text);
    let strip = |text: &mut &str, word: &str| {
        let begins = text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
        if begins {
            *text = bare(&text[word.len()..]);
        }
        begins
    };
    if strip(&mut text, "EXPLAIN ") {
        let _ = strip(&mut text, "ANALYZE ") || strip(&mut text, "QUERY PLAN ");
    }
    let mut named = text;
    if strip(&mut named, "WITH ") {
        let upper = named.to_ascii_uppercase();
        let tables = [" AS (", " AS MATERIALIZED (", " AS NOT MATERIALIZED ("];
        if tables.iter().any(|table| upper.contains(table)) {
            return Some(StatementKind::Data);
        }
        return upper.contains("MATCH (").then_some(StatementKind::Graph);
    }
    kind_of_plain(text)
}

/// [`kind_of`] for a statement without what may stand around it.
fn kind_of_plain(text: &str) -> Option<StatementKind> {
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
    if begins(&["SELECT ", "INSERT INTO ", "DELETE FROM ", "SELECT\n", "REPLACE INTO "])
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
