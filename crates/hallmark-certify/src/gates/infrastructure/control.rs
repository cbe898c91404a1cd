//! The probe must notice a stopped service, and a server of another kind.

use std::time::Instant;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use hallmark_core::{Result, Secret};
use hallmark_services::{
    ChromaConfig, Endpoints, Neo4jConfig, OpenAiConfig, PostgresConfig, ProbeReport, RedisConfig,
    ServiceKind, State,
};

use super::examine;
use crate::context::Context;
use crate::scratch::{closed_port, redis::ScratchRedis};
use crate::section::Control;

/// Aims the gate's probe at closed ports, at a scratch server that is then killed, and at a server of another kind.
pub(super) fn run(context: &Context) -> BoxFuture<'_, Vec<Control>> {
    async move {
        let mut controls = vec![closed().await];
        // Where Redis runs elsewhere, its server need not be installed here; the closed ports remain.
        if ScratchRedis::is_installed(context.redis_server.as_deref()) {
            controls.extend(scratch(context).await);
        }
        controls
    }
    .boxed()
}

async fn closed() -> Control {
    let started = Instant::now();
    let outcome = match all_closed().await {
        Ok(endpoints) => {
            let reports = join_all(ServiceKind::ALL.map(|kind| examine(kind, &endpoints))).await;
            (reports.iter().all(noticed), reports.iter().map(describe).collect::<Vec<_>>().join("; "))
        }
        Err(error) => (false, error.to_string()),
    };
    Control::new(
        "infrastructure.closed_ports",
        "each of the five services at a port where nothing listens",
        started,
        outcome,
    )
}

async fn all_closed() -> Result<Endpoints> {
    let mut ports = Vec::new();
    for _ in ServiceKind::ALL {
        ports.push(closed_port().await?);
    }
    let secret = hallmark_core::random::secret()?;
    Ok(Endpoints {
        postgres: Some(PostgresConfig::from_url(&format!(
            "postgres://nobody:{}@{}/none",
            secret.expose(),
            ports[0]
        ))?),
        neo4j: Some(Neo4jConfig::new(&format!("bolt://{}", ports[1]), Some("nobody"), Some(secret.clone()))?),
        chroma: Some(ChromaConfig::from_url(&format!("http://{}", ports[2]))?),
        redis: Some(RedisConfig::from_url(&format!("redis://:{}@{}/0", secret.expose(), ports[3]))?),
        openai: Some(OpenAiConfig::new(&format!("http://{}/v1", ports[4]), secret)?),
    })
}

fn noticed(report: &ProbeReport) -> bool {
    report.state == State::Down
}

fn describe(report: &ProbeReport) -> String {
    let reason = report.reason.as_deref().unwrap_or("no reason given");
    format!("{} {}: {reason}", report.service, serde_json::json!(report.state).as_str().unwrap_or_default())
}

async fn scratch(context: &Context) -> Vec<Control> {
    let started = Instant::now();
    let mut server = match ScratchRedis::start(context.redis_server.as_deref(), context.scratch.path()).await
    {
        Ok(server) => server,
        Err(error) => {
            let outcome = (false, error.to_string());
            return vec![Control::new(
                "infrastructure.stopped_redis",
                "a scratch Redis, then killed",
                started,
                outcome,
            )];
        }
    };
    let endpoints = server.endpoints();
    let (other, before) = tokio::join!(other_kind(&server), examine(ServiceKind::Redis, &endpoints));
    server.kill().await;
    let after = examine(ServiceKind::Redis, &endpoints).await;
    let observed = format!(
        "running: {}; killed: {}",
        serde_json::json!(before.state).as_str().unwrap_or_default(),
        describe(&after)
    );
    let outcome = (before.state == State::Usable && noticed(&after), observed);
    let stopped = Control::new(
        "infrastructure.stopped_redis",
        "a scratch Redis that ran and was then killed",
        started,
        outcome,
    );
    vec![stopped, other]
}

/// PostgreSQL's probe at the scratch Redis: something listens and answers, and it is not PostgreSQL.
async fn other_kind(server: &ScratchRedis) -> Control {
    let started = Instant::now();
    let planted = "a scratch Redis where PostgreSQL is expected";
    let url = format!("postgres://nobody:{}@{}/none", Secret::default().expose(), server.address());
    let outcome = match PostgresConfig::from_url(&url) {
        Ok(config) => {
            let endpoints = Endpoints { postgres: Some(config), ..Endpoints::default() };
            let report = examine(ServiceKind::Postgres, &endpoints).await;
            (noticed(&report), describe(&report))
        }
        Err(error) => (false, error.to_string()),
    };
    Control::new("infrastructure.other_server", planted, started, outcome)
}
