//! The operation table: all that can be done, described once.
//!
//! [`Operations::call`] is the only way in, for every channel. It looks the operation up, asks whether the caller may, governs
//! the input by the same rules as a node's, counts what is under way, and answers in one shape:
//! `{ "operation", "result", "run_id"?, "session"?, "source"?, "at" }`. Two calls are the same if their `result` is, in RFC 8785
//! form. `source` is there if a replica or a fallback had a part in the answer, and says how old that part may be.

mod admission;
mod gates;
mod models;
mod nodes;
mod runs;
mod sessions;
mod stack;
mod workflows;

use std::sync::Arc;
use std::time::Duration;

use hallmark_core::{Error, Result, clock};
use hallmark_services::Ledger;
use hallmark_workflow::{BoxFuture, Input, LocalRuntime, NodeSpec, Param, Registry, Run as KeptRun, govern};
use serde_json::{Map, Value, json};
use tracing::Instrument as _;

use crate::{Caller, Session, Sessions, codes, limits, wire};
use admission::Admission;
pub use gates::{GateStatus, GatesStatus};
pub(crate) use models::by_model;
pub(crate) use nodes::group;
use stack::Remembered;
pub use stack::{Reading, ServiceStatus, StackStatus};

/// Every operation, sorted by name.
fn table() -> Vec<Operation> {
    vec![
        gates::list(),
        models::list(),
        nodes::run(),
        nodes::describe(),
        nodes::list(),
        nodes::search(),
        list(),
        runs::get(),
        runs::list(),
        sessions::create(),
        sessions::get(),
        sessions::list(),
        sessions::revoke(),
        sessions::update(),
        stack::status(),
        workflows::run(),
        workflows::list(),
    ]
}

/// What an operation does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It changes nothing.
    Reads,
    /// It may change something.
    Writes,
    /// As the node it runs.
    AsNode,
}

/// A REST route: method and path, with parameters in braces.
pub type Route = (&'static str, &'static str);

/// One operation.
pub struct Operation {
    /// Its name, its summary and its parameters.
    pub spec: NodeSpec,
    /// What it does to the world.
    pub effect: Effect,
    /// Where REST has it.
    pub routes: &'static [Route],
    /// The MCP tool that is this operation, if one is.
    pub tool: Option<&'static str>,
    run: Run,
}

type Run = for<'a> fn(Call<'a>) -> BoxFuture<'a, Result<Outcome>>;

impl Operation {
    fn new(name: &str, summary: &str, effect: Effect, run: Run) -> Self {
        Self { spec: NodeSpec::new(name, summary), effect, routes: &[], tool: None, run }
    }

    fn param(mut self, param: Param) -> Self {
        self.spec = self.spec.param(param);
        self
    }

    fn routes(mut self, routes: &'static [Route]) -> Self {
        self.routes = routes;
        self
    }

    fn tool(mut self, tool: &'static str) -> Self {
        self.tool = Some(tool);
        self
    }

    /// The name, `nodes.list`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    fn to_json(&self) -> Value {
        let routes: Vec<String> =
            self.routes.iter().map(|(method, path)| format!("{method} {path}")).collect();
        json!({
            "name": self.spec.name,
            "summary": self.spec.summary,
            "effect": match self.effect {
                Effect::Reads => "reads",
                Effect::Writes => "writes",
                Effect::AsNode => "as_node",
            },
            "rest": routes,
            "tool": self.tool,
            "input": self.spec.input_schema(),
        })
    }
}

/// What an operation is called with, already governed.
struct Call<'a> {
    operations: &'a Operations,
    caller: &'a Caller,
    input: Input,
}

/// What an operation gives.
struct Outcome {
    result: Value,
    run_id: Option<String>,
    session: Option<String>,
    /// Whether it was a run that could not be kept.
    unkept: bool,
}

impl Outcome {
    fn of(result: Value) -> Self {
        Self { result, run_id: None, session: None, unkept: false }
    }

    /// What a run gave. A run that was not kept has no id by which anybody could find it.
    fn of_run(run: &KeptRun, session: Option<String>) -> Self {
        let run_id = run.kept.then(|| run.run_id.clone());
        Self { result: Value::clone(&run.result), unkept: !run.kept, run_id, session }
    }
}

