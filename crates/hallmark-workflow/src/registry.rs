//! The registry: every node by name, filled explicitly by whoever assembles the program.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hallmark_core::{Error, Result};
use serde_json::Value;

use crate::call::call;
use crate::govern::{check_value, echo, scrub};
use crate::nearest::hint;
use crate::workflow::WorkflowNode;
use crate::{Context, Input, Node, NodeSpec, Workflow, builtin, codes, limits};

/// Every node that may run, sorted by name.
#[derive(Default)]
pub struct Registry {
    nodes: BTreeMap<String, Entry>,
    /// Other names for what the nodes do: they can be called and stand in workflows, and are neither listed nor counted.
    aliases: BTreeMap<String, Arc<dyn Node>>,
}

struct Entry {
    node: Arc<dyn Node>,
    workflow: Option<Workflow>,
}

impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A registry that holds [`builtin::nodes`].
    ///
    /// # Errors
    /// None in practice: the built-in nodes have distinct names.
    pub fn with_builtins() -> Result<Self> {
        let mut registry = Self::new();
        registry.register_all(builtin::nodes())?;
        Ok(registry)
    }

    /// Adds a node under the name in its description.
    ///
    /// # Errors
    /// `HM-W002` if the name is taken, `HM-W003` if the description contradicts itself.
    pub fn register(&mut self, node: Arc<dyn Node>) -> Result<()> {
        self.insert(node, None)
    }

    /// Adds a node that is found by its name and not listed: another shape of what a listed node does.
    ///
    /// # Errors
    /// As [`Registry::register`].
    pub fn register_alias(&mut self, node: Arc<dyn Node>) -> Result<()> {
        let spec = node.spec();
        check_spec(spec)?;
        if self.nodes.contains_key(&spec.name) || self.aliases.contains_key(&spec.name) {
            let message = format!("a node called {} is already registered", spec.name);
            return Err(Error::new(&codes::DUPLICATE_NODE, message).next("give one of the two another name"));
        }
        self.aliases.insert(spec.name.clone(), node);
        Ok(())
    }

    /// Adds several nodes; stops at the first that cannot be added.
    ///
    /// # Errors
    /// As [`Registry::register`].
    pub fn register_all(&mut self, nodes: impl IntoIterator<Item = Arc<dyn Node>>) -> Result<()> {
        nodes.into_iter().try_for_each(|node| self.register(node))
    }

    /// Adds a workflow as a node: its declared inputs are the node's parameters, its result is the node's result.
    ///
    /// # Errors
    /// As [`Registry::register`].
    pub fn register_workflow(&mut self, name: &str, summary: &str, workflow: Workflow) -> Result<()> {
        let workflow = workflow.named(name);
        self.insert(Arc::new(WorkflowNode::new(name, summary, workflow.clone())), Some(workflow))
    }

    fn insert(&mut self, node: Arc<dyn Node>, workflow: Option<Workflow>) -> Result<()> {
        let spec = node.spec();
        check_spec(spec)?;
        if self.nodes.contains_key(&spec.name) {
            return Err(Error::new(
                &codes::DUPLICATE_NODE,
                format!("a node called {} is already registered", spec.name),
            )
            .next("give one of the two another name"));
        }
        self.nodes.insert(spec.name.clone(), Entry { node, workflow });
        Ok(())
    }

    /// The node of this name.
    ///
    /// # Errors
    /// `HM-W001` with the nearest names.
    pub fn get(&self, name: &str) -> Result<&Arc<dyn Node>> {
        let listed = self.nodes.get(name).map(|entry| &entry.node);
        listed.or_else(|| self.aliases.get(name)).ok_or_else(|| {
            let names = self.nodes.keys().map(String::as_str);
            Error::new(&codes::UNKNOWN_NODE, format!("no node is called {}", echo(name))).next(hint(
                name,
                names,
                "list them with: hallmark nodes",
            ))
        })
    }

    /// The workflow registered under this name, if it is one.
    #[must_use]
    pub fn workflow(&self, name: &str) -> Option<&Workflow> {
        self.nodes.get(name)?.workflow.as_ref()
    }

    /// Every alias, sorted by name.
    pub fn aliases(&self) -> impl Iterator<Item = &Arc<dyn Node>> {
        self.aliases.values()
    }

    /// Every node, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Node>> {
        self.nodes.values().map(|entry| &entry.node)
    }

    /// Every description, sorted by name.
    pub fn specs(&self) -> impl Iterator<Item = &NodeSpec> {
        self.iter().map(|node| node.spec())
    }

    /// How many nodes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Governs the input and executes one node, without keeping a run.
    ///
    /// # Errors
    /// `HM-W001`, what governance refuses (`HM-W010` to `HM-W016`), what the node meets, `HM-W030` to `HM-W033`.
    pub async fn call(&self, name: &str, context: &Context, input: Input) -> Result<Value> {
        let node = self.get(name)?;
        let timeout = Duration::from_millis(node.spec().timeout_ms);
        let (mut value, _) = call(node.as_ref(), context, input, timeout).await?;
        let secrets = context.secrets.all();
        if !secrets.is_empty() {
            scrub(&mut value, &secrets);
        }
        Ok(value)
    }
}

