//! Creating, reading, changing and removing rows.

use serde_json::{Value, json};

use crate::support::{code, error, models, parse, with};

const EVERYTHING: &str = "
@db.model
class Thing:
    label: str
    whole: Optional[int] = None
    real: float = 0.5
    exact: Optional[Decimal] = None
    flag: bool = True
    at: Optional[datetime] = None
    day: Optional[date] = None
    clock: Optional[time] = None
    key: Optional[UUID] = None
    raw: Optional[bytes] = None
    tags: List[str] = Field(default_factory=list)
    extra: Dict[str, Any] = None
    vector: Optional[List[float]] = None
    anything: Any = None
    __dataflow__ = {'versioned': True, 'multi_tenant': True, 'soft_delete': True}
    __indexes__ = [{'name': 'thing_label', 'fields': ['label'], 'unique': True}]
";

#[tokio::test]
async fn every_type_survives_the_round_trip_exactly() {
    with(parse(EVERYTHING), |world| async move {
        let given = json!({
            "label": "'; DROP TABLE things; -- \\ \" \u{1F600} \u{200b}", "whole": i64::MIN, "real": 1e-300,
            "exact": "123456789012345678901234567890.000000000000000000001", "at": "2026-11-24T21:14:16.123456Z",
            "day": "0001-01-01", "clock": "23:59:59.999999", "key": "6f9619ff-8b86-d011-b42d-00c04fc964ff", "raw": "\\x00ff",
            "tags": ["a", "\"b\""], "extra": {"a": {"b": [1, 2.5, null, "x"]}}, "vector": [0.1, -1e10], "anything": "text",
        });
        let created = world.call("ThingCRUDNode", json!({"operation": "create", "data": given})).await.unwrap();
        let read = world.call("ThingCRUDNode", json!({"id": created["row"]["id"]})).await.unwrap();
        for (name, value) in given.as_object().unwrap() {
            assert_eq!(&read["row"][name], value, "{name}");
        }
        assert_eq!(read["row"]["flag"], json!(true), "a default applies");
        assert!(read["row"].get("tenant_id").is_none(), "the tenant is never shown");
        assert_eq!(world.ask("SELECT label FROM {}.things").await, given["label"]);
        // A megabyte that does not compress does not fit a unique index, and says so; elsewhere it does.
        let big: String = (0..32_768_u32).map(|i| hallmark_core::digest::sha256(&i.to_le_bytes())[..32].to_owned()).collect();
        let refused = world.call("ThingCRUDNode", json!({"operation": "create", "data": {"label": big}})).await;
        assert_eq!(code(refused), "HM-D013");
        let stored = world.call("ThingCRUDNode", json!({"operation": "create", "data": {"label": "big", "anything": big}})).await.unwrap();
        assert_eq!(stored["row"]["anything"].as_str().map(str::len), Some(1_048_576));
    })
    .await;
}

#[tokio::test]
async fn bad_values_are_refused_with_their_code_and_field() {
    with(parse(EVERYTHING), |world| async move {
        let create = |data: Value| {
            let world = &world;
            async move { error(world.call("ThingCRUDNode", json!({"operation": "create", "data": data})).await) }
        };
        let cases = [
            (json!({}), "HM-D018", "label"),
            (json!({"label": null}), "HM-D011", "label"),
            (json!({"label": "a\0"}), "HM-D013", "label"),
            (json!({"label": 1}), "HM-D011", "label"),
            (json!({"label": "x", "whole": u64::MAX}), "HM-D012", "whole"),
            (json!({"label": "x", "whole": 1.5}), "HM-D011", "whole"),
            (json!({"label": "x", "exact": "NaN"}), "HM-D011", "exact"),
            (json!({"label": "x", "at": "today"}), "HM-D011", "at"),
            (json!({"label": "x", "day": "2026-02-30"}), "HM-D011", "day"),
            (json!({"label": "x", "extra": []}), "HM-D011", "extra"),
            (json!({"label": "x", "extra": {"a\0": 1}}), "HM-D013", "extra"),
            (json!({"label": "x", "updated_at": "2026-01-01T00:00:00Z"}), "HM-D019", "updated_at"),
        ];
        for (data, expected, field) in cases {
            let shown = data.to_string();
            let error = create(data).await;
            assert_eq!((error.code().id, error.place()), (expected, Some(field)), "{shown}");
        }
        let unknown = create(json!({"label": "x", "id\"; --": 1})).await;
        assert_eq!(unknown.code().id, "HM-D010");
        assert_eq!(create(json!({"label": "x", "tenant_id": "other"})).await.code().id, "HM-D010");
        assert_eq!(world.ask("SELECT count(*) FROM {}.things").await, json!(0));
        let undeclared = world.call("ThingCRUDNode", json!({"operation": "create", "daat": {}})).await;
        assert_eq!(code(undeclared), "HM-W010");
    })
    .await;
}

