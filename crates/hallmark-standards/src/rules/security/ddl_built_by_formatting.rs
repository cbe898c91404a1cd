//! ## What it does
//!
//! Finds a statement that creates, changes or drops tables and is built by formatting, given to something that executes
//! it.
//!
//! ## Why
//!
//! Names cannot be bound as parameters. One that comes from outside can end the statement and begin another.
//!
//! ## Example
//!
//! ```python
//! cursor.execute(f"DROP TABLE {name}")
//! ```
//!
//! ## Use instead
//!
//! ```python
//! cursor.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. 2026: `dataflow-identifier-safety`, `infrastructure-sql`.
//!
//! ## How to mend
//!
//! Quote identifiers with the driver.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::{SqlText, StatementKind};

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "ddl-built-by-formatting",
    family: Family::Security,
    severity: Severity::Warning,
    why: "Names cannot be bound as parameters. One that comes from outside can end the statement and begin another.",
    action: "check the name against a list, and quote it with the driver's function for identifiers",
    source: include_str!("ddl_built_by_formatting.rs"),
    checks: &[Check::Sql(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, statement: &SqlText) {
    if statement.kind != StatementKind::Definition {
        return;
    }
    let executes = |sink: &str| {
        sink.starts_with("execute")
            || matches!(sink, "text" | "run" | "query" | "sql" | "fetch" | "ddl" | "statement")
            || sink.ends_with("query")
            || sink.ends_with("_sql")
    };
    if let Some(sink) = statement.runner(executes) {
        let message =
            format!("a statement about tables is built by {} and given to `{sink}`", statement.built_by);
        context.report_milder_in_tests(statement.span, statement.scope, message);
    }
}
