//! ## What it does
//!
//! Finds `created_at` or `updated_at` declared in a model.
//!
//! ## Why
//!
//! DataFlow keeps both itself; a declared one is written by two hands.
//!
//! ## Example
//!
//! ```python
//! @db.model
//! class Product:
//!     id: int
//!     created_at: datetime
//! ```
//!
//! ## Use instead
//!
//! ```python
//! @db.model
//! class Product:
//!     id: int
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. 2026: `patterns.md`, models.
//!
//! ## How to mend
//!
//! Delete it.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Class;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "managed-timestamp-field",
    family: Family::Dataflow,
    severity: Severity::Info,
    why: "DataFlow keeps both itself; a declared one is written by two hands.",
    action: "delete the field",
    source: include_str!("managed_timestamp_field.rs"),
    checks: &[Check::Class(check)],
    ..Rule::PREVIEW
};

fn check(context: &mut Context<'_>, class: &Class) {
    let Some(model) = class.model.as_deref().filter(|_| context.is_model(class)) else { return };
    for field in &model.fields {
        if matches!(&*field.name, "created_at" | "updated_at") {
            context.report(field.span, class.scope, format!("DataFlow keeps `{}` itself", field.name));
        }
    }
}
