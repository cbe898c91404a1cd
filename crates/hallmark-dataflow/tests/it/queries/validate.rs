//! Rules over fields and rows, asked of rows before they are written and of those that are there, beside plain SQL.

use serde_json::{Value, json};

use super::{HOSTILE, plain};
use crate::support::{World, code, parse, with};

const STAYS: &str = "
@db.model
class Guest:
    code: str = Field(primary_key=True)
    __dataflow__ = {'soft_delete': True}

@db.model
class Stay:
    guest_code: Optional[str] = Field(default=None, foreign_key='guests.code')
    room: str = Field(max_length=5)
    arrives: date
    leaves: Optional[datetime] = None
    nights: int = Field(default=1, ge=1)
    price: Optional[Decimal] = None
    number: Optional[int] = Field(default=None, unique=True)
    secret_token: Optional[str] = None
    __dataflow__ = {'conditions': {'in order': 'leaves >= arrives'}}
";

fn told(answer: &Value) -> Vec<Value> {
    answer["problems"].as_array().unwrap().iter().map(|p| json!([p["row"], p["field"], p["code"]])).collect()
}

async fn guests(world: &World) {
    for code in ["ann", "bob", "gone"] {
        world.call("GuestCRUDNode", json!({"operation": "create", "data": {"code": code}})).await.unwrap();
    }
    world.call("GuestCRUDNode", json!({"operation": "delete", "id": "gone"})).await.unwrap();
}

#[tokio::test]
async fn given_rows_are_checked_across_fields_rows_and_tables() {
    with(parse(STAYS), |world| async move {
        guests(&world).await;
        let taken = json!({"guest_code": "ann", "room": "1", "arrives": "2026-01-01", "number": 7});
        world.call("StayCRUDNode", json!({"operation": "create", "data": taken})).await.unwrap();
        let rows = json!([
            {"guest_code": "ann", "room": "12", "arrives": "2026-05-01", "leaves": "2026-05-03T10:00:00Z", "price": "90.10"},
            {"guest_code": "bob", "room": "12", "arrives": "2026-05-03", "leaves": "2026-05-02T23:30:00Z"},
            {"guest_code": "eve", "room": "12", "arrives": "2026-05-01"},
            {"guest_code": "gone", "room": "toolong", "arrives": "2026-05-01"},
            {"room": "1", "arrives": "2026-05-01", "number": 7},
            {"room": "1", "arrives": "2026-05-01", "number": 8}, {"room": "1", "arrives": "2026-05-01", "number": 8},
            {"room": "1", "arrives": "2026-05-01", "nights": 40, "price": "10"},
            {"room": "1", "arrives": "soon", "leaves": "2026-05-03T10:00:00Z"},
        ]);
        let input = json!({
            "operation": "rows", "rows": rows,
            "rules": {"room": {"pattern": "^[0-9a-z]+$"}, "price": {"max": "90.00"}, "arrives": {"min": "2026-02-01"}},
            "conditions": {"cheap": "price / nights >= 1", "named": "guest_code != null or price == null"},
        });
        let answer = world.call("StayValidateNode", input).await.unwrap();
        let expected = json!([
            [1, "price", "HM-D011"],
            [2, "in order", "HM-D011"],
            [3, "guest_code", "HM-D021"],
            [4, "room", "HM-D013"], [4, "guest_code", "HM-D021"],
            [5, "number", "HM-D020"],
            [7, "number", "HM-D020"],
            [8, "cheap", "HM-D011"], [8, "named", "HM-D011"],
            [9, "arrives", "HM-D011"],
        ]);
        let mut found = told(&answer);
        found.dedup();
        assert_eq!(json!(found), expected, "{answer}");
        assert_eq!((&answer["invalid_rows"], &answer["valid"]), (&json!(8), &json!(false)));
        let unasked = json!({"rows": [{"room": "1", "arrives": "2026-05-01", "number": 7}], "check_unique": false});
        assert_eq!(world.call("StayValidateNode", unasked).await.unwrap()["valid"], json!(true));
    })
    .await;
}

/// One question for each index and reference, not one for each row.
#[tokio::test]
async fn many_rows_are_asked_about_at_once() {
    with(parse(STAYS), |world| async move {
        guests(&world).await;
        let row = |i: u64| json!({"guest_code": if i.is_multiple_of(100) { "nobody" } else { "ann" }, "room": "1", "arrives": "2026-05-01", "number": i});
        let rows: Vec<Value> = (0..20_000).map(row).collect();
        let input = json!({"rows": rows, "conditions": {"odd": "number % 4 != 1"}});
        let answer = world.call("StayValidateNode", input).await.unwrap();
        assert_eq!((&answer["checked"], &answer["problem_count"]), (&json!(20_000), &json!(200 + 5_000)));
        let explained = world
            .dataflow
            .explain(&world.registry, "StayValidateNode", &world.context, json!({"rows": [row(1), row(2), row(3)]}).as_object().cloned().unwrap())
            .await
            .unwrap();
        assert_eq!(explained.statements.len(), 3, "the declared condition, one index, one reference");
    })
    .await;
}

