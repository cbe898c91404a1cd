//! Reads by key, which share connections.

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{parse, with};

const ITEMS: &str = "
@db.model
class Item:
    sku: str
    size: int = 0
";

#[tokio::test(flavor = "multi_thread")]
async fn readers_get_their_own_rows_whatever_happens_to_the_connections() {
    with(parse(ITEMS), |world| async move {
        let rows: Vec<_> = (0..500).map(|n| json!({"sku": format!("s{n}"), "size": n})).collect();
        world.call("ItemCRUDNode", json!({"operation": "bulk_create", "rows": rows})).await.unwrap();
        let read = |id: u64| world.call("ItemCRUDNode", json!({"operation": "read", "id": id}));
        // More at once than fit on all lanes.
        for (n, answer) in join_all((1..=400).map(read)).await.into_iter().enumerate() {
            let row = &answer.unwrap()["row"];
            assert_eq!((&row["id"], &row["size"]), (&json!(n + 1), &json!(n)));
        }
        // A prepared statement whose result has another type since.
        let schema = world.dataflow.schema();
        let narrow = format!("ALTER TABLE {schema}.items ALTER COLUMN size TYPE integer");
        world.sql.batch_execute(&narrow).await.unwrap();
        assert_eq!(read(7).await.unwrap()["row"]["size"], json!(6));
        // Who gives up does not take the answer of the next one along.
        for id in 1..=50 {
            let given_up = tokio::time::timeout(std::time::Duration::from_micros(20 * id), read(id));
            let _ = given_up.await;
            assert_eq!(read(id + 1).await.unwrap()["row"]["size"], json!(id));
        }
        let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                   WHERE pid <> pg_backend_pid() AND query LIKE '%\"' || $1 || '\".\"items\"%'";
        let count: i64 = world.sql.query_one(cut, &[&schema]).await.unwrap().get(0);
        assert!(count > 0, "no connection was cut");
        let began = std::time::Instant::now();
        let answer = loop {
            match read(9).await {
                Ok(answer) => break answer,
                Err(error) => assert!(began.elapsed().as_secs() < 10, "{error}"),
            }
        };
        assert_eq!(answer["row"]["size"], json!(8));
    })
    .await;
}
