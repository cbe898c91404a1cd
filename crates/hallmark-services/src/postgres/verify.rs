//! Whether a PostgreSQL is real.
//!
//! What emulators lack: a process for each connection, snapshots and locks between connections, a log whose position moves
//! with what is written, and a catalogue that keeps up with all of it.

use std::time::{Duration, Instant};

use hallmark_core::{Error, Result, digest};
use tokio_postgres::error::SqlState;

use super::health::{Session, open, seconds, sweep};
use super::{PostgresConfig, error, transactions};
use crate::recorder::nonce;
use crate::verify::{Fresh, Shown, Trials, refuted};

/// Bytes written while the log is watched.
const WRITTEN: usize = 64 * 1024;

pub(crate) async fn verify(config: &PostgresConfig, trials: &mut Trials) {
    let connected = trials.make("connects", async {
        let session = open(config).await?;
        Ok((session, format!("{} may use the database {}", config.user, config.database)))
    });
    let Some(one) = connected.await else { return };
    trials.make("account_of_itself", account(&one)).await;
    trials.make("computes", computes(&one)).await;
    trials.make("plans", plans(&one)).await;
    let Some(other) = trials.make("process_each", processes(config, &one)).await else { return };
    trials.make("lock_wait", waits(config, &one, &other)).await;
    let Some(schema) = trials.make("scratch_schema", scratch(&one, config)).await else { return };
    trials.make("catalogue", catalogue(&one, &schema)).await;
    trials.make("snapshots", snapshots(&one, &other, &schema)).await;
    trials.make("write_conflict", conflicts(&one, &other, &schema)).await;
    trials.make("log_position", log_moves(&one, &schema)).await;
    trials.make("rollback", transactions::rolls_back(&one, &other, &schema)).await;
    trials.make("serializable", transactions::serializes(&one, &other, &schema)).await;
    trials.show("durable_commit", transactions::is_flushed(&one, &schema)).await;
    // A trial that broke off in a transaction must not keep the schema alive.
    let _ = one.client.batch_execute("ROLLBACK").await;
    let _ = other.client.batch_execute("ROLLBACK").await;
    trials.make("leaves_nothing", removed(&one, &schema)).await;
    trials.show("pool_limit", transactions::pool_is_bounded(config)).await;
}

/// The coded error; what every PostgreSQL knows and this server does not is a refutation.
pub(super) fn judged(failure: tokio_postgres::Error) -> Error {
    let unknown = [
        SqlState::UNDEFINED_FUNCTION,
        SqlState::UNDEFINED_TABLE,
        SqlState::UNDEFINED_COLUMN,
        SqlState::UNDEFINED_OBJECT,
        SqlState::SYNTAX_ERROR,
        SqlState::FEATURE_NOT_SUPPORTED,
    ];
    match failure.as_db_error() {
        Some(db) if unknown.contains(db.code()) => {
            let sentence = format!("it refuses what every PostgreSQL does: {}", db.message());
            refuted(sentence)
        }
        _ => error(failure),
    }
}

pub(super) async fn run(session: &Session, sql: &str) -> Result<()> {
    session.client.batch_execute(sql).await.map_err(judged)
}

/// The one value that a statement gives.
pub(super) async fn one<T>(
    session: &Session,
    sql: &str,
    params: &[&(dyn tokio_postgres::types::ToSql + Sync)],
) -> Result<T>
where
    T: for<'a> tokio_postgres::types::FromSql<'a>,
{
    let row = session.client.query_one(sql, params).await.map_err(judged)?;
    row.try_get(0).map_err(judged)
}

/// Version by function, by setting and by number agree.
async fn account(session: &Session) -> Shown<()> {
    let (long, short): (String, String) = (
        one(session, "SELECT version()", &[]).await?,
        one(session, "SELECT current_setting('server_version')", &[]).await?,
    );
    let number: i32 = one(session, "SELECT current_setting('server_version_num')::int4", &[]).await?;
    let major = short.split(['.', ' ', 'b', 'r']).next().unwrap_or_default();
    let agree = long.split([' ', '.']).any(|word| word == major) && major == (number / 10_000).to_string();
    if !agree {
        return Err(refuted(format!("it calls itself \"{long}\", {short} and {number}")));
    }
    Ok(((), format!("version {short}, by function, setting and number")))
}

