//! What PostgreSQL promises of transactions, tried: rollback, serializable isolation, commits that are on disk; and that our own
//! pool has an end.

use std::time::{Duration, Instant};

use hallmark_core::Error;
use tokio_postgres::error::SqlState;

use super::health::Session;
use super::verify::{judged, one, run};
use super::{Postgres, PostgresConfig};
use crate::codes;
use crate::verify::{Shown, refuted};

/// How long the pool that is tried lets a caller wait.
const WAIT: Duration = Duration::from_millis(200);

/// What is rolled back was never there: a whole transaction, a part of one, and one in which a statement failed.
pub(super) async fn rolls_back(session: &Session, other: &Session, schema: &str) -> Shown<()> {
    let add = |id: i32| format!("INSERT INTO {schema}.plain (id) VALUES ({id})");
    run(session, &format!("BEGIN; {}; {}; ROLLBACK", add(101), add(102))).await?;
    let part = format!("BEGIN; {}; SAVEPOINT here; {}; ROLLBACK TO here; COMMIT", add(103), add(104));
    run(session, &part).await?;
    run(session, &format!("BEGIN; {}", add(105))).await?;
    let broken = session.client.batch_execute(&format!("INSERT INTO {schema}.kept VALUES (105, -1)")).await;
    let after = session.client.batch_execute("SELECT 1").await;
    run(session, "COMMIT").await?;
    let code = |result: &Result<(), tokio_postgres::Error>| {
        result.as_ref().err().and_then(tokio_postgres::Error::code).cloned()
    };
    let (first, second) = (code(&broken), code(&after));
    if first != Some(SqlState::CHECK_VIOLATION) || second != Some(SqlState::IN_FAILED_SQL_TRANSACTION) {
        return Err(refuted(format!(
            "after a statement that breaks a check a transaction goes on: {first:?}, then {second:?}"
        )));
    }
    let left = format!(
        "SELECT coalesce(string_agg(id::text, ' ' ORDER BY id), '') FROM {schema}.plain WHERE id > 100"
    );
    let left: String = one(other, &left, &[]).await?;
    if left != "103" {
        return Err(refuted(format!("four of five rows were rolled back, and \"{left}\" is left of them")));
    }
    Ok(((), "a transaction, a part and a failed one left no row of theirs".to_owned()))
}

/// Of two transactions that each read what the other writes only one may commit.
pub(super) async fn serializes(session: &Session, other: &Session, schema: &str) -> Shown<()> {
    run(session, &format!("INSERT INTO {schema}.kept VALUES (201, 1), (202, 1)")).await?;
    let sum = format!("SELECT sum(n)::int8 FROM {schema}.kept WHERE id IN (201, 202)");
    let begin = "BEGIN ISOLATION LEVEL SERIALIZABLE";
    run(session, begin).await?;
    run(other, begin).await?;
    let _: i64 = one(session, &sum, &[]).await?;
    let _: i64 = one(other, &sum, &[]).await?;
    let write = |id: i32| format!("UPDATE {schema}.kept SET n = n + 10 WHERE id = {id}");
    let mut refused = 0;
    for (side, id) in [(session, 201), (other, 202)] {
        let mut done = side.client.batch_execute(&write(id)).await;
        if done.is_ok() && id == 202 {
            done = session.client.batch_execute("COMMIT").await;
            refused += refusal(done)?;
            done = other.client.batch_execute("COMMIT").await;
        }
        refused += refusal(done)?;
    }
    run(session, "ROLLBACK").await?;
    run(other, "ROLLBACK").await?;
    if refused == 0 {
        return Err(refuted("two transactions that each rest on what the other changed both committed"));
    }
    Ok(((), "of two transactions in each other's way one was refused (SQLSTATE 40001)".to_owned()))
}

/// 1 for a refusal to serialise, 0 for success.
fn refusal(done: Result<(), tokio_postgres::Error>) -> Result<u32, Error> {
    match done {
        Ok(()) => Ok(0),
        Err(e) if e.code() == Some(&SqlState::T_R_SERIALIZATION_FAILURE) => Ok(1),
        Err(e) => Err(judged(e)),
    }
}

/// When a commit is acknowledged the log is on disk beyond it. A real server may be set to another promise.
pub(super) async fn is_flushed(session: &Session, schema: &str) -> Shown<()> {
    let setting = async |name: &str| -> Result<String, Error> {
        one(session, "SELECT current_setting($1)", &[&name]).await
    };
    for name in ["fsync", "synchronous_commit", "full_page_writes"] {
        let value = setting(name).await?;
        if value == "off" {
            let sentence = format!("{name} is off: a crash may lose what was acknowledged");
            return Err(Error::new(&codes::CANARY, sentence)
                .next(format!("ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf()")));
        }
    }
    run(session, &format!("BEGIN; INSERT INTO {schema}.plain (id) VALUES (301)")).await?;
    let written: String = one(session, "SELECT pg_current_wal_insert_lsn()::text", &[]).await?;
    run(session, "COMMIT").await?;
    let beyond = "SELECT pg_wal_lsn_diff(pg_current_wal_flush_lsn(), $1::text::pg_lsn)::int8";
    let beyond: i64 = one(session, beyond, &[&written]).await?;
    if beyond <= 0 {
        return Err(Error::new(&codes::CANARY, "a commit was acknowledged before its log was on disk"));
    }
    Ok(((), format!("at its acknowledgement a commit at {written} was on disk, {beyond} bytes beyond")))
}

/// A pool of one connection refuses the second caller in time, with a code, and serves the next.
pub(super) async fn pool_is_bounded(config: &PostgresConfig) -> Shown<()> {
    let small = PostgresConfig { pool_size: 1, pool_wait: WAIT, ..config.clone() };
    let pool = Postgres::new(&small)?;
    let held = pool.client().await?;
    let started = Instant::now();
    let refused = pool.client().await.err();
    let waited = started.elapsed().as_millis();
    drop(held);
    let served = pool.client().await.is_ok();
    match refused {
        Some(error) if error.is(&codes::POOL_EXHAUSTED) && served => {
            Ok(((), format!("a pool of one refused a second caller after {waited} ms ({})", error.code().id)))
        }
        Some(error) => Err(error),
        None => Err(Error::new(&codes::CANARY, "a pool of one connection gave two")),
    }
}
