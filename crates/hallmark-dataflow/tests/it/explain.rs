//! Explanations: the plans of real statements, advice, and that nothing is changed.

use hallmark_core::Result;
use hallmark_dataflow::Explanation;
use serde_json::{Value, json};

use crate::support::{World, parse, with};

const ITEMS: &str = "
@db.model
class Item:
    sku: str = Field(unique=True)
    colour: str
    size: int = 0
";

async fn explain(world: &World, node: &str, input: Value) -> Result<Explanation> {
    let input = input.as_object().cloned().unwrap();
    world.dataflow.explain(&world.registry, node, &world.context, input).await
}

#[tokio::test]
async fn what_reads_is_carried_out_and_a_missing_index_is_named() {
    with(parse(ITEMS), |world| async move {
        let schema = world.dataflow.schema();
        let fill = format!(
            "INSERT INTO {schema}.items (sku, colour, size) SELECT 's' || n, 'c' || n % 500, n FROM generate_series(1, 5000) n; \
             ANALYZE {schema}.items"
        );
        world.sql.batch_execute(&fill).await.unwrap();
        let by_key = explain(&world, "ItemCRUDNode", json!({"operation": "read", "id": 7})).await.unwrap();
        let plan = by_key.statements[0].plan.to_string();
        assert!(by_key.executed && by_key.advice.is_empty() && plan.contains("items_pkey"), "{plan}");
        let by_colour = explain(&world, "ItemSearchNode", json!({"filter": {"colour": "c3"}})).await.unwrap();
        assert_eq!(by_colour.advice.len(), 1, "{by_colour:?}");
        let advice = &by_colour.advice[0];
        assert_eq!((advice.model.as_str(), advice.fields.as_slice()), ("Item", ["colour".to_owned()].as_slice()));
        assert!(advice.text.contains("Field(index=True)"), "{}", advice.text);
        let statement = &by_colour.statements[0];
        assert!(statement.parameters.contains(&"text".to_owned()) && !statement.sql.contains("c3"));
        // With the index that was advised, there is nothing to advise.
        let index = format!("CREATE INDEX ON {schema}.items (colour); ANALYZE {schema}.items");
        world.sql.batch_execute(&index).await.unwrap();
        let again = explain(&world, "ItemSearchNode", json!({"filter": {"colour": "c3"}})).await.unwrap();
        assert_eq!(again.advice, []);
    })
    .await;
}

#[tokio::test]
async fn an_index_that_is_read_for_its_order_alone_is_no_answer() {
    with(parse(ITEMS), |world| async move {
        let schema = world.dataflow.schema();
        let fill = format!(
            "INSERT INTO {schema}.items (sku, colour, size) SELECT 's' || n, 'c' || n % 5000, n % 2 FROM generate_series(1, 60000) n; \
             ANALYZE {schema}.items"
        );
        world.sql.batch_execute(&fill).await.unwrap();
        let asked = json!({"filter": {"colour": "c4999"}, "sort": ["id"], "limit": 1});
        let seen = explain(&world, "ItemSearchNode", asked).await.unwrap();
        let plan = seen.statements[0].plan.to_string();
        assert!(plan.contains("items_pkey"), "{plan}");
        let [advice] = seen.advice.as_slice() else { panic!("{:?}", seen.advice) };
        assert_eq!(advice.fields, ["colour"]);
        assert!(advice.text.starts_with("an index led to "), "{}", advice.text);
    })
    .await;
}

#[tokio::test]
async fn a_page_begins_in_the_index_where_the_one_before_ended() {
    with(parse(ITEMS), |world| async move {
        let schema = world.dataflow.schema();
        let fill = format!(
            "INSERT INTO {schema}.items (sku, colour, size) SELECT 's' || n, 'c', n % 3 FROM generate_series(1, 20000) n; ANALYZE {schema}.items"
        );
        world.sql.batch_execute(&fill).await.unwrap();
        for (sort, range) in [
            (json!(["id"]), "(items.id > "),
            (json!(["-id"]), "(items.id < "),
            (json!(["sku"]), "(items.sku >= "),
            (json!(["-sku"]), "(items.sku <= "),
            (json!(["-sku", "id"]), "(items.sku <= "),
        ] {
            for (node, operation) in [("ItemSearchNode", "search"), ("ItemCRUDNode", "list")] {
                let mut asked = json!({"operation": operation, "sort": sort, "limit": 5});
                asked["cursor"] = world.call(node, asked.clone()).await.unwrap()["next_cursor"].clone();
                let seen = explain(&world, node, asked).await.unwrap();
                let plan = seen.statements[0].plan.to_string();
                let found = plan.contains(&format!("\"Index Cond\":\"{range}"));
                assert!(found && plan.contains("Index Scan"), "{node} by {sort}: {plan}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_would_change_rows_is_only_planned() {
    with(parse(ITEMS), |world| async move {
        let row = json!({"operation": "create", "data": {"sku": "a", "colour": "red"}});
        world.call("ItemCRUDNode", row).await.unwrap();
        let inputs = [
            json!({"operation": "create", "data": {"sku": "b", "colour": "blue"}}),
            json!({"operation": "update", "id": 1, "data": {"colour": "blue"}}),
            json!({"operation": "delete", "id": 1}),
            json!({"operation": "upsert", "data": {"sku": "a", "colour": "blue"}, "match_on": ["sku"]}),
            json!({"operation": "bulk_update", "filter": {"size": 0}, "data": {"colour": "blue"}}),
            json!({"operation": "bulk_delete", "filter": {"size": 0}}),
            json!({"operation": "bulk_create", "rows": [{"sku": "c", "colour": "blue"}]}),
        ];
        for input in inputs {
            let explained = explain(&world, "ItemCRUDNode", input.clone()).await.unwrap();
            assert!(!explained.executed && !explained.statements.is_empty(), "{input}");
            assert_eq!(explained.statements[0].plan[0]["Execution Time"], Value::Null);
        }
        for (node, input) in [
            ("ItemImportNode", json!({"content": "sku,colour\nd,blue\n"})),
            ("ItemCacheNode", json!({"operation": "put", "id": 1, "data": {"colour": "blue"}})),
        ] {
            assert_eq!(explain(&world, node, input).await.unwrap_err().code().id, "HM-D081", "{node}");
        }
        let rows = world.ask("SELECT jsonb_agg(jsonb_build_array(sku, colour)) FROM {}.items").await;
        assert_eq!(rows, json!([["a", "red"]]));
        let wrong = explain(&world, "ItemSearchNode", json!({"filter": {"nope": 1}})).await.unwrap_err();
        assert_eq!(wrong.code().id, "HM-D010");
    })
    .await;
}
