//! Measures, subtotals, windows and estimates beside plain SQL.

use serde_json::{Value, json};

use super::{HOSTILE, plain};
use crate::support::{World, code, parse, with};

const SALES: &str = "
@db.model
class Sale:
    region: Optional[str] = None
    product: str
    amount: Optional[Decimal] = None
    units: int = 1
    weight: Optional[float] = None
    paid: bool = True
    password: Optional[str] = None
    at: Optional[datetime] = None
";

async fn seed(world: &World) {
    let statement = format!(
        "INSERT INTO {}.sales (region, product, amount, units, weight, paid, password, at)
         SELECT (ARRAY['north', 'south', 'east', NULL])[1 + i % 4], 'p' || i % 7, CASE WHEN i % 9 > 0 THEN (i * 37 % 101) * 1.37 END, i % 5,
           CASE WHEN i % 8 > 0 THEN sqrt(i) END, i % 3 > 0, 'secret ' || i, '2026-03-27T00:00:00Z'::timestamptz + i * interval '5 hours'
         FROM generate_series(1, 500) AS i",
        world.dataflow.schema()
    );
    world.sql.batch_execute(&statement).await.unwrap();
}

#[tokio::test]
async fn measures_are_what_sql_computes() {
    with(parse(SALES), |world| async move {
        seed(&world).await;
        let input = json!({
            "group_by": ["region"],
            "measures": [
                {"as": "n"}, {"function": "sum", "field": "amount", "as": "total"}, {"function": "avg", "field": "units", "as": "mean"},
                {"function": "sum", "field": "units", "distinct": true, "as": "different"}, {"function": "median", "field": "amount", "as": "half"},
                {"function": "percentile", "field": "weight", "p": 0.9, "as": "p90"}, {"function": "percentile_disc", "field": "amount", "p": 0.25, "as": "q"},
                {"function": "mode", "field": "product", "as": "usual"}, {"function": "stddev", "field": "units", "as": "spread"},
                {"function": "variance", "field": "weight", "as": "var"}, {"function": "any", "field": "paid", "as": "paid"},
                {"function": "max", "field": "at", "as": "last"},
                {"function": "sum", "field": "amount", "as": "paid_total", "filter": {"paid": true, "units": {"gte": 2}}},
                {"function": "count", "as": "cheap", "filter": {"or": [{"amount": {"lt": "20.5"}}, {"amount": null}]}},
            ],
            "having": {"n": {"gt": 10}, "total": {"gte": "1"}}, "sort": ["-total"],
        });
        let answer = world.call("SaleAggregateNode", input).await.unwrap();
        let expected = world
            .ask(
                "SELECT jsonb_agg(to_jsonb(g) ORDER BY t DESC) FROM (SELECT sum(amount) AS t, region, count(*) AS n, sum(amount)::text AS total, avg(units)::text AS mean,
                 sum(DISTINCT units)::text AS different, percentile_cont(0.5) WITHIN GROUP (ORDER BY amount::float8) AS half,
                 percentile_cont(0.9) WITHIN GROUP (ORDER BY weight) AS p90, percentile_disc(0.25) WITHIN GROUP (ORDER BY amount)::text AS q,
                 mode() WITHIN GROUP (ORDER BY product) AS usual, stddev(units)::float8 AS spread, variance(weight) AS var, bool_or(paid) AS paid,
                 sum(amount) FILTER (WHERE paid AND units >= 2)::text AS paid_total, count(*) FILTER (WHERE amount < 20.5 OR amount IS NULL) AS cheap
                 FROM {}.sales GROUP BY region HAVING count(*) > 10 AND sum(amount) >= 1) AS g",
            )
            .await;
        let mut groups = answer["groups"].clone();
        for (group, expected) in groups.as_array_mut().unwrap().iter_mut().zip(expected.as_array().unwrap()) {
            let group = group.as_object_mut().unwrap();
            assert!(group.remove("last").unwrap().is_string());
            let mut expected = expected.as_object().unwrap().clone();
            expected.remove("t");
            assert_eq!(plain(&json!(group)), plain(&json!(expected)));
        }
        assert_eq!(groups.as_array().unwrap().len(), 4);
    })
    .await;
}

