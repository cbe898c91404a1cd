//! What the files of a project tell the registry of nodes and pytest, joined.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash as _, Hasher as _};

use hallmark_python::Interface;
use hallmark_python::facts::Name;
use hallmark_python::index::Index;
use rustc_hash::{FxHashSet, FxHasher};
use serde::{Deserialize, Serialize};

use crate::tier;

/// The name that stands for one that cannot be read.
const UNREADABLE: &str = "*";

/// The operations for which DataFlow makes a node of each model.
const OPERATIONS: &[&str] = &[
    "BulkCreate",
    "BulkDelete",
    "BulkUpdate",
    "BulkUpsert",
    "Count",
    "Create",
    "Delete",
    "List",
    "Read",
    "Update",
    "Upsert",
];

/// Nodes and markers that files announce.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Announced {
    /// Names that a node of the project may bear: of classes, and those given at registration.
    nodes: FxHashSet<Name>,
    /// Names that nodes of the project surely bear, and models, to choose the nearest from.
    registered: BTreeSet<Name>,
    models: BTreeSet<Name>,
    /// Whether the product registers a node under a name that cannot be read.
    any_node: bool,
    /// Markers that calls register, by the folder in which they count.
    markers: BTreeMap<Name, FxHashSet<Name>>,
    /// Equal for equal nodes.
    pub(crate) digest: u64,
    /// Equal for equal markers.
    pub(crate) markers_digest: u64,
}

impl Announced {
    pub(crate) fn new(index: &Index) -> Self {
        let mut all = Self::default();
        for module in index.modules() {
            for class in &module.classes {
                all.nodes.insert(class.name.clone());
                if let Some(name) = &class.registered_as {
                    all.nodes.insert(name.clone());
                    all.registered.insert(name.clone());
                }
                if class.decorators.iter().any(|path| path.ends_with(".model")) {
                    all.models.insert(class.name.clone());
                }
            }
            for name in &module.announced.nodes {
                // What a test registers is there while it runs.
                all.any_node |= &**name == UNREADABLE && !tier::is_test_path(&module.path);
                all.nodes.insert(name.clone());
            }
            if !module.announced.markers.is_empty() {
                let markers = all.markers.entry(reach(&module.path).into()).or_default();
                markers.extend(module.announced.markers.iter().cloned());
            }
        }
        all.digest =
            digest(&all.nodes) ^ digest(&all.models).rotate_left(1) ^ digest(&all.registered).rotate_left(2);
        let of_folders = all
            .markers
            .iter()
            .map(|(folder, names)| digest([folder]).wrapping_mul(31).wrapping_add(digest(names)));
        all.markers_digest = of_folders.fold(0, |sum: u64, one| sum.wrapping_add(one));
        all
    }

    /// Whether a class or a call of the project may register a node under this name, as a file sees it.
    pub(crate) fn may_have_node(&self, name: &str, from: &Interface) -> bool {
        self.any_node
            || self.nodes.contains(name)
            || model_of(name).is_some_and(|model| self.nodes.contains(model))
            || from.announced.nodes.iter().any(|name| &**name == UNREADABLE)
    }

    /// Names that nodes of the project have, those of models included, sorted.
    pub(crate) fn node_names(&self) -> impl Iterator<Item = String> {
        let of_models = self
            .models
            .iter()
            .flat_map(|model| OPERATIONS.iter().map(move |operation| format!("{model}{operation}Node")));
        self.registered.iter().map(|name| name.to_string()).chain(of_models)
    }

    /// Models of the project, sorted.
    pub(crate) fn models(&self) -> impl Iterator<Item = &str> {
        self.models.iter().map(|name| &**name)
    }

    /// Whether a call registers this marker for the tests in a file, or one that cannot be read.
    pub(crate) fn has_marker(&self, file: &str, name: &str) -> bool {
        self.markers.iter().any(|(folder, names)| {
            let below =
                folder.is_empty() || file.strip_prefix(&**folder).is_some_and(|rest| rest.starts_with('/'));
            below && (names.contains(name) || names.contains(UNREADABLE))
        })
    }
}

/// The folder in which what a file registers with pytest counts: its own for a `conftest.py`, all for a plugin.
fn reach(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some((folder, "conftest.py")) => folder,
        _ => "",
    }
}

/// The model that a node of this name would belong to, if DataFlow could have made it.
pub(crate) fn model_of(node: &str) -> Option<&str> {
    let stem = node.strip_suffix("Node")?;
    OPERATIONS.iter().find_map(|operation| stem.strip_suffix(operation)).filter(|model| !model.is_empty())
}

/// A number that is equal for equal sets, in whatever order they are walked.
fn digest<'n>(names: impl IntoIterator<Item = &'n Name>) -> u64 {
    names.into_iter().fold(0, |sum, name| {
        let mut hasher = FxHasher::default();
        name.hash(&mut hasher);
        sum ^ hasher.finish()
    })
}

#[cfg(test)]
mod tests {
    use super::model_of;

    #[test]
    fn the_longest_operation_names_the_model() {
        assert_eq!(model_of("UserBulkCreateNode"), Some("User"));
        assert_eq!(model_of("UserUpsertNode"), Some("User"));
        assert_eq!(model_of("CreateNode"), None);
        assert_eq!(model_of("CSVReaderNode"), None);
    }
}
