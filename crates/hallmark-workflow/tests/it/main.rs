//! The runtime, its store and the node attribute on a real PostgreSQL.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod attribute;
mod graph;
mod hostile;
mod interrupted;
mod nodes;
mod store;

use std::sync::Arc;

use hallmark_core::Error;
use hallmark_services::{Postgres, PostgresConfig};
use hallmark_workflow::{LocalRuntime, Registry, RunStore, Workflow, WorkflowBuilder};

/// The database that tests run in; each makes a schema of its own there.
pub(crate) fn postgres() -> Postgres {
    let url = std::env::var("HALLMARK_POSTGRES_URL")
        .expect("set HALLMARK_POSTGRES_URL: run `hallmark up` and `eval $(hallmark env)`");
    Postgres::new(&PostgresConfig::from_url(&url).unwrap()).unwrap()
}

/// A store in a schema that no other test uses, removed when the guard is.
pub(crate) struct Scratch {
    pub(crate) postgres: Postgres,
    pub(crate) schema: String,
    pub(crate) store: RunStore,
}

impl Scratch {
    pub(crate) async fn open() -> Self {
        let postgres = postgres();
        let schema = format!("test_{}", hallmark_core::random::token(12).unwrap());
        let store = RunStore::open_in(&postgres, &schema).await.unwrap();
        Self { postgres, schema, store }
    }

    pub(crate) fn runtime(&self) -> LocalRuntime {
        LocalRuntime::new(registry(), self.store.clone())
    }

    /// Every row of a table of the store, as PostgreSQL prints it.
    pub(crate) async fn dump(&self) -> String {
        let client = self.postgres.client().await.unwrap();
        let mut text = String::new();
        for table in ["run", "run_node"] {
            for row in
                client.query(&format!("SELECT r::text FROM {}.{table} r", self.schema), &[]).await.unwrap()
            {
                text += row.get::<_, &str>(0);
                text.push('\n');
            }
        }
        text
    }

    pub(crate) async fn remove(self) {
        let client = self.postgres.client().await.unwrap();
        client.batch_execute(&format!("DROP SCHEMA {} CASCADE", self.schema)).await.unwrap();
    }
}

pub(crate) fn registry() -> Arc<Registry> {
    let mut registry = Registry::with_builtins().unwrap();
    registry.register_all(nodes::all()).unwrap();
    Arc::new(registry)
}

pub(crate) fn unkept() -> LocalRuntime {
    LocalRuntime::new(registry(), RunStore::none())
}

pub(crate) fn build(builder: WorkflowBuilder) -> Result<Workflow, Error> {
    builder.build(&registry())
}

/// The code of an error, and its text for a look at what it says.
pub(crate) fn code(error: &Error) -> &'static str {
    error.code().id
}
