//! Full text in a language, likeness by trigrams, marks, facets.

use serde_json::{Value, json};

use super::HOSTILE;
use crate::support::{World, code, error, parse, with};

const PARTS: &str = "
@db.model
class Part:
    name: str
    note: Optional[str] = None
    password: Optional[str] = None
    colour: str = 'grey'
    price: Optional[Decimal] = None
    __dataflow__ = {'search_fields': ['name', 'note', 'password']}
    __indexes__ = [{'name': 'parts_like', 'fields': ['name'], 'type': 'gin', 'operator_class': 'gin_trgm_ops'}]
";

async fn seed(world: &World) {
    let rows = json!([
        {"name": "cordless drill", "note": "drilling machine with a battery", "colour": "red", "price": "99.50", "password": "drill"},
        {"name": "drill bit", "note": "for metal", "colour": "red", "price": "3.10"},
        {"name": "hammer drill", "note": "the machine drills concrete", "colour": "blue", "price": "149"},
        {"name": "hammer", "note": "no <b>drill</b> at all", "colour": "blue", "price": "12"},
        {"name": "Bohrmaschine", "note": "Häuser und Bohrer", "colour": "red", "price": "80"},
        {"name": "goggles", "note": null, "colour": "clear", "price": "7"},
    ]);
    world.call("PartCRUDNode", json!({"operation": "bulk_create", "rows": rows})).await.unwrap();
}

