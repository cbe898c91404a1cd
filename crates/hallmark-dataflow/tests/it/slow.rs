//! The log of slow statements, on statements that are slow: what is written down, what is not, and what is made of it.

use std::path::Path;
use std::time::{Duration, Instant};

use hallmark_dataflow::Slow;
use hallmark_dataflow::slow::{GIVEN_UP, Kept};
use serde_json::json;

use crate::support::{World, code, parse, with_slow};

const ITEMS: &str = "
@db.model
class Item:
    sku: str = Field(unique=True)
    colour: str
    size: int = 0
";

/// What is written down, once this holds.
async fn kept(folder: &Path, enough: impl Fn(&[Slow]) -> bool) -> Vec<Slow> {
    let began = Instant::now();
    loop {
        let kept = Kept::read(folder).unwrap();
        assert_eq!(kept.unreadable, 0);
        if enough(&kept.entries) {
            return kept.entries;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", kept.entries);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Makes every row that is read, and every row that is made, take half a second.
async fn slow_down(world: &World) {
    let schema = world.dataflow.schema();
    let text = format!(
        "ALTER TABLE {schema}.items RENAME TO all_items;
        CREATE VIEW {schema}.items AS SELECT i.* FROM {schema}.all_items i, LATERAL (SELECT pg_sleep(0.5), i.id OFFSET 0) s;
        CREATE FUNCTION {schema}.wait() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN PERFORM pg_sleep(0.5); INSERT INTO {schema}.all_items (sku, colour, size) VALUES (NEW.sku, NEW.colour, NEW.size); RETURN NEW; END';
        CREATE TRIGGER wait INSTEAD OF INSERT ON {schema}.items FOR EACH ROW EXECUTE FUNCTION {schema}.wait()"
    );
    world.sql.batch_execute(&text).await.unwrap();
}

#[tokio::test]
async fn what_is_slow_is_written_down_without_values() {
    with_slow(parse(ITEMS), 300, |world| async move {
        let create = |sku: &str| json!({"operation": "create", "data": {"sku": sku, "colour": "unseen-red"}});
        world.call("ItemCRUDNode", create("a")).await.unwrap();
        slow_down(&world).await;
        world.call("ItemCRUDNode", json!({"operation": "read", "id": 1})).await.unwrap();
        world.call("ItemSearchNode", json!({"filter": {"colour": "unseen-red"}})).await.unwrap();
        world.call("ItemListNode", json!({"filter": {"sku": "a"}})).await.unwrap();
        world.call("ItemExportNode", json!({})).await.unwrap();
        assert_eq!(code(world.call("ItemCRUDNode", create("a")).await), "HM-D020");
        let mut entries = kept(&world.folder, |all| all.iter().any(|e| e.error.is_some())).await;
        // On a busy machine other statements are slow too.
        entries.retain(|e| e.ms >= 500.0 && e.sql.contains(".\"items\""));
        let told: Vec<_> = entries
            .iter()
            .map(|e| (e.node.as_str(), e.operation.as_str(), e.rows, e.error.as_deref()))
            .collect();
        let wanted = [
            ("ItemCRUDNode", "read", Some(1), None),
            ("ItemSearchNode", "search", Some(1), None),
            ("ItemListNode", "list", Some(1), None),
            ("ItemExportNode", "export", Some(1), None),
            ("ItemCRUDNode", "create", None, Some("HM-D020")),
        ];
        assert!(wanted.iter().all(|w| told.contains(w)), "{told:?}");
        let read = entries.iter().find(|e| e.operation == "read").unwrap();
        assert!(read.sql.contains("$1") && read.parameters == ["int8"] && !read.is_cut(), "{read:?}");
        let text = std::fs::read_to_string(world.folder.join("slow.jsonl")).unwrap();
        assert!(!text.contains("unseen"), "a value was written down: {text}");
    })
    .await;
}

#[tokio::test]
async fn what_is_quicker_than_the_threshold_is_not_written_down() {
    with_slow(parse(ITEMS), 3_600_000, |world| async move {
        let create = json!({"operation": "create", "data": {"sku": "a", "colour": "red"}});
        world.call("ItemCRUDNode", create).await.unwrap();
        slow_down(&world).await;
        world.call("ItemCRUDNode", json!({"operation": "read", "id": 1})).await.unwrap();
        assert!(!world.folder.join("slow.jsonl").exists());
    })
    .await;
}

#[tokio::test]
async fn a_statement_that_nobody_waited_for_is_written_down_too() {
    with_slow(parse(ITEMS), 300, |world| async move {
        let rows: Vec<_> = (0..20).map(|n| json!({"sku": n.to_string(), "colour": "red"})).collect();
        world.call("ItemCRUDNode", json!({"operation": "bulk_create", "rows": rows})).await.unwrap();
        slow_down(&world).await;
        let call = world.call("ItemSearchNode", json!({"filter": {"colour": "red"}}));
        assert!(tokio::time::timeout(Duration::from_millis(800), call).await.is_err());
        let entries = kept(&world.folder, |all| !all.is_empty()).await;
        let entry = &entries[0];
        assert_eq!(
            (entry.error.as_deref(), entry.rows, entry.node.as_str()),
            (Some(GIVEN_UP), None, "ItemSearchNode")
        );
        assert!(entry.ms >= 700.0, "{entry:?}");
    })
    .await;
}

#[tokio::test]
async fn a_slow_statement_is_explained_without_its_values() {
    with_slow(parse(ITEMS), 1, |world| async move {
        let schema = world.dataflow.schema();
        let fill = format!(
            "INSERT INTO {schema}.items (sku, colour, size) SELECT 's' || n, 'c' || n % 5000, n FROM generate_series(1, 60000) n; \
             ANALYZE {schema}.items"
        );
        world.sql.batch_execute(&fill).await.unwrap();
        world.call("ItemSearchNode", json!({"operation": "count", "filter": {"colour": "c3"}})).await.unwrap();
        world.call("ItemSearchNode", json!({"operation": "count", "filter": {"colour": "c4"}})).await.unwrap();
        let update = json!({"operation": "bulk_update", "filter": {"colour": "c5"}, "data": {"size": 1}});
        world.call("ItemCRUDNode", update).await.unwrap();
        let of = |all: &[Slow], node: &str, verb: &str| {
            all.iter().filter(|e| e.node == node && e.sql.starts_with(verb)).count()
        };
        let enough = |all: &[Slow]| of(all, "ItemSearchNode", "SELECT") == 2 && of(all, "ItemCRUDNode", "UPDATE") == 1;
        let entries = kept(&world.folder, enough).await;
        let groups = Kept { entries, unreadable: 0 }.groups();
        let search = groups.iter().find(|g| g.node == "ItemSearchNode").unwrap();
        assert_eq!((search.calls, search.rows), (2, Some(1.0)), "{search:?}");
        let update = groups.iter().find(|g| g.slowest.sql.starts_with("UPDATE")).unwrap();
        for group in [search, update] {
            // Twice, since a connection keeps what is prepared on it.
            for _ in 0..2 {
                let (explained, advice) = world.dataflow.explain_slow(&group.slowest).await.unwrap();
                assert!(explained.plan.to_string().contains("Seq Scan"), "{explained:?}");
                assert!(explained.plan.to_string().contains("$1"), "a plan for all values: {explained:?}");
                assert_eq!(advice.len(), 1, "{explained:?}");
                assert_eq!((advice[0].model.as_str(), advice[0].fields.as_slice()), ("Item", ["colour".to_owned()].as_slice()));
                assert!(advice[0].text.contains("would be read, about 60000 rows"), "{}", advice[0].text);
            }
        }
        let index = format!("CREATE INDEX ON {schema}.items (colour); ANALYZE {schema}.items");
        world.sql.batch_execute(&index).await.unwrap();
        let (_, advice) = world.dataflow.explain_slow(&search.slowest).await.unwrap();
        assert_eq!(advice, []);
        assert_eq!(world.ask("SELECT count(*) FROM {}.items WHERE size = 1").await, json!(13));
        for sql in ["COMMIT", "COPY x FROM STDIN", "SELECT 1; DROP TABLE x", "SELECT c1 FROM hallmark_stage", "SELECT 1 …"] {
            let slow = Slow { sql: sql.to_owned(), parameters: Vec::new(), ..search.slowest.clone() };
            let refused = world.dataflow.explain_slow(&slow).await.unwrap_err();
            let known = refused.code().id == "HM-D081";
            assert!(sql.contains(';') || known, "{sql}: {refused}");
        }
        let (again, _) = world.dataflow.explain_slow(&search.slowest).await.unwrap();
        assert!(again.plan.is_array());
    })
    .await;
}