#[tokio::test]
async fn updates_are_partial_counted_and_checked() {
    with(parse(EVERYTHING), |world| async move {
        let node = "ThingCRUDNode";
        let row = world
            .call(node, json!({"operation": "create", "data": {"label": "a", "whole": 1, "extra": {"k": 1}}}))
            .await
            .unwrap();
        let id = row["row"]["id"].clone();
        assert_eq!(row["row"]["row_version"], json!(1));
        let update = world
            .call(
                node,
                json!({"operation": "update", "id": id, "data": {"whole": null}, "expected_version": 1}),
            )
            .await
            .unwrap();
        assert_eq!(
            (&update["row"]["whole"], &update["row"]["extra"]),
            (&Value::Null, &json!({"k": 1})),
            "null is set, missing stays"
        );
        assert_eq!(update["row"]["row_version"], json!(2));
        let stale = world
            .call(node, json!({"operation": "update", "id": id, "data": {"whole": 5}, "expected_version": 1}))
            .await;
        assert_eq!(code(stale), "HM-D022");
        let stale = json!({"operation": "delete", "id": id, "expected_version": 1});
        assert_eq!(code(world.call(node, stale).await), "HM-D022");
        // A condition that has no effect is no condition.
        for condition in [json!({"expected_version": 1}), json!({"filter": {"label": "other"}})] {
            for operation in ["read", "create", "upsert", "restore", "history"] {
                let mut input = json!({"operation": operation, "id": id, "data": {"label": "a", "whole": 9}});
                input.as_object_mut().unwrap().extend(condition.as_object().unwrap().clone());
                assert_eq!(code(world.call(node, input).await), "HM-D025", "{operation} {condition}");
            }
        }
        let filtered = json!({"operation": "delete", "id": id, "filter": {"label": "other"}});
        assert_eq!(code(world.call(node, filtered).await), "HM-D025");
        assert_eq!(world.ask("SELECT whole FROM {}.things").await, Value::Null);
        assert_eq!(
            code(world.call(node, json!({"operation": "update", "id": id, "data": {}})).await),
            "HM-D018"
        );
        assert_eq!(
            code(world.call(node, json!({"operation": "update", "id": id, "data": {"id": 9}})).await),
            "HM-D019"
        );
        for input in [
            json!({"id": 999}),
            json!({"operation": "update", "id": 999, "data": {"whole": 1}}),
            json!({"operation": "delete", "id": 999}),
        ] {
            assert_eq!(world.call(node, input).await.unwrap()["found"], json!(false));
        }
        assert_eq!(code(world.call(node, json!({"id": "x"})).await), "HM-D011");
        assert_eq!(code(world.call(node, json!({"operation": "read"})).await), "HM-D018");
    })
    .await;
}