impl Call<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.input.get(name).and_then(Value::as_str)
    }

    fn flag(&self, name: &str) -> bool {
        self.input.get(name).and_then(Value::as_bool).unwrap_or_default()
    }

    fn count(&self, name: &str, default: usize) -> usize {
        self.input.get(name).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok()).unwrap_or(default)
    }

    fn object(&self, name: &str) -> Map<String, Value> {
        self.input.get(name).and_then(Value::as_object).cloned().unwrap_or_default()
    }

    /// The session that the call names, authorised.
    async fn session(&self) -> Result<Option<Session>> {
        match self.text("session") {
            Some(handle) => self.operations.sessions().get(self.caller, handle).await.map(Some),
            None => Ok(None),
        }
    }
}

/// What the operations stand on; the binary supplies it.
pub struct Parts {
    /// The registry, the runtime and where runs are kept.
    pub runtime: LocalRuntime,
    /// The sessions.
    pub sessions: Sessions,
    /// Measures the services.
    pub stack: Reading<StackStatus>,
    /// Reads what the last certification said.
    pub gates: Reading<GatesStatus>,
    /// The Markdown page of an error code, as `hallmark explain` prints it.
    pub explain: fn(&str) -> Option<&'static str>,
    /// What this project is called on the page.
    pub project: String,
}

/// The operation table of a project. Cheap to clone.
#[derive(Clone)]
pub struct Operations {
    shared: Arc<Shared>,
}

struct Shared {
    table: Vec<Operation>,
    runtime: LocalRuntime,
    sessions: Sessions,
    stack: Remembered<StackStatus>,
    gates: Remembered<GatesStatus>,
    explain: fn(&str) -> Option<&'static str>,
    project: String,
    admission: Admission,
}

impl Operations {
    /// The table over these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let shared = Shared {
            table: table(),
            runtime: parts.runtime,
            sessions: parts.sessions,
            stack: Remembered::new(parts.stack),
            gates: Remembered::new(parts.gates),
            explain: parts.explain,
            project: parts.project,
            admission: Admission::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Every operation, sorted by name.
    #[must_use]
    pub fn table(&self) -> &[Operation] {
        &self.shared.table
    }

    /// The nodes and workflows that operations run.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        self.shared.runtime.registry()
    }

    /// The runtime that operations run them on.
    #[must_use]
    pub fn runtime(&self) -> &LocalRuntime {
        &self.shared.runtime
    }

    /// The sessions.
    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.shared.sessions
    }

    /// What the project is called.
    #[must_use]
    pub fn project(&self) -> &str {
        &self.shared.project
    }

    /// The page of an error code.
    #[must_use]
    pub fn explain(&self, code: &str) -> Option<&'static str> {
        (self.shared.explain)(code)
    }

    /// The operation of this name.
    ///
    /// # Errors
    /// `HM-N001`.
    pub fn find(&self, name: &str) -> Result<&Operation> {
        let table = self.table();
        let found = table.binary_search_by(|operation| operation.name().cmp(name));
        found.map(|at| &table[at]).map_err(|_| {
            Error::new(&codes::UNKNOWN_OPERATION, format!("there is no operation {}", wire::quoted(name)))
                .next("list them with the operation operations.list, or at /docs")
        })
    }

    /// Calls an operation for an authenticated caller.
    ///
    /// # Errors
    /// `HM-N001` unknown, `HM-N014` not allowed, `HM-W010` to `HM-W016` what governance refuses, `HM-N006` and `HM-N007` too
    /// much under way, `HM-N008` too slow, and what the operation itself meets.
    pub async fn call(&self, caller: &Caller, name: &str, input: Value) -> Result<Value> {
        let span = tracing::info_span!(
            "operation",
            operation = name,
            channel = caller.channel.name(),
            principal = caller.principal
        );
        let began = std::time::Instant::now();
        let answer = self.answer(caller, name, input).instrument(span.clone()).await;
        let duration_ms = began.elapsed().as_millis();
        let _entered = span.enter();
        match &answer {
            Ok(_) => tracing::info!(duration_ms, "done"),
            Err(error) => tracing::info!(duration_ms, code = error.code().id, "refused or failed"),
        }
        answer
    }

    async fn answer(&self, caller: &Caller, name: &str, input: Value) -> Result<Value> {
        let operation = self.find(name)?;
        caller.check(operation.effect != Effect::Writes, operation.name())?;
        let Value::Object(input) = input else {
            return Err(Error::new(&hallmark_workflow::codes::WRONG_TYPE, "the input is not a JSON object")
                .at(name.to_owned()));
        };
        let input = govern::govern(&operation.spec, input)?;
        let _permits = self.shared.admission.enter(&caller.principal)?;
        let ledger = Ledger::default();
        let work = ledger.clone().scope((operation.run)(Call { operations: self, caller, input }));
        let limit = Duration::from_secs(limits::OPERATION_TIMEOUT_S);
        let outcome = tokio::time::timeout(limit, work).await.map_err(|_| {
            Error::new(
                &codes::TIMED_OUT,
                format!("{name} did not answer in {} s", limits::OPERATION_TIMEOUT_S),
            )
            .next("a run that was begun goes on: find it with runs.list")
        })??;
        Ok(envelope(operation.name(), outcome, &ledger))
    }
}

