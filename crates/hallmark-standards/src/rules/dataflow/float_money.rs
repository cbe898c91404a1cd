//! ## What it does
//!
//! Finds money in a field of type `float`.
//!
//! ## Why
//!
//! Sums of floats differ from sums of cents. Invoices and tax must not.
//!
//! ## Example
//!
//! ```python
//! @db.model
//! class Product:
//!     id: int
//!     price: float
//! ```
//!
//! ## Use instead
//!
//! ```python
//! @db.model
//! class Product:
//!     id: int
//!     price: Decimal
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. 2026: `patterns.md`, models.
//!
//! ## How to mend
//!
//! Use `decimal.Decimal`.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Class;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "float-money",
    family: Family::Dataflow,
    severity: Severity::Warning,
    why: "Sums of floats differ from sums of cents. Invoices and tax must not.",
    action: "use Decimal",
    source: include_str!("float_money.rs"),
    checks: &[Check::Class(check)],
    ..Rule::PREVIEW
};

fn check(context: &mut Context<'_>, class: &Class) {
    let Some(model) = class.model.as_deref().filter(|_| context.is_model(class)) else { return };
    const MONEY: &[&str] = &[
        "price",
        "amount",
        "total",
        "cost",
        "revenue",
        "salary",
        "balance",
        "fee",
        "tax",
        "discount_amount",
        "subtotal",
    ];
    for field in &model.fields {
        let words: Vec<&str> = field.name.split('_').collect();
        let counts = words.iter().any(|w| {
            matches!(*w, "count" | "rate" | "score" | "ratio" | "percent" | "percentage" | "weight" | "hours")
        });
        if field.is_float && !counts && words.iter().any(|w| MONEY.contains(w)) {
            context.report(field.span, class.scope, format!("`{}` is money kept as a float", field.name));
        }
    }
}
