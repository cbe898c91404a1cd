//! Rows of runs: written and read.

use std::collections::BTreeMap;
use std::sync::Arc;

use deadpool_postgres::{ClientWrapper, Object};
use hallmark_core::{Error, Result, canonical};
use hallmark_services::postgres;
use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;
use uuid::Uuid;

use super::schema::Sql;
use super::{Begun, NewRun};
use crate::codes;
use crate::run::{NodeRun, Run, RunSummary, Status, millis};

pub(super) async fn begin(client: &Object, sql: &Sql, owner: &str, new: &NewRun) -> Result<Begun> {
    let run = &new.run;
    let id = uuid(&run.run_id)?;
    let inputs = canonical::to_string(&run.inputs);
    let statement = client.prepare_cached(&sql.begin).await.map_err(postgres::error)?;
    let made = client
        .execute(
            &statement,
            &[
                &id,
                &run.workflow,
                &run.caller,
                &run.tenant,
                &run.session,
                &new.key,
                &new.digest,
                &owner,
                &inputs,
                &run.started_at,
            ],
        )
        .await
        .map_err(postgres::error)?;
    if made == 1 {
        return Ok(Begun::Now);
    }
    let row = client
        .query_opt(&sql.before, &[&run.caller, &run.tenant, &new.key])
        .await
        .map_err(postgres::error)?
        .ok_or_else(|| broken("the first run with this idempotency key vanished"))?;
    if column::<String>(&row, "digest")? != new.digest {
        return Err(Error::new(
            &codes::KEY_REUSED,
            "this idempotency key was used for another workflow or other inputs",
        )
        .next("use a fresh key for a new request"));
    }
    Ok(Begun::Before(column::<Uuid>(&row, "run_id")?.to_string()))
}

pub(super) async fn finish(client: &Object, sql: &Sql, run: &Run) -> Result<()> {
    let id = uuid(&run.run_id)?;
    let result = (run.status == Status::Succeeded).then(|| canonical::to_string(&run.result));
    let error = run.error.as_ref().map(canonical::to_string);
    let positions: Vec<i32> = (0_i32..).take(run.nodes.len()).collect();
    let ids: Vec<&str> = run.nodes.iter().map(|n| n.id.as_str()).collect();
    let nodes: Vec<&str> = run.nodes.iter().map(|n| n.node.as_str()).collect();
    let states: Vec<&str> = run.nodes.iter().map(|n| n.status.name()).collect();
    let results: Vec<Option<String>> =
        run.nodes.iter().map(|n| run.results.get(&n.id).map(|value| canonical::to_string(value))).collect();
    let errors: Vec<Option<String>> =
        run.nodes.iter().map(|n| n.error.as_ref().map(canonical::to_string)).collect();
    let started: Vec<Option<Timestamp>> = run.nodes.iter().map(|n| n.started_at).collect();
    let durations: Vec<i64> = run.nodes.iter().map(|n| n.duration_us).collect();
    let statement = client.prepare_cached(&sql.finish).await.map_err(postgres::error)?;
    client
        .execute(
            &statement,
            &[
                &id,
                &run.status.name(),
                &result,
                &error,
                &run.duration_us,
                &positions,
                &ids,
                &nodes,
                &states,
                &results,
                &errors,
                &started,
                &durations,
            ],
        )
        .await
        .map_err(postgres::error)?;
    Ok(())
}

pub(super) async fn get(client: &ClientWrapper, sql: &Sql, id: Uuid) -> Result<Option<Run>> {
    let (run, nodes) = tokio::try_join!(client.prepare_cached(&sql.get), client.prepare_cached(&sql.nodes))
        .map_err(postgres::error)?;
    let Some(row) = client.query_opt(&run, &[&id]).await.map_err(postgres::error)? else { return Ok(None) };
    let status = status(&row)?;
    let mut run = Run {
        run_id: id.to_string(),
        workflow: column(&row, "workflow")?,
        status,
        caller: column(&row, "caller")?,
        tenant: column(&row, "tenant")?,
        session: column(&row, "session")?,
        inputs: json(&row, "inputs")?.unwrap_or_default(),
        nodes: Vec::new(),
        results: BTreeMap::new(),
        result: Arc::new(json(&row, "result")?.unwrap_or_default()),
        error: json(&row, "error")?,
        started_at: column(&row, "started_at")?,
        duration_us: column(&row, "duration_us")?,
        kept: true,
    };
    // The nodes are written in the statement that ends the run: before that there are none.
    if status != Status::Running {
        for row in client.query(&nodes, &[&id]).await.map_err(postgres::error)? {
            node(&row, &mut run)?;
        }
    }
    Ok(Some(run))
}

