//! Parquet, Arrow and xlsx: what is written is read back, what others wrote is read, and what is damaged is refused.

use serde_json::{Value, json};

use crate::support::{World, code, error, parse, with};

const THINGS: &str = "
@db.model
class Thing:
    sku: str = Field(primary_key=True, max_length=40)
    stock: Optional[int] = None
    price: Optional[Decimal] = Field(max_digits=30, decimal_places=2, default=None)
    exact: Optional[Decimal] = None
    huge: Optional[Decimal] = Field(max_digits=60, decimal_places=20, default=None)
    ratio: Optional[float] = None
    is_on: Optional[bool] = None
    at: Optional[datetime] = None
    day: Optional[date] = None
    hour: Optional[time] = None
    token: Optional[UUID] = None
    data: Optional[bytes] = None
    more: Optional[dict] = None
    tags: Optional[List[str]] = None
    vector: Optional[List[float]] = None
    note: Optional[str] = None
";
const NODE: &str = "ThingImportNode";
const FORMATS: [&str; 4] = ["parquet", "arrow", "arrow-stream", "xlsx"];
const ALL: &str = "SELECT jsonb_agg(to_jsonb(t) - 'created_at' - 'updated_at' ORDER BY sku) FROM {}.things t";

async fn clear(world: &World) {
    world.sql.batch_execute(&format!("DELETE FROM {}.things", world.dataflow.schema())).await.unwrap();
}

/// The import's answer with its errors, so that a test that fails says why.
async fn import(world: &World, format: &str, path: &str) -> Value {
    world.call(NODE, json!({"format": format, "path": path, "on_error": "skip"})).await.unwrap()
}

#[tokio::test]
async fn what_is_written_is_read_back() {
    with(parse(THINGS), |world| async move {
        let rows = json!([
            {"sku": "1", "stock": i64::MAX, "price": "-1234567890123456789012345678.90", "exact": "1.2300000000000000000000000000001",
             "huge": "1234567890123456789012345678901234567890.12345678901234567890", "ratio": 0.1, "is_on": true,
             "at": "2026-11-24T21:14:16.123456Z", "day": "2026-02-28", "hour": "21:14:16.123456", "note": "",
             "token": "67e55044-10b1-426f-9247-bb680e5fe0c8", "data": "\\x00ff", "more": {"b": [1, {"ü": null}]},
             "tags": ["x", "y, \"z\""], "vector": [1, 2.5, -1e300]},
            {"sku": "2"},
            {"sku": "3", "stock": -5, "price": "0.10", "exact": "0", "huge": "0.5", "ratio": -1.5e300, "is_on": false,
             "at": "1500-01-01T00:00:00Z", "day": "1500-01-01", "hour": "00:00:00", "note": "<a> & \"b\"\r\n\t _x000D_ 工", "data": "\\x",
             "more": {}, "tags": [], "vector": []},
            {"sku": "4", "stock": 7, "at": "2026-11-24T21:14:16.5Z", "day": "1970-01-01", "hour": "23:59:59.999", "note": " edges "},
        ]);
        world.call("ThingCRUDNode", json!({"operation": "bulk_create", "rows": rows})).await.unwrap();
        let before = world.ask(ALL).await;
        for format in FORMATS {
            let path = format!("things.{format}");
            let export = world.call("ThingExportNode", json!({"format": format, "path": path, "include_pii": true})).await.unwrap();
            let bytes = std::fs::read(world.folder.join(&path)).unwrap();
            assert_eq!(export["sha256"], json!(hallmark_core::digest::sha256(&bytes)));
            clear(&world).await;
            let answer = import(&world, format, &path).await;
            assert_eq!(answer["imported"], json!(4), "{format}: {answer}");
            assert_eq!(world.ask(ALL).await, before, "{format}");
        }
        let inline = world.call("ThingExportNode", json!({"format": "parquet"})).await;
        assert_eq!(code(inline), "HM-D025");
        assert_eq!(code(world.call(NODE, json!({"format": "xlsx", "content": "x"})).await), "HM-D025");
    })
    .await;
}

