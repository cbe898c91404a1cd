//! Tools: what an agent is offered. Few enough to fit: one per node kind with the model as a choice, one per registered workflow,
//! and the operations that have one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hallmark_core::{Error, Result};
use hallmark_workflow::{Group, Input, NodeSpec, codes as workflow};
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Map, Value, json};

use crate::operations::{Effect, Operation, answer_schema};
use crate::{Operations, codes, wire};

/// What is offered.
#[derive(Clone, Copy, Debug, Default)]
pub struct ToolOptions {
    /// Also lists every node as a tool of its own. Most clients cannot take that many.
    pub flat: bool,
}

/// Every tool of a registry.
pub(crate) struct Tools {
    by_name: BTreeMap<String, Entry>,
}

/// What a tool promises to change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Changes {
    Nothing,
    /// Nothing, but for operations that a caller who may only read is refused.
    Sometimes,
    Something,
}

impl Changes {
    fn of(spec: &NodeSpec) -> Self {
        match (spec.read_only, spec.writing_operations.is_empty()) {
            (true, true) => Self::Nothing,
            (true, false) => Self::Sometimes,
            (false, _) => Self::Something,
        }
    }
}

struct Entry {
    tool: Tool,
    changes: Changes,
    target: Target,
}

/// What a tool calls.
enum Target {
    /// An operation with the tool's arguments as they are.
    Operation(String),
    /// A node of one kind: the argument `model` chooses it.
    Kind(BTreeMap<String, String>),
    /// A registered workflow: the arguments are its input.
    Workflow(NodeSpec),
    /// A node: the arguments are its input.
    Node(NodeSpec),
}

/// A tool that exists, about to be called.
pub(crate) struct ToolCall<'a> {
    name: &'a str,
    target: &'a Target,
}

impl Tools {
    pub(crate) fn new(operations: &Operations, options: ToolOptions) -> Self {
        let registry = operations.registry();
        let mut tools = Self { by_name: BTreeMap::new() };
        for operation in operations.table() {
            if let Some(name) = operation.tool {
                tools.add(name, &operation.spec.summary, of_operation(operation));
            }
        }
        let mut kinds: BTreeMap<&str, Vec<(&str, &NodeSpec)>> = BTreeMap::new();
        for spec in registry.specs() {
            match &spec.group {
                Group::Generated { model, kind } => kinds.entry(kind).or_default().push((model, spec)),
                Group::Workflow => tools.add(&spec.name, &spec.summary, of_workflow(spec)),
                _ => {}
            }
            if options.flat && spec.group != Group::Workflow {
                tools.add(&spec.name, &spec.summary, of_node(spec));
            }
        }
        for (kind, nodes) in kinds {
            let summary =
                format!("Run the {kind} node of a model; describe_node {} shows its input.", nodes[0].1.name);
            tools.add(&kind.to_lowercase(), &summary, of_kind(&nodes));
        }
        tools
    }

    /// Adds a tool unless its name is taken: operations come first, so that a workflow cannot stand in front of one.
    fn add(&mut self, name: &str, summary: &str, (target, schema, changes): (Target, Value, Changes)) {
        let annotations = ToolAnnotations::new()
            .read_only(changes == Changes::Nothing)
            .destructive(changes == Changes::Something)
            .open_world(false);
        let mut tool = Tool::new(name.to_owned(), summary.to_owned(), Arc::new(object(schema)));
        tool.output_schema = Some(Arc::new(object(answer_schema())));
        tool.annotations = Some(annotations);
        self.by_name.entry(name.to_owned()).or_insert(Entry { tool, changes, target });
    }

    /// The tools that a caller may use, sorted by name.
    pub(crate) fn list(&self, full: bool) -> Vec<Tool> {
        self.by_name
            .values()
            .filter(|e| full || e.changes != Changes::Something)
            .map(|e| e.tool.clone())
            .collect()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.by_name.len()
    }

    /// The tool of this name.
    ///
    /// # Errors
    /// `HM-N001`.
    pub(crate) fn resolve<'a>(&'a self, name: &str) -> Result<ToolCall<'a>> {
        let (name, entry) = self.by_name.get_key_value(name).ok_or_else(|| {
            Error::new(&codes::UNKNOWN_OPERATION, format!("there is no tool {}", wire::quoted(name)))
                .next("list them with tools/list")
        })?;
        Ok(ToolCall { name, target: &entry.target })
    }
}

