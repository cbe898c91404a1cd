//! Who answered is said on every channel: a node reads through a guarded Redis of the test's own, which is then killed.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hallmark_core::Result;
use hallmark_services::{Endpoints, FallbacksConfig, Guarded, Handles, RedisConfig};
use hallmark_workflow::{BoxFuture, Context, Input, Node, NodeSpec};
use serde_json::{Value, json};

use crate::client::{CHANNELS, call, http};
use crate::world::{Place, World, redis};

/// A real Redis server that ends with the value.
struct OwnRedis(Child, u16);

impl OwnRedis {
    fn start() -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut command = Command::new("redis-server");
        command
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .stdout(Stdio::null());
        let own = Self(command.spawn().expect("install redis-server"), port);
        let begin = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begin.elapsed() < Duration::from_secs(10), "redis-server did not start");
            std::thread::sleep(Duration::from_millis(10));
        }
        own
    }

    fn guarded(&self) -> Guarded {
        let config = RedisConfig::from_url(&format!("redis://127.0.0.1:{}/0", self.1)).unwrap();
        let endpoints = Endpoints { redis: Some(config), ..Endpoints::default() };
        Guarded::new(&Handles::connect(&endpoints).unwrap(), &FallbacksConfig::default()).unwrap()
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for OwnRedis {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads a key.
struct Glance(NodeSpec, Guarded);

impl Node for Glance {
    fn spec(&self) -> &NodeSpec {
        &self.0
    }

    fn run<'a>(&'a self, _: &'a Context, _: Input) -> BoxFuture<'a, Result<Value>> {
        Box::pin(async move {
            let entry = self.1.redis().get("seen").await?.into_value();
            Ok(json!({ "seen": entry.map(|entry| entry.text) }))
        })
    }
}

/// Asks over REST; the answer and what its header says.
async fn rest(world: &World) -> (String, Value) {
    let request = http().post(world.rest("/api/v1/nodes/GlanceNode/run")).bearer_auth(world.token.expose());
    let response = request.json(&json!({})).send().await.unwrap();
    let header = response.headers()["hallmark-source"].to_str().unwrap().to_owned();
    (header, response.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_channel_says_who_answered_and_the_result_is_the_same() {
    let mut own = OwnRedis::start();
    let guarded = own.guarded();
    guarded.redis().set("seen", "once", Duration::from_secs(600)).await.unwrap();
    let place = Place::new().await;
    let mut registry = place.registry().await;
    let spec = NodeSpec::new("GlanceNode", "Reads a key.").read_only();
    registry.register_all(vec![Arc::new(Glance(spec, guarded)) as Arc<dyn Node>]).unwrap();
    let world = World::over(place, registry, Some(redis())).await;
    let input = json!({ "node": "GlanceNode" });
    for channel in CHANNELS {
        let answer = call(&world, channel, "node.run", input.clone()).await.unwrap();
        assert_eq!((&answer["result"]["seen"], answer.get("source")), (&json!("once"), None), "{channel}");
    }
    assert_eq!(rest(&world).await.0, "primary");
    own.kill();
    for channel in CHANNELS {
        let answer = call(&world, channel, "node.run", input.clone()).await.unwrap();
        assert_eq!(answer["result"], json!({ "seen": "once" }), "{channel}");
        let source = &answer["source"][0];
        assert_eq!((&source["service"], &source["from"]), (&json!("redis"), &json!("fallback")), "{channel}");
        assert_eq!((&source["name"], source["age_ms"].is_u64()), (&json!("local-cache"), true), "{channel}");
    }
    let (header, body) = rest(&world).await;
    assert!(header.starts_with("fallback;service=redis;name=\"local-cache\";age="), "{header}");
    assert_eq!(body["source"][0]["name"], "local-cache");
    world.end().await;
}
