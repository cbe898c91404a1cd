//! ## What it does
//!
//! Finds a DataFlow model that declares no field `id`.
//!
//! ## Why
//!
//! The SDK adds one; what its type is and that it is there cannot be seen in the source.
//!
//! ## Example
//!
//! ```python
//! @db.model
//! class Product:
//!     name: str
//! ```
//!
//! ## Use instead
//!
//! ```python
//! @db.model
//! class Product:
//!     id: int
//!     name: str
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. 2026: `patterns.md`, models.
//!
//! ## How to mend
//!
//! Write `id: int` as the first field.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Class;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "model-without-id",
    family: Family::Dataflow,
    severity: Severity::Info,
    why: "The SDK adds one; what its type is and that it is there cannot be seen in the source.",
    action: "declare id first",
    source: include_str!("model_without_id.rs"),
    checks: &[Check::Class(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, class: &Class) {
    let Some(model) = class.model.as_deref().filter(|_| context.is_model(class)) else { return };
    if !model.fields.is_empty() && !model.fields.iter().any(|f| &*f.name == "id") {
        context.report(class.span, class.scope, format!("the model `{}` declares no `id`", class.name));
    }
}