#[tokio::test]
async fn deleted_rows_are_hidden_and_keep_their_values() {
    with(parse(EVERYTHING), |world| async move {
        let node = "ThingCRUDNode";
        let row = world.call(node, json!({"operation": "create", "data": {"label": "a"}})).await.unwrap();
        let id = row["row"]["id"].clone();
        let deleted = world.call(node, json!({"operation": "delete", "id": id})).await.unwrap();
        assert_eq!((&deleted["deleted"], &deleted["soft"]), (&json!(true), &json!(true)));
        assert_eq!(
            world.call(node, json!({"operation": "delete", "id": id})).await.unwrap()["deleted"],
            json!(false)
        );
        assert_eq!(world.call(node, json!({"id": id})).await.unwrap()["found"], json!(false));
        assert_eq!(
            world.call(node, json!({"id": id, "include_deleted": true})).await.unwrap()["found"],
            json!(true)
        );
        assert_eq!(world.call("ThingSearchNode", json!({})).await.unwrap()["count"], json!(0));
        assert_eq!(
            world.call("ThingAggregateNode", json!({})).await.unwrap()["groups"],
            json!([{"count": 0}])
        );
        let taken = error(world.call(node, json!({"operation": "create", "data": {"label": "a"}})).await);
        assert_eq!((taken.code().id, taken.place()), ("HM-D020", Some("thing_label")));
        assert!(!format!("{taken:?}").contains("(a)"), "values are not repeated");
        let back = world
            .call(
                node,
                json!({"operation": "upsert", "data": {"label": "a", "whole": 3}, "match_on": ["label"]}),
            )
            .await
            .unwrap();
        assert_eq!(
            (&back["created"], &back["row"]["id"], &back["row"]["deleted_at"]),
            (&json!(false), &id, &Value::Null)
        );
    })
    .await;
}

#[tokio::test]
async fn tenants_see_their_own_rows_only() {
    with(parse(EVERYTHING), |world| async move {
        let node = "ThingCRUDNode";
        let create = json!({"operation": "create", "data": {"label": "same"}});
        let one = world.tenant("one", node, create.clone()).await.unwrap()["row"]["id"].clone();
        world.tenant("two", node, create.clone()).await.unwrap();
        assert_eq!(
            code(world.tenant("two", node, create).await),
            "HM-D020",
            "uniqueness holds within a tenant"
        );
        let as_two = |input: Value| {
            let world = &world;
            async move { world.tenant("two", "ThingCRUDNode", input).await }
        };
        assert_eq!(as_two(json!({"id": one})).await.unwrap()["found"], json!(false));
        assert_eq!(
            as_two(json!({"operation": "update", "id": one, "data": {"whole": 1}})).await.unwrap()["found"],
            json!(false)
        );
        assert_eq!(as_two(json!({"operation": "delete", "id": one})).await.unwrap()["found"], json!(false));
        assert_eq!(
            code(as_two(json!({"operation": "upsert", "data": {"id": one, "label": "stolen"}})).await),
            "HM-D020"
        );
        let all =
            json!({"operation": "bulk_update", "filter": {"id": {"is_null": false}}, "data": {"whole": 2}});
        assert_eq!(as_two(all).await.unwrap()["updated"], json!(1));
        for node in [
            "ThingSearchNode",
            "ThingAnalyticsNode",
            "ThingExportNode",
            "ThingTransformNode",
            "ThingValidateNode",
            "ThingAggregateNode",
        ] {
            let input = match node {
                "ThingTransformNode" => json!({"steps": []}),
                "ThingValidateNode" => json!({"operation": "quality"}),
                _ => json!({}),
            };
            let answer = world.tenant("two", node, input).await.unwrap();
            let seen = [&answer["count"], &answer["rows"], &answer["groups"][0]["count"]]
                .into_iter()
                .find_map(Value::as_u64);
            assert_eq!(seen, Some(1), "{node}: {answer}");
        }
        assert_eq!(
            world.tenant("two", "ThingCacheNode", json!({"id": one})).await.unwrap()["found"],
            json!(false)
        );
        assert_eq!(world.ask("SELECT jsonb_agg(whole ORDER BY id) FROM {}.things").await, json!([null, 2]));
    })
    .await;
}

#[tokio::test]
async fn explicit_keys_do_not_trap_generated_ones() {
    with(parse(EVERYTHING), |world| async move {
        let node = "ThingCRUDNode";
        for (label, id) in [("a", json!(5)), ("b", json!(i64::MAX)), ("c", json!(null))] {
            let data = json!({"label": label, "id": id});
            world.call(node, json!({"operation": "create", "data": data})).await.unwrap();
        }
        let bulk = world.call(node, json!({"operation": "bulk_create", "rows": [{"label": "d", "id": 20}, {"label": "e"}, {"label": "f"}]})).await.unwrap();
        assert_eq!(bulk["created"], json!(3));
        let last = world.call(node, json!({"operation": "create", "data": {"label": "g"}})).await.unwrap();
        assert_eq!(last["row"]["id"], json!(23));
    })
    .await;
}

