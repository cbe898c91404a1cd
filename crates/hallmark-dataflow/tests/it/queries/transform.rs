//! Steps: conditions in the database, masks, mappings, and rows of other models, beside plain SQL.

use serde_json::{Value, json};

use super::HOSTILE;
use crate::support::{World, code, parse, with};

const ORDERS: &str = "
@db.model
class Buyer:
    name: str
    region: Optional[str] = None
    api_key: Optional[str] = None
    number: Optional[str] = Field(default=None, unique=True)
    __dataflow__ = {'soft_delete': True, 'multi_tenant': True}

@db.model
class Order:
    buyer_id: Optional[int] = None
    buyer_number: Optional[str] = None
    status: str = 'open'
    units: int = 1
    price: Optional[Decimal] = None
    weight: Optional[float] = None
    api_key: Optional[str] = None
";

async fn seed(world: &World) {
    let statement = format!(
        "INSERT INTO {0}.buyers (name, region, api_key, number, tenant_id, deleted_at)
         SELECT 'buyer ' || i, 'r' || i % 3, 'key ' || i, 'B' || i, CASE WHEN i % 10 = 0 THEN 'other' ELSE '' END, CASE WHEN i % 7 = 0 THEN now() END FROM generate_series(1, 50) AS i;
         INSERT INTO {0}.orders (buyer_id, buyer_number, status, units, price, weight, api_key)
         SELECT NULLIF(i % 60, 0), 'B' || i % 60, (ARRAY['open', 'paid', 'sent'])[1 + i % 3], i % 10, i * 1.25, CASE WHEN i % 4 > 0 THEN i / 8.0 END, 'k' || i FROM generate_series(1, 400) AS i",
        world.dataflow.schema()
    );
    world.sql.batch_execute(&statement).await.unwrap();
}

#[tokio::test]
async fn conditions_that_come_first_are_asked_of_the_database() {
    with(parse(ORDERS), |world| async move {
        seed(&world).await;
        let cases = [
            ("units > 6 and not (status == 'open')", 1, "units > 6 AND NOT coalesce(status = 'open', false)"),
            ("weight > 10.5 or weight == null", 1, "weight > 10.5 OR weight IS NULL"),
            ("not (weight > 10)", 1, "NOT coalesce(weight > 10, false)"),
            ("status < 'p' and units != 3", 1, "status COLLATE \"C\" < 'p' AND units <> 3"),
            ("price < 20.5 and price != 12.50", 1, "price < 20.5 AND price IS DISTINCT FROM 12.50"),
            ("price == 3.750 or price > 499.99999999999999999999999999999", 1, "price = 3.750 OR price > 499.99999999999999999999999999999"),
            ("price > weight or price < '4'", 1, "price::float8 > weight OR price < 4"),
            ("price * 2 > units * 3 and -price < -2.5", 0, "id <= 50 AND price * 2 > units * 3 AND -price < -2.5"),
            ("round(price / 7, 2) == 0.89 or price % 1 == 0.5", 0, "id <= 50 AND (round(price / 7, 2) = 0.89 OR price % 1 = 0.5)"),
            // What only the row can tell is asked of the rows that were read.
            ("units * 2 > 6 and number(price) > 20", 0, "id <= 50 AND units * 2 > 6 AND price > 20"),
            ("length(status) == 4 and units > 5", 0, "id <= 50 AND length(status) = 4 AND units > 5"),
        ];
        for (condition, done, sql) in cases {
            let input = json!({"steps": [{"where": condition}, {"keep": ["id"]}], "limit": 50, "sort": ["id"]});
            let answer = world.call("OrderTransformNode", input).await.unwrap();
            let expected = world.ask(&format!("SELECT jsonb_agg(jsonb_build_object('id', id) ORDER BY id) FROM (SELECT id FROM {{}}.orders WHERE {sql} ORDER BY id LIMIT 50) AS o")).await;
            assert_eq!(answer["rows"], expected, "{condition}");
            assert_eq!(answer["in_database"], json!(done), "{condition}");
        }
        // A secret is compared as it is shown, so that nobody finds it out by asking.
        let guess = json!({"steps": [{"where": "api_key == 'k7'"}], "limit": 1_000});
        let answer = world.call("OrderTransformNode", guess).await.unwrap();
        assert_eq!((&answer["in_database"], &answer["count"]), (&json!(0), &json!(0)));
        let open = json!({"steps": [{"where": "api_key == 'k7'"}], "include_pii": true});
        assert_eq!(world.call("OrderTransformNode", open).await.unwrap()["count"], 1);
    })
    .await;
}

