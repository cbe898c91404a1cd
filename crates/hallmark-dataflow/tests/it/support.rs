//! A data flow in a schema of its own, and a witness that knows nothing of the nodes.

use std::future::Future;
use std::time::Duration;

use hallmark_core::{Error, Result};
use hallmark_dataflow::{DataFlow, ModelDecl, Settings, SlowLog};
use hallmark_services::{Endpoints, Guarded, Handles};
use hallmark_workflow::{Caller, Context, Registry};
use serde_json::{Map, Value};
use tokio_postgres::NoTls;

pub(crate) const MODELS: &str = include_str!("../fixtures/models.py");

/// The models of the fixture.
pub(crate) fn models() -> Vec<ModelDecl> {
    let (models, problems) = hallmark_python::models::read("tests/fixtures/models.py", MODELS);
    assert!(problems.is_empty(), "{problems:?}");
    models
}

/// The models of a text, which must have no problem.
pub(crate) fn parse(text: &str) -> Vec<ModelDecl> {
    let (models, problems) = hallmark_python::models::read("m.py", text);
    assert!(!models.is_empty(), "{problems:?}");
    models
}

pub(crate) struct World {
    pub(crate) dataflow: DataFlow,
    pub(crate) registry: Registry,
    pub(crate) context: Context,
    pub(crate) folder: std::path::PathBuf,
    pub(crate) sql: tokio_postgres::Client,
}

fn address(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("set {name}: run `hallmark up` and `eval $(hallmark env)`"))
}

pub(crate) fn handles() -> Handles {
    let (_, _) = (address("HALLMARK_POSTGRES_URL"), address("HALLMARK_REDIS_URL"));
    Handles::connect(&Endpoints::from_env().unwrap()).unwrap()
}

/// A connection of the plain driver.
pub(crate) async fn witness() -> tokio_postgres::Client {
    let (client, connection) =
        tokio_postgres::connect(&address("HALLMARK_POSTGRES_URL"), NoTls).await.unwrap();
    drop(tokio::spawn(connection));
    client
}

impl World {
    pub(crate) fn named(models: Vec<ModelDecl>, schema: &str, sql: tokio_postgres::Client) -> Self {
        let handles = handles();
        let guarded = Guarded::bare(&handles);
        Self::guarded(models, schema, sql, (handles, guarded), 0)
    }

    pub(crate) fn guarded(
        models: Vec<ModelDecl>,
        schema: &str,
        sql: tokio_postgres::Client,
        (handles, guarded): (Handles, Guarded),
        slow_ms: u64,
    ) -> Self {
        let folder = std::env::temp_dir().join(schema);
        let slow = SlowLog::new(&folder, Duration::from_millis(slow_ms));
        std::fs::create_dir_all(&folder).unwrap();
        let dataflow = DataFlow::configure(Settings {
            handles,
            guarded,
            schema: schema.to_owned(),
            models,
            project_prefix: format!("test:{schema}"),
            export_dir: folder.clone(),
            slow,
        })
        .unwrap();
        let mut registry = Registry::new();
        dataflow.register(&mut registry).unwrap();
        Self { dataflow, registry, context: Context::new(&Caller::new("test")), folder, sql }
    }

    pub(crate) async fn call(&self, node: &str, input: Value) -> Result<Value> {
        self.registry.call(node, &self.context, input.as_object().cloned().unwrap()).await
    }

    pub(crate) async fn tenant(&self, tenant: &str, node: &str, input: Value) -> Result<Value> {
        let context = Context::new(&Caller::new("test").tenant(tenant));
        self.registry.call(node, &context, input.as_object().cloned().unwrap()).await
    }

    /// One JSON value of a statement; `{}` stands for the schema.
    pub(crate) async fn ask(&self, statement: &str) -> Value {
        let statement = statement.replace("{}", self.dataflow.schema());
        let row = self.sql.query_one(&format!("SELECT to_jsonb(({statement}))"), &[]).await.unwrap();
        row.get::<_, Option<Value>>(0).unwrap_or_default()
    }

    pub(crate) fn row(&self, model: &str, n: u64) -> Map<String, Value> {
        let table = self.dataflow.tables().iter().find(|t| t.model.name == model).unwrap();
        hallmark_dataflow::exercise::row(table, n)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Removes the keys that begin with this prefix.
async fn forget(prefix: &str) {
    let mut redis = handles().redis.connection().await.unwrap();
    let (mut cursor, pattern) = (0_u64, format!("{prefix}*"));
    loop {
        let (next, keys): (u64, Vec<String>) = redis::cmd("SCAN")
            .arg(cursor)
            .arg("MATCH")
            .arg(&pattern)
            .arg("COUNT")
            .arg(1_000)
            .query_async(&mut redis)
            .await
            .unwrap();
        if !keys.is_empty() {
            redis::cmd("UNLINK").arg(keys).query_async::<i64>(&mut redis).await.unwrap();
        }
        cursor = next;
        if cursor == 0 {
            return;
        }
    }
}

/// Runs a test on a fresh schema with its tables, and removes schema and folder whatever happens.
pub(crate) async fn with<F: Future<Output = ()>>(
    models: Vec<ModelDecl>,
    test: impl FnOnce(std::sync::Arc<World>) -> F,
) {
    let handles = handles();
    let guarded = Guarded::bare(&handles);
    with_guarded(models, handles, guarded, test).await;
}

/// The same, with statements that take this long written down in the folder of the test.
pub(crate) async fn with_slow<F: Future<Output = ()>>(
    models: Vec<ModelDecl>,
    slow_ms: u64,
    test: impl FnOnce(std::sync::Arc<World>) -> F,
) {
    let handles = handles();
    let guarded = Guarded::bare(&handles);
    with_all(models, (handles, guarded), slow_ms, test).await;
}

/// The same on services that are guarded.
pub(crate) async fn with_guarded<F: Future<Output = ()>>(
    models: Vec<ModelDecl>,
    handles: Handles,
    guarded: Guarded,
    test: impl FnOnce(std::sync::Arc<World>) -> F,
) {
    with_all(models, (handles, guarded), 0, test).await;
}

async fn with_all<F: Future<Output = ()>>(
    models: Vec<ModelDecl>,
    services: (Handles, Guarded),
    slow_ms: u64,
    test: impl FnOnce(std::sync::Arc<World>) -> F,
) {
    let schema = format!("it_dataflow_{}", hallmark_core::random::token(10).unwrap());
    let world = World::guarded(models, &schema, witness().await, services, slow_ms);
    let world = std::sync::Arc::new(world);
    world.dataflow.apply_schema().await.unwrap();
    let result =
        futures_util::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(test(world.clone()))).await;
    world.sql.batch_execute(&format!("DROP SCHEMA IF EXISTS \"{schema}\" CASCADE")).await.unwrap();
    forget(&format!("test:{schema}")).await;
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
}

/// The code of a result that must be an error.
pub(crate) fn code(result: Result<Value>) -> &'static str {
    match result {
        Err(error) => error.code().id,
        Ok(value) => panic!("an error was expected, got {value}"),
    }
}

/// The error of a result that must be one.
pub(crate) fn error(result: Result<Value>) -> Error {
    result.expect_err("an error was expected")
}
