//! ## What it does
//!
//! Finds imports of names and modules that the SDK of the edition in force does not have: `BaseNode`, `dataflow.Field`, modules
//! that moved to other packages, and names of distributions used as modules (`kailash_dataflow`). Every module of the SDK with
//! its names is known, of one version for each edition. What stands in a `try` that catches a failed import is left alone, and so
//! is a module that makes its names at run time.
//!
//! ## Why
//!
//! The import fails, and with it every test and every workflow that reaches the file.
//!
//! ## Example
//!
//! ```python
//! from kailash.nodes.base import BaseNode
//! ```
//!
//! ## Use instead
//!
//! ```python
//! from kailash.nodes.base import Node
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-001. Which names exist depends on the SDK's version: `kailash.nodes.ai`, `kailash.nodes.rag` and
//! `kailash.mcp_server` existed in the SDK of the edition 2025 (0.9) and do not in that of 2026 (2.65). Under 2025
//! `SecureGovernedNode` is a class of the project; under 2026 it is `kailash.nodes.governance.SecureGovernedNode`.
//!
//! ## How to mend
//!
//! Use the name that the finding gives, or the version of the SDK that has the one you use: `[standards] edition` says which
//! one is meant.

use std::collections::BTreeSet;

use hallmark_core::nearest;
use hallmark_diagnostics::Severity;
use hallmark_python::facts::Import;

use crate::rule::{Check, Family, Rule};
use crate::sdk::table::{Known, Table};
use crate::{Context, Edition};

pub(crate) static RULE: Rule = Rule {
    name: "unknown-sdk-name",
    family: Family::Imports,
    severity: Severity::Error,
    why: "The import fails, and with it every test and every workflow that reaches the file.",
    action: "use a name that the SDK has",
    source: include_str!("unknown_sdk_name.rs"),
    checks: &[Check::Import(check)],
    ..Rule::STABLE
};

/// Names that no edition has, with what is meant.
const NAMES: &[(&str, &str, &str)] = &[
    ("dataflow", "Field", "annotate the field with its plain Python type; DataFlow has no `Field`"),
    ("kailash.nodes.base", "BaseNode", "write `from kailash.nodes.base import Node`"),
    ("kailash.nodes", "BaseNode", "write `from kailash.nodes.base import Node`"),
];

/// Modules that no edition has, with what is meant.
const MODULES: &[(&str, &str)] = &[
    ("kailash.core.nodes", "write `from kailash.nodes.base import Node`"),
    ("kailash.core.parameter", "write `from kailash.nodes.base import NodeParameter`"),
    ("kailash.dataflow", "write `from dataflow import DataFlow`"),
    ("kailash.nexus", "write `from nexus import Nexus`"),
    (
        "kailash_dataflow",
        "write `from dataflow import DataFlow`: `kailash-dataflow` is only the distribution's name",
    ),
    ("kailash_nexus", "write `from nexus import Nexus`: `kailash-nexus` is only the distribution's name"),
];

/// Modules that left the SDK between the editions.
const MOVED: &[(&str, &str)] = &[
    ("kailash.mcp_server", "install `kailash-mcp` and import from `kailash_mcp`"),
    ("kailash.nodes.ai", "install `kailash-kaizen` and import from `kaizen`"),
    ("kailash.nodes.rag", "install `kailash-kaizen` and import from `kaizen`"),
];

fn check(context: &mut Context<'_>, import: &Import) {
    let module = &*import.module;
    let guarded = import.guard.import_try || import.guard.handler || import.guard.type_checking;
    if import.level > 0
        || guarded
        || context.index().is_own(module)
        || context.is_expected_to_fail(import.span, import.scope)
    {
        return;
    }
    let top = module.split('.').next().unwrap_or(module);
    let (edition, version) = (context.edition(), context.edition().sdk_version());
    let table = Table::of(edition);
    let known = match (module_hint(module, edition), table.distribution(module)) {
        (Some(_), _) => Known::NoModule,
        // A project may have a package of its own under the name of one of the SDK's.
        (None, Some(_)) if !context.index().is_own(top) => table.look_up(module, import.name.as_deref()),
        _ => Known::There,
    };
    match (known, import.name.as_deref()) {
        (Known::There, None) => {}
        (Known::There, Some(name)) => {
            if let Some(action) = name_hint(module, name, edition) {
                let message = format!("`{module}` has no `{name}` in the SDK {version}");
                context.report(import.span, import.scope, message).action(action);
            }
        }
        (Known::NoModule, name) => {
            if import.first || name.is_none() {
                let message = format!("there is no module `{module}` in the SDK {version}");
                let moved = MOVED.iter().any(|(known, _)| is_below(module, known));
                let home = name.and_then(|name| table.home(name)).filter(|_| moved);
                // Where the very name went is more than where most of its module did.
                let hint = module_hint(module, edition).filter(|_| home.is_none());
                let action = hint.map_or_else(|| elsewhere(table, import), str::to_owned);
                context.report(import.span, import.scope, message).action(action);
            }
        }
        (Known::NoName, name) => {
            let name = name.unwrap_or_default();
            let message = format!("`{module}` has no `{name}` in the SDK {version}");
            let action = name_hint(module, name, edition).map(str::to_owned);
            let action = action.unwrap_or_else(|| elsewhere(table, import));
            context.report(import.span, import.scope, message).action(action);
        }
    }
}

/// Where the SDK has what is imported, or the name that comes nearest.
fn elsewhere(table: &Table, import: &Import) -> String {
    let module = &*import.module;
    if let Some(name) = import.name.as_deref()
        && let Some(home) = table.home(name)
    {
        let written = format!("write `from {home} import {name}`");
        return match (table.distribution(home), table.distribution(module)) {
            (Some(other), own) if Some(other) != own => format!("{written}, from the distribution `{other}`"),
            _ => written,
        };
    }
    if table.look_up(module, None) == Known::NoModule {
        return match nearest(module, table.modules()) {
            Some(near) => format!("did you mean the module `{near}`?"),
            None => "use a module that the SDK has".to_owned(),
        };
    }
    let names: BTreeSet<&str> = table.names(module).filter(|name| !name.is_empty()).collect();
    match import.name.as_deref().and_then(|name| nearest(name, names)) {
        Some(near) => format!("did you mean `{near}`? or use the version of the SDK that has the name"),
        None => "use a name that the module has, or the version of the SDK that has this one".to_owned(),
    }
}

fn module_hint(module: &str, edition: Edition) -> Option<&'static str> {
    let moved = if edition == Edition::E2026 { MOVED } else { &[] };
    MODULES.iter().chain(moved).find(|(known, _)| is_below(module, known)).map(|(_, action)| *action)
}

/// Whether a module is another one or lies in it.
fn is_below(module: &str, other: &str) -> bool {
    module.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn name_hint(module: &str, name: &str, edition: Edition) -> Option<&'static str> {
    if (module, name) == ("kailash.nodes.base", "SecureGovernedNode") {
        return Some(match edition {
            Edition::E2025 => "define the governed base class in the project and import it from there",
            Edition::E2026 => "write `from kailash.nodes.governance import SecureGovernedNode`",
        });
    }
    NAMES.iter().find(|(m, n, _)| (*m, *n) == (module, name)).map(|(.., action)| *action)
}
