//! A session is one handle on every channel.

use hallmark_nexus::{Sessions, codes};
use hallmark_services::{Redis, RedisConfig};
use serde_json::json;

use crate::client::{CHANNELS, call, object, rest, somebody};
use crate::world::{Place, World, redis};

#[tokio::test(flavor = "multi_thread")]
async fn made_on_one_channel_found_and_ended_on_the_others() {
    let world = World::start().await;
    for (at, maker) in CHANNELS.iter().enumerate() {
        let input = json!({ "label": maker, "data": { "n": at, "s": "\u{0}ü" } });
        let made = call(&world, maker, "sessions.create", input).await.unwrap();
        let handle = made["session"].as_str().unwrap().to_owned();
        for finder in CHANNELS {
            let found = call(&world, finder, "sessions.get", json!({ "session": handle })).await.unwrap();
            assert_eq!(found["result"], made["result"], "made on {maker}, found on {finder}");
            let run = json!({ "node": "LedgerSearchNode", "input": { "like": finder }, "session": handle });
            assert_eq!(call(&world, finder, "node.run", run).await.unwrap()["session"], handle);
        }
        let runs = call(&world, maker, "runs.list", json!({ "session": handle })).await.unwrap();
        assert_eq!(runs["result"]["runs"].as_array().unwrap().len(), CHANNELS.len());
        for operation in ["sessions.get", "sessions.revoke"] {
            let other =
                rest(&world, &world.other, operation, json!({ "session": handle })).await.unwrap_err();
            assert_eq!(other["code"], "HM-N020", "a handle opens nothing for another principal");
        }
        let ender = CHANNELS[(at + 1) % CHANNELS.len()];
        call(&world, ender, "sessions.revoke", json!({ "session": handle })).await.unwrap();
        for finder in CHANNELS {
            let error = call(&world, finder, "sessions.get", json!({ "session": handle })).await.unwrap_err();
            assert_eq!(error["code"], "HM-N022", "revoked on {ender}, still alive on {finder}");
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn data_is_merged_and_bounded_and_time_ends_it() {
    let world = World::start().await;
    let made = call(&world, "rest", "sessions.create", json!({ "ttl_s": 1, "data": { "a": 1, "b": 2 } }))
        .await
        .unwrap();
    let handle = made["session"].clone();
    let changed = json!({ "session": handle, "data": { "b": null, "c": 3 } });
    let changed = call(&world, "mcp-http", "sessions.update", changed).await.unwrap();
    assert_eq!(changed["result"]["data"], json!({ "a": 1, "c": 3 }));
    let big = json!({ "session": handle, "data": { "x": "y".repeat(16 * 1024) } });
    assert_eq!(call(&world, "rest", "sessions.update", big).await.unwrap_err()["code"], "HM-N023");
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    for channel in CHANNELS {
        let error = call(&world, channel, "sessions.get", json!({ "session": handle })).await.unwrap_err();
        assert_eq!(error["code"], "HM-N021", "{channel}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_and_runs_survive_a_restart() {
    let world = World::start().await;
    let made = call(&world, "mcp-websocket", "sessions.create", json!({ "label": "kept" })).await.unwrap();
    let run = json!({ "node": "greeting", "input": { "name": "Ada" }, "session": made["session"] });
    let run = call(&world, "rest", "node.run", run).await.unwrap();
    let place = world.place.clone();
    assert!(world.server.stop().await);
    drop(world.operations);
    let client = place.postgres.client().await.unwrap();
    for model in ["ledger", "parcel"] {
        client.batch_execute(&format!("DROP TABLE {}.{model}", place.schema)).await.unwrap();
    }
    drop(client);
    let registry = place.registry().await;
    let world = World::over(place, registry, Some(redis())).await;
    let found =
        call(&world, "mcp-http", "sessions.get", json!({ "session": made["session"] })).await.unwrap();
    assert_eq!(found["result"], made["result"]);
    let read = call(&world, "rest", "runs.get", json!({ "run_id": run["run_id"] })).await.unwrap();
    assert_eq!(read["result"]["result"], run["result"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_it_works_and_says_so() {
    let place = Place::new().await;
    // A port that nobody listens on: it was free a moment ago.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let down = Redis::new(&RedisConfig::from_url(&format!("redis://127.0.0.1:{closed}")).unwrap()).unwrap();
    let registry = place.registry().await;
    let world = World::over(place, registry, Some(down)).await;
    let made = call(&world, "rest", "sessions.create", json!({})).await.unwrap();
    let began = std::time::Instant::now();
    for channel in CHANNELS {
        call(&world, channel, "sessions.get", json!({ "session": made["session"] })).await.unwrap();
    }
    assert!(began.elapsed().as_millis() < 2_000, "a dead cache must not slow every call");
    let status = call(&world, "rest", "stack.status", json!({})).await.unwrap();
    assert_eq!(status["result"]["sessions"]["cache"]["state"], "down");
    assert!(!status["result"]["sessions"]["cache"]["reason"].as_str().unwrap().is_empty());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_reader_does_not_bring_back_what_was_revoked() {
    let place = Place::new().await;
    let open = || Sessions::in_schema(place.postgres.clone(), Some(redis()), &place.schema).unwrap();
    let (one, two) = (open(), open());
    let me = somebody("me");
    for round in 0..30 {
        let session = one.create(&me, hallmark_nexus::sessions::NewSession::default()).await.unwrap();
        let key = format!("{}:session:{}", place.schema, session.id);
        let mut connection = redis().connection().await.unwrap();
        redis::cmd("DEL").arg(&key).query_async::<()>(&mut connection).await.unwrap();
        let (_, revoked) = tokio::join!(two.get(&me, &session.id), one.revoke(&me, &session.id));
        revoked.unwrap();
        for sessions in [&one, &two] {
            let error = sessions.get(&me, &session.id).await.unwrap_err();
            assert!(error.is(&codes::SESSION_REVOKED), "round {round}: {error:?}");
        }
    }
    let update = one.update(&me, "hs_none", object(&json!({ "a": 1 }))).await;
    assert!(update.unwrap_err().is(&codes::NO_SESSION));
    place.remove().await;
}
