//! A running pair of servers over a schema of their own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use hallmark_core::{Secret, clock, random};
use hallmark_evidence::Verdict;
use hallmark_nexus::{
    Access, Auth, Caller, Channel, GateStatus, GatesStatus, Operations, Parts, ServeOptions, Server,
    ServiceStatus, Sessions, StackStatus, serve,
};
use hallmark_services::{Endpoints, Postgres, PostgresConfig, Redis, RedisConfig, ServiceKind, State, probe};
use hallmark_workflow::{LocalRuntime, Param, Registry, RunStore, WorkflowBuilder};
use serde_json::json;

use crate::nodes;

/// Everything that a test needs.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) operations: Operations,
    /// The owner's token, a full one of another principal, a reading one of a third.
    pub(crate) token: Secret,
    pub(crate) other: Secret,
    pub(crate) reader: Secret,
    pub(crate) place: Place,
}

/// Where a world keeps its things: they outlive the servers, so that a second pair can be started over them.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) postgres: Postgres,
    pub(crate) schema: String,
    pub(crate) folder: PathBuf,
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("set {name}: run `hallmark up` and `eval $(hallmark env)`"))
}

pub(crate) fn redis() -> Redis {
    Redis::new(&RedisConfig::from_url(&variable("HALLMARK_REDIS_URL")).unwrap()).unwrap()
}

impl Place {
    pub(crate) async fn new() -> Self {
        let postgres =
            Postgres::new(&PostgresConfig::from_url(&variable("HALLMARK_POSTGRES_URL")).unwrap()).unwrap();
        let schema = format!("test_nexus_{}", random::token(10).unwrap());
        postgres.client().await.unwrap().batch_execute(&format!("CREATE SCHEMA {schema}")).await.unwrap();
        let folder = std::env::temp_dir().join(&schema);
        Self { postgres, schema, folder }
    }

    /// Removes what a test made.
    pub(crate) async fn remove(&self) {
        let drop = format!("DROP SCHEMA IF EXISTS {} CASCADE", self.schema);
        self.postgres.client().await.unwrap().batch_execute(&drop).await.unwrap();
        let mut redis = redis().connection().await.unwrap();
        let pattern = format!("{}:*", self.schema);
        let keys: Vec<String> = redis::cmd("KEYS").arg(pattern).query_async(&mut redis).await.unwrap();
        for key in keys {
            redis::cmd("DEL").arg(key).query_async::<()>(&mut redis).await.unwrap();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }

    pub(crate) async fn registry(&self) -> Registry {
        let mut registry = Registry::with_builtins().unwrap();
        registry.register_all(nodes::all(&self.postgres, &self.schema).await).unwrap();
        let greeting = WorkflowBuilder::new()
            .add_input(Param::string("name").required().max_length(40).describe("Who is greeted"))
            .add_node("TemplateNode", "greet", json!({ "template": "Hello, {{ name }}!" }))
            .add_connection("input", "$", "greet", "values")
            .add_connection("greet", "text", "output", "message")
            .build(&registry)
            .unwrap();
        registry.register_workflow("greeting", "Greets somebody.", greeting).unwrap();
        registry
    }

    pub(crate) async fn operations(&self, registry: Registry, redis: Option<Redis>) -> Operations {
        let store = RunStore::open_in(&self.postgres, &self.schema).await.unwrap();
        Operations::new(Parts {
            runtime: LocalRuntime::new(Arc::new(registry), store),
            sessions: Sessions::in_schema(self.postgres.clone(), redis, &self.schema).unwrap(),
            stack: Arc::new(|| Box::pin(async { Ok(stack().await) })),
            gates: Arc::new(|| Box::pin(async { Ok(gates()) })),
            explain: |code| {
                let own = hallmark_nexus::codes::ALL.iter().chain(hallmark_workflow::codes::ALL);
                own.copied().find(|known| known.id == code).map(|known| known.page)
            },
            project: "the <test> project".to_owned(),
        })
    }
}

/// The two services that these tests run on, really probed.
async fn stack() -> StackStatus {
    let endpoints = Endpoints::from_env().unwrap();
    let mut services = Vec::new();
    for kind in [ServiceKind::Postgres, ServiceKind::Redis] {
        let report = probe(kind, &endpoints).await;
        let state = match report.state {
            State::Usable => "usable",
            State::Degraded => "degraded",
            State::Down => "down",
            State::NotMeasured => "not_measured",
        };
        services.push(ServiceStatus {
            name: kind.name().to_owned(),
            state: state.to_owned(),
            provider: "external".to_owned(),
            identity: report.identity,
            version: report.version,
            latency_ms: Some(report.latency_ms),
            reason: report.reason,
            next: report.next,
            notes: report.notes,
            ..ServiceStatus::default()
        });
    }
    StackStatus { services, measured_at: clock::now() }
}

fn gates() -> GatesStatus {
    let gate = |id: &str, verdict| GateStatus {
        id: id.to_owned(),
        title: id.replace('-', " "),
        weight: 0.1,
        proven: if verdict == Verdict::Proven { 1.0 } else { 0.25 },
        verdict,
        instrument_proven: verdict != Verdict::NotMeasured,
        instrument: "the planted defect was found".to_owned(),
        checks: vec![(Verdict::Proven, 3), (verdict, 1)],
        measured_at: Some("2026-11-24T00:00:00.000Z".to_owned()),
        reproduce: format!("hallmark certify --gate {id}"),
    };
    let gates = vec![
        gate("gold-standards", Verdict::Failed),
        gate("infrastructure", Verdict::Proven),
        gate("framework-validation", Verdict::NotMeasured),
        gate("performance", Verdict::Exempted),
    ];
    GatesStatus {
        gates,
        score: Some(0.87),
        level: Some("acceptable".to_owned()),
        certified_at: None,
        next: None,
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        let place = Place::new().await;
        let registry = place.registry().await;
        Self::over(place, registry, Some(redis())).await
    }

    pub(crate) async fn over(place: Place, registry: Registry, redis: Option<Redis>) -> Self {
        let operations = place.operations(registry, redis).await;
        let (other, reader) = (random::secret().unwrap(), random::secret().unwrap());
        let auth = Auth::open(place.folder.join("token"))
            .unwrap()
            .with_principal("other", &other, Access::Full)
            .with_principal("reader", &reader, Access::Read);
        let free: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let options =
            ServeOptions { rest_addr: free, mcp_addr: free, ..ServeOptions::new(operations.clone(), auth) };
        let server = serve(options).await.unwrap();
        let token = hallmark_nexus::auth::read_token(&place.folder.join("token")).unwrap();
        Self { server, operations, token, other, reader, place }
    }

    pub(crate) fn owner(&self) -> Caller {
        Caller::owner(Channel::Cli)
    }

    pub(crate) fn rest(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.addresses().rest)
    }

    pub(crate) fn mcp(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.addresses().mcp)
    }

    /// Stops the servers and removes everything.
    pub(crate) async fn end(self) {
        let place = self.place.clone();
        assert!(self.server.stop().await, "the servers were not drained");
        drop(self.operations);
        place.remove().await;
    }
}