#[tokio::test]
async fn bulk_forms_are_whole_or_nothing() {
    with(parse(EVERYTHING), |world| async move {
        let node = "ThingCRUDNode";
        let rows: Vec<Value> = (0..5_000)
            .map(|i| json!({"label": format!("n{i}"), "whole": i, "exact": "0.10", "day": "2026-01-02"}))
            .collect();
        let created = world.call(node, json!({"operation": "bulk_create", "rows": rows})).await.unwrap();
        assert_eq!((&created["created"], created["ids"].as_array().unwrap().len()), (&json!(5_000), 5_000));
        assert_eq!(world.ask("SELECT sum(exact)::text FROM {}.things").await, json!("500.00"));
        let clash = json!({"operation": "bulk_create", "rows": [{"label": "new"}, {"label": "n7"}]});
        assert_eq!(code(world.call(node, clash).await), "HM-D020");
        let wrong = error(
            world
                .call(node, json!({"operation": "bulk_create", "rows": [{"label": "ok"}, {"label": 5}]}))
                .await,
        );
        assert_eq!(wrong.place(), Some("rows[1].label"));
        assert_eq!(world.ask("SELECT count(*) FROM {}.things").await, json!(5_000));
        for all in [json!({}), json!({"and": []}), json!({"and": [{}]}), json!({"not": {"or": []}})] {
            for operation in ["bulk_delete", "bulk_update", "bulk_restore"] {
                let input = json!({"operation": operation, "filter": all, "data": {"whole": 1}});
                assert_eq!(code(world.call(node, input).await), "HM-D018", "{operation} {all}");
            }
        }
        let gone = world
            .call(node, json!({"operation": "bulk_delete", "filter": {"whole": {"gte": 4_000}}}))
            .await
            .unwrap();
        assert_eq!(gone["deleted"], json!(1_000));
        assert_eq!(world.ask("SELECT count(*) FROM {}.things WHERE deleted_at IS NULL").await, json!(4_000));
    })
    .await;
}

#[tokio::test]
async fn upserts_follow_the_declared_conflict_and_partial_indexes() {
    with(models(), |world| async move {
        let mut data = world.row("ProductClassification", 1);
        let upsert = |data: Value| json!({"operation": "upsert", "data": data});
        let first = world.call("ProductClassificationCRUDNode", upsert(json!(data))).await.unwrap();
        assert_eq!(first["created"], json!(true));
        data.insert("unspsc_code".to_owned(), json!("46181501"));
        let second = world.call("ProductClassificationCRUDNode", upsert(json!(data))).await.unwrap();
        assert_eq!(
            (&second["created"], &second["row"]["id"]),
            (&json!(false), &first["row"]["id"]),
            "upsert_on_product_id"
        );
        assert_eq!(world.ask("SELECT unspsc_code FROM {}.product_classifications").await, json!("46181501"));
        let customer =
            json!({"operation": "upsert", "data": {"name": "A", "email": "a@b.c"}, "match_on": ["email"]});
        for created in [true, false] {
            let answer = world.call("CustomerCRUDNode", customer.clone()).await.unwrap();
            assert_eq!(answer["created"], json!(created));
        }
        let none = json!({"operation": "upsert", "data": {"name": "A"}, "match_on": ["name"]});
        assert_eq!(code(world.call("CustomerCRUDNode", none).await), "HM-D025");
        let history = world.row("ClassificationHistory", 1);
        let row = world
            .call("ClassificationHistoryCRUDNode", json!({"operation": "create", "data": history}))
            .await
            .unwrap();
        let change = json!({"operation": "delete", "id": row["row"]["id"]});
        assert_eq!(code(world.call("ClassificationHistoryCRUDNode", change).await), "HM-D023", "immutable");
    })
    .await;
}