fn names(answer: &Value) -> Vec<&str> {
    answer["rows"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_query_is_read_in_its_language_and_as_it_is_meant() {
    with(parse(PARTS), |world| async move {
        seed(&world).await;
        let find = |input: Value| {
            let world = &world;
            async move { world.call("PartSearchNode", input).await.unwrap() }
        };
        // The words of a secret are not searched, whatever the model says.
        let vector = "coalesce(name, '') || ' ' || coalesce(note, '')";
        let cases = [
            (json!({"query": "drills"}), "websearch_to_tsquery('english', 'drills')", "english", "ts_rank"),
            (json!({"query": "Haus", "language": "german"}), "websearch_to_tsquery('german', 'Haus')", "german", "ts_rank"),
            (json!({"query": "drills", "language": "simple"}), "to_tsquery('simple', 'drills')", "simple", "ts_rank"),
            (json!({"query": "drill machine", "match": "words", "ranking": "proximity"}), "plainto_tsquery('english', 'drill machine')", "english", "ts_rank_cd"),
            (json!({"query": "hammer drill", "match": "phrase"}), "phraseto_tsquery('english', 'hammer drill')", "english", "ts_rank"),
            (json!({"query": "ham dri", "match": "prefix"}), "to_tsquery('english', 'ham:* & dri:*')", "english", "ts_rank"),
            (json!({"query": "hammer or goggles -machine"}), "websearch_to_tsquery('english', 'hammer or goggles -machine')", "english", "ts_rank"),
        ];
        for (input, query, language, rank) in cases {
            let expected = world
                .ask(&format!(
                    "SELECT coalesce(jsonb_agg(jsonb_build_array(name, r) ORDER BY r DESC, id), '[]') FROM (
                     SELECT id, name, {rank}(to_tsvector('{language}', {vector}), {query})::double precision AS r FROM {{}}.parts
                     WHERE to_tsvector('{language}', {vector}) @@ {query}) AS f"
                ))
                .await;
            let answer = find(input.clone()).await;
            let found: Vec<Value> =
                answer["rows"].as_array().unwrap().iter().map(|r| json!([r["name"], r["_rank"]])).collect();
            assert_eq!(json!(found), expected, "{input}");
            assert!(!found.is_empty() || input["language"] == "simple", "{input} finds something");
            let count = find(json!({"operation": "count", "query": input["query"], "language": input["language"], "match": input["match"]})).await;
            assert_eq!(count["count"], json!(found.len()), "{input}");
        }
        let german = json!({"query": "Haus", "language": "german"});
        assert_eq!(names(&find(german).await), ["Bohrmaschine"], "reduced to its stem");
        assert_eq!(find(json!({"query": "Haus"})).await["count"], 0, "not in English");
    })
    .await;
}

#[tokio::test]
async fn words_are_marked_where_they_occur_and_secrets_are_not_shown() {
    with(parse(PARTS), |world| async move {
        seed(&world).await;
        let input = json!({"query": "drill", "highlight": true, "fields": ["name"], "sort": ["id"]});
        let answer = world.call("PartSearchNode", input).await.unwrap();
        let shown: Vec<&Value> = answer["rows"].as_array().unwrap().iter().map(|r| &r["_highlight"]).collect();
        assert_eq!(shown[0], &json!({"name": "cordless <mark>drill</mark>", "note": "<mark>drilling</mark> machine with a battery"}));
        assert_eq!(shown[1], &json!({"name": "<mark>drill</mark> bit"}));
        let open = json!({"query": "battery", "highlight": true, "marks": ["[", "]"], "include_pii": true, "sort": ["id"]});
        let answer = world.call("PartSearchNode", open).await.unwrap();
        assert_eq!(answer["rows"][0]["_highlight"], json!({"note": "drilling machine with a [battery]"}));
        // A mark is text of the answer only: nothing of it is an option of ts_headline.
        let odd = json!({"query": "battery", "highlight": true, "marks": ["', HighlightAll=true, StartSel='", "\", x"]});
        let answer = world.call("PartSearchNode", odd).await.unwrap();
        let text = answer["rows"][0]["_highlight"]["note"].as_str().unwrap();
        assert_eq!(text, "drilling machine with a ', HighlightAll=true, StartSel='battery\", x");
        assert_eq!(code(world.call("PartSearchNode", json!({"query": "x", "highlight": true, "marks": ["a"]})).await), "HM-D025");
    })
    .await;
}

#[tokio::test]
async fn likeness_is_that_of_the_extension_and_pages_with_several_keys() {
    with(parse(PARTS), |world| async move {
        seed(&world).await;
        for (mode, function) in [("whole", "similarity"), ("word", "word_similarity")] {
            for at_least in [0.0, 0.25, 0.3, 0.45, 0.7] {
                let similar = json!({"field": "name", "text": "cordles dril", "at_least": at_least, "mode": mode});
                let expected = world
                    .ask(&format!(
                        "SELECT coalesce(jsonb_agg(name ORDER BY s DESC, id), '[]') FROM (
                         SELECT id, name, {function}('cordles dril', name) AS s FROM {{}}.parts) AS f WHERE s >= {at_least}::real"
                    ))
                    .await;
                let mut found = Vec::new();
                let mut cursor = Value::Null;
                loop {
                    let input = json!({"similar": similar, "limit": 2, "cursor": cursor, "fields": ["name"]});
                    let page = world.call("PartSearchNode", input).await.unwrap();
                    found.extend(names(&page).into_iter().map(str::to_owned));
                    cursor = page["next_cursor"].clone();
                    if cursor.is_null() {
                        break;
                    }
                }
                assert_eq!(json!(found), expected, "{mode} {at_least}");
            }
        }
        let both = json!({"similar": {"field": "name", "text": "hamer"}, "query": "drill", "filter": {"price": {"gt": 50}}});
        let answer = world.call("PartSearchNode", both).await.unwrap();
        assert_eq!(names(&answer), ["hammer drill"]);
        assert!(answer["rows"][0]["_similarity"].as_f64().unwrap() > 0.3 && answer["rows"][0]["_rank"].is_f64());
        for (similar, expected) in [
            (json!({"field": "price", "text": "x"}), "HM-D025"),
            (json!({"field": "password", "text": "x"}), "HM-D025"),
            (json!({"field": "name\"", "text": "x"}), "HM-D010"),
            (json!({"field": "name"}), "HM-D018"),
            (json!({"field": "name", "text": "x", "at_least": 2}), "HM-D025"),
            (json!({"field": "name", "text": "x", "mode": "') --"}), "HM-D025"),
            (json!({"field": "name", "text": "x", "atleast": 1}), "HM-D025"),
            (json!({"field": "name", "text": "\0"}), "HM-D013"),
        ] {
            assert_eq!(code(world.call("PartSearchNode", json!({"similar": similar})).await), expected, "{similar}");
        }
    })
    .await;
}

