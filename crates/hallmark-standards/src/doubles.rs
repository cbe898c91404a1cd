//! What several rules about doubles ask.

use hallmark_python::facts::Import;

use crate::Context;

/// The mocking primitive that an import binds, if it binds one: from `unittest.mock` or `mock`, directly or through a
/// re-export of the project.
pub(crate) fn primitive(context: &Context<'_>, import: &Import) -> Option<String> {
    const HARMLESS: &[&str] = &["ANY", "DEFAULT", "FILTER_DIR", "call", "sentinel"];
    let path = import.path();
    let path = if path.starts_with("unittest.mock") { path } else { context.canonical(&path) };
    let is_own = |root: &str| context.index().module(root, context.module()).is_some();
    let rest = match path.strip_prefix("unittest.mock") {
        Some(rest) => rest,
        None => path
            .strip_prefix("mock")
            .filter(|rest| (rest.is_empty() || rest.starts_with('.')) && !is_own("mock"))?,
    };
    let name = rest.strip_prefix('.').unwrap_or(rest);
    (!HARMLESS.contains(&name) && !rest.contains("()")).then_some(path.clone())
}