fn node(row: &Row, run: &mut Run) -> Result<()> {
    let id: String = column(row, "id")?;
    if let Some(result) = json(row, "result")? {
        run.results.insert(id.clone(), Arc::new(result));
    }
    run.nodes.push(NodeRun {
        id,
        node: column(row, "node")?,
        status: status(row)?,
        error: json(row, "error")?,
        started_at: column(row, "started_at")?,
        duration_us: column(row, "duration_us")?,
    });
    Ok(())
}

pub(super) async fn list(
    client: &ClientWrapper,
    sql: &Sql,
    limit: u32,
    session: Option<&str>,
) -> Result<Vec<RunSummary>> {
    let limit = i64::from(limit);
    let rows = match session {
        Some(session) => client.query(&sql.list_session, &[&limit, &session]).await,
        None => client.query(&sql.list, &[&limit]).await,
    };
    rows.map_err(postgres::error)?.iter().map(summary).collect()
}

fn summary(row: &Row) -> Result<RunSummary> {
    Ok(RunSummary {
        run_id: column::<Uuid>(row, "run_id")?.to_string(),
        workflow: column(row, "workflow")?,
        status: status(row)?,
        caller: column(row, "caller")?,
        tenant: column(row, "tenant")?,
        session: column(row, "session")?,
        started_at: column(row, "started_at")?,
        duration_ms: millis(column(row, "duration_us")?),
    })
}

pub(super) async fn owners(client: &Object, sql: &Sql) -> Result<Vec<String>> {
    client
        .query(&sql.owners, &[])
        .await
        .map_err(postgres::error)?
        .iter()
        .map(|row| column(row, "owner"))
        .collect()
}

/// Marks the runs of an owner as interrupted if its lock is free.
pub(super) async fn reap(client: &mut Object, sql: &Sql, owner: &str) -> Result<u64> {
    let transaction = client.transaction().await.map_err(postgres::error)?;
    let row = transaction
        .query_one("SELECT pg_try_advisory_xact_lock($1)", &[&sql.lock(owner)])
        .await
        .map_err(postgres::error)?;
    if !row.get::<_, bool>(0) {
        return Ok(0);
    }
    let error = Error::new(&codes::INTERRUPTED, "the process that ran it is gone");
    let error = canonical::to_string(&error.to_json());
    let marked = transaction.execute(&sql.reap, &[&owner, &error]).await.map_err(postgres::error)?;
    transaction.commit().await.map_err(postgres::error)?;
    Ok(marked)
}

fn uuid(text: &str) -> Result<Uuid> {
    Uuid::parse_str(text).map_err(|e| broken("a run id is not a UUID").because(&e))
}

fn column<'r, T: FromSql<'r>>(row: &'r Row, name: &str) -> Result<T> {
    row.try_get(name).map_err(|e| broken(&format!("the column {name} cannot be read")).because(&e))
}

fn status(row: &Row) -> Result<Status> {
    let name: &str = column(row, "status")?;
    Status::from_name(name).ok_or_else(|| broken(&format!("the status {name} is not known")))
}

fn json(row: &Row, name: &str) -> Result<Option<Value>> {
    let text: Option<&str> = column(row, name)?;
    text.map(serde_json::from_str)
        .transpose()
        .map_err(|e| broken(&format!("the column {name} is not JSON")).because(&e))
}

fn broken(why: &str) -> Error {
    Error::new(&codes::STORE_FAILED, why.to_owned())
}