#[tokio::test]
async fn rows_of_another_model_come_in_one_question() {
    with(parse(ORDERS), |world| async move {
        seed(&world).await;
        let enrich = json!({"model": "Buyer", "by": "buyer_id", "fields": ["name", "region", "api_key"]});
        let steps = json!([{"enrich": enrich}, {"keep": ["id", "buyer"]}]);
        let input = json!({"steps": steps, "limit": 400, "sort": ["id"]});
        let answer = world.call("OrderTransformNode", input.clone()).await.unwrap();
        let expected = world
            .ask(
                "SELECT jsonb_agg(jsonb_build_object('id', o.id, 'buyer', CASE WHEN b.id IS NOT NULL THEN jsonb_build_object('name', b.name, 'region', b.region, 'api_key', '***') END) ORDER BY o.id)
                 FROM {}.orders AS o LEFT JOIN {}.buyers AS b ON b.id = o.buyer_id AND b.tenant_id = '' AND b.deleted_at IS NULL",
            )
            .await;
        let mask = answer["rows"][0]["buyer"]["api_key"].as_str().unwrap();
        assert!(!mask.contains("key"), "{mask}");
        let expected: Value = serde_json::from_str(&expected.to_string().replace("\"***\"", &format!("{mask:?}"))).unwrap();
        assert_eq!(answer["rows"], expected);
        let explained = world.dataflow.explain(&world.registry, "OrderTransformNode", &world.context, input.as_object().cloned().unwrap()).await.unwrap();
        assert_eq!(explained.statements.len(), 2, "however many rows");

        let dropped = json!([{"enrich": {"model": "Buyer", "by": "buyer_number", "key": "number", "fields": ["region"], "prefix": "buyer_", "missing": "drop"}}, {"keep": ["id", "buyer_region"]}]);
        let answer = world.call("OrderTransformNode", json!({"steps": dropped, "limit": 400, "sort": ["id"]})).await.unwrap();
        let expected = world
            .ask(
                "SELECT jsonb_agg(jsonb_build_object('id', o.id, 'buyer_region', b.region) ORDER BY o.id) FROM {}.orders AS o
                 JOIN {}.buyers AS b ON b.number = o.buyer_number AND b.tenant_id = '' AND b.deleted_at IS NULL",
            )
            .await;
        assert_eq!(answer["rows"], expected);
        let given = json!({"rows": [{"x": "B1"}, {"x": null}], "steps": [{"enrich": {"model": "Buyer", "by": "x", "key": "number", "fields": ["name"]}}]});
        let answer = world.call("OrderTransformNode", given).await.unwrap();
        assert_eq!(answer["rows"], json!([{"x": "B1", "buyer": {"name": "buyer 1"}}, {"x": null, "buyer": null}]));
        let cases = [
            (json!({"model": "Nobody", "by": "x"}), "HM-D139"), (json!({"model": "Buyer", "by": "x", "key": "region"}), "HM-D139"),
            (json!({"model": "Buyer", "by": "x"}), "HM-D139"), (json!({"model": "Buyer", "by": "x", "key": "number", "missing": "refuse"}), "HM-D139"),
            (json!({"model": "Buyer", "by": "y"}), "HM-D061"), (json!({"model": "Buyer"}), "HM-D061"), (json!({"model": "Buyer", "by": "x", "key": "number", "fields": ["name\" --"]}), "HM-D010"),
        ];
        for (enrich, expected) in cases {
            let input = json!({"rows": [{"x": "none"}], "steps": [{"enrich": enrich}]});
            assert_eq!(code(world.call("OrderTransformNode", input).await), expected, "{enrich}");
        }
    })
    .await;
}

#[tokio::test]
async fn values_are_mapped_cast_and_masked() {
    with(parse(ORDERS), |world| async move {
        let row = json!({"status": "open", "n": 3, "card": "4111111111111111", "born": "1990-05-17", "mail": "ann@example.com", "price": "1.50", "gone": null});
        let steps = json!([
            {"map": {"status": {"values": {"open": "O"}}, "n": {"values": {"3": "three"}, "else": "many"}, "gone": {"values": {"null": 0}}}},
            {"cast": {"price": "decimal"}},
            {"mask": {"card": {"kind": "partial", "start": 0, "end": 4}, "born": {"kind": "generalise", "to": "year"}, "mail": "hash"}},
        ]);
        let input = |key: Value| json!({"rows": [row], "steps": steps, "mask_key": key});
        let plain = world.call("OrderTransformNode", input(Value::Null)).await.unwrap();
        let keyed = world.call("OrderTransformNode", input(json!("a long and secret key"))).await.unwrap();
        let digest = world.ask("SELECT encode(sha256('ann@example.com'), 'hex')").await;
        assert_eq!(plain["rows"][0]["mail"], digest);
        let mut shown = keyed["rows"][0].clone();
        let mail = shown.as_object_mut().unwrap().remove("mail").unwrap();
        assert!(mail != digest && mail.as_str().unwrap().len() == 64);
        assert_eq!(shown, json!({"status": "O", "n": "three", "card": "************1111", "born": "1990", "price": "1.50", "gone": 0}));
        let same = world.call("OrderTransformNode", input(json!("a long and secret key"))).await.unwrap();
        assert_eq!(same["rows"], keyed["rows"], "equal values stay equal under one key");
        for (step, expected) in [
            (json!({"mask": {"status": "blur"}}), "HM-D061"), (json!({"mask": {"status": {"kind": "generalise", "band": 5}}}), "HM-D061"),
            (json!({"map": {"status": "x"}}), "HM-D061"), (json!({"map": {"status": {"values": {}, "otherwise": 1}}}), "HM-D025"),
            (json!({"cast": {"status": "date"}}), "HM-D061"), (json!({"cast": {"status": "blob"}}), "HM-D061"),
        ] {
            assert_eq!(code(world.call("OrderTransformNode", json!({"rows": [row], "steps": [step]})).await), expected, "{step}");
        }
    })
    .await;
}

#[tokio::test]
async fn hostile_texts_are_values() {
    with(parse(ORDERS), |world| async move {
        seed(&world).await;
        for text in HOSTILE {
            let literal = text.replace('"', "");
            let input = json!({"steps": [{"where": format!("status == \"{literal}\"")}]});
            let answer = world.call("OrderTransformNode", input).await.unwrap();
            assert_eq!((&answer["in_database"], &answer["count"]), (&json!(1), &json!(0)));
            let joined = json!({"rows": [{"x": text}], "steps": [{"enrich": {"model": "Buyer", "by": "x", "key": "number", "as": text}}]});
            let answer = world.call("OrderTransformNode", joined).await.unwrap();
            assert_eq!(answer["rows"][0][text], Value::Null);
        }
        assert_eq!(world.ask("SELECT count(*) FROM {}.orders").await, json!(400));
    })
    .await;
}
