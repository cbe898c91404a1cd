//! ## What it does
//!
//! Finds the predicate of a partial index that PostgreSQL cannot take: one that calls a function whose value changes,
//! such as `NOW()` or `CURRENT_DATE`.
//!
//! ## Why
//!
//! PostgreSQL refuses the index: functions in an index predicate must be marked IMMUTABLE.
//!
//! ## Example
//!
//! ```python
//! @db.model
//! class Product:
//!     id: int
//!     due: datetime
//!     __indexes__ = [{"fields": ["due"], "where": "due > CURRENT_DATE"}]
//! ```
//!
//! ## Use instead
//!
//! ```python
//! @db.model
//! class Product:
//!     id: int
//!     due: datetime
//!     __indexes__ = [{"fields": ["due"]}]
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. PostgreSQL: CREATE INDEX.
//!
//! ## How to mend
//!
//! Drop the predicate, or use one that does not change with time.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Class;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "unindexable-predicate",
    family: Family::Dataflow,
    severity: Severity::Error,
    why: "PostgreSQL refuses the index: functions in an index predicate must be marked IMMUTABLE.",
    action: "compare with a constant, or index the column",
    source: include_str!("unindexable_predicate.rs"),
    checks: &[Check::Class(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, class: &Class) {
    let Some(model) = class.model.as_deref().filter(|_| context.is_model(class)) else { return };
    const CHANGING: &[&str] = &[
        "CURRENT_DATE",
        "CURRENT_TIMESTAMP",
        "CURRENT_TIME",
        "LOCALTIME",
        "NOW()",
        "RANDOM()",
        "CLOCK_TIMESTAMP()",
        "STATEMENT_TIMESTAMP()",
        "CURRENT_USER",
        "UUID_GENERATE",
    ];
    for predicate in &model.predicates {
        let upper = predicate.text.to_ascii_uppercase();
        if let Some(word) = CHANGING.iter().find(|word| upper.contains(*word)) {
            context.report(predicate.span, class.scope, format!("an index cannot depend on `{word}`"));
        }
    }
}
