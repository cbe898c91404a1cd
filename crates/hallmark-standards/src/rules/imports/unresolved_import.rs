//! ## What it does
//!
//! Finds imports of modules that nothing has: not Python's standard library, not the project, not a distribution that the project
//! declares in `pyproject.toml`, `setup.cfg`, `setup.py`, `Pipfile` or a file of requirements, and not the SDK. An import that may
//! fail is left alone: in a `try` that catches it, under a condition, or for type checkers only. A project that declares no
//! dependencies is not asked for those that it does not declare; what a declared distribution brings with it is known from a lock
//! file, and without one well-known distributions are taken to be there.
//!
//! ## Why
//!
//! The import fails, and with it every test and every workflow that reaches the file.
//!
//! ## Example
//!
//! ```python
//! from catalog.modles import Product
//! ```
//!
//! ## Use instead
//!
//! ```python
//! from catalog.models import Product
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-001. A module that was never committed is the most frequent reason why a checked-out project does not run.
//!
//! ## How to mend
//!
//! Correct the module, commit the one that is missing, or declare the distribution that has it.

use hallmark_core::nearest;
use hallmark_diagnostics::Severity;
use hallmark_python::facts::Import;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::sdk::table::Table;
use crate::surroundings::distributions;

pub(crate) static RULE: Rule = Rule {
    name: "unresolved-import",
    family: Family::Imports,
    severity: Severity::Error,
    why: "The import fails, and with it every test and every workflow that reaches the file.",
    action: "correct the module, or declare the distribution that has it",
    source: include_str!("unresolved_import.rs"),
    checks: &[Check::Import(check)],
    ..Rule::STABLE
};

/// What the import lacks.
enum Lack {
    /// The project has the package, but not this module in it.
    Module,
    /// Nothing has the module at the top.
    Top,
}

fn check(context: &mut Context<'_>, import: &Import) {
    let guard = import.guard;
    let may_fail = guard.import_try || guard.handler || guard.type_checking || guard.conditional;
    // One finding says it for all names of the statement.
    if may_fail || (import.name.is_some() && !import.first) || context.is_platform_shim(import) {
        return;
    }
    let Some(lack) = lack(context, import) else { return };
    if context.is_expected_to_fail(import.span, import.scope) || is_made(context, import) {
        return;
    }
    let module = &*import.module;
    let top = module.split('.').next().unwrap_or(module);
    let (message, action) = match lack {
        Lack::Module => {
            let message = format!("the project has no module `{module}`");
            (
                message,
                near(context, module)
                    .map(|near| format!("did you mean `{near}`? or commit the module that is missing")),
            )
        }
        Lack::Top => {
            let message =
                format!("nothing has a module `{top}`: not Python, not the project, not what it declares");
            let action = match distributions::of(top).next() {
                Some(distribution) => Some(format!("declare the distribution `{distribution}`")),
                None if distributions::is_well_known(top) => {
                    Some(format!("declare the distribution `{top}`"))
                }
                None => near(context, module)
                    .map(|near| format!("did you mean `{near}`? or declare the distribution that has it")),
            };
            (message, action)
        }
    };
    let raw = context.report(import.span, import.scope, message);
    if let Some(action) = action {
        raw.action(action);
    }
}

/// Whether nothing has what is imported, as far as that can be told.
fn lack(context: &Context<'_>, import: &Import) -> Option<Lack> {
    let module = &*import.module;
    let top = module.split('.').next().unwrap_or(module);
    let around = context.surroundings();
    let view = context.index();
    let there = |module: &str| view.is_somewhere(module) || around.has_place(module);
    if module.is_empty() || there(module) || is_generated(module) {
        return None;
    }
    if import.level > 0 {
        // `from .x import y` beside the file: its folder is known, so its modules are.
        return Some(Lack::Module);
    }
    let standard = distributions::is_standard(top);
    let declared = around.dependencies();
    if standard || Table::of(context.edition()).distribution(top).is_some() || declared.provide(top) {
        return None;
    }
    let known = distributions::is_well_known(top);
    if around.has_name(top) || view.is_somewhere(top) {
        // A folder may bear the name of a distribution by chance.
        return (!known && module != top).then_some(Lack::Module);
    }
    if declared.is_empty() || (known && !declared.is_locked()) {
        return None;
    }
    Some(Lack::Top)
}

/// Whether a module of this name is usually made when the project is built.
fn is_generated(module: &str) -> bool {
    let last = module.rsplit('.').next().unwrap_or(module);
    ["_pb2", "_pb2_grpc", "_version", "version", "_generated"].iter().any(|end| last.ends_with(end))
}

/// Whether the file itself puts something in the module's place, or goes on without it.
fn is_made(context: &Context<'_>, import: &Import) -> bool {
    let module = &*import.module;
    let top = module.split('.').next().unwrap_or(module);
    let named = |text: &str| text == module || text == top;
    let file = context.module();
    file.assigns.iter().any(|assign| assign.target.as_deref() == Some("sys.modules") && named(&assign.name))
        || file.calls.iter().any(|call| {
            let asked =
                ["importorskip", "find_spec", "setitem"].iter().any(|name| call.callee.ends_with(name))
                    && call.args.iter().any(|arg| arg.value.text().is_some_and(named));
            // A function that extends the path, as one does for modules that it writes itself.
            asked || (import.scope != 0 && call.scope == import.scope && call.callee.starts_with("sys.path."))
        })
}

/// The module of the project that comes nearest: one of the same last name, or one that is spelled nearly so.
fn near(context: &Context<'_>, module: &str) -> Option<String> {
    let last = module.rsplit('.').next().unwrap_or(module);
    let mut same = context.index().names().filter(|name| name.rsplit('.').next() == Some(last));
    let one = same.next().filter(|one| same.all(|other| other == *one));
    one.or_else(|| nearest(module, context.index().names())).map(str::to_owned)
}
