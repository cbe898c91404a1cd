//! What a caller does not wait for any more ends on the server, too.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{World, parse, with};

const ITEMS: &str = "
@db.model
class Item:
    number: int
    name: str
";

/// What nodes do on the server in this world's schema at this moment.
const BUSY: &str = "SELECT count(*) FROM pg_stat_activity WHERE application_name IN ('hallmark', 'hallmark import') AND state <> 'idle'
    AND query LIKE '%' || '{}' || '%' AND pid <> pg_backend_pid()";

async fn until(world: &World, is_busy: bool, patience: Duration) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < patience {
        if (world.ask(BUSY).await != json!(0)) == is_busy {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

async fn run(world: &World, text: &str) {
    world.sql.batch_execute(&text.replace("{0}", world.dataflow.schema())).await.unwrap();
}

/// Rows, and a trigger that makes the writing of each slow.
async fn slow_writes(world: &World) {
    let text = "
        INSERT INTO {0}.items (number, name) SELECT n, 'item ' || n FROM generate_series(1, 200) n;
        CREATE FUNCTION {0}.wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.2); RETURN NEW; END';
        CREATE TRIGGER wait BEFORE INSERT OR UPDATE ON {0}.items FOR EACH ROW EXECUTE FUNCTION {0}.wait()";
    run(world, text).await;
}

/// A view that makes each look at a row slow, in the table's place.
async fn slow_reads(world: &World) {
    let text = "ALTER TABLE {0}.items RENAME TO kept;
        CREATE VIEW {0}.items AS SELECT * FROM {0}.kept WHERE pg_sleep(0.2) IS NOT NULL";
    run(world, text).await;
}

/// Makes a call, gives it up when the server works on it, and sees the server stop.
async fn given_up(world: &std::sync::Arc<World>, node: &'static str, input: Value) {
    let (other, asked) = (std::sync::Arc::clone(world), input.clone());
    let call = tokio::spawn(async move { other.call(node, asked).await });
    let seen = until(world, true, Duration::from_secs(5)).await;
    assert!(seen && !call.is_finished(), "{node} {input}: it is not under way");
    call.abort();
    let _ = call.await;
    assert!(until(world, false, Duration::from_secs(1)).await, "{node} {input}: the server goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_dropped_ends_on_the_server() {
    with(parse(ITEMS), |world| async move {
        slow_writes(&world).await;
        let path = world.folder.join("many.csv");
        hallmark_core::fs::write_atomic(&path, lines().as_bytes(), hallmark_core::fs::Mode::Default).unwrap();
        for (node, input) in [
            ("ItemCRUDNode", json!({"operation": "bulk_update", "filter": {"number": {"gt": 0}}, "data": {"name": "gone"}})),
            ("ItemImportNode", json!({"format": "csv", "content": lines(), "on_conflict": "skip"})),
            ("ItemImportNode", json!({"format": "csv", "path": "many.csv", "commit_every": 300, "on_conflict": "skip"})),
            ("ItemImportNode", json!({"format": "csv", "path": "many.csv", "commit_every": 300})),
            ("ItemImportNode", json!({"format": "csv", "path": "many.csv"})),
        ] {
            given_up(&world, node, input).await;
        }
        slow_reads(&world).await;
        for (node, input) in [
            ("ItemSearchNode", json!({"operation": "count", "filter": {"name": {"contains": "x"}}})),
            ("ItemCRUDNode", json!({"operation": "list", "sort": "-name"})),
            ("ItemAggregateNode", json!({"operation": "aggregate", "group_by": ["name"]})),
            ("ItemExportNode", json!({"format": "csv", "path": "items.csv"})),
            ("ItemValidateNode", json!({"operation": "quality"})),
        ] {
            given_up(&world, node, input).await;
        }
        // Nothing of it is there, and the pool serves others.
        let kept = "SELECT jsonb_build_array(count(*), count(*) FILTER (WHERE name = 'gone')) FROM {}.kept";
        assert_eq!(world.ask(kept).await, json!([200, 0]));
        assert!(!world.folder.join("items.csv").exists());
        run(&world, "DROP VIEW {0}.items; ALTER TABLE {0}.kept RENAME TO items").await;
        let calls = (0..30).map(|_| world.call("ItemCRUDNode", json!({"operation": "list", "limit": 1, "count": "exact"})));
        for answer in futures_util::future::join_all(calls).await {
            assert_eq!(answer.unwrap()["total"], json!(200));
        }
    })
    .await;
}

fn lines() -> String {
    std::iter::once("number,name\n".to_owned())
        .chain((1_000..1_300).map(|n| format!("{n},new {n}\n")))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_ends_keeps_its_connection_for_the_next() {
    with(parse(ITEMS), |world| async move {
        let backends = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'hallmark'";
        let input = json!({"operation": "bulk_create", "rows": [{"number": 1, "name": "a"}]});
        world.call("ItemCRUDNode", input.clone()).await.unwrap();
        let first = backend(&world).await;
        for _ in 0..20 {
            world.call("ItemCRUDNode", input.clone()).await.unwrap();
            let refused = json!({"operation": "bulk_create", "rows": [{"number": "x", "name": "a"}]});
            assert!(world.call("ItemCRUDNode", refused).await.is_err());
        }
        assert_eq!(backend(&world).await, first, "{:?}", world.ask(backends).await);
    })
    .await;
}

/// The server's process that wrote last.
async fn backend(world: &World) -> Value {
    world
        .ask("SELECT coalesce(jsonb_agg(pid ORDER BY pid), '[]') FROM pg_stat_activity WHERE application_name = 'hallmark'
              AND query LIKE '%' || '{}' || '%'")
        .await
}

/// A statement may take as long as the configuration says, on whichever connection a node asks it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_connection_has_a_limit() {
    with(parse(ITEMS), |world| async move {
        let schema = world.dataflow.schema();
        let text = format!(
            "CREATE TABLE {schema}.seen (what text, val text);
             CREATE FUNCTION {schema}.note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
               INSERT INTO {schema}.seen VALUES (TG_OP || ' ' || current_setting('application_name'), current_setting('statement_timeout')); RETURN NULL; END$$;
             CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON {schema}.items FOR EACH STATEMENT EXECUTE FUNCTION {schema}.note()"
        );
        world.sql.batch_execute(&text).await.unwrap();
        let row = json!({"number": 1, "name": "a"});
        let csv = "number,name\n5,e\n";
        for (node, input) in [
            ("ItemCRUDNode", json!({"operation": "create", "data": row})),
            ("ItemCRUDNode", json!({"operation": "bulk_create", "rows": [row]})),
            ("ItemCRUDNode", json!({"operation": "update", "id": 1, "data": {"name": "b"}})),
            ("ItemCRUDNode", json!({"operation": "bulk_update", "filter": {"id": 1}, "data": {"name": "c"}})),
            ("ItemCRUDNode", json!({"operation": "delete", "id": 1})),
            ("ItemImportNode", json!({"content": csv})),
            ("ItemImportNode", json!({"content": csv, "on_conflict": "skip"})),
            ("ItemImportNode", json!({"content": csv, "commit_every": 100})),
        ] {
            world.call(node, input.clone()).await.unwrap_or_else(|e| panic!("{input}: {e:?}"));
        }
        let unlimited = world.ask("SELECT count(*) FROM {}.seen WHERE val = '0'").await;
        let seen = world.ask("SELECT count(*) FROM {}.seen").await;
        assert_eq!((unlimited, seen), (json!(0), json!(8)));
    })
    .await;
}
