//! Read replicas that the stack makes of its own PostgreSQL, and where reads go while things break.

use std::time::{Duration, Instant};

use hallmark_core::Result;
use hallmark_services::postgres::{Held, error};
use hallmark_services::resilience::{BreakerState, FallbacksConfig, Guarded, Source, Stand};
use hallmark_services::stack::Process;
use hallmark_services::{Endpoints, Handles, Postgres, ServiceKind};
use rustix::process::{Pid, Signal, kill_process};

use crate::stack::Own;

const REPLICA: Process = Process::PostgresReplica1;

/// A project whose PostgreSQL has so many replicas, and nothing else.
fn text(replicas: u8) -> String {
    let off: String = ["neo4j", "chromadb", "redis", "openai"].map(|s| format!("{s} = \"off\"\n")).concat();
    format!(
        "[stack]\nassume-yes = true\n[stack.postgres]\nreplicas = {replicas}\n[stack.providers]\npostgres = \"native\"\n{off}"
    )
}

fn project(replicas: u8) -> Own {
    let root = std::env::temp_dir().join(format!("hallmark-replicas-{}", uuid::Uuid::new_v4().simple()));
    Own::made(root, &text(replicas), Endpoints::default(), &[])
}

fn guarded(own: &Own, lag_ms: u64) -> (Handles, Guarded) {
    let handles = Handles::connect(&own.stack.endpoints().unwrap()).unwrap();
    let config = format!(
        "[fallbacks]\nreplica-lag-ms = {lag_ms}\n[fallbacks.postgres]\ntimeout-ms = 300\ncool-down-ms = 400\n"
    );
    let config = hallmark_core::config::Config::parse("hallmark.toml".into(), config).unwrap();
    let config: FallbacksConfig = config.section("fallbacks").unwrap();
    let guarded = Guarded::new(&handles, &config).unwrap();
    (handles, guarded)
}

async fn write(guarded: &Guarded, n: i64) -> Result<()> {
    let client = guarded.postgres().writer().await?;
    client.execute("UPDATE truth SET n = $1", &[&n]).await.map(drop).map_err(error)
}

async fn read(guarded: &Guarded) -> Result<(i64, Source)> {
    let work = |client: Held| async move {
        Ok(client.query_one("SELECT n FROM truth", &[]).await.map_err(error)?.get::<_, i64>(0))
    };
    let answer = guarded.postgres().read(work).await?;
    let source = answer.source().clone();
    Ok((answer.into_value(), source))
}