#[tokio::test]
async fn secrets_are_masked_unless_asked_for() {
    with(models(), |world| async move {
        let row = world.row("User", 1);
        let created = world.call("UserCRUDNode", json!({"operation": "create", "data": row})).await.unwrap();
        let (id, mask) = (created["row"]["id"].clone(), json!("********"));
        assert_eq!(created["row"]["password_hash"], mask);
        assert_eq!(created["row"]["email"], row["email"]);
        let full = world.call("UserCRUDNode", json!({"id": id, "include_pii": true})).await.unwrap();
        assert_eq!(full["row"]["password_hash"], row["password_hash"]);
        let export = world.call("UserExportNode", json!({"format": "jsonl"})).await.unwrap();
        let text = export["content"].as_str().unwrap();
        for field in ["password_hash", "email", "phone_number", "first_name"] {
            assert!(!text.contains(row[field].as_str().unwrap()), "{field}");
        }
        assert_eq!(
            code(world.call("UserAnalyticsNode", json!({"operation": "top_n", "field": "email"})).await),
            "HM-D025"
        );
        let profile = world.call("UserAnalyticsNode", json!({})).await.unwrap();
        assert_eq!(profile["fields"]["email"]["min"], Value::Null);
    })
    .await;
}

const COUNTED: &str = "
@db.model
class Item:
    id: int = Field(primary_key=True)
    n: int
";

#[tokio::test]
async fn bulk_calls_for_the_same_rows_in_other_orders_both_succeed() {
    with(parse(COUNTED), |world| async move {
        let rows = |up: bool, n: i64| -> Vec<Value> {
            let ids: Vec<i64> = if up { (1..=600).collect() } else { (1..=600).rev().collect() };
            ids.into_iter().map(|id| json!({"id": id, "n": n})).collect()
        };
        let all = json!({"operation": "bulk_create", "rows": rows(true, 0)});
        world.call("ItemCRUDNode", all).await.unwrap();
        for operation in ["bulk_update", "bulk_upsert"] {
            for n in 1..4 {
                let writers = [true, false].map(|up| {
                    let (world, rows) = (world.clone(), rows(up, n));
                    tokio::spawn(async move {
                        world.call("ItemCRUDNode", json!({"operation": operation, "rows": rows})).await
                    })
                });
                for writer in writers {
                    let answer = writer.await.unwrap().unwrap();
                    assert_eq!(answer["updated"], json!(600), "{operation}");
                }
            }
        }
        let upsert = json!({"operation": "bulk_upsert", "rows": rows(false, 9)});
        let answer = world.call("ItemCRUDNode", upsert).await.unwrap();
        assert_eq!((&answer["ids"][0], &answer["ids"][599]), (&json!(600), &json!(1)), "as they were given");
        let missing = json!([{"id": 900, "n": 1}, {"id": 2, "n": 1}, {"id": 800, "n": 1}]);
        let update = json!({"operation": "bulk_update", "rows": missing});
        let answer = world.call("ItemCRUDNode", update).await.unwrap();
        assert_eq!(answer["missing"], json!([900, 800]), "as they were given");
    })
    .await;
}

#[tokio::test]
async fn a_bulk_call_that_gives_way_in_a_deadlock_is_done_again() {
    with(parse(COUNTED), |world| async move {
        let rows = json!([{"id": 1, "n": 0}, {"id": 2, "n": 0}]);
        world.call("ItemCRUDNode", json!({"operation": "bulk_create", "rows": rows})).await.unwrap();
        let schema = world.dataflow.schema();
        let change = |id: i64| format!("UPDATE {schema}.items SET n = n + 10 WHERE id = {id}");
        world.sql.batch_execute(&format!("BEGIN; {}", change(2))).await.unwrap();
        let node = tokio::spawn({
            let world = world.clone();
            async move {
                let rows = json!([{"id": 1, "n": 5}, {"id": 2, "n": 5}]);
                world.call("ItemCRUDNode", json!({"operation": "bulk_update", "rows": rows})).await
            }
        });
        // The node has the one row and waits for the other; it looks for a circle before the witness does.
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
        world.sql.batch_execute(&change(1)).await.unwrap();
        world.sql.batch_execute("COMMIT").await.unwrap();
        assert_eq!(node.await.unwrap().unwrap()["updated"], json!(2));
        assert_eq!(world.ask("SELECT sum(n) FROM {}.items").await, json!(10));
    })
    .await;
}