/// Whether a name can be a node's, a step's or a parameter's: it must survive as a tool name and in a URL.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=limits::NAME_MAX_CHARS).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// A description is checked when it is registered, so that a mistake shows at start and not in a user's run.
pub(crate) fn check_spec(spec: &NodeSpec) -> Result<()> {
    let wrong = |why: String| Err(Error::new(&codes::BAD_SPEC, why).at(spec.name.clone()));
    if !is_name(&spec.name) {
        return wrong(format!("{} cannot be a node's name", echo(&spec.name)));
    }
    if spec.params.len() > limits::NODE_MAX_PARAMS {
        return wrong(format!("more than {} parameters", limits::NODE_MAX_PARAMS));
    }
    if spec.timeout_ms == 0 || spec.timeout_ms > limits::NODE_TIMEOUT_MAX_MS {
        return wrong(format!("the time limit is outside 1 to {} ms", limits::NODE_TIMEOUT_MAX_MS));
    }
    for (i, param) in spec.params.iter().enumerate() {
        if !is_name(&param.name) {
            return wrong(format!("{} cannot be a parameter's name", echo(&param.name)));
        }
        if spec.params[..i].iter().any(|p| p.name == param.name) {
            return wrong(format!("parameter {} is declared twice", param.name));
        }
        if param.required && param.default.is_some() {
            return wrong(format!(
                "parameter {} is required and has a default: it can be only one of both",
                param.name
            ));
        }
        if let (Some(low), Some(high)) = (param.minimum, param.maximum)
            && low > high
        {
            return wrong(format!("parameter {}: the minimum {low} is above the maximum {high}", param.name));
        }
        let listed = param.choices.iter().find(|choice| !param.kind.accepts(choice));
        let default = param.default.as_ref().and_then(|value| check_value(spec, param, value).err());
        if listed.is_some() || default.is_some() {
            return wrong(format!(
                "parameter {}: a choice or the default does not satisfy the declaration",
                param.name
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Param;

    #[test]
    fn built_in_nodes_are_sorted_and_well_described() {
        let registry = Registry::with_builtins().unwrap();
        let names: Vec<&str> = registry.specs().map(|spec| spec.name.as_str()).collect();
        assert_eq!(
            names,
            ["ConditionNode", "FilterNode", "MapNode", "MergeNode", "SwitchNode", "TemplateNode"]
        );
        let given: Vec<String> = builtin::nodes().iter().map(|node| node.spec().name.clone()).collect();
        assert_eq!(given, names, "the list in the source is sorted");
    }

    #[test]
    fn a_name_is_registered_once_and_nearest_names_are_told() {
        let mut registry = Registry::with_builtins().unwrap();
        let error = registry.register_all(builtin::nodes()).unwrap_err();
        assert_eq!(error.code().id, "HM-W002");
        assert_eq!(registry.len(), 6);
        let error = registry.get("mergenod").err().unwrap();
        assert_eq!((error.code().id, error.next_step()), ("HM-W001", Some("did you mean MergeNode?")));
    }

    #[test]
    fn an_alias_is_found_and_not_listed() {
        let mut registry = Registry::with_builtins().unwrap();
        let alias = |name: &str| Arc::new(WorkflowNode::new(name, "again", workflow())) as Arc<dyn Node>;
        registry.register_alias(alias("Again")).unwrap();
        assert_eq!((registry.len(), registry.specs().any(|s| s.name == "Again")), (6, false));
        assert_eq!(registry.get("Again").unwrap().spec().name, "Again");
        let codes = ["Again", "MapNode"].map(|n| registry.register_alias(alias(n)).unwrap_err().code().id);
        assert_eq!(codes, ["HM-W002", "HM-W002"]);
    }

    fn workflow() -> Workflow {
        let registry = Registry::with_builtins().unwrap();
        let given = serde_json::json!({"template": "x", "values": {}});
        crate::WorkflowBuilder::new().add_node("TemplateNode", "t", given).build(&registry).unwrap()
    }

    #[test]
    fn a_description_that_contradicts_itself_is_refused() {
        let spec = || NodeSpec::new("N", "n");
        let cases = [
            NodeSpec::new("a b", "n"),
            NodeSpec::new("", "n"),
            NodeSpec::new("x".repeat(200), "n"),
            spec().param(Param::string("a")).param(Param::string("a")),
            spec().param(Param::string("a\"")),
            spec().param(Param::string("a").required().default("x")),
            spec().param(Param::integer("a").default("x")),
            spec().param(Param::integer("a").range(1.0, 2.0).default(3)),
            spec().param(Param::integer("a").range(2.0, 1.0)),
            spec().param(Param::string("a").choices([1, 2])),
            spec().timeout_ms(0),
            spec().params((0..=limits::NODE_MAX_PARAMS).map(|i| Param::any(format!("p{i}")))),
        ];
        for spec in cases {
            assert_eq!(check_spec(&spec).unwrap_err().code().id, "HM-W003", "{spec:?}");
        }
    }
}
