//! ## What it does
//!
//! Finds a Cypher query built by formatting and given to something that runs it.
//!
//! ## Why
//!
//! A value that becomes part of the query can change what the query does.
//!
//! ## Example
//!
//! ```python
//! session.run(f"MATCH (p:Product {{name: '{name}'}}) RETURN p")
//! ```
//!
//! ## Use instead
//!
//! ```python
//! session.run("MATCH (p:Product {name: $name}) RETURN p", name=name)
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. 2026: `rules/security`.
//!
//! ## How to mend
//!
//! Use query parameters; check labels against a list.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::{SqlText, StatementKind};

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "cypher-built-by-formatting",
    family: Family::Security,
    severity: Severity::Error,
    why: "A value that becomes part of the query can change what the query does.",
    action: "pass the value as a parameter: $name",
    source: include_str!("cypher_built_by_formatting.rs"),
    checks: &[Check::Sql(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, statement: &SqlText) {
    if statement.kind != StatementKind::Graph {
        return;
    }
    let runs = |sink: &str| {
        sink.starts_with("execute")
            || matches!(sink, "run" | "query" | "cypher" | "read" | "write")
            || sink.ends_with("query")
            || sink.ends_with("cypher")
            || sink.starts_with("run_")
    };
    if let Some(sink) = statement.runner(runs) {
        let message = format!("a Cypher query is built by {} and given to `{sink}`", statement.built_by);
        context.report_milder_in_tests(statement.span, statement.scope, message);
    }
}
