//! ## What it does
//!
//! Finds a class called `Test...` in a test file that defines `__init__` and holds tests.
//!
//! ## Why
//!
//! pytest does not collect a class with a constructor: none of its tests is ever run, and nothing says so but a warning.
//!
//! ## Example
//!
//! ```python
//! class TestPrices:
//!     def __init__(self):
//!         self.client = connect()
//! ```
//!
//! ## Use instead
//!
//! ```python
//! class TestPrices:
//!     def setup_method(self):
//!         self.client = connect()
//! ```
//!
//! ## Gold standard
//!
//! 2026: `gold-test-creation`.
//!
//! ## How to mend
//!
//! Use a fixture or `setup_method`; rename the class if it is no test.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Class;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "test-class-with-init",
    family: Family::Testing,
    severity: Severity::Error,
    why: "pytest does not collect a class with a constructor: none of its tests is ever run, and nothing says so but a warning.",
    action: "move the preparation into a fixture or setup_method",
    source: include_str!("test_class_with_init.rs"),
    checks: &[Check::Class(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, class: &Class) {
    if !context.is_test_file() || !class.name.starts_with("Test") || !context.defines(class, &["__init__"]) {
        return;
    }
    let module = context.module();
    let mut methods = class.methods.iter().filter_map(|m| module.functions.get(*m as usize));
    // `unittest` calls the constructor itself; a node or a model that is called Test is no test.
    let is_case = class.bases.iter().flatten().any(|base| base.ends_with("TestCase"));
    if !is_case && methods.any(|m| m.name.starts_with("test")) {
        context.report(
            class.span,
            class.scope,
            format!("`{}` has a constructor, so pytest runs none of its tests", class.name),
        );
    }
}
