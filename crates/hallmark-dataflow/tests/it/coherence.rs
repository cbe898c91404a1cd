//! Cached rows under writers of every kind, in several processes, some of which are killed.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{World, parse, with, witness};

const ITEMS: &str = r#"
@db.model
class Item:
    name: str
    amount: int = 0
    __dataflow__ = {"cache_invalidation": "notify", "multi_tenant": True}
"#;

/// How old an answer may be at most, as the documentation says, with room for a loaded machine.
const BOUND: Duration = Duration::from_secs(10);

/// The name of the schema for the process that is killed.
const SCHEMA: &str = "HALLMARK_IT_WRITER_SCHEMA";

async fn get(world: &World, id: i64) -> Value {
    world.call("ItemCacheNode", json!({"id": id})).await.unwrap()
}

/// Waits until a cached read gives what is expected.
async fn until(world: &World, id: i64, expected: &Value, what: &str) {
    let began = Instant::now();
    loop {
        let answer = get(world, id).await;
        if answer["row"]["amount"] == *expected {
            return;
        }
        assert!(began.elapsed() < BOUND, "{what}: {answer} instead of {expected}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Reads until the answer comes from the cache.
async fn warm(world: &World, id: i64) -> Value {
    let began = Instant::now();
    loop {
        let answer = get(world, id).await;
        if answer["source"] == json!("cache") {
            return answer;
        }
        assert!(began.elapsed() < BOUND, "the row is never cached: {answer}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn fill(world: &World, rows: u64) {
    let rows: Vec<Value> = (0..rows).map(|n| json!({"name": format!("n{n}")})).collect();
    world.call("ItemCRUDNode", json!({"operation": "bulk_create", "rows": rows})).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_by_any_writer_are_seen() {
    with(parse(ITEMS), |world| async move {
        fill(&world, 100).await;
        let schema = world.dataflow.schema();
        let sql = async |text: &str| world.sql.batch_execute(&text.replace("{}", schema)).await.unwrap();
        warm(&world, 1).await;
        sql("UPDATE {}.items SET amount = 5 WHERE id = 1").await;
        until(&world, 1, &json!(5), "plain SQL").await;
        warm(&world, 1).await;
        sql("UPDATE {}.items SET amount = amount + 1").await;
        until(&world, 1, &json!(6), "more rows than a notice names").await;
        // That there is no row is kept, too, until there is one.
        let absent = warm(&world, 900).await;
        assert_eq!(absent["found"], json!(false));
        sql("COPY {}.items (id, name, amount) FROM PROGRAM 'printf \"900\\tcopied\\t9\\n\"'").await;
        until(&world, 900, &json!(9), "COPY").await;
        warm(&world, 900).await;
        sql("UPDATE {}.items SET id = 901 WHERE id = 900").await;
        until(&world, 900, &Value::Null, "a key that changed").await;
        until(&world, 901, &json!(9), "the new key").await;
        sql("DELETE FROM {}.items WHERE id = 901").await;
        until(&world, 901, &Value::Null, "DELETE").await;
        warm(&world, 2).await;
        sql("UPDATE {}.items SET tenant_id = 'other' WHERE id = 2").await;
        until(&world, 2, &Value::Null, "another tenant's now").await;
        warm(&world, 3).await;
        sql("TRUNCATE {}.items").await;
        until(&world, 3, &Value::Null, "TRUNCATE").await;
        let stats = world.call("ItemCacheNode", json!({"operation": "stats"})).await.unwrap();
        assert!(stats["notices"].as_u64().unwrap() >= 7 && stats["gaps"] == json!(0), "{stats}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_through_stays_and_tags_take_entries_off() {
    with(parse(ITEMS), |world| async move {
        fill(&world, 3).await;
        warm(&world, 1).await;
        let put = json!({"operation": "put", "id": 1, "data": {"amount": 4}, "tags": ["red"]});
        let put = world.call("ItemCacheNode", put).await.unwrap();
        assert_eq!(put["cached"], json!(true), "its own notice does not take it off: {put}");
        tokio::time::sleep(Duration::from_millis(300)).await;
        let hit = get(&world, 1).await;
        assert_eq!((&hit["source"], &hit["row"]["amount"]), (&json!("cache"), &json!(4)));
        for id in [2, 3] {
            world.call("ItemCacheNode", json!({"id": id, "tags": ["red", "blue"]})).await.unwrap();
        }
        let none = json!({"operation": "invalidate", "tags": ["green"]});
        assert_eq!(world.call("ItemCacheNode", none).await.unwrap()["invalidated"], json!(0));
        let blue = json!({"operation": "invalidate", "tags": ["blue"]});
        assert_eq!(world.call("ItemCacheNode", blue).await.unwrap()["invalidated"], json!(2));
        assert_eq!(get(&world, 1).await["source"], json!("cache"));
        assert_eq!(get(&world, 2).await["source"], json!("database"));
        let red = json!({"operation": "invalidate", "tags": ["red"]});
        // The second, too: it was red before it was taken off, and a tag rather takes off too much.
        assert_eq!(world.call("ItemCacheNode", red).await.unwrap()["invalidated"], json!(2));
        assert_eq!(get(&world, 1).await["source"], json!("database"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_gap_nothing_of_before_is_believed() {
    with(parse(ITEMS), |world| async move {
        fill(&world, 3).await;
        warm(&world, 1).await;
        let schema = world.dataflow.schema();
        // The change is made where no trigger tells of it, as if its notice had been lost with the connection.
        let silent = format!(
            "BEGIN; SET LOCAL session_replication_role = replica; UPDATE {schema}.items SET amount = 8 WHERE id = 1; COMMIT"
        );
        world.sql.batch_execute(&silent).await.unwrap();
        assert_eq!(get(&world, 1).await["row"]["amount"], json!(0), "nobody was told");
        let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                   WHERE pid <> pg_backend_pid() AND application_name = 'hallmark' AND query LIKE '%' || $1 || '%'";
        let cut: i64 = world.sql.query_one(cut, &[&listener_query(schema)]).await.unwrap().get(0);
        assert!(cut > 0, "no connection was cut");
        until(&world, 1, &json!(8), "after the gap").await;
        let stats = world.call("ItemCacheNode", json!({"operation": "stats"})).await.unwrap();
        assert!(stats["gaps"].as_u64().unwrap() >= 1, "{stats}");
    })
    .await;
}

/// What the last statement of the connection that listens for this schema has in it.
fn listener_query(schema: &str) -> String {
    format!("hallmark_{}", &hallmark_core::digest::sha256(schema.as_bytes())[..32])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_joins_others_leaves_their_cache_alone() {
    with(parse(ITEMS), |world| async move {
        fill(&world, 2).await;
        warm(&world, 1).await;
        let second = World::named(parse(ITEMS), world.dataflow.schema(), witness().await);
        let first = get(&second, 1).await;
        assert_eq!(first["source"], json!("cache"), "somebody has listened all the time: {first}");
        let change = json!({"operation": "update", "id": 1, "data": {"amount": 3}});
        second.call("ItemCRUDNode", change).await.unwrap();
        until(&world, 1, &json!(3), "the other process's change").await;
    })
    .await;
}

/// Not a test: the process that writes until it is killed. It adds rows in pairs and raises amounts, through every kind that writes.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by the test that kills it"]
async fn the_writer_that_is_killed() {
    let Ok(schema) = std::env::var(SCHEMA) else { return };
    let world = World::named(parse(ITEMS), &schema, witness().await);
    for n in 0_i64.. {
        let id = n % 20 + 1;
        let put = json!({"operation": "put", "id": id, "data": {"amount": n}});
        let _ = world.call("ItemCacheNode", put).await;
        let change = json!({"operation": "update", "id": (n + 7) % 20 + 1, "data": {"amount": n}});
        let _ = world.call("ItemCRUDNode", change).await;
        let pair = format!("name,amount\npair-{n},1\npair-{n},2\n");
        let _ = world.call("ItemImportNode", json!({"format": "csv", "content": pair})).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_writer_leaves_no_stale_entry_and_no_half_of_a_change() {
    with(parse(ITEMS), |world| async move {
        fill(&world, 20).await;
        let stop = Arc::new(AtomicBool::new(false));
        let readers: Vec<_> = (0..4_i64)
            .map(|n| {
                let (world, stop) = (world.clone(), stop.clone());
                tokio::spawn(async move {
                    let mut reads = 0_u64;
                    while !stop.load(Ordering::Relaxed) {
                        get(&world, (reads as i64 + n) % 20 + 1).await;
                        reads += 1;
                    }
                    reads
                })
            })
            .collect();
        for round in 0..3 {
            let mut writer = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "coherence::the_writer_that_is_killed", "--ignored", "--nocapture"])
                .env(SCHEMA, world.dataflow.schema())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let wanted = 2 * 15 * (round + 1);
            let began = Instant::now();
            loop {
                let pairs = world.ask("SELECT count(*) FROM {}.items WHERE name LIKE 'pair-%'").await;
                if pairs.as_i64().unwrap() >= wanted {
                    break;
                }
                assert!(began.elapsed() < Duration::from_secs(60), "the writer does not write: {pairs}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            writer.kill().unwrap();
            writer.wait().unwrap();
            for id in 1..=20 {
                let truth = world.ask(&format!("SELECT amount FROM {{}}.items WHERE id = {id}")).await;
                until(&world, id, &truth, "after the writer was killed").await;
            }
        }
        stop.store(true, Ordering::Relaxed);
        for reader in readers {
            assert!(reader.await.unwrap() > 0);
        }
        let halves = "SELECT count(*) FROM (SELECT name FROM {}.items WHERE name LIKE 'pair-%'
                      GROUP BY name HAVING count(*) % 2 <> 0) h";
        assert_eq!(world.ask(halves).await, json!(0), "a pair is there as a whole or not at all");
        let first = world.ask("SELECT count(*) FROM {}.items WHERE name NOT LIKE 'pair-%'").await;
        assert_eq!(first, json!(20));
    })
    .await;
}

/// Writers and readers of two data flows at once.
#[tokio::test(flavor = "multi_thread")]
async fn under_load_the_cache_ends_with_what_the_database_has() {
    with(parse(ITEMS), |world| async move {
        fill(&world, 5).await;
        let second = Arc::new(World::named(parse(ITEMS), world.dataflow.schema(), witness().await));
        let writes = (0..6_i64).map(|n| {
            let world = if n % 2 == 0 { world.clone() } else { second.clone() };
            tokio::spawn(async move {
                for round in 0..12_i64 {
                    let (id, data) = ((n + round) % 5 + 1, json!({"amount": n * 100 + round}));
                    let (node, operation) =
                        if round % 3 == 0 { ("ItemCacheNode", "put") } else { ("ItemCRUDNode", "update") };
                    world.call(node, json!({"operation": operation, "id": id, "data": data})).await.unwrap();
                    get(&world, id).await;
                    get(&world, n % 5 + 1).await;
                }
            })
        });
        for write in writes.collect::<Vec<_>>() {
            write.await.unwrap();
        }
        for id in 1..=5 {
            let truth = world.ask(&format!("SELECT amount FROM {{}}.items WHERE id = {id}")).await;
            until(&world, id, &truth, "the first").await;
            until(&second, id, &truth, "the second").await;
            // And it stays so.
            tokio::time::sleep(Duration::from_millis(50)).await;
            assert_eq!(get(&world, id).await["row"]["amount"], truth);
        }
    })
    .await;
}
