//! ## What it does
//!
//! Finds a field of a model whose default is `None` although its type has no room for it.
//!
//! ## Why
//!
//! The column is made `NOT NULL` from the type, and every write that leaves the field out fails.
//!
//! ## Example
//!
//! ```python
//! @db.model
//! class Product:
//!     id: int
//!     attributes: dict = None
//! ```
//!
//! ## Use instead
//!
//! ```python
//! @db.model
//! class Product:
//!     id: int
//!     attributes: Optional[dict] = None
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. 2026: `patterns.md`, models.
//!
//! ## How to mend
//!
//! Make the annotation `Optional[...]`.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::{Class, Value};

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "none-default-not-optional",
    family: Family::Dataflow,
    severity: Severity::Warning,
    why: "The column is made `NOT NULL` from the type, and every write that leaves the field out fails.",
    action: "write Optional[...], or give a default of the type",
    source: include_str!("none_default_not_optional.rs"),
    checks: &[Check::Class(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, class: &Class) {
    let Some(model) = class.model.as_deref().filter(|_| context.is_model(class)) else { return };
    for field in &model.fields {
        if let Some((Value::Nothing, place)) = &field.default
            && !field.takes_none
        {
            context.report(
                *place,
                class.scope,
                format!("`{}` is None by default, which its type does not allow", field.name),
            );
        }
    }
}
