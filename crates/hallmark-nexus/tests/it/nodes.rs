//! A few nodes with work of their own: rows in PostgreSQL, time that passes, agents that take turns.

use std::sync::Arc;
use std::time::Duration;

use hallmark_core::Result;
use hallmark_services::Postgres;
use hallmark_workflow::{BoxFuture, Context, Group, Input, Node, NodeSpec, Param};
use serde_json::{Value, json};

/// Adds to and reads a table of its own.
struct Ledger {
    spec: NodeSpec,
    postgres: Postgres,
    table: String,
}

impl Node for Ledger {
    fn spec(&self) -> &NodeSpec {
        &self.spec
    }

    fn run<'a>(&'a self, _: &'a Context, input: Input) -> BoxFuture<'a, Result<Value>> {
        Box::pin(async move {
            let client = self.postgres.client().await?;
            let error = hallmark_services::postgres::error;
            if let Some(Value::String(text)) = input.get("text") {
                let insert = format!("INSERT INTO {} (text, amount) VALUES ($1, $2)", self.table);
                let amount = input.get("amount").and_then(Value::as_f64).unwrap_or_default();
                client.execute(&insert, &[text, &amount]).await.map_err(error)?;
            }
            let select = format!("SELECT text, amount FROM {} WHERE text LIKE $1 ORDER BY text", self.table);
            let like = format!("%{}%", input.get("like").and_then(Value::as_str).unwrap_or_default());
            let rows = client.query(&select, &[&like]).await.map_err(error)?;
            let rows: Vec<Value> = rows
                .iter()
                .map(|row| json!({ "text": row.get::<_, String>(0), "amount": row.get::<_, f64>(1) }))
                .collect();
            Ok(json!({ "rows": rows }))
        })
    }
}

/// Ends after a while.
struct Wait(NodeSpec);

impl Node for Wait {
    fn spec(&self) -> &NodeSpec {
        &self.0
    }

    fn run<'a>(&'a self, _: &'a Context, input: Input) -> BoxFuture<'a, Result<Value>> {
        Box::pin(async move {
            let ms = input.get("ms").and_then(Value::as_u64).unwrap_or_default();
            tokio::time::sleep(Duration::from_millis(ms)).await;
            Ok(json!({ "waited_ms": ms }))
        })
    }
}

/// Lets each agent add its name to the task, one after the other.
struct Coordination(NodeSpec);

impl Node for Coordination {
    fn spec(&self) -> &NodeSpec {
        &self.0
    }

    fn run<'a>(&'a self, _: &'a Context, input: Input) -> BoxFuture<'a, Result<Value>> {
        Box::pin(async move {
            let mut text = input["task"].as_str().unwrap_or_default().to_owned();
            let mut steps = Vec::new();
            for agent in input["agents"].as_array().into_iter().flatten() {
                text = format!("{text} > {}", agent.as_str().unwrap_or_default());
                steps.push(json!({ "agent": agent, "text": text }));
            }
            Ok(json!({ "steps": steps, "text": text }))
        })
    }
}

/// The nodes; the ledgers keep their rows in this schema.
pub(crate) async fn all(postgres: &Postgres, schema: &str) -> Vec<Arc<dyn Node>> {
    let client = postgres.client().await.unwrap();
    let mut nodes: Vec<Arc<dyn Node>> = vec![
        Arc::new(Wait(
            NodeSpec::new("WaitNode", "Ends after a while.")
                .param(Param::integer("ms").required().range(0.0, 5000.0)),
        )),
        Arc::new(Coordination(
            NodeSpec::new("AgentCoordinationNode", "Lets agents take turns.")
                .group(Group::Agent)
                .read_only()
                .param(Param::array("agents").required())
                .param(Param::any("task").required()),
        )),
    ];
    for model in ["Ledger", "Parcel"] {
        let table = format!("{schema}.{}", model.to_lowercase());
        client.batch_execute(&format!("CREATE TABLE {table} (text text, amount float8)")).await.unwrap();
        let of = |kind: &str, summary: &str| {
            let group = Group::Generated { model: model.into(), kind: kind.into() };
            NodeSpec::new(format!("{model}{kind}Node"), summary).group(group)
        };
        let crud = of("CRUD", "Adds a row and reads the table.")
            .param(Param::string("text").required().max_length(200).describe("The row's text"))
            .param(Param::number("amount").default(0.5).describe("The row's amount"));
        let search =
            of("Search", "Reads the rows with a text.").read_only().param(Param::string("like").default(""));
        for spec in [crud, search] {
            nodes.push(Arc::new(Ledger { spec, postgres: postgres.clone(), table: table.clone() }));
        }
    }
    nodes
}
