//! The clock must see an operation that is too slow, and a dead address must not pass as fast.

use std::time::Instant;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hallmark_evidence::Verdict;
use hallmark_services::{Endpoints, Handles, RedisConfig, ServiceKind, postgres};

use super::data::Data;
use super::operation::{OPERATIONS, Operation};
use super::time;
use crate::context::Context;
use crate::section::Control;

/// Half as much again as the target of a select allows.
static SLOW_SELECT: Operation = Operation {
    id: "planted_slow_select",
    what: "PostgreSQL: a select that sleeps",
    service: ServiceKind::Postgres,
    median_ms: 10.0,
    p95_ms: 25.0,
    samples: 3,
    run: |data, _| slow_select(data).boxed(),
};

async fn slow_select(data: &Data) -> hallmark_core::Result<()> {
    let client = data.handles.postgres.client().await?;
    client.batch_execute("SELECT pg_sleep(0.015)").await.map_err(postgres::error)
}

/// Runs both controls with the instrument that measures the project.
pub(super) fn run(context: &Context) -> BoxFuture<'_, Vec<Control>> {
    async move { vec![slow(context).await, closed(context).await] }.boxed()
}

async fn slow(context: &Context) -> Control {
    let started = Instant::now();
    let data = Data::bare(&context.handles);
    let evidence = time(&SLOW_SELECT, &data).await;
    let planted = "a select that sleeps for 15 ms where 10 are allowed";
    Control::new(
        "operations.slow_select",
        planted,
        started,
        (evidence.verdict == Verdict::Failed, evidence.reason),
    )
}

async fn closed(context: &Context) -> Control {
    let started = Instant::now();
    let outcome = match dead_redis(context).await {
        Ok(data) => match OPERATIONS.iter().find(|o| o.id == "redis_miss") {
            Some(operation) => {
                let evidence = time(operation, &data).await;
                (!evidence.verdict.is_green(), evidence.reason)
            }
            None => (false, "no such operation".to_owned()),
        },
        Err(error) => (false, error.to_string()),
    };
    Control::new(
        "operations.closed_port",
        "a read from Redis at a port where nothing listens",
        started,
        outcome,
    )
}

async fn dead_redis(context: &Context) -> hallmark_core::Result<Data> {
    let address = crate::scratch::closed_port().await?;
    let config = RedisConfig::from_url(&format!("redis://{address}/0"))?;
    let handles = Handles::connect(&Endpoints { redis: Some(config), ..Endpoints::default() })?;
    Ok(Data::bare(&Handles { redis: handles.redis, ..context.handles.clone() }))
}