#[tokio::test]
async fn subtotals_are_told_from_groups_whose_value_is_null() {
    with(parse(SALES), |world| async move {
        seed(&world).await;
        let sets = [
            (json!({"rollup": true}), "ROLLUP (region, paid)"),
            (json!({"cube": true}), "CUBE (region, paid)"),
            (json!({"grouping_sets": [["paid"], [], ["region"]]}), "GROUPING SETS ((paid), (), (region))"),
        ];
        for (way, sql) in sets {
            let mut input = json!({"group_by": ["region", "paid"], "measures": [{"as": "n"}, {"function": "approx_distinct", "field": "product", "as": "products"}]});
            input.as_object_mut().unwrap().extend(way.as_object().unwrap().clone());
            let answer = world.call("SaleAggregateNode", input).await.unwrap();
            let expected = world
                .ask(&format!(
                    "SELECT jsonb_agg(jsonb_build_array(region, paid, n, products, level) ORDER BY region NULLS LAST, paid NULLS LAST, level, bits) FROM (
                     SELECT region, paid, count(*) AS n, count(DISTINCT product) AS products, grouping(region) + grouping(paid) AS level, grouping(region, paid) AS bits
                     FROM {{}}.sales GROUP BY {sql}) AS g"
                ))
                .await;
            let found: Vec<Value> = answer["groups"]
                .as_array()
                .unwrap()
                .iter()
                .map(|g| json!([g["region"], g["paid"], g["n"], g["products"], g["_level"]]))
                .collect();
            let mut sorted = expected.as_array().unwrap().clone();
            let mut given = found.clone();
            sorted.sort_by_key(Value::to_string);
            given.sort_by_key(Value::to_string);
            assert_eq!(given, sorted, "{way}");
            for group in answer["groups"].as_array().unwrap() {
                assert_eq!(group["_level"], json!(group["_over"].as_array().unwrap().len()));
            }
        }
        let total = world.call("SaleAggregateNode", json!({"group_by": ["region"], "rollup": true, "having": {"count": {"gt": 400}}})).await.unwrap();
        assert_eq!(total["groups"], json!([{"region": null, "count": 500, "_level": 1, "_over": ["region"]}]));
    })
    .await;
}

#[tokio::test]
async fn days_begin_at_midnight_of_the_zone() {
    with(parse(SALES), |world| async move {
        seed(&world).await;
        let input = json!({"group_by": [{"field": "at", "bucket": "day", "as": "day"}], "time_zone": "Europe/Berlin", "limit": 5});
        let answer = world.call("SaleAggregateNode", input).await.unwrap();
        // Summer time begins on 29 March 2026: that day has 23 hours.
        let expected = world
            .ask(
                "SELECT jsonb_agg(jsonb_build_array(to_char(d AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), n) ORDER BY d) FROM (SELECT d, n FROM (
                 SELECT (date_trunc('day', at AT TIME ZONE 'Europe/Berlin')) AT TIME ZONE 'Europe/Berlin' AS d, count(*) AS n FROM {}.sales GROUP BY 1) AS g ORDER BY d LIMIT 5) AS f",
            )
            .await;
        let found: Vec<Value> = answer["groups"].as_array().unwrap().iter().map(|g| json!([g["day"], g["count"]])).collect();
        assert_eq!(json!(found), expected);
        assert!(expected.to_string().contains("2026-03-29T22:00:00Z"), "{expected}");
    })
    .await;
}