/// Reads until an answer comes from a source of this kind.
async fn until(guarded: &Guarded, kind: &str) -> (i64, Source) {
    let begin = Instant::now();
    loop {
        let last = read(guarded).await;
        if let Ok((n, source)) = &last
            && source.kind() == kind
        {
            return (*n, source.clone());
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "no answer from the {kind}: {last:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn sql(postgres: &Postgres, statement: &str) {
    postgres.client().await.unwrap().batch_execute(statement).await.unwrap();
}

/// Sends a signal to a server and all of its children: each is in a session of its own.
fn signal_all(pid: u32, signal: Signal) {
    let status = |pid: u32| std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let parent =
        |pid: u32| -> Option<u32> { status(pid).rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok() };
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let children: Vec<u32> = pids.filter(|child| parent(*child) == Some(pid)).collect();
    for pid in [pid].into_iter().chain(children) {
        let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        let _ = kill_process(pid, signal);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_go_to_a_replica_and_see_what_was_written_and_a_lagging_one_is_passed_over() {
    let own = project(1);
    own.up().await;
    let status = own.status().await;
    let notes = &status.services[0].notes;
    assert!(notes.iter().any(|note| note.starts_with("postgres-replica-1 streams")), "{notes:?}");
    let (handles, guarded) = guarded(&own, 2_000);
    sql(&handles.postgres, "CREATE TABLE truth (n bigint); INSERT INTO truth VALUES (0)").await;
    let (_, source) = until(&guarded, "replica").await;
    let Source::Replica { name, lag } = source else { panic!("{source}") };
    assert!(name.starts_with("127.0.0.1:") && lag <= Duration::from_secs(2), "{name} {lag:?}");
    // What was written is read at once, wherever the answer comes from.
    let mut replicas = 0;
    for n in 1..=200 {
        write(&guarded, n).await.unwrap();
        let (seen, source) = read(&guarded).await.unwrap();
        assert_eq!(seen, n, "a stale answer from {source}");
        tokio::time::sleep(Duration::from_millis(u64::try_from(n % 20).unwrap())).await;
        let (seen, source) = read(&guarded).await.unwrap();
        assert_eq!(seen, n, "a stale answer from {source}");
        replicas += u32::from(source.kind() == "replica");
    }
    let (_, _) = until(&guarded, "replica").await;
    println!("{replicas} of 200 reads right after a write came from the replica");
    // A replica that replays nothing any more is passed over once it is beyond the bound; nobody reads the old value.
    sql(&handles.replicas[0], "SELECT pg_wal_replay_pause()").await;
    let (other, reader) = self::guarded(&own, 2_000);
    write(&guarded, 1_000).await.unwrap();
    assert_eq!(read(&guarded).await.unwrap(), (1_000, Source::Primary));
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let (seen, source) = read(&reader).await.unwrap();
    assert_eq!((seen, source), (1_000, Source::Primary), "another process, which wrote nothing itself");
    drop(other);
    sql(&handles.replicas[0], "SELECT pg_wal_replay_resume()").await;
    assert_eq!(until(&reader, "replica").await.0, 1_000);
    // A replica that dies costs nobody an answer, and is started again.
    let pid = own.pid(REPLICA).await;
    signal_all(pid, Signal::KILL);
    for _ in 0..20 {
        assert_eq!(read(&guarded).await.unwrap().0, 1_000);
    }
    own.restarted(REPLICA, pid).await;
    until(&guarded, "replica").await;
    // One that is not wanted any more is stopped, and its slot goes with it: else the log would grow for ever.
    let path = own.root.join("hallmark.toml");
    hallmark_core::fs::write_atomic(&path, text(0).as_bytes(), hallmark_core::fs::Mode::Default).unwrap();
    let fewer = Own { root: own.root.clone(), stack: Own::open(&own.root) };
    fewer.up().await;
    let client = handles.postgres.client().await.unwrap();
    let slots: i64 = client.query_one("SELECT count(*) FROM pg_replication_slots", &[]).await.unwrap().get(0);
    assert_eq!(slots, 0);
    assert!(fewer.stack.endpoints().unwrap().postgres.unwrap().replicas.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_hangs_or_dies_is_answered_for_with_a_label_and_writes_fail() {
    let own = project(1);
    own.up().await;
    let (handles, guarded) = guarded(&own, 1_000);
    sql(&handles.postgres, "CREATE TABLE truth (n bigint); INSERT INTO truth VALUES (7)").await;
    until(&guarded, "replica").await;
    let pid = own.pid(Process::Postgres).await;
    signal_all(pid, Signal::STOP);
    let stopped = Instant::now();
    let (seen, source) = until(&guarded, "fallback").await;
    assert_eq!(seen, 7);
    let Source::Fallback { stand: Stand::Replica, age: Some(age) } = source else { panic!("{source}") };
    assert!(age <= stopped.elapsed() + Duration::from_secs(3), "{age:?}");
    let begin = Instant::now();
    while guarded.postgres().line().state() != BreakerState::Open {
        let _ = read(&guarded).await;
        assert!(begin.elapsed() < Duration::from_secs(30), "the circuit does not open");
    }
    let refused = write(&guarded, 8).await.unwrap_err();
    assert!(refused.is(&hallmark_services::codes::CIRCUIT_OPEN), "{refused:?}");
    assert!(read(&guarded).await.unwrap().1.is_fallback());
    // A process that never measured anything knows an age all the same.
    let (_, newcomer) = self::guarded(&own, 1_000);
    let (seen, source) = until(&newcomer, "fallback").await;
    assert!(seen == 7 && source.age().is_some(), "{source}");
    signal_all(pid, Signal::CONT);
    let begin = Instant::now();
    while write(&guarded, 9).await.is_err() {
        let _ = read(&guarded).await;
        assert!(begin.elapsed() < Duration::from_secs(30), "writes do not come back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (seen, source) = read(&guarded).await.unwrap();
    assert_eq!(seen, 9, "{source}");
    // Killed: answered for, started again by the supervisor, and followed again.
    until(&guarded, "replica").await;
    let pid = own.pid(Process::Postgres).await;
    signal_all(pid, Signal::KILL);
    for _ in 0..50 {
        assert_eq!(read(&guarded).await.unwrap().0, 9);
    }
    own.restarted(Process::Postgres, pid).await;
    let begin = Instant::now();
    while write(&guarded, 10).await.is_err() {
        let _ = read(&guarded).await;
        assert!(begin.elapsed() < Duration::from_secs(60), "writes do not come back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(read(&guarded).await.unwrap().0, 10);
    assert_eq!(until(&guarded, "replica").await.0, 10);
    let count = guarded.tally().all().remove(&ServiceKind::Postgres).unwrap();
    assert!(count.replica > 0 && count.fallback["replica"] > 0 && count.opened > 0, "{count:?}");
}
