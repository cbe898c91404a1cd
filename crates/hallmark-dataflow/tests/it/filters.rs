//! Filters, sorting, pages, full text, facets and aggregates against plain SQL.

use serde_json::{Value, json};

use crate::support::{World, code, models, parse, with};

const ITEMS: &str = "
@db.model
class Item:
    name: str
    note: Optional[str] = None
    amount: Optional[int] = None
    price: Optional[Decimal] = None
    score: Optional[float] = None
    on: bool = True
    at: Optional[datetime] = None
    day: Optional[date] = None
    tags: Optional[list] = None
    count: int = 3
    value: int = 4
    max: Optional[Decimal] = None
    __dataflow__ = {'search_fields': ['name', 'note']}
";

async fn seed(world: &World) {
    let statement = format!(
        "INSERT INTO {0}.items (name, note, amount, price, score, \"on\", at, day, tags)
         SELECT 'item ' || (i % 17) || CASE i % 3 WHEN 0 THEN ' 50%' WHEN 1 THEN ' a_b' ELSE ' Ä\\x' END,
           CASE WHEN i % 4 > 0 THEN 'note ' || chr(97 + i % 5) END, NULLIF(i % 11, 10), NULLIF(i % 13, 12) * 1.10, NULLIF(i % 13, 12) / 3.0,
           i % 2 = 0, CASE WHEN i % 5 > 0 THEN '2026-01-01T00:00:00Z'::timestamptz + i * interval '7 hours' END,
           CASE WHEN i % 6 > 0 THEN '2026-01-01'::date + i END, CASE WHEN i % 3 > 0 THEN jsonb_build_array(i % 4, 'x') END
         FROM generate_series(1, 400) i",
        world.dataflow.schema()
    );
    world.sql.batch_execute(&statement).await.unwrap();
}

/// Filters and the conditions that they mean.
fn cases() -> Vec<(Value, &'static str)> {
    vec![
        (json!({}), "true"),
        (json!({"amount": 3}), "amount = 3"),
        (json!({"amount": {"ne": 3}}), "amount IS DISTINCT FROM 3"),
        (json!({"amount": null}), "amount IS NULL"),
        (json!({"amount": {"ne": null}}), "amount IS NOT NULL"),
        (json!({"amount": {"gte": 2, "lt": 7}}), "amount >= 2 AND amount < 7"),
        (json!({"amount": {"$in": [1, 2, 9]}}), "amount IN (1, 2, 9)"),
        (json!({"amount": {"in": []}}), "false"),
        (json!({"amount": {"not_in": [1, 2]}}), "(amount IS NULL OR amount NOT IN (1, 2))"),
        (json!({"price": {"gt": "2.20"}}), "price > 2.20"),
        (json!({"price": 1.1}), "price = 1.1"),
        (json!({"score": {"lte": 1.0}}), "score <= 1.0"),
        (json!({"on": false}), "NOT \"on\""),
        (json!({"name": {"contains": "50%"}}), "position('50%' in name) > 0"),
        (json!({"name": {"contains": "a_b"}}), "position('a_b' in name) > 0"),
        (json!({"name": {"ends_with": "Ä\\x"}}), "right(name, 3) = 'Ä\\x'"),
        (json!({"name": {"starts_with": "item 1"}}), "left(name, 6) = 'item 1'"),
        (json!({"at": {"gte": "2026-02-01T01:00:00+01:00"}}), "at >= '2026-02-01T00:00:00Z'"),
        (json!({"day": {"lt": "2026-03-01"}}), "day < '2026-03-01'"),
        (json!({"tags": {"contains": [2]}}), "tags @> '[2]'"),
        (json!({"tags": [1, "x"]}), "tags = '[1, \"x\"]'"),
        (
            json!({"or": [{"amount": 1}, {"score": {"is_null": true}}], "on": true}),
            "(amount = 1 OR score IS NULL) AND \"on\"",
        ),
        (json!({"not": {"amount": {"gt": 4}}}), "(amount > 4) IS NOT TRUE"),
        (
            json!({"not": {"or": [{"amount": 1}, {"and": [{"on": true}, {"amount": {"lt": 5}}]}]}}),
            "(amount = 1 OR (\"on\" AND amount < 5)) IS NOT TRUE",
        ),
        (json!({"and": []}), "true"),
        (json!({"or": []}), "false"),
        (json!({"note": {"in": ["note a", "x'; --"]}}), "note = 'note a'"),
    ]
}

#[tokio::test]
async fn filters_mean_what_plain_sql_means() {
    with(parse(ITEMS), |world| async move {
        seed(&world).await;
        for (filter, condition) in cases() {
            let count =
                world.call("ItemSearchNode", json!({"operation": "count", "filter": filter})).await.unwrap();
            let expected = world.ask(&format!("SELECT count(*) FROM {{}}.items WHERE {condition}")).await;
            assert_eq!(count["count"], expected, "{filter}");
        }
    })
    .await;
}

