//! Series, distributions, tops, cohorts, periods and profiles beside plain SQL.

use serde_json::{Value, json};

use super::{HOSTILE, plain};
use crate::support::{World, code, parse, with};

const VISITS: &str = "
@db.model
class Visit:
    person: Optional[int] = None
    email: Optional[str] = None
    page: Optional[str] = None
    seconds: Optional[float] = None
    price: Optional[Decimal] = None
    at: Optional[datetime] = None
    joined: Optional[date] = None
";

async fn seed(world: &World) {
    let statement = format!(
        "INSERT INTO {}.visits (person, email, page, seconds, price, at, joined)
         SELECT NULLIF(i % 23, 22), 'p' || i || '@example.com', (ARRAY['home', 'shop', 'help', 'cart', NULL, 'news'])[1 + (i * i) % 6],
           CASE WHEN i % 10 > 0 THEN (i * 7919 % 1000) / 8.0 END, CASE WHEN i % 6 > 0 THEN (i % 50) * 1.10 END,
           CASE WHEN i % 15 > 0 THEN '2026-01-03T20:00:00Z'::timestamptz + (i * i % 400) * interval '11 hours' END, '2026-01-01'::date + (i % 23) * 3
         FROM generate_series(1, 600) AS i",
        world.dataflow.schema()
    );
    world.sql.batch_execute(&statement).await.unwrap();
}

fn pairs(answer: &Value) -> Value {
    answer["points"].as_array().unwrap().iter().map(|p| json!([p["at"], p["value"]])).collect()
}

const UTC: &str = "to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')";