/// Digests and windows over fresh numbers come out as they do here.
async fn computes(session: &Session) -> Shown<()> {
    let mut fresh = Fresh::new()?;
    let (word, step, count) = (nonce()?, 2 + fresh.below(9), 10 + fresh.below(40));
    let digest_there: String =
        one(session, "SELECT encode(sha256(convert_to($1, 'UTF8')), 'hex')", &[&word]).await?;
    if digest_there != digest::sha256(word.as_bytes()) {
        return Err(refuted("the digest of a fresh word comes out otherwise"));
    }
    let (step_sql, count_sql) = (i64::try_from(step).unwrap_or(2), i64::try_from(count).unwrap_or(10));
    let sum_there: i64 = one(
        session,
        "SELECT (max(running) FILTER (WHERE place % 2 = 0))::int8 FROM (SELECT row_number() OVER w AS place, \
         sum(n) OVER w AS running FROM generate_series(1::int8, $1::int8 * $2::int8, $1::int8) AS n WINDOW w AS (ORDER BY n)) AS t",
        &[&step_sql, &count_sql],
    )
    .await?;
    let numbers = (0..count).map(|place| 1 + place * step);
    let mut running = 0;
    let mut expected = 0;
    for (place, number) in (1_u64..).zip(numbers) {
        running += number;
        if place % 2 == 0 {
            expected = running;
        }
    }
    if u64::try_from(sum_there) != Ok(expected) {
        return Err(refuted(format!("a running sum of fresh numbers is {expected}, there {sum_there}")));
    }
    Ok(((), "a digest and a running sum of fresh values are right".to_owned()))
}

/// A lookup by key in a system catalogue is planned over its index.
async fn plans(session: &Session) -> Shown<()> {
    let sql = "EXPLAIN (FORMAT JSON) SELECT relname FROM pg_catalog.pg_class WHERE oid = 1259";
    let plan: serde_json::Value = one(session, sql, &[]).await?;
    let node = plan[0]["Plan"]["Node Type"].as_str().unwrap_or_default();
    let cost = plan[0]["Plan"]["Total Cost"].as_f64().unwrap_or_default();
    if !node.contains("Scan") || cost <= 0.0 {
        return Err(refuted(format!("its plan of a lookup is {plan}")));
    }
    Ok(((), format!("a lookup is planned as {node}, at {cost:.2}")))
}

/// Two connections at a time, each served by a process of its own that the other sees at work.
async fn processes(config: &PostgresConfig, session: &Session) -> Shown<Session> {
    let other = open(config).await.map_err(|e| {
        use crate::codes::{AUTHENTICATION, POOL_EXHAUSTED, STARTING, TIMED_OUT, UNREACHABLE};
        // These a real server may answer; a second connection that simply breaks it does not.
        if [&POOL_EXHAUSTED, &STARTING, &TIMED_OUT, &UNREACHABLE, &AUTHENTICATION].iter().any(|c| e.is(c)) {
            return e;
        }
        refuted(format!("it does not serve a second connection: {}", e.message()))
    })?;
    let mine = "BEGIN; SET LOCAL application_name = 'hallmark verify'";
    run(session, mine).await?;
    beside(session, run(&other, mine)).await?;
    let pid = "SELECT pg_backend_pid()";
    let (first, second): (i32, i32) = (one(session, pid, &[]).await?, one(&other, pid, &[]).await?);
    let sees = "SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE pid = ANY($1)";
    let seen: i64 = one(&other, sees, &[&vec![first, second]]).await?;
    let kinds =
        "SELECT count(DISTINCT backend_type) FROM pg_catalog.pg_stat_activity WHERE backend_type IS NOT NULL";
    let kinds: i64 = one(&other, kinds, &[]).await?;
    run(session, "COMMIT").await?;
    run(&other, "COMMIT").await?;
    if first == second {
        return Err(refuted(format!("two open transactions are served by one process, {first}")));
    }
    if seen != 2 {
        return Err(refuted("pg_stat_activity does not show the connections that ask"));
    }
    Ok((other, format!("processes {first} and {second} of {kinds} kinds see each other")))
}

