//! The cache node on a real Redis.

use serde_json::{Value, json};

use crate::support::{code, models, parse, with};

#[tokio::test]
async fn many_readers_of_a_cold_entry_ask_the_database_once() {
    with(models(), |world| async move {
        let row = world.row("Company", 1);
        let created =
            world.call("CompanyCRUDNode", json!({"operation": "create", "data": row})).await.unwrap();
        let get = json!({"id": created["row"]["id"]});
        let readers: Vec<_> = (0..50)
            .map(|_| {
                let (world, get) = (world.clone(), get.clone());
                tokio::spawn(async move { world.call("CompanyCacheNode", get).await.unwrap() })
            })
            .collect();
        let mut from_database = 0;
        for reader in readers {
            let answer = reader.await.unwrap();
            assert_eq!(answer["row"]["name"], row["name"]);
            from_database += u32::from(answer["source"] == "database");
        }
        assert_eq!(from_database, 1);
        let stats = world.call("CompanyCacheNode", json!({"operation": "stats"})).await.unwrap();
        let of = |name: &str| stats[name].as_u64().unwrap();
        assert_eq!((&stats["entries"], of("hits") + of("shared") + of("misses")), (&json!(1), 50));
        assert_eq!((of("misses"), of("loads")), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn changes_are_seen_and_missing_rows_are_not_cached() {
    with(models(), |world| async move {
        let created = world
            .call("UserCRUDNode", json!({"operation": "create", "data": world.row("User", 1)}))
            .await
            .unwrap();
        let (id, node) = (created["row"]["id"].clone(), "UserCacheNode");
        let get = json!({"id": id});
        world.call(node, get.clone()).await.unwrap();
        let change = json!({"operation": "update", "id": id, "data": {"role": "admin"}});
        world.call("UserCRUDNode", change).await.unwrap();
        let seen = world.call(node, get.clone()).await.unwrap();
        assert_eq!(
            (&seen["source"], &seen["row"]["role"]),
            (&json!("database"), &json!("admin")),
            "an update forgets the entry"
        );
        let put = world
            .call(node, json!({"operation": "put", "id": id, "data": {"role": "viewer"}}))
            .await
            .unwrap();
        assert_eq!(put["row"]["role"], json!("viewer"));
        let warm = world.call(node, get.clone()).await.unwrap();
        assert_eq!(
            (&warm["source"], &warm["row"]["role"], &warm["row"]["password_hash"]),
            (&json!("cache"), &json!("viewer"), &json!("********"))
        );
        assert_eq!(
            world.ask("SELECT role FROM {}.users").await,
            json!("viewer"),
            "and the database has it too"
        );
        world.call("UserCRUDNode", json!({"operation": "delete", "id": id})).await.unwrap();
        for _ in 0..2 {
            let gone = world.call(node, get.clone()).await.unwrap();
            assert_eq!((&gone["found"], &gone["source"]), (&json!(false), &json!("database")));
        }
        let put =
            world.call(node, json!({"operation": "put", "id": 999, "data": {"role": "x"}})).await.unwrap();
        assert_eq!(put["found"], json!(false));
        assert_eq!(code(world.call(node, json!({"id": "x*"})).await), "HM-D011");
        assert_eq!(code(world.call(node, json!({"operation": "get"})).await), "HM-D018");
    })
    .await;
}

#[tokio::test]
async fn entries_end_and_all_can_be_forgotten() {
    with(models(), |world| async move {
        let mut ids: Vec<Value> = Vec::new();
        for n in 1..4 {
            let row = world
                .call("CompanyCRUDNode", json!({"operation": "create", "data": world.row("Company", n)}))
                .await
                .unwrap();
            ids.push(row["row"]["id"].clone());
        }
        for id in &ids {
            world.call("CompanyCacheNode", json!({"id": id, "ttl_seconds": 1})).await.unwrap();
        }
        let all = world.call("CompanyCacheNode", json!({"operation": "invalidate_all"})).await.unwrap();
        assert_eq!(all["invalidated"], json!(3));
        world.call("CompanyCacheNode", json!({"id": ids[0], "ttl_seconds": 1})).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
        let again = world.call("CompanyCacheNode", json!({"id": ids[0]})).await.unwrap();
        assert_eq!(again["source"], json!("database"));
        assert_eq!(
            code(world.call("CompanyCacheNode", json!({"id": ids[0], "ttl_seconds": 0})).await),
            "HM-W013"
        );
    })
    .await;
}

/// A tree whose branches fall with their stem, leaves that fall with a branch, and notes that lose what they are about.
const TREE: &str = r#"
from typing import Optional
@db.model
class Branch:
    code: str = Field(primary_key=True)
    parent: Optional[str] = Field(foreign_key="Branch.code", on_delete="cascade")
@db.model
class Leaf:
    code: str = Field(primary_key=True)
    branch: str = Field(foreign_key="Branch.code", on_delete="cascade")
@db.model
class Note:
    code: str = Field(primary_key=True)
    leaf: Optional[str] = Field(foreign_key="Leaf.code", on_delete="set null")
"#;

#[tokio::test]
async fn what_a_removal_takes_along_is_forgotten_too() {
    with(parse(TREE), |world| async move {
        let removals = [
            json!({"operation": "delete", "id": "stem"}),
            json!({"operation": "bulk_delete", "filter": {"code": "stem"}}),
        ];
        for removal in removals {
            for (model, data) in [
                ("Branch", json!({"code": "stem", "parent": null})),
                ("Branch", json!({"code": "twig", "parent": "stem"})),
                ("Leaf", json!({"code": "leaf", "branch": "twig"})),
                ("Note", json!({"code": "note", "leaf": "leaf"})),
            ] {
                let upsert = json!({"operation": "upsert", "data": data});
                world.call(&format!("{model}CRUDNode"), upsert).await.unwrap();
            }
            let get = async |model: &str, id: &str| {
                world.call(&format!("{model}CacheNode"), json!({"id": id})).await.unwrap()
            };
            for (model, id) in [("Branch", "twig"), ("Leaf", "leaf"), ("Note", "note")] {
                get(model, id).await;
                assert_eq!(get(model, id).await["source"], json!("cache"), "{model} is warm");
            }
            world.call("BranchCRUDNode", removal.clone()).await.unwrap();
            assert_eq!(get("Branch", "twig").await["found"], json!(false), "{removal}");
            assert_eq!(get("Leaf", "leaf").await["found"], json!(false), "{removal}");
            assert_eq!(get("Note", "note").await["row"]["leaf"], json!(null), "{removal}");
        }
    })
    .await;
}