#[tokio::test]
async fn windows_look_at_groups_and_at_rows() {
    with(parse(SALES), |world| async move {
        seed(&world).await;
        let input = json!({
            "group_by": ["region", "product"], "measures": [{"function": "sum", "field": "units", "as": "units"}],
            "windows": [
                {"function": "rank", "partition_by": ["region"], "order_by": ["-units"], "as": "place"},
                {"function": "dense_rank", "order_by": ["-units"], "as": "dense"}, {"function": "row_number", "order_by": ["product"], "as": "row"},
                {"function": "lag", "of": "units", "partition_by": ["region"], "order_by": ["product"], "as": "before"},
                {"function": "lead", "of": "units", "offset": 2, "partition_by": ["region"], "order_by": ["product"], "as": "after"},
                {"function": "running_sum", "of": "units", "partition_by": ["region"], "order_by": ["product"], "as": "so_far"},
                {"function": "moving_avg", "of": "units", "rows": 3, "partition_by": ["region"], "order_by": ["product"], "as": "smooth"},
                {"function": "share", "of": "units", "partition_by": ["region"], "as": "part"}, {"function": "ntile", "offset": 3, "order_by": ["units"], "as": "third"},
            ],
            "having": {"units": {"gt": 5}, "place": {"lte": 3}}, "sort": ["region", "product"],
        });
        let answer = world.call("SaleAggregateNode", input).await.unwrap();
        let expected = world
            .ask(
                "SELECT jsonb_agg(to_jsonb(w) ORDER BY region NULLS LAST, product) FROM (SELECT region, product, units::text,
                 rank() OVER (PARTITION BY region ORDER BY units DESC) AS place, dense_rank() OVER (ORDER BY units DESC) AS dense,
                 row_number() OVER (ORDER BY product, region NULLS LAST) AS row, (lag(units) OVER r)::text AS before, (lead(units, 2) OVER r)::text AS after,
                 (sum(units) OVER r)::text AS so_far, (avg(units) OVER (PARTITION BY region ORDER BY product ROWS 2 PRECEDING))::text AS smooth,
                 (units / sum(units) OVER (PARTITION BY region))::float8 AS part, ntile(3) OVER (ORDER BY units, region NULLS LAST, product) AS third
                 FROM (SELECT region, product, sum(units)::numeric AS units FROM {}.sales GROUP BY 1, 2 HAVING sum(units) > 5) AS g
                 WINDOW r AS (PARTITION BY region ORDER BY product)) AS w WHERE place <= 3",
            )
            .await;
        assert_eq!(plain(&answer["groups"]), plain(&expected));
        assert!(answer["groups"].as_array().unwrap().len() >= 12);

        let rows = json!({
            "operation": "window", "fields": ["id", "product"], "filter": {"paid": true}, "sort": ["id"], "limit": 10_000,
            "windows": [{"function": "rank", "partition_by": ["product"], "order_by": ["-amount"], "as": "place"},
                {"function": "running_sum", "of": "units", "order_by": ["at"], "as": "so_far"}],
            "having": {"place": 1},
        });
        let answer = world.call("SaleAggregateNode", rows).await.unwrap();
        let expected = world
            .ask(
                "SELECT jsonb_agg(to_jsonb(w) ORDER BY id) FROM (SELECT id, product, rank() OVER (PARTITION BY product ORDER BY amount DESC NULLS LAST) AS place,
                 (sum(units) OVER (ORDER BY at, id ROWS UNBOUNDED PRECEDING))::text AS so_far FROM {}.sales WHERE paid) AS w WHERE place = 1",
            )
            .await;
        assert_eq!(answer["rows"], expected);
    })
    .await;
}