#[tokio::test]
async fn the_report_counts_what_plain_sql_counts() {
    with(parse(STAYS), |world| async move {
        guests(&world).await;
        // Rows as another writer left them: the rules of the database are taken away first.
        let schema = world.dataflow.schema();
        let constraints = world
            .sql
            .query(
                "SELECT conname::text FROM pg_constraint WHERE conrelid = format('%I.stays', $1::text)::regclass AND contype <> 'p'",
                &[&schema],
            )
            .await
            .unwrap();
        for row in constraints {
            world.sql.batch_execute(&format!("ALTER TABLE {schema}.stays DROP CONSTRAINT \"{}\"", row.get::<_, String>(0))).await.unwrap();
        }
        let indexes = world.sql.query("SELECT indexname::text FROM pg_indexes WHERE schemaname = $1 AND tablename = 'stays' AND indexdef LIKE '%UNIQUE%(number)%'", &[&schema]).await.unwrap();
        for row in indexes {
            world.sql.batch_execute(&format!("DROP INDEX {schema}.\"{}\"", row.get::<_, String>(0))).await.unwrap();
        }
        let statement = format!(
            "INSERT INTO {schema}.stays (guest_code, room, arrives, leaves, nights, price, number)
             SELECT (ARRAY['ann', 'bob', 'eve', 'gone', NULL])[1 + i % 5], CASE WHEN i % 11 = 0 THEN 'too long' WHEN i % 12 = 0 THEN '-' ELSE 'r' || i % 9 END, '2026-01-01'::date + i,
               CASE WHEN i % 4 > 0 THEN '2026-01-02'::timestamptz + i * interval '23 hours' END, i % 6, CASE WHEN i % 3 > 0 THEN i * 0.5 END, NULLIF(i % 190, 0)
             FROM generate_series(1, 300) AS i"
        );
        world.sql.batch_execute(&statement).await.unwrap();
        let input = json!({
            "operation": "quality", "samples": 3, "filter": {"id": {"lte": 280}},
            "rules": {"price": {"min": 1, "required": true}, "room": {"choices": ["r1", "r2"], "pattern": "^r[0-9]$"}},
            "conditions": {"per night": "round(price / nights, 1) <= 20.5", "written": "number(substring(room, 1)) == null or upper(room) < 'R5'"},
        });
        let answer = world.call("StayValidateNode", input).await.unwrap();
        let conditions = [
            ("required", "price", "price IS NULL"), ("min", "price", "price < 1"), ("min", "nights", "nights < 1"), ("max_length", "room", "length(room) > 5"),
            ("choices", "room", "room NOT IN ('r1', 'r2')"), ("pattern", "room", "room !~ '^r[0-9]$'"),
            ("in order", "", "leaves < arrives::timestamp AT TIME ZONE 'UTC'"), ("per night", "", "round(price / nullif(nights, 0), 1) > 20.5"),
            ("written", "", "room ~ '^r[0-9]' AND NOT upper(room) < 'R5' COLLATE \"C\""),
            ("reference", "guest_code", "guest_code IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {}.guests AS g WHERE g.code = guest_code)"),
            ("unique", "number", "number IN (SELECT number FROM {}.stays GROUP BY 1 HAVING count(*) > 1)"),
        ];
        for (rule, field, condition) in conditions {
            let expected = world
                .ask(&format!(
                    "SELECT jsonb_build_array(count(*), count(*)::float8 / 280, (SELECT coalesce(jsonb_agg(id), '[]') FROM (SELECT id FROM {{}}.stays WHERE id <= 280 AND ({condition}) ORDER BY id LIMIT 3) AS s))
                     FROM {{}}.stays WHERE id <= 280 AND ({condition})"
                ))
                .await;
            let fields = if field.is_empty() { json!([]) } else { json!([field]) };
            let line = answer["rules"].as_array().unwrap().iter().find(|l| l["rule"] == rule && l["fields"] == fields);
            let line = line.unwrap_or_else(|| panic!("{rule} of {field} is in the report"));
            assert_eq!(plain(&json!([line["count"], line["share"], line["samples"]])), plain(&expected), "{rule} {field}");
            assert!(line["count"].as_i64().unwrap() > 0 , "{rule} {field} is broken by some rows");
        }
        assert_eq!(answer["fields"]["room"], world.ask("SELECT jsonb_build_object('nulls', 0, 'placeholders', count(*)) FROM {}.stays WHERE id <= 280 AND room = '-'").await);
        assert_eq!(answer["references"]["guest_code"]["missing"], world.ask("SELECT count(*) FROM {}.stays WHERE id <= 280 AND guest_code = 'eve'").await);
        assert!(answer["rules"][0]["count"].as_i64() >= answer["rules"][1]["count"].as_i64(), "the worst first");
    })
    .await;
}

