//! The names of the Kailash SDK that rules ask for, in every spelling that an edition accepts or once did.

pub(crate) mod table;

use table::Table;

use crate::Edition;

/// The builder, by its own module.
pub(crate) const BUILDER: &str = "kailash.workflow.builder.WorkflowBuilder";

/// The base class of nodes, by its own module.
pub(crate) const NODE: &str = "kailash.nodes.base.Node";

/// The declaration of a parameter, by its own module.
pub(crate) const PARAMETER: &str = "kailash.nodes.base.NodeParameter";

/// The decorator that registers a node, by its own module.
pub(crate) const REGISTER: &str = "kailash.nodes.base.register_node";

/// Core names and the module that defines each.
pub(crate) const CORE: &[(&str, &str)] = &[
    ("AsyncLocalRuntime", "kailash.runtime.async_local"),
    ("AsyncNode", "kailash.nodes.base_async"),
    ("LocalRuntime", "kailash.runtime.local"),
    ("Node", "kailash.nodes.base"),
    ("NodeParameter", "kailash.nodes.base"),
    ("NodeRegistry", "kailash.nodes.base"),
    ("WorkflowBuilder", "kailash.workflow.builder"),
    ("register_node", "kailash.nodes.base"),
];

/// The path with its core name spelled by the module that defines it, if the module that it names gives it in some edition;
/// other paths as they are.
pub(crate) fn normalise(path: &str) -> String {
    let (head, tail) = match path.find("()") {
        Some(at) => path.split_at(at),
        None => (path, ""),
    };
    if head.starts_with("kailash.") {
        // `kailash.nodes.base.NodeRegistry.register`: the core name may stand before a method.
        let mut end = head.len();
        while let Some(dot) = head[..end].rfind('.') {
            let name = &head[dot + 1..end];
            if let Some((name, module)) = CORE.iter().find(|(core, _)| *core == name)
                && is_given(&head[..dot], name)
            {
                return format!("{module}.{name}{}{tail}", &head[end..]);
            }
            end = dot;
        }
    }
    path.to_owned()
}

/// Whether a module of the SDK gives this name, in whatever edition.
fn is_given(module: &str, name: &str) -> bool {
    [Edition::E2026, Edition::E2025].into_iter().any(|edition| Table::of(edition).gives(module, name))
}

/// Whether a path is a runtime that executes without being awaited.
pub(crate) fn is_sync_runtime(path: &str) -> bool {
    matches!(
        path,
        "kailash.runtime.local.LocalRuntime"
            | "kailash.runtime.parallel.ParallelRuntime"
            | "kailash.runtime.docker.DockerRuntime"
    )
}

/// Whether a path is a runtime.
pub(crate) fn is_runtime(path: &str) -> bool {
    path.starts_with("kailash.runtime.") && path.ends_with("Runtime")
}

/// Whether a base class outside the project is one of the SDK's nodes.
pub(crate) fn is_node_base(path: &str) -> bool {
    let path = normalise(path);
    path == NODE
        || path == "kailash.nodes.base_async.AsyncNode"
        || (path.starts_with("kailash.nodes.") && path.ends_with("Node"))
}

/// The service that a module or a dotted target belongs to, if it names a client library that everybody knows.
pub(crate) use hallmark_python::clients::service_of;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_names_have_one_spelling() {
        assert_eq!(
            normalise("kailash.WorkflowBuilder().build"),
            "kailash.workflow.builder.WorkflowBuilder().build"
        );
        assert_eq!(
            normalise("kailash.nodes.NodeRegistry.register"),
            "kailash.nodes.base.NodeRegistry.register"
        );
        assert_eq!(normalise("other.WorkflowBuilder()"), "other.WorkflowBuilder()");
        assert_eq!(normalise("kailash.invented.WorkflowBuilder()"), "kailash.invented.WorkflowBuilder()");
    }

    #[test]
    fn services_are_told_by_their_clients() {
        assert_eq!(service_of("app.db.asyncpg.connect"), Some("PostgreSQL"));
        assert_eq!(service_of("app.cache.get"), None);
    }
}
