//! ## What it does
//!
//! Finds a class in a test file that has the name of a class of the product, which the file does not import.
//!
//! ## Why
//!
//! The test looks as if it tested the product, but tests its own copy. The product can change or vanish and the test
//! stays green.
//!
//! ## Example
//!
//! ```python
//! # test_classifier.py
//! class Classifier:
//!     def classify(self, text):
//!         return "tool"
//! ```
//!
//! ## Use instead
//!
//! ```python
//! from shop.classifier import Classifier
//! ```
//!
//! ## Gold standard
//!
//! NO-MOCKING. 2025: test creation guide; 2026: `gold-mocking-policy` and `rules/testing`. Under `--profile strict` no
//! double is allowed in any tier.
//!
//! ## How to mend
//!
//! Delete the copy and import the original.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Class;
use hallmark_python::names::double_word;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "subject-defined-in-test",
    family: Family::Mocking,
    severity: Severity::Error,
    why: "The test looks as if it tested the product, but tests its own copy. The product can change or vanish and the test stays green.",
    action: "import the class from the product and test that",
    source: include_str!("subject_defined_in_test.rs"),
    checks: &[Check::Class(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, class: &Class) {
    let plain = class.decorators.is_empty()
        && class.bases.iter().all(|base| base.as_deref() == Some("builtins.object"));
    if !context.is_test_file()
        || !plain
        || class.methods.len() < 2
        || class.name.starts_with('_')
        || class.name.starts_with("Test")
        || double_word(&class.name).is_some()
    {
        return;
    }
    let module = context.module();
    let file = module.path.rsplit('/').next().unwrap_or_default();
    let is_test = file.starts_with("test_") || file.ends_with("_test.py");
    // A class made inside one test is a sample for it.
    if class.scope != 0 || !is_test || module.imports.iter().any(|i| i.name.as_deref() == Some(&*class.name))
    {
        return;
    }
    if context.is_product_class(class) {
        let message =
            format!("`{}` is defined here although the product has a class of that name", class.name);
        context.report_double(class.span, class.scope, message);
    }
}
