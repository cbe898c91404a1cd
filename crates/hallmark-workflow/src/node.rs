//! Nodes: the unit of work, with a description that says all a caller may send.

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use hallmark_core::Result;

use crate::govern::Secrets;
use crate::{Param, limits};

/// A node's input: parameter name to value, already governed when a node sees it.
pub type Input = Map<String, Value>;

/// Where a node comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "group", rename_all = "lowercase")]
pub enum Group {
    /// Generated from a model.
    Generated {
        /// The model's name, `ProductCatalog`.
        model: String,
        /// The node kind, `CRUD`.
        kind: String,
    },
    /// One of the agents.
    Agent,
    /// Part of this crate: routing and shaping of values.
    Builtin,
    /// A registered workflow.
    Workflow,
    /// Anything else.
    Custom,
}

/// What a node is called, takes and promises.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeSpec {
    /// The unique name in the registry.
    pub name: String,
    /// One sentence for people and language models.
    pub summary: String,
    /// Where the node comes from.
    pub group: Group,
    /// Every parameter it takes.
    pub params: Vec<Param>,
    /// Whether running it changes nothing outside.
    pub read_only: bool,
    /// The values of `operation` for which that does not hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub writing_operations: Vec<String>,
    /// Whether a member missing from its result means "this branch was not taken" rather than a mistake.
    pub branching: bool,
    /// How long one execution may take.
    pub timeout_ms: u64,
}

impl NodeSpec {
    /// A custom node without parameters that may change things.
    #[must_use]
    pub fn new(name: impl Into<String>, summary: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            summary: summary.into(),
            group: Group::Custom,
            params: Vec::new(),
            read_only: false,
            writing_operations: Vec::new(),
            branching: false,
            timeout_ms: limits::NODE_TIMEOUT_MS,
        }
    }

    /// Sets where the node comes from.
    #[must_use]
    pub fn group(mut self, group: Group) -> Self {
        self.group = group;
        self
    }

    /// Adds a parameter.
    #[must_use]
    pub fn param(mut self, param: Param) -> Self {
        self.params.push(param);
        self
    }

    /// Adds parameters.
    #[must_use]
    pub fn params(mut self, params: impl IntoIterator<Item = Param>) -> Self {
        self.params.extend(params);
        self
    }

    /// Promises that running it changes nothing outside.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Takes these operations out of the promise that running it changes nothing outside.
    #[must_use]
    pub fn writing_operations(mut self, operations: &[&str]) -> Self {
        self.writing_operations = operations.iter().map(|&o| o.to_owned()).collect();
        self
    }

    /// Whether running it with this input changes nothing outside.
    #[must_use]
    pub fn only_reads(&self, input: &Input) -> bool {
        let asked = input.get("operation").and_then(Value::as_str);
        self.read_only && !self.writing_operations.iter().any(|o| asked == Some(o))
    }

    /// A member missing from its result means that this branch was not taken.
    #[must_use]
    pub fn branching(mut self) -> Self {
        self.branching = true;
        self
    }

    /// How long one execution may take.
    #[must_use]
    pub fn timeout_ms(mut self, timeout_ms: u64) -> Self {
        self.timeout_ms = timeout_ms;
        self
    }

    /// The parameter of this name.
    #[must_use]
    pub fn find(&self, param: &str) -> Option<&Param> {
        self.params.iter().find(|p| p.name == param)
    }

    /// The JSON Schema (2020-12) of the input: what is not declared is refused.
    #[must_use]
    pub fn input_schema(&self) -> Value {
        let properties: Map<String, Value> =
            self.params.iter().map(|p| (p.name.clone(), p.schema())).collect();
        let required: Vec<&str> =
            self.params.iter().filter(|p| p.required).map(|p| p.name.as_str()).collect();
        let mut schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
        });
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema
    }
}

/// The circumstances of one execution, the same for every node of a run.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The run that the node executes in, a version 7 UUID.
    pub run_id: String,
    /// Who asked; authorisation has already been decided.
    pub caller: String,
    /// The tenant that the caller acts for, if the deployment has tenants.
    pub tenant: Option<String>,
    /// The session that the run belongs to, if any.
    pub session: Option<String>,
    /// Every secret that a node of the run was given, for masking what repeats it.
    pub(crate) secrets: Secrets,
}

impl Context {
    /// The circumstances of a fresh run for this caller.
    #[must_use]
    pub fn new(caller: &Caller) -> Self {
        Self {
            run_id: Uuid::now_v7().to_string(),
            caller: caller.name.clone(),
            tenant: caller.tenant.clone(),
            session: caller.session.clone(),
            secrets: Secrets::default(),
        }
    }
}

/// Who asks for a run, and for which request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The principal's name.
    pub name: String,
    /// The tenant it acts for.
    pub tenant: Option<String>,
    /// The session that the run is kept with.
    pub session: Option<String>,
    /// The same key from the same caller gives the first run instead of a second one.
    pub idempotency_key: Option<String>,
}

impl Caller {
    /// A caller of this name, without tenant, session or key.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Acts for this tenant.
    #[must_use]
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// Keeps the run with this session.
    #[must_use]
    pub fn session(mut self, session: impl Into<String>) -> Self {
        self.session = Some(session.into());
        self
    }

    /// Makes the request repeatable.
    #[must_use]
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }
}

/// A unit of work. Implement it by hand, or write an `async fn` under `#[register_node]`.
pub trait Node: Send + Sync {
    /// What the node is called, takes and promises. The same at every call.
    fn spec(&self) -> &NodeSpec;

    /// Does the work. The input has been governed; the value must be a JSON object.
    ///
    /// # Errors
    /// Whatever the work meets, as a coded error. The future may be dropped at any await (timeout, cancellation), and
    /// long computation belongs in `tokio::task::spawn_blocking`.
    fn run<'a>(&'a self, context: &'a Context, input: Input) -> BoxFuture<'a, Result<Value>>;
}