fn envelope(operation: &str, outcome: Outcome, ledger: &Ledger) -> Value {
    let mut answer = json!({ "operation": operation, "result": outcome.result, "at": clock::now() });
    for (name, id) in [("run_id", outcome.run_id), ("session", outcome.session)] {
        if let Some(id) = id {
            answer[name] = Value::String(id);
        }
    }
    if outcome.unkept {
        answer["kept"] = Value::Bool(false);
    }
    if let Some(sources) = ledger.to_json() {
        answer[SOURCE] = sources;
    }
    answer
}

/// The member of an answer that says which services did not answer themselves, and what did. Without it, all did.
pub const SOURCE: &str = "source";

/// The JSON Schema of every answer.
#[must_use]
pub fn answer_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "operation": { "type": "string", "description": "The operation that answered." },
            "result": { "type": "object", "description": "What it gave: the same on every channel." },
            "run_id": { "type": "string", "description": "The run that was kept, if there was one." },
            "session": { "type": "string", "description": "The session it belongs to, if any." },
            "kept": { "const": false, "description": "There if the run could not be kept: it cannot be read again." },
            "source": {
                "type": "array",
                "description": "There if a service did not answer itself: what did instead, the worst first.",
                "items": {
                    "type": "object",
                    "properties": {
                        "service": { "type": "string" },
                        "from": { "enum": ["replica", "fallback"] },
                        "name": { "type": "string", "description": "What answered." },
                        "age_ms": {
                            "type": ["integer", "null"],
                            "description": "How old the answer may be at most; null if nobody knows.",
                        },
                    },
                    "required": ["service", "from", "name", "age_ms"],
                },
            },
            "at": { "type": "string", "format": "date-time" },
        },
        "required": ["operation", "result", "at"],
    })
}

fn list() -> Operation {
    let run: Run = |call| {
        Box::pin(async move {
            let operations: Vec<Value> = call.operations.table().iter().map(Operation::to_json).collect();
            Ok(Outcome::of(json!({ "operations": operations })))
        })
    };
    Operation::new(
        "operations.list",
        "Every operation with its input, its REST routes and its tool.",
        Effect::Reads,
        run,
    )
    .routes(&[("GET", "/api/v1/operations")])
}

/// The parameter that bounds a page.
fn limit() -> Param {
    #[expect(clippy::cast_precision_loss, reason = "a page is far below 2^53")]
    let most = limits::PAGE_MAX as f64;
    Param::integer("limit").default(limits::PAGE_DEFAULT).range(1.0, most).describe("How many at most")
}

/// The parameter that names a session.
fn session() -> Param {
    Param::string("session")
        .max_length(64)
        .describe("The handle of a session of yours; what is made is kept with it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_complete() {
        let table = table();
        assert!(table.is_sorted_by(|a, b| a.name() < b.name()), "keep it sorted: it is searched");
        let mut routes: Vec<&Route> = table.iter().flat_map(|o| o.routes).collect();
        let mut tools: Vec<&str> = table.iter().filter_map(|o| o.tool).collect();
        let (all_routes, all_tools) = (routes.len(), tools.len());
        routes.sort_unstable();
        routes.dedup();
        tools.sort_unstable();
        tools.dedup();
        assert_eq!((routes.len(), tools.len()), (all_routes, all_tools), "a route or a tool is there twice");
        for operation in &table {
            assert!(!operation.routes.is_empty(), "{} is not on REST", operation.name());
            assert!(operation.spec.summary.ends_with('.'), "{}", operation.name());
            for (method, path) in operation.routes {
                assert_eq!(*method == "GET", operation.effect == Effect::Reads, "{method} {path}");
                for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
                    assert!(
                        operation.spec.find(name).is_some(),
                        "{path} names a parameter that is not there"
                    );
                }
            }
        }
    }
}
