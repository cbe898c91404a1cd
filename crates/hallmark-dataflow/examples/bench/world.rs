//! A schema of its own on the server of the stack, with the nodes of three models and a plain connection beside them.

use std::path::PathBuf;
use std::time::Duration;

use hallmark_dataflow::{DataFlow, Settings, SlowLog};
use hallmark_services::resilience::FallbacksConfig;
use hallmark_services::{Endpoints, Guarded, Handles};
use hallmark_workflow::{Caller, Context, Registry};
use serde_json::Value;
use tokio_postgres::NoTls;

use crate::Outcome;

/// A table as wide as what applications keep, one of the shape that `pgbench` reads, and one that is searched.
const MODELS: &str = "
@db.model
class Product:
    sku: str = Field(unique=True, max_length=40)
    name: str
    description: Optional[str] = None
    category: str = Field(index=True)
    brand: Optional[str] = None
    price: float
    cost: Optional[float] = None
    stock: int = 0
    weight: Optional[float] = None
    is_active: bool = True
    rating: Optional[float] = None
    reviews: int = 0
    sold_at: Optional[datetime] = None
    supplier: Optional[int] = None
    notes: Optional[str] = None
    created_at: datetime
    updated_at: datetime

@db.model
class Account:
    bid: int
    abalance: int = 0
    filler: str = ''

@db.model
class Event:
    code: str
    kind: str = Field(index=True)
    title: str
    amount: int = 0
    created_at: datetime
    updated_at: datetime
    __dataflow__ = {'search_fields': ['title']}
";

pub(crate) struct World {
    pub(crate) registry: Registry,
    pub(crate) context: Context,
    pub(crate) folder: PathBuf,
    pub(crate) schema: String,
    pub(crate) sql: tokio_postgres::Client,
    pub(crate) url: String,
}

impl World {
    pub(crate) async fn new() -> Outcome<Self> {
        let endpoints = Endpoints::from_env()?;
        let handles = Handles::connect(&endpoints)?;
        let config = endpoints.postgres.as_ref().ok_or("no PostgreSQL: hallmark up, and name the project")?;
        let url = config.url().expose().to_owned();
        let (sql, connection) = tokio_postgres::connect(&url, NoTls).await?;
        drop(tokio::spawn(connection));
        let schema = format!("hallmark_bench_{}", hallmark_core::random::token(8)?);
        let folder = std::env::temp_dir().join(&schema);
        std::fs::create_dir_all(&folder)?;
        let (models, problems) = hallmark_python::models::read("bench.py", MODELS);
        if models.len() != 3 {
            return Err(format!("the models cannot be read: {problems:?}").into());
        }
        // As `hallmark serve` has them: with breakers, bulkheads and time limits.
        let guarded = Guarded::new(&handles, &FallbacksConfig::default())?;
        let dataflow = DataFlow::configure(Settings {
            handles,
            guarded,
            schema: schema.clone(),
            models,
            project_prefix: format!("bench:{schema}"),
            export_dir: folder.clone(),
            // As `hallmark serve` has it by default.
            slow: SlowLog::new(&folder, Duration::from_millis(500)),
        })?;
        dataflow.apply_schema().await?;
        let mut registry = Registry::new();
        dataflow.register(&mut registry)?;
        let context = Context::new(&Caller::new("bench"));
        Ok(Self { registry, context, folder, schema, sql, url })
    }

    pub(crate) async fn call(&self, node: &str, input: Value) -> Outcome<Value> {
        let Value::Object(input) = input else { return Err("an input is an object".into()) };
        Ok(self.registry.call(node, &self.context, input).await?)
    }

    pub(crate) async fn close(&self) -> Outcome {
        self.sql.batch_execute(&format!("DROP SCHEMA IF EXISTS {} CASCADE", self.schema)).await?;
        std::fs::remove_dir_all(&self.folder)?;
        Ok(())
    }
}