#[tokio::test]
async fn facets_count_what_the_same_search_finds() {
    with(parse(PARTS), |world| async move {
        seed(&world).await;
        let input = json!({
            "operation": "facets", "facet_fields": ["colour", "price"], "query": "drill", "filter": {"price": {"lt": 120}},
            "similar": {"field": "name", "text": "drill", "at_least": 0.2},
        });
        let facets = world.call("PartSearchNode", input).await.unwrap();
        let vector = "to_tsvector('english', coalesce(name, '') || ' ' || coalesce(note, '') || ' ' || coalesce(password, ''))";
        let expected = world
            .ask(&format!(
                "SELECT jsonb_agg(jsonb_build_object('value', colour, 'count', n) ORDER BY n DESC, colour) FROM (SELECT colour, count(*) AS n FROM {{}}.parts
                 WHERE {vector} @@ websearch_to_tsquery('english', 'drill') AND price < 120 AND similarity(name, 'drill') >= 0.2 GROUP BY 1) AS f"
            ))
            .await;
        assert_eq!(facets["facets"]["colour"], expected);
        assert_eq!(code(world.call("PartSearchNode", json!({"operation": "facets", "facet_fields": ["password"]})).await), "HM-D025");
    })
    .await;
}

#[tokio::test]
async fn hostile_texts_are_values() {
    with(parse(PARTS), |world| async move {
        seed(&world).await;
        for text in HOSTILE {
            for mode in ["web", "words", "phrase", "prefix"] {
                let answer = world
                    .call("PartSearchNode", json!({"query": text, "match": mode, "highlight": true}))
                    .await
                    .unwrap();
                assert!(answer["count"].is_u64(), "{text} {mode}");
            }
            let refused = error(world.call("PartSearchNode", json!({"query": "x", "language": text})).await);
            assert_eq!(refused.code().id, "HM-D130");
            assert!(refused.next_step().unwrap().contains("german"), "the languages are named");
            world.call("PartSearchNode", json!({"similar": {"field": "name", "text": text}})).await.unwrap();
        }
        assert_eq!(world.ask("SELECT count(*) FROM {}.parts").await, json!(6));
    })
    .await;
}