/// The registers promise a standard error of 1.6 %: five percent is three of them.
#[tokio::test]
async fn estimates_of_a_hundred_thousand_rows_stay_in_their_bounds() {
    with(parse(SALES), |world| async move {
        let statement = format!(
            "INSERT INTO {}.sales (region, product, units, weight) SELECT 'r' || i % 4, 'p' || i, i % 5000, (i % 30) / 7.0 FROM generate_series(1, 100000) AS i",
            world.dataflow.schema()
        );
        world.sql.batch_execute(&statement).await.unwrap();
        let approx = |field: &str| json!({"function": "approx_distinct", "field": field, "as": field});
        let input = json!({"group_by": ["region"], "measures": [approx("product"), approx("units"), approx("weight"), approx("id"),
            {"function": "approx_distinct", "field": "product", "as": "few", "filter": {"units": {"lt": 10}}},
            {"function": "approx_distinct", "field": "amount", "as": "none"}], "rollup": true});
        let answer = world.call("SaleAggregateNode", input).await.unwrap();
        let exact = world
            .ask(
                "SELECT jsonb_agg(to_jsonb(g) ORDER BY region NULLS LAST) FROM (SELECT region, count(DISTINCT product) AS product, count(DISTINCT units) AS units,
                 count(DISTINCT weight) AS weight, count(DISTINCT id) AS id, count(DISTINCT product) FILTER (WHERE units < 10) AS few, 0 AS none
                 FROM {}.sales GROUP BY ROLLUP (region)) AS g",
            )
            .await;
        assert_eq!(exact.as_array().unwrap().len(), 5);
        for (group, exact) in answer["groups"].as_array().unwrap().iter().zip(exact.as_array().unwrap()) {
            assert_eq!(group["region"], exact["region"]);
            for name in ["product", "units", "weight", "id", "few", "none"] {
                let (estimate, truth) = (group[name].as_f64().unwrap(), exact[name].as_f64().unwrap());
                assert!((estimate - truth).abs() <= 0.05 * truth, "{name}: {estimate} instead of {truth}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_hostile_texts_are_values() {
    with(parse(SALES), |world| async move {
        seed(&world).await;
        let cases = [
            (json!({"measures": [{"function": "max", "field": "password"}]}), "HM-D025"),
            (json!({"measures": [{"function": "percentile", "field": "units"}]}), "HM-D018"),
            (json!({"measures": [{"function": "percentile", "field": "units", "p": 2}]}), "HM-D025"),
            (json!({"measures": [{"function": "median", "field": "product"}]}), "HM-D025"),
            (json!({"measures": [{"function": "count", "filter": {"nope": 1}}]}), "HM-D010"),
            (json!({"measures": [{"as": "a"}, {"as": "a"}]}), "HM-D025"),
            (json!({"group_by": ["password"]}), "HM-D025"),
            (json!({"group_by": ["region"], "rollup": true, "cube": true}), "HM-D025"),
            (json!({"group_by": ["region"], "grouping_sets": [["paid"]]}), "HM-D025"),
            (json!({"windows": [{"function": "rank"}]}), "HM-D136"),
            (json!({"windows": [{"function": "share", "of": "count", "order_by": ["count"]}]}), "HM-D136"),
            (json!({"windows": [{"function": "lag", "of": "nope", "order_by": ["count"]}]}), "HM-D136"),
            (json!({"windows": [{"function": "lag", "of": "count", "order_by": ["count"], "offset": 1.5}]}), "HM-D136"),
            (json!({"operation": "window", "windows": [{"function": "first", "of": "password", "order_by": ["id"]}]}), "HM-D025"),
            (json!({"operation": "window"}), "HM-D018"),
            (json!({"having": {"nope": 1}}), "HM-D025"),
        ];
        for (input, expected) in cases {
            assert_eq!(code(world.call("SaleAggregateNode", input.clone()).await), expected, "{input}");
        }
        let nowhere = json!({"group_by": [{"field": "at", "bucket": "day"}], "time_zone": "Mars/Olympus"});
        assert_eq!(code(world.call("SaleAggregateNode", nowhere).await), "HM-D135", "PostgreSQL knows none of this name");
        for text in HOSTILE {
            let quoted = json!({
                "group_by": [{"field": "at", "bucket": "day", "as": text}],
                "measures": [{"function": "count", "as": format!("n {text}"), "filter": {"product": text}}],
                "windows": [{"function": "rank", "order_by": [format!("-n {text}")], "as": format!("w {text}")}],
            });
            match world.call("SaleAggregateNode", quoted).await {
                Ok(answer) => assert_eq!(answer["groups"][0][format!("n {text}")], 0),
                Err(error) => assert_eq!(error.code().id, "HM-D003", "a name too long for a column"),
            }
            assert_eq!(code(world.call("SaleAggregateNode", json!({"time_zone": text})).await), "HM-D135");
            assert_eq!(code(world.call("SaleAggregateNode", json!({"group_by": [{"field": "at", "bucket": text}]})).await), "HM-D025");
            assert_eq!(code(world.call("SaleAggregateNode", json!({"measures": [{"function": text}]})).await), "HM-D025");
        }
        assert_eq!(world.ask("SELECT count(*) FROM {}.sales").await, json!(500));
    })
    .await;
}
