//! ## What it does
//!
//! Finds a field of a model whose default is a list or dictionary literal.
//!
//! ## Why
//!
//! All records share the one object: a change in one is a default of the next.
//!
//! ## Example
//!
//! ```python
//! @db.model
//! class Product:
//!     id: int
//!     tags: list = []
//! ```
//!
//! ## Use instead
//!
//! ```python
//! @db.model
//! class Product:
//!     id: int
//!     tags: Optional[list] = None
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. 2026: `patterns.md`, models.
//!
//! ## How to mend
//!
//! Use `None`, or a factory.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::{Class, Value};

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "mutable-model-default",
    family: Family::Dataflow,
    severity: Severity::Warning,
    why: "All records share the one object: a change in one is a default of the next.",
    action: "make it optional, or build it when a record is made",
    source: include_str!("mutable_model_default.rs"),
    checks: &[Check::Class(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, class: &Class) {
    let Some(model) = class.model.as_deref().filter(|_| context.is_model(class)) else { return };
    for field in &model.fields {
        if let Some((Value::Dict(_) | Value::Sequence, place)) = &field.default {
            context.report(*place, class.scope, format!("all records share the default of `{}`", field.name));
        }
    }
}