/// Waits for work of another connection while this one has a transaction open. A server that has it wait, and does it as soon as
/// the transaction ends, serves one connection at a time.
async fn beside(session: &Session, work: impl Future<Output = Result<()>>) -> Result<()> {
    /// A real server answers in milliseconds; this is for machines that can hardly breathe.
    const PATIENCE: Duration = Duration::from_secs(6);
    let mut work = std::pin::pin!(work);
    if let Ok(done) = tokio::time::timeout(PATIENCE, &mut work).await {
        return done;
    }
    run(session, "COMMIT").await?;
    match tokio::time::timeout(PATIENCE / 4, work).await {
        Ok(_) => Err(refuted("a connection is served only when no other has a transaction open")),
        Err(_) => Err(Error::new(&crate::codes::TIMED_OUT, "a second connection gets no answer")),
    }
}

/// A lock of one connection makes another wait, and the server tells who waits for whom.
async fn waits(config: &PostgresConfig, holder: &Session, watcher: &Session) -> Shown<()> {
    let mut fresh = Fresh::new()?;
    let lock = i64::from(u32::try_from(fresh.below(u64::from(u32::MAX))).unwrap_or_default());
    let take = "SELECT pg_advisory_xact_lock($1)::text";
    run(holder, "BEGIN").await?;
    let held: i32 = one(holder, "SELECT pg_backend_pid()", &[]).await?;
    let _: Option<String> = one(holder, take, &[&lock]).await?;
    let waiter = open(config).await?;
    run(&waiter, "BEGIN; SET LOCAL lock_timeout = '15s'").await?;
    let waiting_pid: i32 = one(&waiter, "SELECT pg_backend_pid()", &[]).await?;
    let taking = tokio::spawn(async move {
        let taken: Result<Option<String>> = one(&waiter, take, &[&lock]).await;
        taken.map(|_| waiter)
    });
    let started = Instant::now();
    let mut blockers: Vec<i32> = Vec::new();
    while blockers.is_empty() && started.elapsed() < Duration::from_secs(7) && !taking.is_finished() {
        blockers = one(watcher, "SELECT pg_blocking_pids($1)", &[&waiting_pid]).await?;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let too_early = taking.is_finished();
    run(holder, "COMMIT").await?;
    let taken = taking.await;
    if too_early {
        return Err(refuted("two connections hold one exclusive lock"));
    }
    if blockers != [held] {
        return Err(refuted(format!("{waiting_pid} waits for {held}, and the server names {blockers:?}")));
    }
    let waiter = taken.map_err(|e| refuted("the connection that waited broke").because(&e))??;
    run(&waiter, "COMMIT").await?;
    Ok(((), format!("process {waiting_pid} waited for {held}, and got the lock when it was free")))
}

/// A schema of this trial's own; one that was left by a killed run is removed by the next.
async fn scratch(session: &Session, config: &PostgresConfig) -> Shown<String> {
    sweep(session).await?;
    // The name is made of digits and lower-case letters only, so it needs no quoting; a name cannot be a parameter.
    let schema = format!("hallmark_canary_{}_{}", seconds(), nonce()?);
    let create = format!("CREATE SCHEMA {schema}; CREATE TABLE {schema}.plain (id int4, body bytea)");
    run(session, &create)
        .await
        .map_err(|e| e.next(format!("GRANT CREATE ON DATABASE {} TO {}", config.database, config.user)))?;
    Ok((schema, "a schema of its own".to_owned()))
}

/// What a table declares is in the catalogue; what is rolled back is not.
async fn catalogue(session: &Session, schema: &str) -> Shown<()> {
    let create = format!(
        "CREATE TABLE {schema}.kept (id int4 PRIMARY KEY, n int4 CHECK (n > 0)); CREATE INDEX ON {schema}.kept (n DESC)"
    );
    run(session, &create).await?;
    run(session, &format!("BEGIN; CREATE TABLE {schema}.gone (id int4); ROLLBACK")).await?;
    let (kept, gone) = (format!("{schema}.kept"), format!("{schema}.gone"));
    let constraints: String = one(
        session,
        "SELECT string_agg(contype::text, '' ORDER BY contype) FROM pg_catalog.pg_constraint \
         WHERE conrelid = to_regclass($1) AND contype IN ('c', 'p')",
        &[&kept],
    )
    .await?;
    let indexes = "SELECT count(*) FROM pg_catalog.pg_index WHERE indrelid = to_regclass($1) AND indisvalid";
    let indexes: i64 = one(session, indexes, &[&kept]).await?;
    let is_gone: bool = one(session, "SELECT to_regclass($1) IS NULL", &[&gone]).await?;
    if constraints != "cp" || indexes != 2 {
        return Err(refuted(format!(
            "a key, a check and an index were declared; the catalogue holds \"{constraints}\" and {indexes} indexes"
        )));
    }
    if !is_gone {
        return Err(refuted("a table whose creation was rolled back is there"));
    }
    Ok(((), "key, check and index are in the catalogue, a table rolled back is not".to_owned()))
}

/// What one connection has not committed another does not see, and a snapshot stays as it was.
async fn snapshots(one_side: &Session, other: &Session, schema: &str) -> Shown<()> {
    let count = format!("SELECT count(*) FROM {schema}.plain");
    let insert = format!("INSERT INTO {schema}.plain (id) VALUES (1)");
    run(one_side, "BEGIN ISOLATION LEVEL REPEATABLE READ").await?;
    let before: i64 = one(one_side, &count, &[]).await?;
    run(other, &format!("BEGIN; {insert}")).await?;
    let uncommitted: i64 = one(one_side, &count, &[]).await?;
    run(other, "COMMIT").await?;
    let in_snapshot: i64 = one(one_side, &count, &[]).await?;
    run(one_side, "COMMIT").await?;
    let after: i64 = one(one_side, &count, &[]).await?;
    if (before, uncommitted, in_snapshot, after) != (0, 0, 0, 1) {
        return Err(refuted(format!(
            "a row of another transaction was seen {before}, {uncommitted}, {in_snapshot} and {after} times: before, \
             uncommitted, in the old snapshot and after it, where PostgreSQL sees 0, 0, 0 and 1"
        )));
    }
    Ok(((), "a snapshot stayed while another transaction wrote and committed".to_owned()))
}

/// Of two transactions that change one row the later one fails.
async fn conflicts(one_side: &Session, other: &Session, schema: &str) -> Shown<()> {
    run(one_side, &format!("INSERT INTO {schema}.kept VALUES (7, 1)")).await?;
    let update = format!("UPDATE {schema}.kept SET n = n + 1 WHERE id = 7");
    run(one_side, "BEGIN ISOLATION LEVEL REPEATABLE READ").await?;
    let _: i64 = one(one_side, &format!("SELECT count(*) FROM {schema}.kept"), &[]).await?;
    run(other, &update).await?;
    let late = one_side.client.batch_execute(&update).await;
    run(one_side, "ROLLBACK").await?;
    match late {
        Err(e) if e.code() == Some(&SqlState::T_R_SERIALIZATION_FAILURE) => {
            Ok(((), "a change from an old snapshot was refused (SQLSTATE 40001)".to_owned()))
        }
        Err(e) => Err(judged(e)),
        Ok(()) => Err(refuted("a change from an old snapshot went through: an update was lost")),
    }
}

/// Writing moves the position of the log by at least what was written.
async fn log_moves(session: &Session, schema: &str) -> Shown<()> {
    let mut fresh = Fresh::new()?;
    let body: Vec<u8> =
        std::iter::repeat_with(|| fresh.next().to_le_bytes()).take(WRITTEN / 8).flatten().collect();
    let before: String = one(session, "SELECT pg_current_wal_insert_lsn()::text", &[]).await?;
    let insert = format!("INSERT INTO {schema}.plain (id, body) VALUES (2, $1)");
    session.client.execute(&insert, &[&body]).await.map_err(judged)?;
    let moved = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1::text::pg_lsn)::int8";
    let moved: i64 = one(session, moved, &[&before]).await?;
    if usize::try_from(moved).unwrap_or_default() < WRITTEN {
        return Err(refuted(format!("{WRITTEN} random bytes were written, and the log moved by {moved}")));
    }
    Ok(((), format!("{WRITTEN} random bytes moved the log by {moved}")))
}

async fn removed(session: &Session, schema: &str) -> Shown<()> {
    run(session, &format!("DROP SCHEMA IF EXISTS {schema} CASCADE")).await?;
    Ok(((), "its schema is gone".to_owned()))
}
