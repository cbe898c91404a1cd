//! The cache node on a Redis of the test's own that is killed and comes back: rows are answered for, and no old one passes for fresh.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hallmark_services::resilience::{FallbacksConfig, Guarded, Ledger};
use hallmark_services::{Endpoints, Handles, RedisConfig};
use serde_json::{Value, json};

use crate::support::{World, models, with_guarded};

/// A real Redis server that ends with the value.
struct OwnRedis {
    process: Child,
    port: u16,
}

fn spawn(port: u16) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]).stdout(Stdio::null());
    let process = command.spawn().expect("install redis-server: this test needs one of its own to kill");
    let begin = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begin.elapsed() < Duration::from_secs(10), "redis-server did not start");
        std::thread::sleep(Duration::from_millis(10));
    }
    process
}

impl OwnRedis {
    fn start() -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        Self { process: spawn(port), port }
    }

    fn handles(&self) -> Handles {
        let config = RedisConfig::from_url(&format!("redis://127.0.0.1:{}/0", self.port)).unwrap();
        let endpoints = Endpoints { redis: Some(config), ..Endpoints::from_env().unwrap() };
        Handles::connect(&endpoints).unwrap()
    }

    fn restart(&mut self) {
        self.process = spawn(self.port);
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for OwnRedis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A call with its sources.
async fn called(world: &World, input: Value) -> (Value, Option<Value>) {
    let ledger = Ledger::default();
    let answer = ledger.clone().scope(world.call("UserCacheNode", input)).await.unwrap();
    (answer, ledger.to_json())
}

#[tokio::test]
async fn rows_are_answered_for_while_redis_is_away_and_changes_are_never_hidden() {
    let mut redis = OwnRedis::start();
    let handles = redis.handles();
    let text = "[fallbacks.redis]\ncool-down-ms = 200\n";
    let config = configured(text);
    let guarded = Guarded::new(&handles, &config).unwrap();
    with_guarded(models(), handles, guarded, |world| async move {
        let mut ids = Vec::new();
        for n in 1..=2 {
            let data = json!({"operation": "create", "data": world.row("User", n)});
            ids.push(world.call("UserCRUDNode", data).await.unwrap()["row"]["id"].clone());
        }
        let get = |n: usize| json!({"id": ids[n]});
        let (filled, none) = called(&world, get(0)).await;
        assert_eq!((&filled["source"], none), (&json!("database"), None));
        assert_eq!(called(&world, get(0)).await.0["source"], "cache");
        redis.kill();
        let (stale, source) = called(&world, get(0)).await;
        assert_eq!((&stale["source"], &stale["row"]), (&json!("local_cache"), &filled["row"]));
        assert!(stale["age_ms"].is_u64() && source.is_some_and(|s| s[0]["name"] == "local-cache"));
        // What this process never saw comes from the database, which is fresh; the next reader is answered from here.
        let (unseen, source) = called(&world, get(1)).await;
        assert_eq!((&unseen["source"], source), (&json!("database"), None));
        assert_eq!(called(&world, get(1)).await.0["source"], "local_cache");
        // A change through the nodes is seen at once, although Redis cannot be told.
        let change = json!({"operation": "update", "id": ids[0], "data": {"role": "admin"}});
        world.call("UserCRUDNode", change).await.unwrap();
        let (changed, _) = called(&world, get(0)).await;
        assert_eq!((&changed["source"], &changed["row"]["role"]), (&json!("database"), &json!("admin")));
        let put = json!({"operation": "put", "id": ids[1], "data": {"role": "admin"}});
        let (put, _) = called(&world, put).await;
        assert_eq!(
            (&put["row"]["role"], &put["cached"]),
            (&json!("admin"), &json!(false)),
            "the database has it"
        );
        assert_eq!(world.ask("SELECT count(*) FROM {}.users WHERE role = 'admin'").await, json!(2));
        assert_eq!(called(&world, get(1)).await.0["row"]["role"], "admin");
        redis.restart();
        let begin = Instant::now();
        loop {
            let (answer, _) = called(&world, get(0)).await;
            assert_eq!(answer["row"]["role"], "admin", "never the row of before");
            if answer["source"] == "cache" {
                break;
            }
            assert!(begin.elapsed() < Duration::from_secs(20), "the cache does not come back: {answer}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

fn configured(text: &str) -> FallbacksConfig {
    let config = hallmark_core::config::Config::parse("hallmark.toml".into(), text.to_owned()).unwrap();
    config.section("fallbacks").unwrap()
}