impl ToolCall<'_> {
    /// The operation that the tool is, and its input.
    ///
    /// # Errors
    /// `HM-W011`, `HM-W012`, `HM-W015` if a tool of a node kind gets no model, or one that it does not have.
    pub(crate) fn input(&self, mut arguments: JsonObject) -> Result<(&str, Value)> {
        match self.target {
            Target::Operation(operation) => Ok((operation, Value::Object(arguments))),
            Target::Workflow(spec) => {
                let session = session(spec, &mut arguments);
                Ok((
                    "workflow.run",
                    with_session(json!({ "workflow": spec.name, "input": arguments }), session),
                ))
            }
            Target::Node(spec) => {
                let session = session(spec, &mut arguments);
                Ok(("node.run", with_session(json!({ "node": spec.name, "input": arguments }), session)))
            }
            Target::Kind(models) => {
                let place = format!("{}.model", self.name);
                let model = match arguments.remove("model") {
                    Some(Value::String(model)) => model,
                    Some(_) => {
                        return Err(Error::new(&workflow::WRONG_TYPE, "expected a model's name").at(place));
                    }
                    None => {
                        return Err(Error::new(
                            &workflow::MISSING_PARAMETER,
                            "expected a model's name, got nothing",
                        )
                        .at(place));
                    }
                };
                let node = models.get(&model).ok_or_else(|| {
                    Error::new(&workflow::NOT_A_CHOICE, format!("there is no model {}", wire::quoted(&model)))
                        .at(place)
                        .next("list them with list_models")
                })?;
                arguments.insert("node".into(), json!(node));
                Ok(("node.run", Value::Object(arguments)))
            }
        }
    }
}

/// Takes the session out of the arguments, unless the node has a parameter of that name itself.
fn session(spec: &NodeSpec, arguments: &mut Input) -> Option<Value> {
    if spec.find("session").is_some() { None } else { arguments.remove("session") }
}

fn with_session(mut input: Value, session: Option<Value>) -> Value {
    if let Some(session) = session {
        input["session"] = session;
    }
    input
}

fn of_operation(operation: &Operation) -> (Target, Value, Changes) {
    let target = Target::Operation(operation.name().to_owned());
    let changes = if operation.effect == Effect::Reads { Changes::Nothing } else { Changes::Something };
    (target, operation.spec.input_schema(), changes)
}

fn of_workflow(spec: &NodeSpec) -> (Target, Value, Changes) {
    (Target::Workflow(spec.clone()), flat_schema(spec), Changes::of(spec))
}

fn of_node(spec: &NodeSpec) -> (Target, Value, Changes) {
    (Target::Node(spec.clone()), flat_schema(spec), Changes::of(spec))
}

/// The node's own input with `session` beside it.
fn flat_schema(spec: &NodeSpec) -> Value {
    let mut schema = spec.input_schema();
    if spec.find("session").is_none() {
        schema["properties"]["session"] = session_schema();
    }
    schema
}

fn session_schema() -> Value {
    json!({ "type": "string", "description": "The handle of a session of yours; the run is kept with it" })
}

/// One tool for all nodes of a kind. Of the input it shows what the nodes have in common; the node itself checks all of it.
fn of_kind(nodes: &[(&str, &NodeSpec)]) -> (Target, Value, Changes) {
    let models: BTreeMap<String, String> =
        nodes.iter().map(|(m, spec)| ((*m).to_owned(), spec.name.clone())).collect();
    let first = nodes[0].1;
    let common = first
        .params
        .iter()
        .filter(|p| nodes.iter().all(|(_, other)| other.find(&p.name).is_some_and(|o| o.kind == p.kind)));
    let mut required = BTreeSet::new();
    let mut properties = Map::new();
    for param in common {
        let same = nodes.iter().all(|(_, other)| other.find(&param.name) == Some(param));
        let schema = if same {
            param.schema()
        } else {
            json!({ "type": param.kind.name(), "description": param.description })
        };
        properties.insert(param.name.clone(), schema);
        if nodes.iter().all(|(_, other)| other.find(&param.name).is_some_and(|p| p.required)) {
            required.insert(&param.name);
        }
    }
    let schema = json!({
        "type": "object",
        "properties": {
            "model": { "type": "string", "enum": models.keys().collect::<Vec<_>>(), "description": "The model" },
            "input": { "type": "object", "properties": properties, "required": required },
            "session": session_schema(),
            "idempotency_key": { "type": "string", "description": "The same key again gives the first run" },
        },
        "required": ["model"],
        "additionalProperties": false,
    });
    // The most that one of them may change.
    let all = |wanted: &[Changes]| nodes.iter().all(|(_, spec)| wanted.contains(&Changes::of(spec)));
    let changes = match (all(&[Changes::Nothing]), all(&[Changes::Nothing, Changes::Sometimes])) {
        (true, _) => Changes::Nothing,
        (_, true) => Changes::Sometimes,
        _ => Changes::Something,
    };
    (Target::Kind(models), schema, changes)
}

fn object(value: Value) -> JsonObject {
    match value {
        Value::Object(members) => members,
        _ => JsonObject::new(),
    }
}
