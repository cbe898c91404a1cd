//! A workflow as it is written down: by the builder, or as JSON or TOML.

use std::fmt;

use hallmark_core::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Param, Registry, Workflow, codes};

/// The id under which connections name the workflow's own inputs.
pub(crate) const INPUT: &str = "input";
/// The id under which connections name the workflow's own result.
pub(crate) const OUTPUT: &str = "output";

/// A workflow in its written form, not yet checked. Configured secrets are in it: treat the text accordingly.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// What runs of it are listed under.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What a caller may or must give.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Param>,
    /// The nodes.
    pub nodes: Vec<Step>,
    /// The edges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connections: Vec<Connection>,
}

/// One node of a workflow.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The name of the node in the registry.
    #[serde(rename = "type")]
    pub node: String,
    /// Its id in this workflow.
    pub id: String,
    /// Values of its parameters; what a connection brings stands above them.
    #[serde(default = "empty")]
    pub config: Value,
    /// A time limit other than the node's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// One edge: a value in one node's result becomes another node's parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// The id of the node that gives, or `input`.
    pub from: String,
    /// Where in its result: `$`, `items.0.name` or a JSON pointer.
    pub output: String,
    /// The id of the node that takes, or `output`.
    pub to: String,
    /// The parameter, or the member of the workflow's result.
    pub param: String,
}

fn empty() -> Value {
    json!({})
}

impl Definition {
    /// Reads a definition from JSON.
    ///
    /// # Errors
    /// `HM-W024` if a member is missing, unknown or of the wrong type.
    pub fn from_json(value: Value) -> Result<Self> {
        serde_json::from_value(value)
            .map_err(|e| Error::new(&codes::BAD_DEFINITION, "the definition is not well formed").because(&e))
    }

    /// Reads a definition from TOML.
    ///
    /// # Errors
    /// As [`Definition::from_json`].
    pub fn from_toml(text: &str) -> Result<Self> {
        toml::from_str(text)
            .map_err(|e| Error::new(&codes::BAD_DEFINITION, "the definition is not well formed").because(&e))
    }

    /// The definition as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!(self)
    }

    /// Checks the definition against the registry.
    ///
    /// # Errors
    /// As [`WorkflowBuilder::build`].
    pub fn build(self, registry: &Registry) -> Result<Workflow> {
        Workflow::check(self, registry)
    }
}

// A derived `Debug` would print configured secrets.
impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes: Vec<String> = self.nodes.iter().map(|n| format!("{}: {}", n.id, n.node)).collect();
        f.debug_struct("Definition").field("name", &self.name).field("nodes", &nodes).finish_non_exhaustive()
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.id, self.node)
    }
}

/// Builds a workflow in the SDK's style. Nothing is checked until [`WorkflowBuilder::build`].
///
/// Two ids are reserved: connections from `input` take what the caller gives (declared with
/// [`WorkflowBuilder::add_input`]), connections to `output` make up the result.
///
/// ```
/// use hallmark_workflow::{Param, Registry, WorkflowBuilder};
/// use serde_json::json;
/// let workflow = WorkflowBuilder::new()
///     .add_input(Param::object("product").required())
///     .add_node("MapNode", "names", json!({"paths": {"name": "product.name"}}))
///     .add_connection("input", "$", "names", "value")
///     .add_connection("names", "name", "output", "title")
///     .build(&Registry::with_builtins()?)?;
/// assert_eq!(workflow.node_ids().collect::<Vec<_>>(), ["names"]);
/// # Ok::<(), hallmark_core::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct WorkflowBuilder {
    definition: Definition,
}

impl WorkflowBuilder {
    /// An empty workflow.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What runs of it are listed under.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.definition.name = name.into();
        self
    }

    /// Declares what a caller may or must give; connections from `input` take it.
    #[must_use]
    pub fn add_input(mut self, param: Param) -> Self {
        self.definition.inputs.push(param);
        self
    }

    /// Adds a node: its name in the registry, its id here, values of its parameters.
    #[must_use]
    pub fn add_node(mut self, node: &str, id: &str, config: impl Into<Value>) -> Self {
        let config = config.into();
        self.definition.nodes.push(Step {
            node: node.to_owned(),
            id: id.to_owned(),
            config,
            timeout_ms: None,
        });
        self
    }

    /// Gives the node that was added last a time limit other than its own.
    #[must_use]
    pub fn timeout_ms(mut self, timeout_ms: u64) -> Self {
        if let Some(step) = self.definition.nodes.last_mut() {
            step.timeout_ms = Some(timeout_ms);
        }
        self
    }

    /// Connects a place in one node's result to another node's parameter.
    #[must_use]
    pub fn add_connection(mut self, from: &str, output: &str, to: &str, param: &str) -> Self {
        self.definition.connections.push(Connection {
            from: from.to_owned(),
            output: output.to_owned(),
            to: to.to_owned(),
            param: param.to_owned(),
        });
        self
    }

    /// The written form.
    #[must_use]
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// Checks the whole and resolves every node.
    ///
    /// # Errors
    /// `HM-W001` unknown node, `HM-W010` to `HM-W016` a configured value that the node refuses or a required parameter that
    /// neither configuration nor connection gives, `HM-W020` duplicate id, `HM-W021` unknown endpoint, `HM-W022` cycle,
    /// `HM-W023` too large, `HM-W024` not well formed, `HM-W025` a parameter fed twice.
    pub fn build(self, registry: &Registry) -> Result<Workflow> {
        self.definition.build(registry)
    }
}
