//! ## What it does
//!
//! Finds a default of a model that is worked out once, when the module is imported: `datetime.now()`, `time.time()`,
//! `uuid4()`.
//!
//! ## Why
//!
//! Every record gets the same value.
//!
//! ## Example
//!
//! ```python
//! @db.model
//! class Product:
//!     id: int
//!     at: datetime = datetime.now()
//! ```
//!
//! ## Use instead
//!
//! ```python
//! @db.model
//! class Product:
//!     id: int
//!     at: datetime
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. 2026: `patterns.md`, models.
//!
//! ## How to mend
//!
//! Set the value when the record is made, or let the database do so.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::{Class, Value};

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "import-time-model-default",
    family: Family::Dataflow,
    severity: Severity::Warning,
    why: "Every record gets the same value.",
    action: "leave it out and set it when a record is made",
    source: include_str!("import_time_model_default.rs"),
    checks: &[Check::Class(check)],
    ..Rule::PREVIEW
};

fn check(context: &mut Context<'_>, class: &Class) {
    let Some(model) = class.model.as_deref().filter(|_| context.is_model(class)) else { return };
    const ONCE: &[&str] = &[
        "now()",
        "utcnow()",
        "today()",
        "time()",
        "uuid4()",
        "uuid1()",
        "uuid4().hex",
        "isoformat()",
        "token_hex()",
    ];
    for field in &model.fields {
        if let Some((Value::Path(path), place)) = &field.default
            && ONCE.iter().any(|end| path.ends_with(end))
        {
            context.report(*place, class.scope, format!("every record gets the same `{}`", field.name));
        }
    }
}