#[tokio::test]
async fn ranges_and_steps_are_counted_as_sql_counts_them() {
    let sales = "
@db.model
class Sale:
    price: Optional[Decimal] = None
    units: int = 0
    weight: float = 0.0
    day: Optional[date] = None
    at: Optional[datetime] = None
    text: str = 'x'
    password: str = 'p'
";
    with(parse(sales), |world| async move {
        let fill = format!(
            "INSERT INTO {}.sales (price, units, weight, day, at) SELECT CASE WHEN i % 9 > 0 THEN i * 0.37 END, i, i / 8.0,
                date '2026-03-01' + i, timestamptz '2026-03-28T20:00:00Z' + i * interval '7 minutes' FROM generate_series(1, 900) AS i",
            world.dataflow.schema()
        );
        world.sql.batch_execute(&fill).await.unwrap();
        let facets = json!([
            {"field": "price", "ranges": [{"to": "10.36"}, {"from": 10.36, "to": "99.90", "as": "middle"}, {"from": "99.9"}]},
            {"field": "units", "ranges": [{"from": 100, "to": 200}, {"from": 150}], "as": "over"},
            {"field": "weight", "ranges": [{"from": 1.5, "to": 2.5}]},
            {"field": "day", "ranges": [{"from": "2026-12-31"}], "as": "late"},
            {"field": "day", "bucket": "month"}, {"field": "at", "bucket": "hour", "limit": 3},
            {"field": "at", "bucket": "day", "as": "days"}, "units",
        ]);
        let input = json!({"operation": "facets", "facet_fields": facets, "filter": {"units": {"gt": 5}}, "time_zone": "Europe/Berlin", "limit": 1});
        let answer = world.call("SaleSearchNode", input).await.unwrap();
        let found = &answer["facets"];
        let count = async |condition: &str| world.ask(&format!("SELECT count(*) FROM {{}}.sales WHERE units > 5 AND {condition}")).await;
        let ranges = &found["price"]["ranges"];
        assert_eq!(ranges[0]["count"], count("price < 10.36").await);
        assert_eq!((&ranges[1]["count"], &ranges[1]["as"]), (&count("price >= 10.36 AND price < 99.90").await, &json!("middle")));
        assert_eq!((&ranges[2]["count"], &ranges[2]["to"]), (&count("price >= 99.90").await, &Value::Null));
        assert_eq!(found["price"]["nulls"], count("price IS NULL").await);
        assert_eq!(found["over"]["ranges"][1]["count"], count("units >= 150").await);
        assert_eq!(found["weight"]["ranges"][0]["count"], count("weight >= 1.5 AND weight < 2.5").await);
        assert_eq!(found["late"]["ranges"][0]["count"], count("day >= '2026-12-31'").await);
        let steps = |name: &str| found[name]["steps"].as_array().unwrap().clone();
        assert_eq!((steps("day").len(), steps("at").len()), (30, 3));
        assert_eq!((&found["at"]["limited"], &found["days"]["limited"]), (&json!(true), &json!(false)));
        // A night on which the clocks change: the day has 23 hours.
        let days = "SELECT jsonb_agg(n ORDER BY d) FROM (SELECT date_trunc('day', at, 'Europe/Berlin') AS d, count(*) AS n FROM {}.sales WHERE units > 5 GROUP BY 1) AS t";
        let counted: Value = steps("days").iter().map(|s| s["count"].clone()).collect();
        assert_eq!(counted, world.ask(days).await);
        assert_eq!(steps("days")[1]["at"], "2026-03-28T23:00:00Z");
        assert_eq!(found["units"].as_array().unwrap().len(), 1);
        let many: Vec<Value> = (0..51).map(|n| json!({"from": n})).collect();
        for (facet, wanted) in [
            (json!({"field": "text", "ranges": [{"from": "a"}]}), "HM-D025"),
            (json!({"field": "text", "bucket": "day"}), "HM-D025"),
            (json!({"field": "at", "bucket": "fortnight"}), "HM-D025"),
            (json!({"field": "at", "bucket": "day", "limit": 367}), "HM-D025"),
            (json!({"field": "units", "ranges": [{"from": 1.5}]}), "HM-D011"),
            (json!({"field": "units", "ranges": [{}]}), "HM-D025"),
            (json!({"field": "units", "ranges": many}), "HM-D024"),
            (json!({"field": "units", "ranges": [{"from": 1, "upto": 2}]}), "HM-D025"),
            (json!({"field": "units", "ranges": [{"from": 1}], "bucket": "day"}), "HM-D025"),
            (json!({"field": "password"}), "HM-D025"),
            (json!({"field": "nope", "bucket": "day"}), "HM-D010"),
            (json!(7), "HM-D025"),
        ] {
            let input = json!({"operation": "facets", "facet_fields": [facet]});
            assert_eq!(code(world.call("SaleSearchNode", input).await), wanted, "{facet}");
        }
        let twice = json!({"operation": "facets", "facet_fields": ["units", {"field": "units", "ranges": [{"from": 1}]}]});
        assert_eq!(code(world.call("SaleSearchNode", twice).await), "HM-D025");
    })
    .await;
}

#[tokio::test]
async fn a_day_of_a_range_is_one_of_the_time_zone() {
    with(parse("@db.model\nclass Sale:\n    at: datetime\n"), |world| async move {
        let fill = format!(
            "INSERT INTO {}.sales (at) SELECT timestamptz '2026-03-28T20:00:00Z' + i * interval '7 minutes' FROM generate_series(1, 900) AS i",
            world.dataflow.schema()
        );
        world.sql.batch_execute(&fill).await.unwrap();
        // With 23 hours.
        let within = "SELECT count(*) FROM {}.sales WHERE at >= '2026-03-28T23:00:00Z' AND at < '2026-03-29T22:00:00Z'";
        let day = json!({"field": "at", "ranges": [{"from": "2026-03-29", "to": "2026-03-30"}]});
        let input = json!({"operation": "facets", "facet_fields": [day], "time_zone": "Europe/Berlin"});
        let answer = world.call("SaleSearchNode", input).await.unwrap();
        assert_eq!(answer["facets"]["at"]["ranges"][0]["count"], world.ask(within).await);
    })
    .await;
}
