//! ## What it does
//!
//! Finds a class in a test file that has the name of a class of the product, which the file does not import. And in a test
//! file that imports nothing of the product: the class or function that the file is named after, defined in the file itself.
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
use hallmark_python::facts::{Class, Function};
use hallmark_python::names::double_word;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::tier::is_test_path;

pub(crate) static RULE: Rule = Rule {
    name: "subject-defined-in-test",
    family: Family::Mocking,
    severity: Severity::Error,
    why: "The test looks as if it tested the product, but tests its own copy. The product can change or vanish and the test stays green.",
    action: "import it from the product and test that",
    source: include_str!("subject_defined_in_test.rs"),
    checks: &[Check::Class(check), Check::Function(check_function)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, class: &Class) {
    let plain = class.decorators.is_empty()
        && class.bases.iter().all(|base| base.as_deref() == Some("builtins.object"));
    if !context.is_test_file()
        || !plain
        || class.methods.is_empty()
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
    let is_title = is_title(file, &class.name);
    // One method makes a helper as often as a copy, unless the file says that it is about it.
    if class.methods.len() < 2 && !is_title {
        return;
    }
    if context.is_product_class(class) {
        let message =
            format!("`{}` is defined here although the product has a class of that name", class.name);
        context.report_double(class.span, class.scope, message);
    } else if is_title && !imports_product(context) {
        let message =
            format!("`{}`, which the file is named after, is defined in the file itself", class.name);
        context.report_double(class.span, class.scope, message);
    }
}

fn check_function(context: &mut Context<'_>, function: &Function) {
    let file = context.module().path.rsplit('/').next().unwrap_or_default();
    if function.scope == 0
        && function.class.is_none()
        && function.decorators.is_empty()
        && function.name.contains('_')
        && context.is_test_file()
        && is_title(file, &function.name)
        && !imports_product(context)
    {
        let message =
            format!("`{}`, which the file is named after, is defined in the file itself", function.name);
        context.report_double(function.span, function.scope, message);
    }
}

/// Whether a test file is named after a class or function: `test_price_list.py` after `PriceList`, `test_load_prices.py`
/// after `load_prices`.
fn is_title(file: &str, name: &str) -> bool {
    let stem = file.strip_suffix(".py").unwrap_or(file);
    let Some(title) = stem.strip_prefix("test_").or_else(|| stem.strip_suffix("_test")) else { return false };
    let plain = |text: &str| text.replace('_', "").to_ascii_lowercase();
    plain(title) == plain(name)
}

/// Whether the file imports anything of the project that is no test itself.
fn imports_product(context: &Context<'_>) -> bool {
    let index = context.index();
    let is_product = |name: &str| index.module(name).is_some_and(|home| !is_test_path(&home.path));
    context.module().imports.iter().any(|import| is_product(&import.module) || is_product(&import.path()))
        // What is loaded by its path or name is not seen by its import.
        || context.module().imports.iter().any(|import| matches!(&*import.module, "importlib" | "importlib.util" | "runpy" | "subprocess"))
}
