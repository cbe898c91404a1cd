//! ## What it does
//!
//! Finds a test that asserts nothing: no `assert`, no `pytest.raises` or `fail`, no call of a function that checks, in it
//! or in the helpers of the project that it calls.
//!
//! ## Why
//!
//! It passes whatever the code does, as long as nothing raises. It counts as a test and proves nothing.
//!
//! ## Example
//!
//! ```python
//! def test_import():
//!     run_import("products.csv")
//! ```
//!
//! ## Use instead
//!
//! ```python
//! def test_import():
//!     assert run_import("products.csv") == 3
//! ```
//!
//! ## Gold standard
//!
//! 2026: `gold-test-creation`, `rules/testing`.
//!
//! ## How to mend
//!
//! Assert on the result or on the effect in the real service. If not raising is the point, say so by asserting on what is
//! returned.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Function;
use hallmark_python::index::Resolved;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "test-without-assertion",
    family: Family::Testing,
    severity: Severity::Warning,
    why: "It passes whatever the code does, as long as nothing raises. It counts as a test and proves nothing.",
    action: "assert what the code should have done",
    source: include_str!("test_without_assertion.rs"),
    checks: &[Check::Function(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, function: &Function) {
    let body = &function.body;
    if !context.is_test_file()
        || !function.name.starts_with("test")
        || body.asserts > 0
        || body.can_fail
        || body.not_implemented.is_some()
        || !is_collected(context, function)
    {
        return;
    }
    let marked = |path: &str| {
        path.starts_with("pytest.mark.skip")
            || path.starts_with("pytest.mark.xfail")
            || path.ends_with(".fixture")
            || path.contains("benchmark")
    };
    if function.decorators.iter().filter_map(|d| d.path.as_deref()).any(marked)
        || function.params.iter().any(|p| &*p.name == "benchmark")
        || body.calls.iter().any(|name| helper_can_fail(context, name))
    {
        return;
    }
    context.report(function.span, function.scope, format!("`{}` asserts nothing", function.name));
}

/// Whether pytest would run it: a function of the file, or a method of a class called `Test...`.
fn is_collected(context: &Context<'_>, function: &Function) -> bool {
    let file = context.module().path.rsplit('/').next().unwrap_or_default();
    let named = file.starts_with("test_") || file.ends_with("_test.py");
    let class = function.class.and_then(|index| context.module().classes.get(index as usize));
    let own_class = class.is_none_or(|c| {
        c.name.starts_with("Test") || c.bases.iter().flatten().any(|b| b.ends_with("TestCase"))
    });
    let nested = context.module().function_of(function.scope).is_some();
    named && own_class && !nested
}

/// Whether a function of this name, of the file, of an imported module of the project or of a base class, can fail a test.
fn helper_can_fail(context: &Context<'_>, name: &str) -> bool {
    let module = context.module();
    if module.functions.iter().any(|f| &*f.name == name && (f.body.can_fail || f.body.asserts > 0)) {
        return true;
    }
    let Some(import) = module.imports.iter().find(|i| &*i.bound == name) else {
        // A method that no class of the file defines comes from a base; what that does cannot be said from its name.
        return !module.functions.iter().any(|f| &*f.name == name)
            && module.classes.iter().any(|c| context.ancestors(c).iter().any(|a| matches!(a, Resolved::Class(found) if found.module.methods(found.class).any(|m| &*m.name == name && m.can_fail))));
    };
    let home = context.index().module(&import.module);
    home.is_some_and(|home| {
        home.functions.iter().any(|f| f.name == *import.name.as_ref().unwrap_or(&import.bound) && f.can_fail)
    })
}