#[tokio::test]
async fn gaps_are_filled_on_the_clock_of_the_zone() {
    with(parse(VISITS), |world| async move {
        seed(&world).await;
        for (fill, empty) in [("none", ""), ("null", "NULL::bigint"), ("zero", "0")] {
            let input = json!({
                "operation": "time_series", "field": "at", "bucket": "day", "time_zone": "America/New_York", "fill": fill,
                "from": "2026-03-01T05:00:00Z", "to": "2026-03-20T04:00:00Z", "filter": {"page": "cart"},
            });
            let answer = world.call("VisitAnalyticsNode", input).await.unwrap();
            let rows = "SELECT (date_trunc('day', at AT TIME ZONE 'America/New_York')) AT TIME ZONE 'America/New_York' AS t, count(*) AS n FROM {}.visits
              WHERE page = 'cart' AND at >= '2026-03-01T05:00:00Z' AND at < '2026-03-20T04:00:00Z' GROUP BY 1";
            // Nineteen days; on 8 March the clock goes forward.
            let expected = if empty.is_empty() {
                format!("SELECT coalesce(jsonb_agg(jsonb_build_array({UTC}, n) ORDER BY t), '[]') FROM ({rows}) AS r")
            } else {
                format!(
                    "SELECT jsonb_agg(jsonb_build_array({UTC}, coalesce(n, {empty})) ORDER BY t) FROM (
                     SELECT g AT TIME ZONE 'America/New_York' AS t FROM generate_series('2026-03-01'::timestamp, '2026-03-19', '1 day') AS g) AS days LEFT JOIN ({rows}) AS r USING (t)"
                )
            };
            let expected = world.ask(&expected).await;
            assert_eq!(pairs(&answer), expected, "{fill}");
            if !empty.is_empty() {
                assert_eq!(expected.as_array().unwrap().len(), 19);
            }
        }
        let sparse = json!({"operation": "time_series", "field": "at", "bucket": "hour", "function": "sum", "measure": "price", "fill": "previous", "limit": 50});
        let answer = world.call("VisitAnalyticsNode", sparse).await.unwrap();
        let points = answer["points"].as_array().unwrap();
        assert_eq!((points.len(), &answer["limited"]), (50, &json!(true)));
        assert_eq!(points[1]["value"], points[0]["value"], "the next hour has no rows");
        let years = json!({"operation": "time_series", "field": "at", "bucket": "second", "fill": "zero", "from": "1900-01-01T00:00:00Z", "limit": 10});
        let answer = world.call("VisitAnalyticsNode", years).await.unwrap();
        assert_eq!(answer["points"][9]["at"], "1900-01-01T00:00:09Z", "a century of seconds is not made");
        let empty = json!({"operation": "time_series", "field": "at", "fill": "zero", "filter": {"page": "none"}});
        assert_eq!(world.call("VisitAnalyticsNode", empty).await.unwrap()["points"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn distributions_have_the_bins_that_are_asked_for() {
    with(parse(VISITS), |world| async move {
        seed(&world).await;
        let call = |input: Value| {
            let world = &world;
            async move {
                let mut all = json!({"operation": "distribution", "field": "seconds"});
                all.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
                world.call("VisitAnalyticsNode", all).await
            }
        };
        let edges = [0.0, 10.0, 50.0, 100.0];
        let given = call(json!({"edges": edges})).await.unwrap();
        let expected = world
            .ask(
                "SELECT jsonb_build_array(count(*) FILTER (WHERE seconds >= 0 AND seconds < 10), count(*) FILTER (WHERE seconds >= 10 AND seconds < 50),
                 count(*) FILTER (WHERE seconds >= 50 AND seconds <= 100), count(*) FILTER (WHERE seconds < 0), count(*) FILTER (WHERE seconds > 100)) FROM {}.visits",
            )
            .await;
        let counts = |answer: &Value| -> Vec<Value> {
            let mut all: Vec<Value> = answer["bins"].as_array().unwrap().iter().map(|b| b["count"].clone()).collect();
            all.extend([answer["below"].clone(), answer["above"].clone()]);
            all
        };
        assert_eq!(json!(counts(&given)), expected);
        let figures = world
            .ask(
                "SELECT jsonb_build_object('min', min(seconds), 'max', max(seconds), 'mean', avg(seconds), 'stddev', stddev(seconds), 'nulls', count(*) - count(seconds),
                 'median', percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds), 'p25', percentile_cont(0.25) WITHIN GROUP (ORDER BY seconds), 'total', count(seconds)) FROM {}.visits",
            )
            .await;
        for (name, value) in figures.as_object().unwrap() {
            assert_eq!(plain(&given[name]), plain(value), "{name}");
        }
        let even = call(json!({"bins": 4, "bin_rule": "equal_count"})).await.unwrap();
        let total = given["total"].as_i64().unwrap();
        assert!(even["bins"].as_array().unwrap().iter().all(|b| (b["count"].as_i64().unwrap() - total / 4).abs() < total / 20), "{even}");
        let auto = call(json!({"bins": "auto"})).await.unwrap();
        let sum: i64 = auto["bins"].as_array().unwrap().iter().map(|b| b["count"].as_i64().unwrap()).sum();
        assert!(sum == total && auto["below"] == 0 && auto["above"] == 0 && auto["bins"].as_array().unwrap().len() > 3, "{auto}");
        let none = call(json!({"filter": {"seconds": {"gt": 1e9}}})).await.unwrap();
        assert_eq!((&none["total"], &none["min"]), (&json!(0), &Value::Null));
        for wrong in [json!({"edges": [1]}), json!({"edges": [2, 1]}), json!({"edges": ["'; --", 2]}), json!({"bins": 0}), json!({"bins": "auto; --"})] {
            assert_eq!(code(call(wrong.clone()).await), "HM-D025", "{wrong}");
        }
    })
    .await;
}

#[tokio::test]
async fn all_others_are_computed_from_their_rows() {
    with(parse(VISITS), |world| async move {
        seed(&world).await;
        for (function, measure) in [("count", Value::Null), ("avg", json!("seconds")), ("sum", json!("price"))] {
            let input = json!({"operation": "top_n", "field": "page", "function": function, "measure": measure, "limit": 2, "other": true});
            let answer = world.call("VisitAnalyticsNode", input).await.unwrap();
            let value = match function {
                "count" => "count(*)",
                "avg" => "avg(seconds)",
                _ => "sum(price)",
            };
            let shown = if function == "sum" { "::text" } else { "" };
            let expected = world
                .ask(&format!(
                    "WITH g AS (SELECT page, {value} AS v FROM {{}}.visits GROUP BY 1), top AS (SELECT * FROM g ORDER BY v DESC NULLS LAST, page LIMIT 2)
                     SELECT jsonb_build_object('top', (SELECT jsonb_agg(jsonb_build_object('key', page, 'value', v{shown}) ORDER BY v DESC, page) FROM top),
                     'other', (SELECT jsonb_build_object('values', (SELECT count(*) FROM g) - 2, 'value', ({value}){shown}) FROM {{}}.visits AS r
                       WHERE NOT EXISTS (SELECT 1 FROM top WHERE top.page IS NOT DISTINCT FROM r.page)))"
                ))
                .await;
            assert_eq!(plain(&json!({"top": answer["top"], "other": answer["other"]})), plain(&expected), "{function}");
        }
        assert_eq!(code(world.call("VisitAnalyticsNode", json!({"operation": "top_n", "field": "email"})).await), "HM-D025");
    })
    .await;
}

#[tokio::test]
async fn cohorts_count_who_came_back() {
    with(parse(VISITS), |world| async move {
        seed(&world).await;
        for (start, first) in [(Value::Null, "min(p)"), (json!("joined"), "min(date_trunc('month', joined::timestamp))")] {
            let input = json!({"operation": "cohorts", "field": "at", "entity": "person", "bucket": "month", "periods": 4, "start_field": start});
            let answer = world.call("VisitAnalyticsNode", input).await.unwrap();
            let expected = world
                .ask(&format!(
                    "WITH e AS (SELECT person, joined, date_trunc('month', at AT TIME ZONE 'UTC') AS p FROM {{}}.visits WHERE person IS NOT NULL AND at IS NOT NULL),
                     s AS (SELECT person, {first} AS c FROM e GROUP BY 1),
                     n AS (SELECT c, k, (SELECT count(DISTINCT e.person) FROM e JOIN s AS o USING (person) WHERE o.c = m.c AND e.p = m.c + k * interval '1 month') AS active
                       FROM (SELECT DISTINCT c FROM s) AS m, generate_series(0, 3) AS k WHERE m.c + k * interval '1 month' <= (SELECT max(p) FROM e))
                     SELECT jsonb_agg(jsonb_build_object('cohort', c::date::text, 'size', (SELECT count(*) FROM s WHERE s.c = a.c), 'active', active) ORDER BY c)
                     FROM (SELECT c, jsonb_agg(active ORDER BY k) AS active FROM n GROUP BY c) AS a"
                ))
                .await;
            let mut found = answer["cohorts"].clone();
            for cohort in found.as_array_mut().unwrap() {
                let shares = cohort.as_object_mut().unwrap().remove("retention").unwrap();
                let share = cohort["active"][0].as_f64().unwrap() / cohort["size"].as_f64().unwrap();
                assert!((shares[0].as_f64().unwrap() - share).abs() < 1e-12);
            }
            assert_eq!(found, expected, "{start}");
        }
        assert_eq!(code(world.call("VisitAnalyticsNode", json!({"operation": "cohorts", "field": "at", "entity": "person", "bucket": "hour"})).await), "HM-D025");
        assert_eq!(code(world.call("VisitAnalyticsNode", json!({"operation": "cohorts", "field": "at"})).await), "HM-D018");
    })
    .await;
}

#[tokio::test]
async fn periods_are_compared_and_nothing_is_divided_by_zero() {
    with(parse(VISITS), |world| async move {
        seed(&world).await;
        let sums = "sum(price) FILTER (WHERE at >= '2026-03-01T00:00:00+01:00' AND at < '2026-04-01T00:00:00+02:00') AS a,
          sum(price) FILTER (WHERE at >= '2026-02-01T00:00:00+01:00' AND at < '2026-03-01T00:00:00+01:00') AS b";
        let input = json!({"operation": "compare", "field": "at", "bucket": "month", "from": "2026-03-15T12:00:00Z", "time_zone": "Europe/Berlin",
            "function": "sum", "measure": "price"});
        let answer = world.call("VisitAnalyticsNode", input.clone()).await.unwrap();
        let expected = world
            .ask(&format!("SELECT jsonb_build_array(a::text, b::text, (a - b)::text, ((a - b) / abs(b)::float8)::float8) FROM (SELECT {sums} FROM {{}}.visits) AS s"))
            .await;
        assert_eq!(plain(&json!([answer["value"], answer["before"], answer["change"], answer["relative"]])), plain(&expected));
        assert_eq!(answer["period"], json!({"from": "2026-02-28T23:00:00Z", "to": "2026-03-31T22:00:00Z"}), "a month of the zone");
        assert_eq!(answer["against"]["from"], "2026-01-31T23:00:00Z");
        let mut by = input;
        by["by"] = json!("page");
        let answer = world.call("VisitAnalyticsNode", by).await.unwrap();
        let expected = world
            .ask(&format!(
                "SELECT jsonb_agg(jsonb_build_array(page, a::text, b::text) ORDER BY a DESC NULLS LAST, page) FROM (SELECT page, {sums} FROM {{}}.visits
                 WHERE at >= '2026-02-01T00:00:00+01:00' AND at < '2026-04-01T00:00:00+02:00' GROUP BY 1) AS s"
            ))
            .await;
        let found: Vec<Value> =
            answer["groups"].as_array().unwrap().iter().map(|g| json!([g["key"], g["value"], g["before"]])).collect();
        assert_eq!(json!(found), expected);
        let years = json!({"operation": "compare", "field": "at", "from": "2026-02-01T00:00:00Z", "to": "2026-03-01T00:00:00Z", "against": "year"});
        let answer = world.call("VisitAnalyticsNode", years).await.unwrap();
        assert_eq!((&answer["before"], &answer["relative"]), (&json!(0), &Value::Null), "nothing to divide by");
        assert_eq!(answer["change"], answer["value"]);
        assert_eq!(answer["against"], json!({"from": "2025-02-01T00:00:00Z", "to": "2025-03-01T00:00:00Z"}));
        let empty = json!({"operation": "compare", "field": "at", "from": "1990-02-01T00:00:00Z", "to": "1990-03-01T00:00:00Z", "by": "page"});
        assert_eq!(world.call("VisitAnalyticsNode", empty).await.unwrap()["groups"], json!([]));
        for wrong in [
            json!({"to": "2026-01-01T00:00:00Z"}), json!({"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}),
            json!({"function": "max", "measure": "at"}), json!({"by": "email"}), json!({"field": "page"}),
        ] {
            let mut all = json!({"operation": "compare", "field": "at"});
            all.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
            assert_eq!(code(world.call("VisitAnalyticsNode", all).await), "HM-D025", "{wrong}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_profile_says_what_a_table_holds() {
    with(parse(VISITS), |world| async move {
        seed(&world).await;
        let profile = world.call("VisitAnalyticsNode", json!({"operation": "profile", "common": 3})).await.unwrap();
        let page = world
            .ask(
                "SELECT jsonb_build_object('nulls', count(*) - count(page), 'null_share', (count(*) - count(page))::float8 / count(*), 'distinct', count(DISTINCT page),
                 'min', min(page), 'max', max(page), 'type', 'text', 'length', jsonb_build_object('min', min(length(page)), 'max', max(length(page)), 'mean', avg(length(page))::float8),
                 'common', (SELECT jsonb_agg(jsonb_build_object('value', page, 'count', n) ORDER BY n DESC, page) FROM (
                   SELECT page, count(*) AS n FROM {}.visits WHERE page IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 3) AS c)) FROM {}.visits",
            )
            .await;
        assert_eq!(plain(&profile["fields"]["page"]), plain(&page));
        let seconds = world.ask("SELECT jsonb_build_array(avg(seconds), stddev(seconds)) FROM {}.visits").await;
        assert_eq!(plain(&json!([profile["fields"]["seconds"]["mean"], profile["fields"]["seconds"]["stddev"]])), plain(&seconds));
        let email = &profile["fields"]["email"];
        assert!(email["min"].is_null() && email.get("common").is_none() && email.get("length").is_none(), "{email}");
        assert_eq!(email["distinct"], 600);
        let sampled = world.call("VisitAnalyticsNode", json!({"operation": "profile", "sample_percent": 20})).await.unwrap();
        let rows = sampled["rows"].as_i64().unwrap();
        assert!((40..240).contains(&rows), "about 120 of 600, and not {rows}");
        let again = world.call("VisitAnalyticsNode", json!({"operation": "profile", "sample_percent": 20})).await.unwrap();
        assert_eq!(sampled, again, "the same rows");
        for text in HOSTILE {
            for input in [json!({"operation": "time_series", "field": "at", "time_zone": text}), json!({"operation": "compare", "field": "at", "time_zone": text})] {
                assert_eq!(code(world.call("VisitAnalyticsNode", input).await), "HM-D135");
            }
            assert_eq!(code(world.call("VisitAnalyticsNode", json!({"operation": "compare", "field": "at", "from": text})).await), "HM-D011");
            assert_eq!(code(world.call("VisitAnalyticsNode", json!({"operation": "cohorts", "field": "at", "entity": text})).await), "HM-D010");
        }
        assert_eq!(world.ask("SELECT count(*) FROM {}.visits").await, json!(600));
    })
    .await;
}

#[tokio::test]
async fn periods_of_the_night_in_which_the_clocks_go_back() {
    with(parse(VISITS), |world| async move {
        let call = |operation: &str, more: Value| {
            let mut input = json!({"operation": operation, "field": "at"});
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let world = world.clone();
            async move { world.call("VisitAnalyticsNode", input).await.unwrap() }
        };
        let fill = |times: &str| {
            let text = format!("TRUNCATE {0}.visits; INSERT INTO {0}.visits (at) SELECT unnest('{{{times}}}'::timestamptz[])", world.dataflow.schema());
            let world = world.clone();
            async move { world.sql.batch_execute(&text).await.unwrap() }
        };
        // In Berlin, 02:00 to 03:00 comes twice: 00:00Z and 01:00Z.
        fill("2026-10-25 00:10Z,2026-10-25 00:30Z,2026-10-25 01:30Z").await;
        for (from, period, against, value) in [
            ("00:30", ["00:00", "01:00"], ["23:00", "00:00"], 2),
            ("01:30", ["01:00", "02:00"], ["00:00", "01:00"], 1),
            ("02:30", ["02:00", "03:00"], ["01:00", "02:00"], 0),
        ] {
            let input = json!({"bucket": "hour", "time_zone": "Europe/Berlin", "from": format!("2026-10-25T{from}:00Z")});
            let answer = call("compare", input).await;
            let times = |of: &str| ["from", "to"].map(|end| answer[of][end].as_str().unwrap()[11..16].to_owned());
            assert_eq!((times("period"), times("against")), (period.map(str::to_owned), against.map(str::to_owned)), "{answer}");
            assert_eq!(answer["value"], json!(value), "{answer}");
        }
        let minute = call("compare", json!({"bucket": "minute", "time_zone": "Europe/Berlin", "from": "2026-10-25T00:59:10Z"})).await;
        assert_eq!(minute["period"], json!({"from": "2026-10-25T00:59:00Z", "to": "2026-10-25T01:00:00Z"}));
        assert_eq!(minute["against"], json!({"from": "2026-10-25T00:58:00Z", "to": "2026-10-25T00:59:00Z"}));
        // In the Azores and in Cuba, midnight comes twice: the day has 25 hours, from the first one.
        for (zone, day, next, first, begins) in [
            ("Atlantic/Azores", "2026-10-25", "2026-10-26", "2026-10-25 00:30Z", "2026-10-25T00:00:00Z"),
            ("America/Havana", "2026-11-01", "2026-11-02", "2026-11-01 04:30Z", "2026-11-01T04:00:00Z"),
        ] {
            fill(&format!("{first},{day} 12:00Z")).await;
            let day_of = json!({"bucket": "day", "time_zone": zone, "from": day, "to": next});
            let series = call("time_series", day_of.clone()).await;
            assert_eq!(series["points"].as_array().unwrap().iter().map(|p| p["value"].as_i64().unwrap()).collect::<Vec<_>>(), [2], "{series}");
            assert_eq!(call("compare", day_of).await["value"], json!(2), "{zone}");
            let lies_in = call("compare", json!({"bucket": "day", "time_zone": zone, "from": format!("{day}T12:00:00Z")})).await;
            assert_eq!((&lies_in["period"]["from"], &lies_in["value"]), (&json!(begins), &json!(2)), "{lies_in}");
            let after = call("compare", json!({"bucket": "day", "time_zone": zone, "from": next})).await;
            assert_eq!((&after["against"]["from"], &after["before"]), (&json!(begins), &json!(2)), "{after}");
            // The day before ends where it begins.
            let before = call("time_series", json!({"bucket": "day", "time_zone": zone, "to": day, "fill": "zero", "from": "2026-10-23"})).await;
            assert!(before["points"].as_array().unwrap().iter().all(|p| p["value"] == json!(0)), "{before}");
        }
    })
    .await;
}
