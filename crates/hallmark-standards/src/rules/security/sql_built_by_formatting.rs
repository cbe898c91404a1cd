//! ## What it does
//!
//! Finds an SQL statement that is built by an f-string, `%`, `+`, `+=` or `format` and given to an execute-like call, itself
//! or by a variable, to a `query` parameter, or to a variable named like a query. Constants and lists of placeholders are left
//! alone; so are tests. A list of values that `join` glues together is none of placeholders.
//!
//! ## Why
//!
//! A value that becomes part of the statement can change what the statement does.
//!
//! ## Example
//!
//! ```python
//! cursor.execute(f"SELECT * FROM products WHERE name = '{name}'")
//! ```
//!
//! ## Use instead
//!
//! ```python
//! cursor.execute("SELECT * FROM products WHERE name = %s", (name,))
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. 2026: `gold-security` 2 and `infrastructure-sql`.
//!
//! ## How to mend
//!
//! Bind the values as parameters. A table or column name cannot be bound: check it against a list of known names.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::{SqlText, StatementKind};

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "sql-built-by-formatting",
    family: Family::Security,
    severity: Severity::Error,
    why: "A value that becomes part of the statement can change what the statement does.",
    action: "bind the value as a parameter; check names of tables against a list",
    source: include_str!("sql_built_by_formatting.rs"),
    checks: &[Check::Sql(check)],
    ..Rule::STABLE
};

const SINKS: &[&str] = &[
    "execute",
    "executemany",
    "executescript",
    "fetch",
    "fetch_all",
    "fetch_one",
    "fetchall",
    "fetchone",
    "fetchrow",
    "fetchval",
    "query",
    "raw",
    "run_query",
    "sql",
    "statement",
    "stmt",
    "text",
];

fn check(context: &mut Context<'_>, statement: &SqlText) {
    if statement.kind != StatementKind::Data {
        return;
    }
    let runs = |sink: &str| SINKS.contains(&sink) || sink.ends_with("query") || sink.ends_with("_sql");
    let Some(sink) = statement.runner(runs) else { return };
    let is_test = context.is_test_file();
    let message = format!("an SQL statement is built by {} and given to `{sink}`", statement.built_by);
    let raw = context.report_milder_in_tests(statement.span, statement.scope, message);
    if statement.names_only {
        // No database binds a name as a parameter; where it comes from must be looked at.
        raw.label("only names of tables or columns are interpolated").action(
            "check the names against a list, or quote them with the driver's function for identifiers",
        );
        if !is_test {
            raw.severity(Severity::Warning);
        }
    }
}
