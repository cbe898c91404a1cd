//! Real servers are never accused, and stand-ins that speak the real protocol are unmasked.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hallmark_services::{
    Endpoints, Judgement, OpenAiConfig, Outcome, Postgres, PostgresConfig, Redis, RedisConfig, ServiceKind,
    Verification, verify,
};

use crate::support::{OwnRedis, closed_port, endpoints};

#[tokio::test(flavor = "multi_thread")]
async fn the_real_servers_are_genuine() {
    for kind in ServiceKind::ALL {
        let seen = verify(kind, &endpoints()).await;
        assert_eq!(seen.judgement, Judgement::Genuine, "{seen:#?}");
        assert!(seen.trials.iter().all(|t| !t.counts || t.outcome == Outcome::Held), "{seen:#?}");
    }
}

/// In places that nobody else works in, so that whatever is left is the verification's.
#[tokio::test(flavor = "multi_thread")]
async fn a_verification_leaves_nothing_behind() {
    let own = OwnRedis::start();
    let seen = verify(ServiceKind::Redis, &own.endpoints()).await;
    assert_eq!(seen.judgement, Judgement::Genuine, "{seen:#?}");
    let redis = Redis::new(own.endpoints().redis.as_ref().unwrap()).unwrap();
    let keys: u64 = redis::cmd("DBSIZE").query_async(&mut redis.connection().await.unwrap()).await.unwrap();
    assert_eq!(keys, 0);

    let name = format!("verify_{}", uuid::Uuid::new_v4().simple());
    let config = endpoints().postgres.unwrap();
    let server = Postgres::new(&config).unwrap().client().await.unwrap();
    server.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    let config = PostgresConfig { database: name.clone(), ..config };
    let all = Endpoints { postgres: Some(config.clone()), ..Endpoints::default() };
    let seen = verify(ServiceKind::Postgres, &all).await;
    assert_eq!(seen.judgement, Judgement::Genuine, "{seen:#?}");
    let left = Postgres::new(&config).unwrap().client().await.unwrap();
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'hallmark%'";
    let schemas: i64 = left.query_one(schemas, &[]).await.unwrap().get(0);
    assert_eq!(schemas, 0);
    server.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
}

/// Rollback, isolation and durability are evidence by name; what others set otherwise is not held against the server.
#[tokio::test(flavor = "multi_thread")]
async fn what_postgres_promises_of_transactions_is_evidence_by_name() {
    let seen = verify(ServiceKind::Postgres, &endpoints()).await;
    let evidence = seen.evidence();
    for name in ["rollback", "snapshots", "serializable", "write_conflict", "durable_commit", "pool_limit"] {
        let check = format!("verify.postgres.{name}");
        let found = evidence.iter().find(|one| one.check == check);
        assert!(
            found.is_some_and(|one| one.verdict == hallmark_evidence::Verdict::Proven),
            "{check}: {seen:#?}"
        );
    }
    let config = endpoints().postgres.unwrap();
    let server = Postgres::new(&config).unwrap().client().await.unwrap();
    let name = format!("lazy_{}", uuid::Uuid::new_v4().simple());
    server.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    server.batch_execute(&format!("ALTER DATABASE {name} SET synchronous_commit = off")).await.unwrap();
    let lazy = Some(PostgresConfig { database: name.clone(), ..config });
    let seen = verify(ServiceKind::Postgres, &Endpoints { postgres: lazy, ..Endpoints::default() }).await;
    server.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
    assert_eq!(seen.judgement, Judgement::Genuine, "{seen:#?}");
    let durable =
        seen.evidence().into_iter().find(|one| one.check == "verify.postgres.durable_commit").unwrap();
    assert_eq!(durable.verdict, hallmark_evidence::Verdict::NotMeasured);
    assert!(durable.reason.contains("synchronous_commit is off"), "{durable:?}");
}

#[tokio::test]
async fn without_an_address_or_a_server_nothing_is_claimed() {
    let seen = verify(ServiceKind::Redis, &Endpoints::default()).await;
    assert_eq!(seen.judgement, Judgement::NotMeasured);
    let gone = RedisConfig::from_url(&format!("redis://127.0.0.1:{}/0", closed_port())).unwrap();
    let gone = Endpoints { redis: Some(gone), ..Endpoints::default() };
    let seen = verify(ServiceKind::Redis, &gone).await;
    assert_eq!(seen.judgement, Judgement::Unproven, "{seen:#?}");
}