#[tokio::test]
async fn pages_cover_every_row_once_in_every_order() {
    with(parse(ITEMS), |world| async move {
        seed(&world).await;
        let orders = [
            (json!(null), "id ASC"),
            (json!(["-amount"]), "amount DESC NULLS LAST, id DESC"),
            (json!(["amount", "-price"]), "amount ASC NULLS LAST, price DESC NULLS LAST, id DESC"),
            (json!("at,-name"), "at ASC NULLS LAST, name DESC, id DESC"),
            (json!(["count", "-max", "-price"]), "price DESC NULLS LAST, id DESC"),
        (json!(["-day", "score", "on"]), "day DESC NULLS LAST, score ASC NULLS LAST, \"on\", id"),
        ];
        for (sort, order) in orders {
            for node in ["ItemSearchNode", "ItemCRUDNode"] {
                let mut ids = Vec::new();
                let mut cursor = Value::Null;
                loop {
                    let operation = if node == "ItemCRUDNode" { "list" } else { "search" };
                    let input = json!({"operation": operation, "sort": sort, "limit": 33, "cursor": cursor, "fields": ["id"]});
                    let page = world.call(node, input).await.unwrap();
                    ids.extend(page["rows"].as_array().unwrap().iter().map(|r| r["id"].clone()));
                    assert!(page["rows"].as_array().unwrap().iter().all(|r| r.as_object().unwrap().len() == 1));
                    cursor = page["next_cursor"].clone();
                    if cursor.is_null() {
                        break;
                    }
                }
                let expected = world.ask(&format!("SELECT jsonb_agg(id ORDER BY {order}) FROM {{}}.items")).await;
                assert_eq!(json!(ids), expected, "{sort}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_malformed_is_refused_with_its_code() {
    with(parse(ITEMS), |world| async move {
        let nested = (0..20).fold(json!({"amount": 1}), |inner, _| json!({"not": inner}));
        let cases = [
            (json!({"filter": {"amount\" = 1 OR 1=1 --": 1}}), "HM-D010"),
            (json!({"filter": {"amount": {"like": 1}}}), "HM-D015"),
            (json!({"filter": {"amount": {"gt": "1"}}}), "HM-D011"),
            (json!({"filter": {"amount": {"gt": null}}}), "HM-D015"),
            (json!({"filter": {"amount": {"contains": "1"}}}), "HM-D015"),
            (json!({"filter": {"name": "a\0"}}), "HM-D013"),
            (json!({"filter": {"or": {}}}), "HM-D015"),
            (json!({"filter": {"amount": {"in": [null]}}}), "HM-D015"),
            (json!({"filter": nested}), "HM-D015"),
            (json!({"filter": {"amount": {"in": vec![1; 6_000]}}}), "HM-D015"),
            (json!({"sort": ["amount; DROP TABLE items"]}), "HM-D010"),
            (json!({"sort": ["tags"]}), "HM-D016"),
            (json!({"sort": [1]}), "HM-D016"),
            (json!({"fields": ["name\""]}), "HM-D010"),
            (json!({"cursor": "zz"}), "HM-D017"),
            (json!({"cursor": "5b22222c5b5d5d"}), "HM-D017"),
            (json!({"limit": 5_000}), "HM-W013"),
        ];
        for (input, expected) in cases {
            assert_eq!(code(world.call("ItemSearchNode", input.clone()).await), expected, "{input}");
        }
    })
    .await;
}

#[tokio::test]
async fn full_text_ranks_pages_and_counts_facets() {
    with(parse(ITEMS), |world| async move {
        let rows = json!([
            {"name": "cordless drill drill", "note": "drill"}, {"name": "hammer", "note": "for drilling"},
            {"name": "safety goggles", "note": null}, {"name": "drill bit"}, {"name": "' & | ! drill :*", "note": "x"},
        ]);
        world.call("ItemCRUDNode", json!({"operation": "bulk_create", "rows": rows})).await.unwrap();
        let found = |query: &str, limit: u64| {
            let (world, query) = (&world, query.to_owned());
            async move { world.call("ItemSearchNode", json!({"query": query, "limit": limit})).await.unwrap() }
        };
        let first = found("drills", 50).await;
        assert_eq!(first["count"], json!(4), "words are reduced to their stems");
        assert_eq!(first["rows"][0]["name"], json!("cordless drill drill"), "the best match comes first");
        assert_eq!(found("drill -bit", 50).await["count"], json!(3));
        assert_eq!(found("\"drill bit\" or goggles", 50).await["count"], json!(2));
        assert_eq!(found("'; DROP TABLE items; --", 50).await["count"], json!(0));
        let mut names = Vec::new();
        let mut page = found("drill", 1).await;
        loop {
            names.push(page["rows"][0]["name"].clone());
            if page["next_cursor"].is_null() {
                break;
            }
            page = world.call("ItemSearchNode", json!({"query": "drill", "limit": 1, "cursor": page["next_cursor"]})).await.unwrap();
        }
        assert_eq!(names.len(), 4);
        let facets = world.call("ItemSearchNode", json!({"operation": "facets", "facet_fields": ["note"], "query": "drill"})).await.unwrap();
        assert_eq!(facets["facets"]["note"].as_array().unwrap().len(), 4);
    })
    .await;
    with(models(), |world| async move {
        assert_eq!(
            code(world.call("DocumentSearchNode", json!({"query": "x"})).await),
            "HM-D025",
            "no search_fields"
        );
    })
    .await;
}

#[tokio::test]
async fn aggregates_and_series_agree_with_plain_sql() {
    with(parse(ITEMS), |world| async move {
        seed(&world).await;
        let input = json!({
            "group_by": ["on", {"field": "at", "bucket": "month"}],
            "measures": [{"function": "count", "as": "n"}, {"function": "sum", "field": "price", "as": "total"},
                {"function": "avg", "field": "score", "as": "mean"}, {"function": "count_distinct", "field": "name", "as": "names"}],
            "having": {"n": {"gt": 3}, "total": {"gte": "1"}}, "sort": ["-n"],
        });
        let answer = world.call("ItemAggregateNode", input).await.unwrap();
        let expected = world
            .ask(
                "SELECT jsonb_agg(jsonb_build_object('on', o, 'n', n, 'total', total::text, 'names', names) ORDER BY n DESC, o, m NULLS LAST) FROM
                 (SELECT \"on\" o, date_trunc('month', at, 'UTC') m, count(*) n, sum(price) total, count(DISTINCT name) names
                  FROM {}.items GROUP BY 1, 2 HAVING count(*) > 3 AND sum(price) >= 1) g",
            )
            .await;
        let mut groups = answer["groups"].clone();
        for group in groups.as_array_mut().unwrap() {
            let group = group.as_object_mut().unwrap();
            assert!(group.remove("mean").is_some() && group.remove("at_month").is_some());
        }
        assert_eq!(groups, expected);
        let rollup = world.call("ItemAggregateNode", json!({"group_by": ["on"], "rollup": true})).await.unwrap();
        let levels: Vec<Value> = rollup["groups"].as_array().unwrap().iter().map(|g| json!([g["_level"], g["count"]])).collect();
        assert_eq!(json!(levels), json!([[0, 200], [0, 200], [1, 400]]));
        let series = world.call("ItemAnalyticsNode", json!({"operation": "time_series", "field": "at", "bucket": "week"})).await.unwrap();
        let expected = world.ask("SELECT jsonb_agg(n ORDER BY w) FROM (SELECT date_trunc('week', at, 'UTC') w, count(*) n FROM {}.items WHERE at IS NOT NULL GROUP BY 1) g").await;
        let values: Vec<&Value> = series["points"].as_array().unwrap().iter().map(|p| &p["value"]).collect();
        assert_eq!(json!(values), expected);
        let bins = world.call("ItemAnalyticsNode", json!({"operation": "distribution", "field": "amount", "bins": 3})).await.unwrap();
        assert_eq!(bins["total"], world.ask("SELECT count(amount) FROM {}.items").await);
        assert_eq!((&bins["bins"][0]["from"], &bins["bins"][2]["to"]), (&json!(0.0), &json!(9.0)));
        assert_eq!(code(world.call("ItemAggregateNode", json!({"measures": [{"function": "sum", "field": "name"}]})).await), "HM-D025");
        assert_eq!(code(world.call("ItemAggregateNode", json!({"group_by": [{"field": "name", "bucket": "day"}]})).await), "HM-D025");
    })
    .await;
}

/// Fields called as SQL names its own results, and decimals that sort differently as texts.
#[tokio::test]
async fn names_and_decimals_do_not_confuse_the_order() {
    with(parse(ITEMS), |world| async move {
        seed(&world).await;
        let input = json!({"group_by": ["price", "count"], "measures": [{"function": "max", "field": "value", "as": "most"}, {"function": "max", "field": "max", "as": "n"}], "sort": ["-price"]});
        let answer = world.call("ItemAggregateNode", input).await.unwrap();
        let prices: Vec<&Value> = answer["groups"].as_array().unwrap().iter().map(|g| &g["price"]).collect();
        let expected = world.ask("SELECT jsonb_agg(p::text ORDER BY p DESC NULLS LAST) FROM (SELECT DISTINCT price p FROM {}.items) g").await;
        assert_eq!(json!(prices), expected);
        let top = json!({"operation": "top_n", "field": "value", "function": "sum", "measure": "price"});
        let top = world.call("ItemAnalyticsNode", top).await.unwrap();
        assert_eq!(top["top"], json!([{"key": 4, "value": world.ask("SELECT sum(price)::text FROM {}.items").await}]));
        let top = json!({"operation": "top_n", "field": "price", "function": "max", "measure": "price", "limit": 2});
        let top = world.call("ItemAnalyticsNode", top).await.unwrap();
        assert_eq!(top["top"][0]["value"], json!("12.10"), "the largest, not the last of the alphabet");
        let facets = world.call("ItemSearchNode", json!({"operation": "facets", "facet_fields": ["price", "count"]})).await.unwrap();
        assert_eq!(facets["facets"]["count"], json!([{"value": 3, "count": 400}]));
    })
    .await;
}
