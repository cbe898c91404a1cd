//! ## What it does
//!
//! Finds an index of a model over a field that the model does not declare.
//!
//! ## Why
//!
//! The table is made, the index is not: queries that count on it are slow, or the migration fails.
//!
//! ## Example
//!
//! ```python
//! @db.model
//! class Product:
//!     id: int
//!     __indexes__ = [{"fields": ["naem"]}]
//! ```
//!
//! ## Use instead
//!
//! ```python
//! @db.model
//! class Product:
//!     id: int
//!     name: str
//!     __indexes__ = [{"fields": ["name"]}]
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. 2026: `patterns.md`, models.
//!
//! ## How to mend
//!
//! Correct the name.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Class;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "unknown-index-field",
    family: Family::Dataflow,
    severity: Severity::Error,
    why: "The table is made, the index is not: queries that count on it are slow, or the migration fails.",
    action: "name a declared field",
    source: include_str!("unknown_index_field.rs"),
    checks: &[Check::Class(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, class: &Class) {
    let Some(model) = class.model.as_deref().filter(|_| context.is_model(class)) else { return };
    // A base may declare more, and the SDK adds these.
    if class.bases.iter().any(|base| base.as_deref() != Some("builtins.object")) {
        return;
    }
    const MANAGED: &[&str] = &["id", "created_at", "updated_at", "deleted_at", "tenant_id", "version"];
    for indexed in &model.indexed {
        let column = indexed.name.split([' ', '(']).next().unwrap_or_default();
        let known = MANAGED.contains(&column) || model.fields.iter().any(|f| &*f.name == column);
        if !known && !indexed.name.contains('(') {
            context.report(indexed.span, class.scope, format!("`{}` has no field `{column}`", class.name));
        }
    }
}
