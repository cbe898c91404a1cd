//! What several rules about doubles ask.

use hallmark_python::facts::{Function, Import, Name, Names, Param, Value};
use hallmark_python::index::{ClassRef, Resolved};
use hallmark_python::names::double_word;

use crate::{Context, sdk};

/// What `unittest.mock` builds doubles with.
pub(crate) const BUILT: &[&str] = &[
    "AsyncMock",
    "MagicMock",
    "Mock",
    "NonCallableMagicMock",
    "NonCallableMock",
    "PropertyMock",
    "ThreadingMock",
    "create_autospec",
    "mock_open",
];

/// The forms of `patch`.
pub(crate) const PATCHES: &[&str] = &["patch", "patch.object", "patch.dict", "patch.multiple"];

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
    let is_fixture = paths.any(hallmark_python::fixtures::is_fixture);
    if !context.is_test_file() || !(function.name.starts_with("test") || is_fixture) {
        return None;
    }
    let own = |name: &str| {
        context.module().functions.iter().any(|f| &*f.name == name)
            || context.index().conftests().any(|home| home.functions.iter().any(|f| &*f.name == name))
    };
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

/// What stands behind a path, as "PostgreSQL" or "Neo4j and Redis": a client library that everybody knows, or code of the
/// project that calls one.
pub(crate) fn service_behind(context: &Context<'_>, path: &str) -> Option<String> {
    let plain = path.replace("()", "");
    let canonical = context.canonical(&plain);
    let root = canonical.split('.').next().unwrap_or_default();
    if let Some(service) = hallmark_python::clients::service_of_library(root)
        && !context.index().is_own(root)
    {
        return Some(service.to_owned());
    }
    let services = services_of_own(context, &canonical);
    if services.is_empty() {
        return sdk::service_of(&canonical).map(str::to_owned);
    }
    let names: Vec<&str> = services.iter().map(|name| &**name).collect();
    Some(names.join(" and "))
}

/// The services that a class, method, function, attribute or module of the project talks to.
fn services_of_own(context: &Context<'_>, path: &str) -> Names {
    if let Resolved::Class(class) = context.index().resolve(path) {
        return services_of_class(context, class);
    }
    let Some((holder, name)) = path.rsplit_once('.') else {
        return context.index().module(path).map(|m| m.services.clone()).unwrap_or_default();
    };
    if let Resolved::Class(class) = context.index().resolve(holder) {
        let method = |class: ClassRef<'_>| {
            let method = class.module.methods(class.class).find(|method| &*method.name == name);
            method.map(|method| method.services.clone())
        };
        let inherited = || {
            context.index().ancestors(class).into_iter().find_map(|ancestor| match ancestor {
                Resolved::Class(parent) => method(parent),
                Resolved::Path(_) => None,
            })
        };
        // Not a method: what the object holds, as its connection or client.
        return method(class).or_else(inherited).unwrap_or_else(|| services_of_class(context, class));
    }
    if let Some(module) = context.index().module(holder) {
        let function = module.functions.iter().find(|f| f.top_level && &*f.name == name);
        return function.map(|f| f.services.clone()).unwrap_or_default();
    }
    context.index().module(path).map(|m| m.services.clone()).unwrap_or_default()
}

/// The services that a class and those it derives from talk to.
pub(crate) fn services_of_class(context: &Context<'_>, class: ClassRef<'_>) -> Names {
    let mut services = class.class.services.clone();
    for ancestor in context.index().ancestors(class) {
        match ancestor {
            Resolved::Class(parent) => services.extend(parent.class.services.iter().cloned()),
            Resolved::Path(path) => services.extend(sdk::service_of(&path).map(Name::from)),
        }
    }
    services.sort_unstable();
    services.dedup();
    services
}

/// Whether a value that is put in the place of something real is a double: a lambda, a mock, a function of the test file
/// itself, or an object of a class named as a double.
pub(crate) fn is_double_value(context: &Context<'_>, value: &Value) -> bool {
    let path = match value {
        Value::Lambda => return true,
        Value::Path(path) => &**path,
        _ => return false,
    };
    let last = path.trim_end_matches("()").rsplit('.').next().unwrap_or_default();
    let module = context.module();
    let is_own_function =
        path.strip_prefix(&*module.name).and_then(|rest| rest.strip_prefix('.')).is_some_and(|name| {
            module
                .functions
                .iter()
                .any(|f| f.class.is_none() && &*f.name == name && !f.name.starts_with("test"))
        });
    double_word(last).is_some()
        || is_own_function
        || member(context, &context.canonical(path)).is_some_and(|rest| rest.contains("()"))
}
