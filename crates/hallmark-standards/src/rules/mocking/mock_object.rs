//! ## What it does
//!
//! Finds a mock that is built: a call of `Mock`, `MagicMock`, `AsyncMock`, `PropertyMock`, `NonCallableMock`,
//! `create_autospec` or `mock_open`, under any alias, and a class that derives from one.
//!
//! ## Why
//!
//! A mock answers whatever the test tells it to. The test passes whatever the real service does, so it proves nothing about
//! it.
//!
//! ## Example
//!
//! ```python
//! connection = MagicMock(spec=asyncpg.Connection)
//! ```
//!
//! ## Use instead
//!
//! ```python
//! connection = await asyncpg.connect(os.environ["DATABASE_URL"])
//! ```
//!
//! ## Gold standard
//!
//! NO-MOCKING. 2025: test creation guide, "no mocking in tiers 2 and 3"; 2026: `gold-mocking-policy` and `rules/testing`.
//! Under `--profile strict` the requirements' reading applies: no double in any tier.
//!
//! ## How to mend
//!
//! Connect to the running stack (`hallmark up`), or move the test to the unit tier.

use hallmark_diagnostics::Severity;
use hallmark_python::Module;
use hallmark_python::facts::{Call, Class};

use crate::Context;
use crate::doubles::{BUILT, member, primitive, service_behind};
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "mock-object",
    family: Family::Mocking,
    severity: Severity::Error,
    why: "A mock answers whatever the test tells it to. The test passes whatever the real service does, so it proves nothing about it.",
    action: "connect to the running stack (hallmark up), or move the test to the unit tier",
    source: include_str!("mock_object.rs"),
    checks: &[Check::CallTo(BUILT, check_call), Check::Class(check_class), Check::Module(check_given)],
    ..Rule::STABLE
};

fn check_call(context: &mut Context<'_>, call: &Call) {
    let Some(name) = built(context, &context.canonical(&call.callee)) else { return };
    let spec =
        [call.keyword("spec"), call.keyword("spec_set"), call.positional(0)].into_iter().flatten().next();
    let target = spec.and_then(|a| a.value.path()).map(|p| context.canonical(p));
    let message = match target.as_deref().and_then(|target| service_behind(context, target)) {
        Some(service) => format!("a mock, built by `{name}`, stands in for {service}"),
        None => format!("a mock, built by `{name}`, stands in for the real thing"),
    };
    context.report_double(call.head, call.scope, message);
}

fn check_class(context: &mut Context<'_>, class: &Class) {
    let base = class.bases.iter().flatten().find_map(|base| built(context, &context.canonical(base)));
    if let Some(base) = base {
        context.report_double(class.span, class.scope, format!("`{}` derives from {base}", class.name));
    }
}

/// The class of a mock that is given to something that will build it, as `default_factory=MagicMock`.
fn check_given(context: &mut Context<'_>, module: &Module) {
    let imported = module.imports.iter().filter(|import| primitive(context, import).is_some());
    let roots: Vec<String> = imported.map(|import| import.path()).collect();
    if roots.is_empty() {
        return;
    }
    for call in &module.calls {
        // What a patch or a mock is told about itself is part of it, and who asks what something is builds nothing.
        let callee = context.canonical(&call.callee);
        if member(context, &callee).is_some() || callee.starts_with("builtins.") {
            continue;
        }
        for arg in &call.args {
            let Some(path) = arg.value.path().filter(|path| !path.ends_with(')')) else { continue };
            if roots.iter().any(|root| path.starts_with(root.as_str()))
                && let Some(name) = built(context, &context.canonical(path))
            {
                context.report_double(arg.span, call.scope, format!("`{name}` is given away to build mocks"));
            }
        }
    }
}

/// The name of the primitive that a path builds.
fn built(context: &Context<'_>, path: &str) -> Option<&'static str> {
    let name = member(context, path)?;
    BUILT.iter().copied().find(|built| *built == name)
}