/// "Forever", as tables have it, and the first and last that PostgreSQL keeps.
#[tokio::test]
async fn times_of_every_year_are_written_and_read_back() {
    with(parse(THINGS), |world| async move {
        let schema = world.dataflow.schema();
        let statement = format!(
            "INSERT INTO {schema}.things (sku, at, day) VALUES ('1', '9999-12-31', '9999-12-31'), ('2', '20000-01-01', '20000-01-01'),
               ('3', '0044-03-15 12:00:00Z BC', '0044-03-15 BC'), ('4', '294246-12-31 23:59:59.999999Z', '5874897-12-31'),
               ('5', '4714-11-24 00:00:00Z BC', '4714-11-24 BC')"
        );
        world.sql.batch_execute(&statement).await.unwrap();
        let before = world.ask(ALL).await;
        for format in ["csv", "jsonl", "parquet", "arrow", "arrow-stream", "xlsx"] {
            let path = format!("far.{format}");
            world.call("ThingExportNode", json!({"format": format, "path": path, "include_pii": true})).await.unwrap();
            clear(&world).await;
            let answer = import(&world, format, &path).await;
            assert_eq!(answer["imported"], json!(5), "{format}: {answer}");
            assert_eq!(world.ask(ALL).await, before, "{format}");
        }
        for (field, value) in [("at", "infinity"), ("day", "-infinity")] {
            let statement = format!("UPDATE {schema}.things SET {field} = '{value}' WHERE sku = '3'");
            world.sql.batch_execute(&statement).await.unwrap();
            let refused = world.call("ThingExportNode", json!({"format": "parquet", "path": "no", "sort": "sku"})).await;
            let refused = error(refused);
            let place = format!("row 3, {field}");
            assert_eq!((refused.code().id, refused.place()), ("HM-D012", Some(place.as_str())), "{refused}");
            world.sql.batch_execute(&format!("UPDATE {schema}.things SET {field} = NULL")).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn what_others_wrote_is_read() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/formats");
    with(parse(THINGS), |world| async move {
        let files = [("parquet", "pyarrow.parquet"), ("arrow", "pyarrow.arrow"), ("arrow", "pyarrow.arrows"), ("xlsx", "openpyxl.xlsx")];
        for (format, file) in files {
            std::fs::copy(folder.join(file), world.folder.join(file)).unwrap();
            let answer = import(&world, format, file).await;
            assert_eq!((&answer["imported"], &answer["refused"]), (&json!(3), &json!(0)), "{file}: {answer}");
            let row = |sku: &'static str| {
                let one = format!(
                    "SELECT jsonb_build_array(stock, price::text, ratio, is_on, at AT TIME ZONE 'UTC', day, hour, token, data, more, vector)
                     FROM {{}}.things WHERE sku = '{sku}'"
                );
                let world = &world;
                async move { world.ask(&one).await }
            };
            let (first, last) = if format == "xlsx" {
                (
                    json!([1, "0.10", 0.1, true, "2026-11-24T21:14:16.123", "2026-02-28", "21:14:16.5", null, null, null, null]),
                    ("3", json!([i64::MIN, null, -1.5e300, null, "0001-01-01T00:00:00", "1500-01-01", "00:00:00", null, null, null, null])),
                )
            } else {
                let token = "67e55044-10b1-426f-9247-bb680e5fe0c8";
                (
                    json!([1, "0.10", 0.1, true, "2026-11-24T21:14:16.123456", "2026-02-28", "21:14:16.5", token, "\\x00ff",
                        {"a": [1, 2], "b": 1}, [1, 2.5]]),
                    ("c3", json!([i64::MIN, null, -1.5e300, null, "0001-01-01T00:00:00", null, "00:00:00", null, null,
                        {"a": [], "b": null}, []])),
                )
            };
            assert_eq!(row("a1").await, first, "{file}");
            assert_eq!(row("ü工").await[1], json!("-12345678901234567890.12"), "{file}");
            assert_eq!(row(last.0).await, last.1, "{file}");
            clear(&world).await;
        }
    })
    .await;
}

#[tokio::test]
async fn damaged_files_are_refused_and_change_nothing() {
    with(parse(THINGS), |world| async move {
        let rows: Vec<Value> = (0..3_000).map(|n| json!({"sku": n.to_string(), "stock": n, "note": format!("note {n}")})).collect();
        world.call("ThingCRUDNode", json!({"operation": "bulk_create", "rows": rows})).await.unwrap();
        for format in FORMATS {
            world.call("ThingExportNode", json!({"format": format, "path": "whole", "include_pii": true})).await.unwrap();
            let whole = std::fs::read(world.folder.join("whole")).unwrap();
            clear(&world).await;
            for eighth in 0..8 {
                let cut = &whole[..whole.len() * eighth / 8];
                hallmark_core::fs::write_atomic(&world.folder.join("cut"), cut, hallmark_core::fs::Mode::Default).unwrap();
                for on_conflict in ["error", "skip"] {
                    let input = json!({"format": format, "path": "cut", "on_conflict": on_conflict, "on_error": "skip"});
                    let refused = error(world.call(NODE, input).await);
                    assert_eq!(refused.code().id, "HM-D052", "{format}, {eighth} eighths: {refused}");
                    assert!(refused.place().is_some_and(|place| place.starts_with("cut")), "{refused}");
                }
            }
            assert_eq!(world.ask("SELECT count(*) FROM {}.things").await, json!(0), "{format}");
            let answer = import(&world, format, "whole").await;
            assert_eq!(answer["imported"], json!(3_000), "{format}");
        }
    })
    .await;
}

#[tokio::test]
async fn parts_of_columns_are_gone_on_with() {
    with(parse(THINGS), |world| async move {
        let rows: Vec<Value> = (0..3_000).map(|n| json!({"sku": format!("{n:05}"), "note": "x".repeat(if n == 1_700 { 60 } else { 5 })})).collect();
        world.call("ThingCRUDNode", json!({"operation": "bulk_create", "rows": rows})).await.unwrap();
        for format in FORMATS {
            let export = json!({"format": format, "path": "things", "sort": "sku", "include_pii": true});
            world.call("ThingExportNode", export).await.unwrap();
            clear(&world).await;
            // The long note goes where it does not fit.
            let mapping = json!({"sku": null, "note": "sku", "updated_at": null, "created_at": null});
            let refused = json!({"format": format, "path": "things", "commit_every": 500, "mapping": mapping, "on_conflict": "skip"});
            let refused = error(world.call(NODE, refused).await);
            assert_eq!(refused.code().id, "HM-D112", "{format}: {refused}");
            let go_on = json!({
                "format": format, "path": "things", "unfinished": "resume", "mapping": mapping, "on_conflict": "skip", "on_error": "skip",
            });
            let done = world.call(NODE, go_on).await.unwrap();
            let told = ["read", "imported", "skipped", "refused", "resumed_at"].map(|name| &done[name]);
            assert_eq!(json!(told), json!([3_000, 1, 2_998, 1, 1_500]), "{format}");
            assert_eq!(done["errors"][0]["row"], json!(1_701), "{format}");
            clear(&world).await;
            let whole = world.call(NODE, json!({"format": format, "path": "things", "commit_every": 700})).await.unwrap();
            assert_eq!((&whole["imported"], &whole["parts"]), (&json!(3_000), &json!(5)), "{format}");
            world.sql.batch_execute(&format!("TRUNCATE {}.hallmark_imports CASCADE", world.dataflow.schema())).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn texts_of_every_encoding_are_read_and_wrong_bytes_are_told() {
    with(parse(THINGS), |world| async move {
        let text = "sku,note\r\n1,\"ü, €\n„x“\"\r\n2,plain\r\n";
        let units: Vec<u16> = text.encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|u| u.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|u| u.to_be_bytes()).collect();
        let windows = b"sku,note\r\n1,\"\xfc, \x80\n\x84x\x93\"\r\n2,plain\r\n".to_vec();
        let files: [(&str, Vec<u8>); 7] = [
            ("utf-8", text.into()),
            ("utf-8", [b"\xEF\xBB\xBF", text.as_bytes()].concat()),
            ("utf-16", [&[0xFF, 0xFE], little.as_slice()].concat()),
            ("utf-16", [&[0xFE, 0xFF], big.as_slice()].concat()),
            ("utf-16le", little.clone()),
            ("utf-16be", big),
            ("windows-1252", windows.clone()),
        ];
        let write = |bytes: &[u8]| {
            hallmark_core::fs::write_atomic(
                &world.folder.join("in.csv"),
                bytes,
                hallmark_core::fs::Mode::Default,
            )
            .unwrap();
        };
        for (encoding, bytes) in files {
            write(&bytes);
            let parts = json!({"path": "in.csv", "encoding": encoding, "commit_every": 100});
            assert_eq!(world.call(NODE, parts).await.unwrap()["imported"], json!(2), "{encoding}");
            assert_eq!(
                world.ask("SELECT note FROM {}.things WHERE sku = '1'").await,
                json!("ü, €\n„x“"),
                "{encoding}"
            );
            clear(&world).await;
        }
        let wrong: [(&str, Vec<u8>, &str); 7] = [
            ("utf-8", windows.clone(), "in.csv: row 1, note"),
            ("utf-8", [&[0xFF, 0xFE], little.as_slice()].concat(), "in.csv: the header, column 1"),
            ("utf-8", little.clone(), "in.csv: the header"),
            ("utf-16", little[..little.len() - 1].to_vec(), "in.csv"),
            ("windows-1252", b"sku,note\n1,a\n2,b\x81\n".to_vec(), "in.csv: row 2, note"),
            ("utf-8", b"sku,note\n1,a\n2,\"b\n3,c\n".to_vec(), "in.csv: row 2"),
            ("utf-8", [b"sku,note\n".as_slice(), &b"x,".repeat(17_000)].concat(), ""),
        ];
        for (encoding, bytes, place) in wrong {
            write(&bytes);
            let refused = error(world.call(NODE, json!({"path": "in.csv", "encoding": encoding})).await);
            if place.is_empty() {
                assert_eq!(refused.code().id, "HM-D053");
                assert!(
                    refused.causes()[0].contains("17001 cells and the header 2"),
                    "{:?}",
                    refused.causes()
                );
            } else {
                assert_eq!(
                    (refused.code().id, refused.place()),
                    ("HM-D052", Some(place)),
                    "{encoding}: {refused}"
                );
            }
        }
        let million = format!("{}\n1\n", (0..1_000_000).map(|n| format!("c{n},")).collect::<String>());
        write(million.as_bytes());
        let refused = error(world.call(NODE, json!({"path": "in.csv"})).await);
        assert_eq!((refused.code().id, refused.place()), ("HM-D024", Some("in.csv: the header")));
        assert_eq!(world.ask("SELECT count(*) FROM {}.things").await, json!(0));
    })
    .await;
}

#[tokio::test]
async fn numbers_inside_json_keep_every_digit_in_files() {
    with(parse(THINGS), |world| async move {
        let fill = format!(
            "INSERT INTO {}.things (sku, more) VALUES ('long', '{{\"n\": 12345678901234567890123.4560}}'), ('large', '{{\"n\": 1e400}}')",
            world.dataflow.schema()
        );
        world.sql.batch_execute(&fill).await.unwrap();
        for format in ["parquet", "xlsx"] {
            let path = format!("json.{format}");
            let export = json!({"format": format, "path": path, "fields": ["sku", "more"]});
            world.call("ThingExportNode", export).await.unwrap();
            // An import refuses what it could not keep: the digits are in the file.
            let refused = import(&world, format, &path).await;
            let said = refused["errors"].to_string();
            assert!(refused["refused"] == json!(2) && said.contains("HM-"), "{format}: {refused}");
        }
        let csv = world.call("ThingExportNode", json!({"fields": ["more"], "filter": {"sku": "long"}})).await.unwrap();
        assert!(csv["content"].as_str().unwrap().contains("12345678901234567890123.4560"), "{csv}");
        // What JSON answers cannot hold is told by its column.
        let read = error(world.call("ThingCRUDNode", json!({"operation": "read", "id": "large"})).await);
        assert!(read.code().id == "HM-D012" && read.message().contains("more"), "{read:?}");
    })
    .await;
}
