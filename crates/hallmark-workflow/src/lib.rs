//! Nodes, parameters, the registry, the workflow builder and the local runtime.
//!
//! Everything executable is a node; a workflow is a node. A node describes itself ([`NodeSpec`]); [`govern`] is the only
//! place that decides whether an input satisfies that description; [`WorkflowBuilder`] joins nodes into a graph that is
//! checked before anything runs; [`LocalRuntime`] executes it and keeps the run in PostgreSQL ([`RunStore`]).
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use std::sync::Arc;
//! use hallmark_workflow::{Caller, LocalRuntime, Registry, RunStore, WorkflowBuilder};
//! use serde_json::json;
//!
//! let registry = Arc::new(Registry::with_builtins()?);
//! let workflow = WorkflowBuilder::new()
//!     .add_node("TemplateNode", "greet", json!({"template": "Hello, {{ name }}!", "values": {"name": "Ada"}}))
//!     .add_node("MapNode", "shape", json!({"paths": {"message": "text"}}))
//!     .add_connection("greet", "$", "shape", "value")
//!     .build(&registry)?;
//! let runtime = LocalRuntime::new(registry, RunStore::none());
//! let run = runtime.execute(&workflow, json!({}), &Caller::new("doc")).await?;
//! assert_eq!(*run.result, json!({"message": "Hello, Ada!"}));
//! # Ok::<(), hallmark_core::Error>(()) }).unwrap();
//! ```

pub mod builtin;
mod call;
mod definition;
mod engine;
pub mod govern;
pub mod limits;
pub mod macros;
mod nearest;
mod node;
mod param;
mod path;
mod registry;
mod run;
mod runtime;
mod store;
mod workflow;

pub use definition::{Connection, Definition, Step, WorkflowBuilder};
pub use futures_util::future::BoxFuture;
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use std::sync::Arc;
/// use hallmark_core::Result;
/// use hallmark_workflow::{Caller, Context, LocalRuntime, Registry, RunStore, register_node};
/// use serde_json::{Value, json};
///
/// /// Says whether a heat pump suits a building.
/// #[register_node(read_only)]
/// async fn HvacSuitabilityNode(
///     context: &Context,
///     /// Floor area in square metres
///     #[param(min = 1, max = 10_000)]
///     area_m2: f64,
///     #[param(default = "temperate", choices = ["cold", "temperate", "hot"])] climate: String,
///     #[param(secret)] token: Option<String>,
/// ) -> Result<Value> {
///     Ok(json!({"suitable": climate != "cold" || area_m2 < 200.0, "for": context.caller, "token": token.is_some()}))
/// }
///
/// let mut registry = Registry::new();
/// registry.register(Arc::new(HvacSuitabilityNode))?;
/// let runtime = LocalRuntime::new(Arc::new(registry), RunStore::none());
/// let run = runtime.call("HvacSuitabilityNode", json!({"area_m2": 120}), &Caller::new("ada")).await?;
/// assert_eq!(run.result["suitable"], true);
/// # Ok::<(), hallmark_core::Error>(()) }).unwrap();
/// ```
pub use hallmark_macros::register_node;
pub use node::{Caller, Context, Group, Input, Node, NodeSpec};
pub use param::{Param, ParamType, Sensitivity};
pub use path::Path;
pub use registry::Registry;
pub use run::{NodeRun, Run, RunSummary, Status};
pub use runtime::{LocalRuntime, RuntimeOptions};
pub use store::RunStore;
pub use workflow::Workflow;

hallmark_core::codes! {
    /// Errors of nodes, workflows and runs.
    pub mod codes {
        UNKNOWN_NODE = "HM-W001", "no node of this name is registered", Usage;
        DUPLICATE_NODE = "HM-W002", "a node of this name is already registered", Usage;
        BAD_SPEC = "HM-W003", "a node's description contradicts itself", Internal;
        UNKNOWN_PARAMETER = "HM-W010", "the node has no such parameter", Usage;
        MISSING_PARAMETER = "HM-W011", "a required parameter is missing", Usage;
        WRONG_TYPE = "HM-W012", "a parameter has the wrong type", Usage;
        OUT_OF_BOUNDS = "HM-W013", "a number is outside its bounds", Usage;
        TOO_LONG = "HM-W014", "a text, array or object is too long", Usage;
        NOT_A_CHOICE = "HM-W015", "the value is not one of the choices", Usage;
        INPUT_TOO_LARGE = "HM-W016", "the input is too large or too deeply nested", Usage;
        DUPLICATE_ID = "HM-W020", "two nodes of the workflow have the same id", Usage;
        UNKNOWN_ENDPOINT = "HM-W021", "a connection names a node that the workflow does not have", Usage;
        CYCLE = "HM-W022", "the workflow has a cycle", Usage;
        WORKFLOW_TOO_LARGE = "HM-W023", "the workflow has too many nodes or connections", Usage;
        BAD_DEFINITION = "HM-W024", "the workflow's definition is not well formed", Usage;
        FED_TWICE = "HM-W025", "two connections feed the same parameter", Usage;
        BAD_TEMPLATE = "HM-W026", "a template cannot be filled", Usage;
        NODE_TIMEOUT = "HM-W030", "a node or run took too long", Unavailable;
        NODE_PANICKED = "HM-W031", "a node broke off", Internal;
        RESULT_TOO_LARGE = "HM-W032", "a result is too large or too deeply nested", Usage;
        RESULT_NOT_OBJECT = "HM-W033", "a node's result is not a JSON object", Internal;
        PATH_NOT_FOUND = "HM-W034", "a connection's output path is not in the result", Usage;
        CANCELLED = "HM-W035", "the run was cancelled", Findings;
        INTERRUPTED = "HM-W036", "the process that ran it is gone", Findings;
        RUN_NOT_FOUND = "HM-W040", "there is no such run", Usage;
        NO_STORE = "HM-W041", "no place to keep runs is configured", Unavailable;
        KEY_REUSED = "HM-W042", "the idempotency key was used for another request", Usage;
        FIRST_RUN_FAILED = "HM-W043", "the first run with this idempotency key failed", Findings;
        STILL_RUNNING = "HM-W044", "the first run with this idempotency key is still running", Unavailable;
        STORE_FORMAT = "HM-W045", "the run tables were written by a newer Hallmark", Usage;
        STORE_FAILED = "HM-W046", "a run could not be kept or read", Unavailable;
    }
}
