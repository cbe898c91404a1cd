//! What several rules about doubles ask.

use hallmark_python::facts::{Function, Import, Param};

use crate::Context;

/// What `unittest.mock` has that replaces nothing.
const HARMLESS: &[&str] = &["ANY", "DEFAULT", "FILTER_DIR", "call", "sentinel"];

/// The mocking primitive that an import binds, if it binds one: from `unittest.mock` or `mock`, directly or through a
/// re-export of the project.
pub(crate) fn primitive(context: &Context<'_>, import: &Import) -> Option<String> {
    let first = import.module.split('.').next().unwrap_or_default();
    if !matches!(first, "unittest" | "mock") && !context.index().is_own(&import.module) {
        return None;
    }
    let path = import.path();
    let path = if path.starts_with("unittest.mock") { path } else { context.canonical(&path).to_string() };
    let is_own = |root: &str| context.index().is_own(root);
    let rest = match path.strip_prefix("unittest.mock") {
        Some(rest) => rest,
        None => path
            .strip_prefix("mock")
            .filter(|rest| (rest.is_empty() || rest.starts_with('.')) && !is_own("mock"))?,
    };
    let name = rest.strip_prefix('.').unwrap_or(rest);
    (!HARMLESS.contains(&name) && !rest.contains("()")).then_some(path.clone())
}

/// The parameter of one of these names for which a test or a fixture asks pytest; none if the file has a fixture of that name
/// itself.
pub(crate) fn asked_fixture<'f>(
    context: &Context<'_>,
    function: &'f Function,
    names: &[&str],
) -> Option<&'f Param> {
    let mut paths = function.decorators.iter().filter_map(|d| d.path.as_deref());
    let is_fixture = paths.any(|p| matches!(p, "pytest.fixture" | "pytest_asyncio.fixture"));
    if !context.is_test_file() || !(function.name.starts_with("test") || is_fixture) {
        return None;
    }
    let own = |name: &str| context.module().functions.iter().any(|f| &*f.name == name);
    function.params.iter().find(|p| names.contains(&&*p.name) && !own(&p.name))
}

/// Whether `name` is the mocking module itself and all that can be seen of its use in this file is `ANY`, `call` and the like.
pub(crate) fn only_values(context: &Context<'_>, name: &str) -> bool {
    if !matches!(name, "unittest.mock" | "mock" | "mock.mock") {
        return false;
    }
    let module = context.module();
    let args = module.calls.iter().flat_map(|c| c.args.iter().filter_map(|a| a.value.path()));
    let callees = module.calls.iter().map(|c| &*c.callee);
    let bases = module.classes.iter().flat_map(|c| c.bases.iter().flatten().map(|b| &**b));
    let mut used = args
        .chain(callees)
        .chain(bases)
        .filter_map(|path| path.strip_prefix(name)?.strip_prefix('.'))
        .peekable();
    let is_harmless = |member: &str| HARMLESS.contains(&member.split(['.', '(']).next().unwrap_or_default());
    used.peek().is_some() && used.all(is_harmless)
}

/// What a canonical path names inside the mocking library, as `patch.object`; a module of the project may be called `mock`.
pub(crate) fn member<'p>(context: &Context<'_>, path: &'p str) -> Option<&'p str> {
    if let Some(member) = path.strip_prefix("unittest.mock.") {
        return Some(member);
    }
    let member = path.strip_prefix("mock.")?;
    let is_own = context.index().is_own("mock");
    (!is_own).then(|| member.strip_prefix("mock.").unwrap_or(member))
}
