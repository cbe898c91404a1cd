//! The nine node kinds. Adding one: its file, its test, and one line in [`KINDS`].

mod aggregate;
mod analytics;
mod bulk;
pub(crate) mod cache;
mod crud;
mod export;
mod expression;
pub(crate) mod import;
mod params;
pub(crate) mod record;
mod related;
mod restore;
pub(crate) mod sdk;
mod search;
mod transform;
mod validate;

use std::sync::Arc;

use hallmark_core::{Error, Result};
use hallmark_workflow::{BoxFuture, Context, Group, Input, Node, NodeSpec, Param};
use serde_json::Value;

use crate::engine::Engine;
use crate::input::masking;
use crate::sensitivity::Masking;
use crate::slow::Watch;
use crate::table::{Column, Table};
use crate::{codes, limits};
pub(crate) use expression::Expression;
use params::{fields, filter, include_pii};

/// A kind of generated node.
pub trait Kind: Send + Sync {
    /// The suffix of the node's name, before `Node`.
    fn name(&self) -> &'static str;
    /// One sentence; `{}` stands for the model.
    fn summary(&self) -> &'static str;
    /// The operations; the first is the default.
    fn operations(&self) -> &'static [&'static str];
    /// The parameters beside `operation`.
    fn params(&self, table: &Table) -> Vec<Param>;
    /// Whether no operation changes anything.
    fn read_only(&self) -> bool;
    /// The operations of a kind that only reads which keep something nevertheless.
    fn writing_operations(&self) -> &'static [&'static str] {
        &[]
    }
    /// How long one execution may take, if it is longer than other nodes'.
    fn timeout_ms(&self) -> Option<u64> {
        None
    }
    /// Does the work; `operation` is one of [`Kind::operations`].
    fn run<'a>(
        &'a self,
        engine: &'a Engine,
        context: &'a Context,
        operation: &'a str,
        input: &'a Input,
    ) -> BoxFuture<'a, Result<Value>>;
}

/// Every kind, sorted by name.
pub static KINDS: [&dyn Kind; 9] = [
    &aggregate::Aggregate,
    &analytics::Analytics,
    &cache::Cache,
    &crud::Crud,
    &export::Export,
    &import::Import,
    &search::Search,
    &transform::Transform,
    &validate::Validate,
];

/// The nodes of one model.
#[must_use]
pub fn of(engine: &Engine) -> Vec<Arc<dyn Node>> {
    KINDS.iter().map(|kind| Arc::new(Generated::new(*kind, engine.clone())) as Arc<dyn Node>).collect()
}

/// A node of a kind for a model.
struct Generated {
    kind: &'static dyn Kind,
    engine: Engine,
    spec: NodeSpec,
    name: Arc<str>,
}

impl Generated {
    fn new(kind: &'static dyn Kind, engine: Engine) -> Self {
        let model = engine.table.model.name.clone();
        let operations = kind.operations();
        let operation = Param::string("operation")
            .describe("What to do")
            .choices(operations.iter().copied())
            .default(operations[0]);
        let mut spec =
            NodeSpec::new(format!("{model}{}Node", kind.name()), kind.summary().replace("{}", &model))
                .group(Group::Generated { model, kind: kind.name().to_owned() })
                .param(operation)
                .params(kind.params(&engine.table));
        if kind.read_only() {
            spec = spec.read_only().writing_operations(kind.writing_operations());
        }
        if let Some(timeout_ms) = kind.timeout_ms() {
            spec = spec.timeout_ms(timeout_ms);
        }
        let name = spec.name.as_str().into();
        Self { kind, engine, spec, name }
    }
}

impl Node for Generated {
    fn spec(&self) -> &NodeSpec {
        &self.spec
    }

    fn run<'a>(&'a self, context: &'a Context, input: Input) -> BoxFuture<'a, Result<Value>> {
        Box::pin(async move {
            let default = self.kind.operations()[0];
            let operation = input.get("operation").and_then(Value::as_str).unwrap_or(default);
            let watch = watch(&self.engine, &self.name, self.kind.operations(), operation);
            watch.over(self.kind.run(&self.engine, context, operation, &input)).await
        })
    }
}

/// Who sends the statements of a call.
fn watch(engine: &Engine, node: &Arc<str>, known: &'static [&'static str], operation: &str) -> Watch {
    let operation = known.iter().copied().find(|known| *known == operation).unwrap_or_default();
    Watch { shared: Arc::clone(&engine.shared), node: Arc::clone(node), operation }
}

/// An answer of these members. `json!` copies every value that it is given, and a row is large.
fn answer<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// What data that leaves the application masks.
fn outward(input: &Input) -> Masking {
    if input.get("include_pii").and_then(Value::as_bool) == Some(true) {
        Masking::None
    } else {
        Masking::Personal
    }
}

/// Refuses a field that is masked in what sums rows up.
fn refuse_masked(column: &Column, input: &Input, place: &str) -> Result<()> {
    if !outward(input).hides(column.sensitivity) {
        return Ok(());
    }
    let message = format!("{} holds personal or secret values", column.name());
    Err(Error::new(&codes::BAD_PARAMETER, message)
        .at(place.to_owned())
        .next("ask with include_pii: true if you may"))
}

/// Lets the statements of this transaction take as long as work on files may.
async fn long_statements(client: &impl tokio_postgres::GenericClient) -> Result<()> {
    let statement = format!("SET LOCAL statement_timeout = {}", limits::FILE_WORK_TIMEOUT_MS);
    client.batch_execute(&statement).await.map_err(crate::sql::failure)
}
