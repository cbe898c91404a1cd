//! What fixtures of pytest say of themselves, and what they put in the place of code.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::facts::{Call, Decorator, Function, Module, Name, ScopeKind, Value};
use crate::names;

/// The outside of a fixture.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FixtureFace {
    /// The name that tests ask for it by, if it is not the function's.
    pub name: Option<Name>,
    /// Whether tests get it without asking.
    pub autouse: bool,
    /// The path of what its body replaces code with: `unittest.mock.patch`, `$monkeypatch.setattr` ...
    pub replaces: Option<Name>,
    /// The path of the first tool of `unittest.mock` that its body builds a double with.
    pub builds: Option<Name>,
}

/// Whether a decorator makes a fixture.
#[must_use]
pub fn is_fixture(path: &str) -> bool {
    matches!(path, "pytest.fixture" | "pytest_asyncio.fixture" | "pytest.yield_fixture")
}

/// The fixtures of a file, by the place of their function.
pub(crate) fn of(module: &Module) -> FxHashMap<usize, FixtureFace> {
    let decorator = |function: &Function| -> Option<Decorator> {
        function.decorators.iter().find(|d| d.path.as_deref().is_some_and(is_fixture)).cloned()
    };
    let mut fixtures: FxHashMap<usize, (FixtureFace, Option<Decorator>)> = FxHashMap::default();
    for (place, function) in module.functions.iter().enumerate() {
        if let Some(decorator) = decorator(function) {
            fixtures.insert(place, (FixtureFace::default(), decorator.called.then_some(decorator)));
        }
    }
    if fixtures.is_empty() {
        return FxHashMap::default();
    }
    for call in &module.calls {
        if call.role.decorator && is_fixture(&call.callee) {
            let own = fixtures.values_mut().find(|(_, d)| d.as_ref().is_some_and(|d| d.span == call.span));
            if let Some((face, _)) = own {
                face.name = call.keyword("name").and_then(|a| a.value.text()).map(Name::from);
                face.autouse = call.keyword("autouse").is_some_and(|a| a.value == Value::Bool(true));
            }
        } else {
            let last = call.callee.rsplit('.').next().unwrap_or_default();
            let builds = names::is_mock_tool(last) && last != "patch";
            if !builds && !replaces(call) {
                continue;
            }
            let around = module.walk(call.scope).find_map(|kind| match kind {
                ScopeKind::Function(index) => fixtures.contains_key(&(index as usize)).then_some(index),
                _ => None,
            });
            if let Some((face, _)) = around.and_then(|index| fixtures.get_mut(&(index as usize))) {
                let place = if builds { &mut face.builds } else { &mut face.replaces };
                place.get_or_insert_with(|| call.callee.clone());
            }
        }
    }
    fixtures.into_iter().map(|(place, (face, _))| (place, face)).collect()
}

/// Whether a call has the form of one that puts something in the place of code: not of a setting, the environment or the
/// arguments of the process.
fn replaces(call: &Call) -> bool {
    let (holder, method) = call.callee.rsplit_once('.').unwrap_or(("", &call.callee));
    let first = call.positional(0).map(|a| &a.value);
    let is_environment = first
        .and_then(|value| value.path().or_else(|| value.text()))
        .is_some_and(|target| matches!(target, "os.environ" | "sys.argv" | "sys.path" | "sys"));
    if is_environment {
        return false;
    }
    let (target, place) = match (method, first.and_then(Value::text)) {
        ("patch", Some(target)) => (target, 1),
        _ => (call.positional(1).and_then(|a| a.value.text()).unwrap_or_default(), 2),
    };
    if is_setting(target, call.positional(place).or_else(|| call.keyword("new")).map(|a| &a.value)) {
        return false;
    }
    match method {
        "patch" => !holder.is_empty(),
        "object" | "dict" | "multiple" => holder.ends_with("patch"),
        "setattr" | "setitem" | "delattr" => {
            let place = if method == "setattr" && matches!(first, Some(Value::Text(_))) { 1 } else { 2 };
            let value = call.positional(place).or_else(|| call.keyword("value")).map(|a| &a.value);
            let is_code = value.is_none_or(|value| {
                matches!(value, Value::Path(_) | Value::Lambda | Value::Other | Value::Spread)
            });
            (holder.starts_with("$monkeypatch") || holder.contains("MonkeyPatch")) && is_code
        }
        _ => false,
    }
}

/// Whether a setting is replaced by another: a constant, in capitals, by a literal.
#[must_use]
pub fn is_setting(target: &str, value: Option<&Value>) -> bool {
    let name = target.rsplit('.').next().unwrap_or_default();
    let is_constant = name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name.len() > 1
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    is_constant && value.is_some_and(Value::is_literal)
}