#[tokio::test]
async fn what_is_no_rule_is_refused_and_hostile_texts_are_values() {
    with(parse(STAYS), |world| async move {
        guests(&world).await;
        let cases = [
            (json!({"rules": {"price": {"least": 1}}}), "HM-D137"),
            (json!({"rules": {"price": {"min": "much"}}}), "HM-D137"),
            (json!({"rules": {"room": {"min": 1}}}), "HM-D137"),
            (json!({"rules": {"room": {"pattern": "("}}}), "HM-D137"),
            (json!({"rules": {"nope": {"min": 1}}}), "HM-D010"),
            (json!({"conditions": {"c": 1}}), "HM-D137"),
            (json!({"conditions": {"c": "price >"}}), "HM-D060"),
            (json!({"conditions": {"c": "price"}}), "HM-D138"),
            (json!({"conditions": {"c": "room > 3"}}), "HM-D138"),
            (json!({"conditions": {"c": "secret_token == 'x'"}}), "HM-D138"),
            (json!({"conditions": {"c": "nope == 1"}}), "HM-D010"),
        ];
        for (input, expected) in cases {
            for operation in ["rows", "quality"] {
                let mut all = json!({"operation": operation, "rows": [{"room": "1", "arrives": "2026-05-01"}]});
                all.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
                assert_eq!(code(world.call("StayValidateNode", all).await), expected, "{operation} {input}");
            }
        }
        for text in HOSTILE {
            let row = json!({"room": "1", "arrives": "2026-05-01", "guest_code": text});
            let rules = json!({"room": {"choices": [text]}, "guest_code": {"choices": [text]}});
            let literal = text.replace('"', "");
            let input = json!({"rows": [row], "rules": rules, "conditions": {text: format!("guest_code != \"{literal}\" or room == \"{literal}\"")}});
            let answer = world.call("StayValidateNode", input.clone()).await.unwrap();
            assert_eq!(answer["valid"], json!(false));
            let mut report = input;
            report["operation"] = json!("quality");
            world.call("StayValidateNode", report).await.unwrap();
        }
        assert_eq!(world.ask("SELECT count(*) FROM {}.guests").await, json!(3));
    })
    .await;
}

const ROOMS: &str = "
@db.model
class Room:
    house: str
    number: int
    __primary_key__ = ['house', 'number']
    __dataflow__ = {'timestamps': False}

@db.model
class Booking:
    house: Optional[str] = None
    number: Optional[int] = None
    other_house: Optional[str] = None
    other_number: Optional[int] = None
    __dataflow__ = {'timestamps': False}
    __constraints__ = [{'type': 'foreign_key', 'fields': ['house', 'number'], 'references': 'Room'}]
";

#[tokio::test]
async fn references_of_several_fields_are_followed() {
    with(parse(ROOMS), |world| async move {
        let schema = world.dataflow.schema();
        let text = format!(
            "INSERT INTO {schema}.rooms VALUES ('a', 1), ('a', 2), ('b', 1);
            ALTER TABLE {schema}.bookings DISABLE TRIGGER ALL;
            INSERT INTO {schema}.bookings (house, number, other_house, other_number) VALUES
                ('a', 1, 'a', 2), ('b', 2, 'b', 1), ('b', NULL, 'b', 9), (NULL, 7, NULL, NULL), ('c', 1, 'a', 3)"
        );
        world.sql.batch_execute(&text).await.unwrap();
        let rows = json!([
            {"house": "a", "number": 2}, {"house": "b", "number": 2}, {"house": "b"}, {"number": 2}, {"house": "b", "number": 1},
            {"house": "a", "number": 1, "other_house": "b", "other_number": 2},
        ]);
        let input = json!({"operation": "rows", "rows": rows, "references": {"other_house,other_number": "Room"}});
        let answer = world.call("BookingValidateNode", input).await.unwrap();
        let expected = json!([[2, "house,number", "HM-D021"], [6, "other_house,other_number", "HM-D021"]]);
        assert_eq!(json!(told(&answer)), expected, "{answer}");
        let input = json!({"operation": "quality", "references": {"other_house,other_number": "Room"}});
        let answer = world.call("BookingValidateNode", input).await.unwrap();
        let wanted = "SELECT count(*) FROM {}.bookings b WHERE house IS NOT NULL AND number IS NOT NULL
            AND NOT EXISTS (SELECT FROM {}.rooms r WHERE (r.house, r.number) = (b.house, b.number))";
        assert_eq!(answer["references"]["house,number"]["missing"], world.ask(wanted).await, "{answer}");
        assert_eq!(answer["references"]["house,number"]["missing"], 2);
        assert_eq!(answer["references"]["other_house,other_number"]["missing"], 2);
        let line = answer["rules"].as_array().unwrap().iter().find(|r| r["fields"] == json!(["house", "number"])).unwrap();
        assert_eq!((&line["detail"], &line["samples"]), (&json!("Room.house,number"), &json!([2, 5])));
        for wrong in [json!({"house,number": "Nowhere"}), json!({"house": "Room"}), json!({"house,other_house": "Room"})] {
            let input = json!({"operation": "rows", "rows": [], "references": wrong});
            assert_eq!(code(world.call("BookingValidateNode", input).await), "HM-D025", "{wrong}");
        }
    })
    .await;
}
