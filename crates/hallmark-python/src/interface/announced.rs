//! What a file tells other programs about by calls: nodes, types of nodes, markers of tests.

use super::Announced;
use crate::facts::{Call, Module, Name, Value};

/// The name that stands for one that cannot be read.
const UNREADABLE: &str = "*";

pub(super) fn of(module: &Module) -> Announced {
    let mut announced = Announced::default();
    for call in &module.calls {
        match call.callee.rsplit('.').next().unwrap_or_default() {
            "add_node" => announced.node_types.extend(kind(call).map(Name::from)),
            "addinivalue_line" if is_markers(call) => announced.markers.push(marker(call)),
            "register" if call.callee.contains("NodeRegistry") => announced.nodes.extend(registered(call)),
            "register_node" => announced
                .nodes
                .extend(alias_of(call.keyword("alias").or(call.positional(0)).map(|arg| &arg.value))),
            _ => {}
        }
    }
    for names in [&mut announced.nodes, &mut announced.node_types, &mut announced.markers] {
        names.sort_unstable();
        names.dedup();
    }
    announced
}

/// The type that is given to `add_node` as a text.
fn kind(call: &Call) -> Option<&str> {
    call.positional(0).or_else(|| call.keyword("node_type"))?.value.text()
}

fn is_markers(call: &Call) -> bool {
    // What is no text may be `"markers"` as well.
    call.positional(0).is_none_or(|arg| arg.value.text().is_none_or(|text| text == "markers"))
}

/// The marker in `config.addinivalue_line("markers", "chaos(kind): breaks things")`.
fn marker(call: &Call) -> Name {
    let line = call.positional(1).or_else(|| call.keyword("line")).and_then(|arg| arg.value.text());
    line.map_or_else(|| UNREADABLE.into(), |line| marker_name(line).into())
}

/// The name in a line that registers a marker: `name: description` or `name(arguments): description`.
#[must_use]
pub fn marker_name(line: &str) -> &str {
    line.split([':', '(']).next().unwrap_or_default().trim()
}

/// The name under which `NodeRegistry.register(cls, alias=...)` registers a node.
fn registered(call: &Call) -> Option<Name> {
    let class = call.positional(0).or_else(|| call.keyword("node_class")).map(|arg| &arg.value);
    let alias = call.keyword("alias").or_else(|| call.positional(1)).map(|arg| &arg.value);
    if call.has_spread() {
        return Some(UNREADABLE.into());
    }
    match (alias, class) {
        (Some(_), _) => alias_of(alias),
        // A class that is a variable, of a parameter or of a loop, has a name that nobody knows.
        (None, Some(Value::Path(path))) if !path.starts_with('$') && !path.ends_with("()") => None,
        _ => Some(UNREADABLE.into()),
    }
}

fn alias_of(alias: Option<&Value>) -> Option<Name> {
    match alias? {
        Value::Text(text) => Some(text.clone()),
        Value::Nothing => None,
        _ => Some(UNREADABLE.into()),
    }
}
