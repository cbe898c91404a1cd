//! What the comparison with plain SQL found, each by itself.

use hallmark_dataflow::{Field, FieldType, ModelDecl};
use serde_json::{Value, json};

use crate::support::{World, code, parse, with};

const MODELS: &str = "
@db.model
class Edge:
    at: Optional[datetime] = None
    day: Optional[date] = None
    clock: Optional[time] = None
    real: Optional[float] = None
    exact: Optional[Decimal] = None
    __dataflow__ = {'timestamps': False}
";

/// With a field that is called as a part of a statement was.
fn models() -> Vec<ModelDecl> {
    let mut models = parse(MODELS);
    models[0].fields.push(Field::new("_text", FieldType::Decimal).nullable());
    models
}

async fn create(world: &World, data: Value) -> Result<Value, &'static str> {
    let input = json!({"operation": "create", "data": data});
    world.call("EdgeCRUDNode", input).await.map(|a| a["row"].clone()).map_err(|e| e.code().id)
}

#[tokio::test]
async fn the_last_day_of_the_calendar_is_a_day_like_others() {
    with(models(), |world| async move {
        for (given, kept) in [
            ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
            ("9999-12-31T23:00:00-02:00", "+010000-01-01T01:00:00Z"),
            ("-004712-01-01T00:00:00Z", "-004712-01-01T00:00:00Z"),
        ] {
            let row = create(&world, json!({"at": given})).await.unwrap();
            assert_eq!(row["at"], json!(kept));
            let found = json!({"operation": "count", "filter": {"at": {"in": [given, kept]}}});
            assert_eq!(world.call("EdgeSearchNode", found).await.unwrap()["count"], json!(1), "{given}");
        }
        let said =
            world.ask("SELECT to_char(max(at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24') FROM {}.edges").await;
        assert_eq!(said, json!("10000-01-01 01"));
        let export = world.call("EdgeExportNode", json!({"fields": ["at"], "sort": "at"})).await.unwrap();
        assert!(export["content"].as_str().unwrap().contains("+010000-01-01T01:00:00Z"), "{export}");
        for (data, expected) in [
            (json!({"at": "-005000-01-01T00:00:00Z"}), "HM-D012"),
            (json!({"day": "-000044-03-15"}), "HM-D012"),
            (json!({"at": "9999-02-29T00:00:00Z"}), "HM-D011"),
        ] {
            assert_eq!(create(&world, data.clone()).await, Err(expected), "{data}");
        }
        let row = create(&world, json!({"clock": "23:59:59.9999999"})).await.unwrap();
        assert_eq!(row["clock"], json!("23:59:59.999999"), "not 24:00");
    })
    .await;
}

#[tokio::test]
async fn pages_go_on_after_rows_that_no_node_would_write() {
    with(models(), |world| async move {
        let statement = format!(
            "INSERT INTO {0}.edges (at, day, clock, real, exact, _text) VALUES
               ('infinity', 'infinity', '24:00', 'NaN', 'NaN', 1), ('-infinity', '0044-03-15 BC', '00:00', '-Infinity', 1, 20),
               ('20000-01-01', '12345-06-07', NULL, 'Infinity', NULL, 3), (NULL, NULL, '12:00', 1.5, 2, NULL)",
            world.dataflow.schema()
        );
        world.sql.batch_execute(&statement).await.unwrap();
        for field in ["at", "day", "clock", "real", "exact", "_text"] {
            for node in ["CRUD", "Search"] {
                let operation = if node == "CRUD" { "list" } else { "search" };
                let (mut ids, mut cursor) = (Vec::new(), Value::Null);
                loop {
                    let input = json!({"operation": operation, "sort": field, "limit": 1, "cursor": cursor});
                    let page = world.call(&format!("Edge{node}Node"), input).await.unwrap();
                    ids.push(page["rows"][0]["id"].clone());
                    cursor = page["next_cursor"].clone();
                    if cursor.is_null() {
                        break;
                    }
                }
                let order = format!("SELECT jsonb_agg(id ORDER BY {field} NULLS LAST, id) FROM {{}}.edges");
                assert_eq!(json!(ids), world.ask(&order).await, "{field}");
            }
        }
    })
    .await;
}

