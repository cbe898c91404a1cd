//! ## What it does
//!
//! Finds an import of a mocking primitive that nothing uses, neither in the file nor in another that imports it from there.
//!
//! ## Why
//!
//! It replaces nothing, but every search for mocks finds it, and the next author will use what is already there.
//!
//! ## Example
//!
//! ```python
//! from unittest.mock import Mock  # and never used
//! ```
//!
//! ## Use instead
//!
//! ```python
//! # nothing
//! ```
//!
//! ## Gold standard
//!
//! NO-MOCKING. An import that is never used is no violation; it is a false signal.
//!
//! ## How to mend
//!
//! Delete it.

use hallmark_diagnostics::{Edit, Fix, Severity};
use hallmark_python::facts::Import;

use crate::Context;
use crate::doubles::primitive;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "unused-mock-import",
    family: Family::Mocking,
    severity: Severity::Warning,
    why: "It replaces nothing, but every search for mocks finds it, and the next author will use what is already there.",
    action: "delete the import",
    source: include_str!("unused_mock_import.rs"),
    checks: &[Check::Import(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, import: &Import) {
    let handed_on = import.name.as_deref().is_some_and(|name| name == "*");
    if import.used || context.is_handed_on(if handed_on { "*" } else { &import.bound }) {
        return;
    }
    let Some(name) = primitive(context, import) else { return };
    let fix = fix(context, import);
    let message = format!("`{name}`, a mocking primitive, is imported and never used");
    let raw = context.report(import.span, import.scope, message);
    if let Some(fix) = fix {
        raw.fix(fix);
    }
}

/// Deletes what nothing uses of the statement, at its first such name. Offered in test files only, which no other file imports
/// from inside its functions, and where the statement has no comment in it.
fn fix(context: &Context<'_>, import: &Import) -> Option<Fix> {
    let module = context.module();
    let file = module.path.rsplit('/').next().unwrap_or_default();
    let is_test = file.starts_with("test_") || file.ends_with("_test.py");
    let lines = import.lines.filter(|_| is_test)?;
    let whole: Vec<&Import> = module.imports.iter().filter(|i| i.statement == import.statement).collect();
    let kept = |i: &&&Import| i.used || primitive(context, i).is_none();
    let first = whole.iter().find(|i| !kept(i))?;
    if first.span != import.span {
        return None;
    }
    let rest: Vec<String> = whole.iter().filter(kept).map(|i| alias(i)).collect();
    let prefix = match &import.name {
        Some(_) => format!("from {} import ", written_module(import)?),
        None => "import ".to_owned(),
    };
    // Spelled otherwise, as over several lines, there may be comments in between.
    let all: Vec<String> = whole.iter().map(|i| alias(i)).collect();
    let length = prefix.len() + all.join(", ").len();
    if length as u64 != u64::from(import.statement.end - import.statement.start) {
        return None;
    }
    let edit = if rest.is_empty() {
        Edit { start: lines.start, end: lines.end, content: String::new() }
    } else {
        let content = format!("{prefix}{}", rest.join(", "));
        Edit { start: import.statement.start, end: import.statement.end, content }
    };
    Some(Fix::safe("Delete the unused import", vec![edit]))
}

/// The module as the statement names it; relative ones are left alone.
fn written_module(import: &Import) -> Option<&str> {
    (import.level == 0).then_some(&*import.module)
}

/// An imported name as the statement writes it.
fn alias(import: &Import) -> String {
    let written = import.name.as_ref().unwrap_or(&import.module);
    let plain = match import.name {
        Some(_) => *import.bound == **written,
        None => written.split('.').next() == Some(&*import.bound),
    };
    if plain { written.to_string() } else { format!("{written} as {}", import.bound) }
}