#[tokio::test]
async fn a_server_that_hangs_is_unproven_and_no_stand_in() {
    let own = OwnRedis::start();
    own.signal(rustix::process::Signal::STOP);
    let seen = verify(ServiceKind::Redis, &own.endpoints()).await;
    own.signal(rustix::process::Signal::CONT);
    assert_eq!(seen.judgement, Judgement::Unproven, "{seen:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fakeredis_is_unmasked() {
    let script = "import sys, fakeredis; s = fakeredis.TcpFakeServer(('127.0.0.1', int(sys.argv[1]))); s.serve_forever()";
    let port = closed_port();
    let _server = Server::start(clients("bin/python").args(["-c", script, &port.to_string()]), port);
    let config = RedisConfig::from_url(&format!("redis://127.0.0.1:{port}/0")).unwrap();
    let seen = verify(ServiceKind::Redis, &Endpoints { redis: Some(config), ..Endpoints::default() }).await;
    assert_refuted(&seen, "account_of_itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn fakellm_is_unmasked() {
    let port = closed_port();
    let folder = std::env::temp_dir().join(format!("hallmark-fakellm-{}", uuid::Uuid::new_v4().simple()));
    std::fs::create_dir_all(&folder).unwrap();
    let made =
        clients("bin/fakellm").arg("init").current_dir(&folder).stdout(Stdio::null()).status().unwrap();
    assert!(made.success());
    let mut serve = clients("bin/fakellm");
    let _server =
        Server::start(serve.args(["serve", "--port", &port.to_string()]).current_dir(&folder), port);
    let config = OpenAiConfig {
        base_url: format!("http://127.0.0.1:{port}/v1"),
        embeddings_base_url: None,
        ..endpoints().openai.unwrap()
    };
    let seen = verify(ServiceKind::OpenAi, &Endpoints { openai: Some(config), ..Endpoints::default() }).await;
    for trial in ["token_limit", "token_counts", "meaning"] {
        assert_refuted(&seen, trial);
    }
}

/// PostgreSQL itself, compiled to run inside another process: one backend for all connections.
#[tokio::test(flavor = "multi_thread")]
async fn pglite_is_unmasked_whether_it_takes_one_connection_or_many() {
    for connections in ["1", "10"] {
        let port = closed_port();
        let mut server = Command::new("node");
        // Debian 12 has Node 18, where the class must be asked for.
        let has_class = Command::new("node").args(["-p", "typeof CustomEvent"]).output().unwrap();
        if has_class.stdout.starts_with(b"undefined") {
            server.arg("--experimental-global-customevent");
        }
        server.arg(folder().join("node_modules/@electric-sql/pglite-socket/dist/scripts/server.js"));
        server.args([format!("--port={port}"), format!("--max-connections={connections}")]);
        let _server = Server::start(&mut server, port);
        let url = format!("postgres://postgres:postgres@127.0.0.1:{port}/postgres");
        let config = PostgresConfig::from_url(&url).unwrap();
        let seen =
            verify(ServiceKind::Postgres, &Endpoints { postgres: Some(config), ..Endpoints::default() })
                .await;
        assert_refuted(&seen, "process_each");
    }
}

fn assert_refuted(seen: &Verification, trial: &str) {
    assert_eq!(seen.judgement, Judgement::StandIn, "{seen:#?}");
    let made = seen.trials.iter().find(|t| t.name == trial);
    assert_eq!(made.map(|t| t.outcome), Some(Outcome::Refuted), "{seen:#?}");
    assert!(
        seen.reason.is_some() && seen.next.as_ref().is_some_and(|n| n.contains("real server")),
        "{seen:#?}"
    );
}

/// Where `cargo xtask test` installs programs that nobody here wrote.
fn folder() -> PathBuf {
    let target = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned();
    let folder = target.join("test-clients");
    assert!(folder.is_dir(), "{} is missing: run `cargo xtask test`", folder.display());
    folder
}

fn clients(program: &str) -> Command {
    Command::new(folder().join(program))
}

/// A process of the test's own; ends with the value.
struct Server(Child);

impl Server {
    fn start(command: &mut Command, port: u16) -> Self {
        let process =
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
        let mut own = Self(process);
        let start = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(own.0.try_wait().unwrap().is_none(), "the program ended: {command:?}");
            assert!(start.elapsed() < Duration::from_secs(60), "nothing listens: {command:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
        // A server of one connection must first notice that the one just made is gone.
        std::thread::sleep(Duration::from_secs(1));
        own
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