const TENANTS: &str = "
@db.model
class Thing:
    label: str = Field(unique=True)
    hits: int = 0
    __dataflow__ = {'multi_tenant': True, 'timestamps': False}
";

#[tokio::test]
async fn bulk_calls_look_at_all_of_their_rows() {
    with(parse(TENANTS), |world| async move {
        let node = "ThingCRUDNode";
        // A key that is made is none that a later row gives.
        let rows = json!([{"label": "a"}, {"label": "b", "id": 2}, {"label": "c", "id": 1}]);
        let made = world.call(node, json!({"operation": "bulk_create", "rows": rows})).await.unwrap();
        assert_eq!(made["ids"], json!([3, 2, 1]));
        // Rows that give different fields are one call too.
        let twice = json!([{"label": "a", "hits": 1}, {"label": "a", "id": 3, "hits": 2}]);
        let input = json!({"operation": "bulk_upsert", "rows": twice, "match_on": ["label"]});
        assert_eq!(code(world.call(node, input).await), "HM-D020");
        // The key of another tenant is refused, and nothing of the call is done.
        let rows = json!([{"id": 50, "label": "new"}, {"id": 1, "label": "stolen"}]);
        let input = json!({"operation": "bulk_upsert", "rows": rows});
        assert_eq!(code(world.tenant("other", node, input).await), "HM-D020");
        assert_eq!(world.ask("SELECT count(*) FROM {}.things").await, json!(3));
        assert_eq!(world.ask("SELECT sum(hits) FROM {}.things").await, json!(0));
    })
    .await;
}

const COUNTED: &str = "
@db.model
class Count:
    label: str = Field(unique=True)
    exact: Optional[Decimal] = None
    __dataflow__ = {'versioned': True}
";

#[tokio::test]
async fn no_condition_is_dropped_and_no_row_changed_twice() {
    with(parse(COUNTED), |world| async move {
        let crud = |input: Value| {
            let world = world.clone();
            async move { world.call("CountCRUDNode", input).await }
        };
        crud(json!({"operation": "create", "data": {"label": "a"}})).await.unwrap();
        for version in [json!(9_223_372_036_854_775_808_u64), json!(u64::MAX)] {
            let update =
                json!({"operation": "update", "id": 1, "data": {"label": "z"}, "expected_version": version});
            assert_eq!(code(crud(update).await), "HM-D012");
            let delete = json!({"operation": "delete", "id": 1, "expected_version": version});
            assert_eq!(code(crud(delete).await), "HM-D012");
        }
        let twice =
            json!({"operation": "bulk_update", "rows": [{"id": 1, "label": "b"}, {"id": 1, "label": "c"}]});
        assert_eq!(code(crud(twice).await), "HM-D020");
        assert_eq!(world.ask("SELECT label FROM {}.counts").await, json!("a"));
        let none = json!({"measures": [], "group_by": ["label"]});
        assert_eq!(code(world.call("CountAggregateNode", none).await), "HM-D018");
    })
    .await;
}

#[tokio::test]
async fn decimals_that_are_taken_are_taken_again_as_they_are_given_back() {
    with(parse(COUNTED), |world| async move {
        let create = |label: &str, exact: &str| {
            let input = json!({"operation": "create", "data": {"label": label, "exact": exact}});
            let world = world.clone();
            async move { world.call("CountCRUDNode", input).await }
        };
        for (text, taken) in [
            ("1e999", true),
            ("-1e999", true),
            ("1e-999", true),
            ("9.99e-997", true),
            ("1e1000", false),
            ("1e-1000", false),
            ("123e998", false),
            ("0.0001e-996", false),
        ] {
            let made = create(text, text).await;
            assert_eq!(made.is_ok(), taken, "{text}");
            if let Ok(made) = made {
                let given_back = made["row"]["exact"].as_str().unwrap();
                create(&format!("again {text}"), given_back).await.unwrap();
            }
        }
        let (mut seen, mut cursor) = (0, Value::Null);
        loop {
            let input = json!({"operation": "list", "sort": "exact", "limit": 1, "cursor": cursor});
            let page = world.call("CountCRUDNode", input).await.unwrap();
            seen += page["rows"].as_array().unwrap().len();
            cursor = page["next_cursor"].clone();
            if cursor.is_null() {
                break;
            }
        }
        assert_eq!(seen, 8);
    })
    .await;
}
