//! Exports and imports.

use serde_json::{Value, json};

use crate::support::{World, code, error, models, parse, with};

const PARTS: &str = "
@db.model
class Part:
    sku: str = Field(unique=True, max_length=20)
    name: Optional[str] = None
    price: Optional[Decimal] = None
    stock: int = 0
    sold: Optional[date] = None
    tags: Optional[list] = None
    email: Optional[str] = None
";

const NODE: &str = "PartImportNode";

async fn count(world: &World) -> Value {
    world.ask("SELECT count(*) FROM {}.parts").await
}

#[tokio::test]
async fn what_is_exported_is_imported_again() {
    with(parse(PARTS), |world| async move {
        let rows = json!([
            {"sku": "001", "name": "a, \"b\"\nc", "price": "0.10", "tags": ["x", {"y": 1}], "sold": "2026-01-02", "email": "a@b.c"},
            {"sku": "002", "name": "", "price": null}, {"sku": "003", "name": null, "stock": -5}, {"sku": "Ü工", "name": " lead"},
        ]);
        world.call("PartCRUDNode", json!({"operation": "bulk_create", "rows": rows})).await.unwrap();
        let all = "SELECT jsonb_agg(to_jsonb(p) - 'updated_at' ORDER BY sku) FROM {}.parts p";
        let before = world.ask(all).await;
        for format in ["csv", "jsonl"] {
            let path = format!("sub/parts.{format}");
            let export = world.call("PartExportNode", json!({"format": format, "path": path, "include_pii": true})).await.unwrap();
            assert_eq!((&export["rows"], &export["masked"]), (&json!(4), &json!([])));
            let bytes = std::fs::read(world.folder.join(&path)).unwrap();
            assert_eq!(export["sha256"], json!(hallmark_core::digest::sha256(&bytes)));
            assert_eq!(export["bytes"], json!(bytes.len()));
            world.sql.batch_execute(&format!("DELETE FROM {}.parts", world.dataflow.schema())).await.unwrap();
            let import = world.call(NODE, json!({"format": format, "path": path})).await.unwrap();
            assert_eq!((&import["imported"], &import["ignored_columns"]), (&json!(4), &json!(["updated_at"])));
            assert_eq!(world.ask(all).await, before, "{format}: null, empty, zeros in front and times are as they were");
        }
        let masked = world.call("PartExportNode", json!({"fields": ["sku", "email"], "limit": 1})).await.unwrap();
        assert_eq!(masked["content"], json!("sku,email\n001,********\n"));
        assert_eq!(masked["limited"], json!(true));
        assert!(std::fs::read_dir(world.folder.join("sub")).unwrap().count() == 2, "no temporary file is left");
    })
    .await;
}

#[tokio::test]
async fn bad_rows_are_told_by_row_and_column_and_nothing_is_half_written() {
    with(parse(PARTS), |world| async move {
        let text = "sku,name,price,stock,sold\n\
            ok1,a,1.10,1,2026-01-02\nok2,b,,,\n,c,1,1,\nok4,d,abc,1,\nok5,e,1,1.5,\nok6,f,1,1,2026-13-01\n\
            ok1,twice,1,1,\nshort,row\nthis-sku-is-longer-than-twenty,g,1,1,\nok9,h,1e2,7,\n";
        let refused = error(world.call(NODE, json!({"content": text})).await);
        assert_eq!(refused.code().id, "HM-D053");
        assert!(refused.causes()[0].starts_with("row 3 (line 4"), "{:?}", refused.causes());
        assert_eq!(count(&world).await, json!(0));
        let dry = world.call(NODE, json!({"content": text, "dry_run": true})).await.unwrap();
        assert_eq!((&dry["read"], &dry["refused"], &dry["committed"]), (&json!(10), &json!(7), &json!(false)));
        let told: Vec<Value> = dry["errors"].as_array().unwrap().iter().map(|e| json!([e["row"], e["column"], e["code"]])).collect();
        assert_eq!(
            json!(told),
            json!([
                [3, "sku", "HM-D018"], [4, "price", "HM-D011"], [5, "stock", "HM-D011"], [6, "sold", "HM-D011"],
                [7, "sku", "HM-D020"], [8, null, "HM-D052"], [9, "sku", "HM-D013"]
            ])
        );
        assert_eq!(count(&world).await, json!(0));
        let skip = world.call(NODE, json!({"content": text, "on_error": "skip", "error_path": "errors.jsonl"})).await.unwrap();
        assert_eq!((&skip["imported"], &skip["refused"], &skip["committed"]), (&json!(3), &json!(7), &json!(true)));
        assert_eq!(world.ask("SELECT jsonb_agg(sku ORDER BY sku) FROM {}.parts").await, json!(["ok1", "ok2", "ok9"]));
        assert_eq!(world.ask("SELECT price FROM {}.parts WHERE sku = 'ok9'").await, json!(100));
        assert_eq!(std::fs::read_to_string(world.folder.join("errors.jsonl")).unwrap().lines().count(), 7);
        let taken = error(world.call(NODE, json!({"content": "sku\nnew\nok1\n"})).await);
        assert_eq!(taken.code().id, "HM-D053");
        let kept = world.call(NODE, json!({"content": "sku,name\nnew,n\nok1,changed\n", "on_conflict": "skip"})).await.unwrap();
        assert_eq!((&kept["imported"], &kept["skipped"]), (&json!(1), &json!(1)));
        let update = json!({"content": "Artikel,name\nok1,changed\nok10,n\n", "mapping": {"Artikel": "sku"}, "on_conflict": "update", "match_on": ["sku"]});
        let updated = world.call(NODE, update).await.unwrap();
        assert_eq!((&updated["imported"], &updated["updated"]), (&json!(1), &json!(1)));
        assert_eq!(world.ask("SELECT jsonb_build_array(name, price) FROM {}.parts WHERE sku = 'ok1'").await, json!(["changed", 1.10]));
    })
    .await;
}

const EVERYTHING: &str = "
@db.model
class Thing:
    sku: str = Field(primary_key=True, max_length=6)
    number: Optional[int] = 7
    price: Optional[Decimal] = Field(decimal_places=2, default=None)
    plain: Decimal
    ratio: float
    is_on: bool = True
    at: Optional[datetime] = None
    day: Optional[date] = None
    hour: Optional[time] = None
    token: Optional[UUID] = None
    data: Optional[bytes] = None
    more: Optional[dict] = None
    tags: List[str] = []
    vector: Optional[List[float]] = None
    note: str = 'none'
    created_at: datetime
";

/// Cells that a column may or may not take.
const CELLS: [(&str, &[&str]); 15] = [
    ("number", &["", "1", " -5 ", "9223372036854775807", "9223372036854775808", "1.5", "x", "\"\""]),
    ("price", &["", "1.10", "-0.005", "1e2", "12345678901234567890.125", ".5", "5.", "NaN", "1.1.1", "-0"]),
    ("plain", &["0", "10000", "0.00012", "-99999999.99999999", "1e-7", "", "1e9999", "+3"]),
    ("ratio", &["0", "-1.5e300", "1e-320", "inf", "NaN", "", "1,5", "0.1"]),
    ("is_on", &["", "true", "F", "yes", "0", "maybe", "TRUE"]),
    (
        "at",
        &[
            "",
            "2026-11-24T21:14:16Z",
            "2026-11-24 21:14:16.123456+02:00",
            "2026-11-24T21:14:16",
            "yesterday",
            "0001-01-01T00:00:00Z",
            "2026-12-31T23:59:60Z",
        ],
    ),
    ("day", &["", "2026-02-28", "2026-02-30", "1500-01-01"]),
    ("hour", &["", "21:14:16.5", "24:01", "00:00:00", "23:59:60"]),
    ("token", &["", "67e55044-10b1-426f-9247-bb680e5fe0c8", "67e5504410b1426f9247bb680e5fe0c8", "no"]),
    ("data", &["", "\\x00ff", "\\x0", "00ff"]),
    (
        "more",
        &[
            "",
            "\"{\"\"b\"\": [1, \"\"ü\"\"], \"\"a\"\": null}\"",
            "[]",
            "{",
            "null",
            "\"{\"\"a\"\": \"\"\\u0000\"\"}\"",
        ],
    ),
    ("tags", &["", "\"[\"\"x\"\", 1]\"", "{}", "[]"]),
    ("vector", &["", "\"[1, 2.5]\"", "\"[\"\"x\"\"]\"", "[]"]),
    ("note", &["", "\"\"", "\"a, b\n\"\"c\"\"\"", "工", " edges "]),
    ("created_at", &["", "2020-01-01T00:00:00Z", "never"]),
];

#[tokio::test]
async fn both_ways_of_an_import_store_and_refuse_the_same() {
    with(parse(EVERYTHING), |world| async move {
        let mut text = format!("sku,{}\n", CELLS.map(|(name, _)| name).join(","));
        let good = ["1", "1", "1", "1", "1", "", "", "", "", "", "", "", "", "", ""];
        let mut rows = 0;
        // One cell differs from a good row in turn, and then all do.
        for (at, (_, cells)) in CELLS.iter().enumerate() {
            for cell in *cells {
                let mut row = good;
                row[at] = cell;
                rows += 1;
                text.push_str(&format!("s{rows},{}\n", row.join(",")));
            }
        }
        for n in 0..200_usize {
            let row: Vec<&str> = CELLS.iter().enumerate().map(|(at, (_, cells))| cells[(n * (at + 3) + n / 7) % cells.len()]).collect();
            rows += 1;
            text.push_str(&format!("s{rows},{}\n", row.join(",")));
        }
        text.push_str("toolong,1\n,");
        text.push_str(&format!("{}\ntoolong,{}\n", good.join(","), good.join(",")));
        let all = "SELECT jsonb_agg(to_jsonb(t) - 'updated_at' ORDER BY sku) FROM {}.things t WHERE created_at < '2021-01-01'";
        let fresh = "SELECT jsonb_agg(to_jsonb(t) - 'updated_at' - 'created_at' ORDER BY sku) FROM {}.things t";
        let mut seen = Vec::new();
        for on_conflict in ["error", "skip"] {
            let input = json!({"content": text, "on_error": "skip", "on_conflict": on_conflict});
            let mut answer = world.call("ThingImportNode", input).await.unwrap();
            let stored = (world.ask(all).await, world.ask(fresh).await);
            world.sql.batch_execute(&format!("DELETE FROM {}.things", world.dataflow.schema())).await.unwrap();
            answer["stored"] = json!(stored);
            seen.push(answer);
        }
        assert_eq!(seen[0], seen[1]);
        assert!(seen[0]["imported"].as_u64() > Some(60) && seen[0]["refused"].as_u64() > Some(60), "{}", seen[0]["imported"]);
    })
    .await;
}

#[tokio::test]
async fn what_is_taken_is_listed_and_keys_go_on_behind_those_given() {
    with(parse(PARTS), |world| async move {
        for on_conflict in ["error", "skip"] {
            let trial = json!({"content": "id,sku\n900,z\n", "dry_run": true, "on_conflict": on_conflict});
            world.call(NODE, trial).await.unwrap();
        }
        world.call(NODE, json!({"content": "id,sku\n41,a\n40,b\n"})).await.unwrap();
        let next =
            world.call("PartCRUDNode", json!({"operation": "create", "data": {"sku": "c"}})).await.unwrap();
        assert_eq!(next["row"]["id"], json!(42), "a key that is made comes behind those that were imported");
        let taken = error(world.call(NODE, json!({"content": "sku\nnew\na\nnew\n"})).await);
        assert_eq!((taken.code().id, taken.causes().len()), ("HM-D053", 2), "{:?}", taken.causes());
        let some =
            world.call(NODE, json!({"content": "id,sku\n,d\n50,e\n", "on_error": "skip"})).await.unwrap();
        assert_eq!(some["imported"], json!(2), "where only some rows give a key, the others get one");
        assert_eq!(count(&world).await, json!(5));
    })
    .await;
}

#[tokio::test]
async fn a_row_that_only_the_server_refuses_is_told() {
    let bills = "@db.model\nclass Bill:\n    total: Decimal\n";
    with(parse(bills), |world| async move {
        let schema = world.dataflow.schema();
        let narrow = format!("ALTER TABLE {schema}.bills ADD CHECK (total < 100)");
        world.sql.batch_execute(&narrow).await.unwrap();
        let text = "total\n1\n2\n1e40\n4\n";
        let refused = error(world.call("BillImportNode", json!({"content": text})).await);
        assert_eq!((refused.code().id, refused.place()), ("HM-D011", Some("row 3")));
        // Rows that were left out before are rows of the file still, in the part at hand and in those before.
        let text = "total\nx\n1\ny\n1e40\n4\n";
        let skip = json!({"content": text, "on_error": "skip"});
        assert_eq!(error(world.call("BillImportNode", skip).await).place(), Some("row 4"));
        let lines = (1..=250).map(|n| if n % 7 == 0 { "x\n" } else { "1\n" }).collect::<String>();
        let parts =
            json!({"content": format!("total\n{lines}100\n"), "on_error": "skip", "commit_every": 100});
        assert_eq!(error(world.call("BillImportNode", parts).await).place(), Some("row 251"));
    })
    .await;
}

#[tokio::test]
async fn decimals_with_too_many_digits_are_bad_rows_everywhere() {
    let bills = "@db.model\nclass Bill:\n    code: str = Field(unique=True)\n    \
        total: Decimal = Field(max_digits=10, decimal_places=2)\n";
    with(parse(bills), |world| async move {
        let text = "code,total\nbad,x\nok1,1\nover,99999999.999\nok2,99999999.994\n";
        for on_conflict in ["error", "skip", "update"] {
            let import = json!({"content": text, "on_error": "skip", "on_conflict": on_conflict});
            let answer = world.call("BillImportNode", import).await.unwrap();
            let told = json!({
                "row": 3, "line": 4, "column": "total", "code": "HM-D012",
                "message": "total has more digits than numeric(10,2) keeps",
            });
            assert_eq!((&answer["refused"], &answer["errors"][1]), (&json!(2), &told), "{on_conflict}");
            let clear = format!("DELETE FROM {}.bills", world.dataflow.schema());
            assert_eq!(world.sql.execute(&clear, &[]).await.unwrap(), 2, "{on_conflict}");
        }
        let row = json!({"code": "c", "total": "100000000"});
        let checked = json!({"operation": "rows", "rows": [row]});
        let checked = world.call("BillValidateNode", checked).await.unwrap();
        assert_eq!(checked["problems"][0]["code"], json!("HM-D012"), "{checked}");
        let refused = error(world.call("BillCRUDNode", json!({"operation": "create", "data": row})).await);
        assert_eq!((refused.code().id, refused.place()), ("HM-D012", Some("total")));
    })
    .await;
}

#[tokio::test]
async fn rows_that_refer_to_nothing_are_told_and_can_be_left_out() {
    let models = "
@db.model
class Doc:
    name: str
@db.model
class Page:
    code: str = Field(primary_key=True)
    doc_id: Optional[int] = Field(default=None, foreign_key='docs.id')
    after: Optional[str] = Field(default=None, foreign_key='pages.code')
    __dataflow__ = {'timestamps': False}
";
    with(parse(models), |world| async move {
        world.call("DocCRUDNode", json!({"operation": "create", "data": {"name": "d"}})).await.unwrap();
        let text = "code,doc_id,after\np1,1,\np2,999,\np3,,p2\np4,1,p1\np5,,p4\np6,1,nowhere\n";
        let node = "PageImportNode";
        let refused = error(world.call(node, json!({"content": text})).await);
        let causes = refused.causes().join("; ");
        assert_eq!(refused.code().id, "HM-D053");
        assert!(causes.contains("row 2 (line 3, doc_id): [HM-D021] no Doc has this id"), "{causes}");
        assert!(causes.contains("row 6 (line 7, after): [HM-D021] no Page has this code"), "{causes}");
        for more in [json!({}), json!({"on_conflict": "skip"}), json!({"commit_every": 100})] {
            let mut import = json!({"content": text, "on_error": "skip"});
            import.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let answer = world.call(node, import).await.unwrap();
            let rows: Vec<&Value> = answer["errors"].as_array().unwrap().iter().map(|e| &e["row"]).collect();
            assert_eq!(rows, [2, 3, 6], "{answer}");
            assert_eq!(answer["imported"], json!(3), "what refers to a row of the file comes with it");
            let clear = format!("DELETE FROM {}.pages", world.dataflow.schema());
            world.sql.batch_execute(&clear).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn numbers_that_would_be_rounded_are_refused_at_their_row() {
    with(parse(PARTS), |world| async move {
        let exact = "12345678901234567890.123456789";
        let lines = format!(
            "{{\"sku\": \"a\", \"price\": \"{exact}\"}}\n{{\"sku\": \"b\", \"price\": {exact}}}\n\
             {{\"sku\": \"c\", \"tags\": [{exact}]}}\n{{\"sku\": \"d\", \"price\": 0.1000000000000001}}\n\
             {{\"sku\": \"e\", \"price\": 12.5, \"tags\": [\"{exact}\", 0.30000000000000004]}}\n"
        );
        let import = json!({"content": lines, "format": "jsonl", "on_error": "skip"});
        let answer = world.call(NODE, import).await.unwrap();
        let told = |n: usize| (answer["errors"][n]["row"].as_u64(), answer["errors"][n]["code"].as_str());
        assert_eq!(
            [told(0), told(1), told(2)],
            [2, 3, 4].map(|row| (Some(row), Some("HM-D011"))),
            "{answer}"
        );
        assert_eq!(answer["imported"], json!(2));
        assert_eq!(world.ask("SELECT price::text FROM {}.parts WHERE sku = 'a'").await, json!(exact));
        let cell = format!("sku,tags\nf,\"[{exact}]\"\n");
        assert_eq!(code(world.call(NODE, json!({"content": cell})).await), "HM-D053");
        let node = "PartCRUDNode";
        for given in [json!(12_345_678_901_234_567_890.123_f64), json!(0.1 + 0.2)] {
            let create = json!({"operation": "create", "data": {"sku": "g", "price": given}});
            let refused = error(world.call(node, create).await);
            assert_eq!((refused.code().id, refused.place()), ("HM-D011", Some("price")));
            let list = json!({"operation": "list", "filter": {"price": given}});
            assert_eq!(code(world.call(node, list).await), "HM-D011");
        }
    })
    .await;
}

#[tokio::test]
async fn damaged_files_change_nothing() {
    with(parse(PARTS), |world| async move {
        let write = |name: &str, bytes: &[u8]| {
            hallmark_core::fs::write_atomic(
                &world.folder.join(name),
                bytes,
                hallmark_core::fs::Mode::Default,
            )
            .unwrap();
        };
        write("cut.csv", b"sku,name\na,b\nc,\"cut of");
        write("latin.csv", b"sku,name\na,caf\xe9\n");
        write("empty.csv", b"");
        write("twice.csv", b"sku,sku\na,b\n");
        write("bad.jsonl", b"{\"sku\": \"a\"}\nnot json\n");
        for name in ["cut.csv", "latin.csv", "empty.csv", "twice.csv"] {
            assert_eq!(code(world.call(NODE, json!({"path": name})).await), "HM-D052", "{name}");
        }
        let latin = error(world.call(NODE, json!({"path": "latin.csv"})).await);
        assert!(latin.message().contains("line 2, byte 6"), "{}", latin.message());
        assert_eq!(code(world.call(NODE, json!({"path": "bad.jsonl", "format": "jsonl"})).await), "HM-D053");
        assert_eq!(count(&world).await, json!(0));
        world.call(NODE, json!({"path": "latin.csv", "encoding": "latin-1"})).await.unwrap();
        assert_eq!(world.ask("SELECT name FROM {}.parts").await, json!("café"));
        let unknown =
            world.call(NODE, json!({"content": "sku,wrong\na,b\n", "dry_run": true})).await.unwrap();
        assert_eq!(unknown["errors"][0]["code"], json!("HM-D010"));
    })
    .await;
}

#[cfg(unix)]
#[tokio::test]
async fn no_path_leads_out_of_the_folder() {
    with(parse(PARTS), |world| async move {
        let outside = world.folder.with_extension("outside");
        std::fs::create_dir_all(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, world.folder.join("out")).unwrap();
        assert_eq!(code(world.call("PartExportNode", json!({"path": "out/new/x.csv"})).await), "HM-D050");
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0, "not even a folder is made there");
        std::fs::remove_dir_all(&outside).unwrap();
        std::os::unix::fs::symlink("/etc", world.folder.join("link")).unwrap();
        for path in ["/etc/passwd", "../x.csv", "a/../../x", "", ".", "link/hosts", "a\0b"] {
            let import = world.call(NODE, json!({"path": path})).await;
            assert!(matches!(code(import), "HM-D050"), "{path:?}");
            let export = world.call("PartExportNode", json!({"path": path})).await;
            assert_eq!(code(export), "HM-D050", "{path:?}");
        }
        assert_eq!(code(world.call(NODE, json!({"path": "missing.csv"})).await), "HM-D051");
        assert_eq!(code(world.call(NODE, json!({})).await), "HM-D018");
    })
    .await;
}

#[tokio::test]
async fn a_large_import_streams_and_a_large_inline_export_is_refused() {
    with(parse(PARTS), |world| async move {
        let text: String = std::iter::once("sku,name,price\n".to_owned())
            .chain((0..50_000).map(|i| format!("s{i},name of {i} with some length to it,{i}.10\n")))
            .collect();
        hallmark_core::fs::write_atomic(
            &world.folder.join("big.csv"),
            text.as_bytes(),
            hallmark_core::fs::Mode::Default,
        )
        .unwrap();
        let import = world.call(NODE, json!({"path": "big.csv"})).await.unwrap();
        assert_eq!(import["imported"], json!(50_000));
        assert_eq!(world.ask("SELECT sum(price)::text FROM {}.parts").await, json!("1249980000.00"));
        assert_eq!(code(world.call("PartExportNode", json!({})).await), "HM-D024");
        let export =
            world.call("PartExportNode", json!({"path": "out.csv", "fields": ["sku"]})).await.unwrap();
        assert_eq!(export["rows"], json!(50_000));
    })
    .await;
}

#[tokio::test]
async fn transformations_are_pure_and_name_the_row_that_does_not_fit() {
    with(models(), |world| async move {
        let row = world.row("Company", 1);
        world.call("CompanyCRUDNode", json!({"operation": "create", "data": row})).await.unwrap();
        let steps = json!([
            {"mask": {"primary_contact_email": "hash", "tax_id": "redact", "phone_number": "partial"}},
            {"compute": {"size": "if(employee_count > 5, 'big', 'small')"}}, {"cast": {"employee_count": "text"}},
            {"where": "is_active == false"}, {"rename": {"name": "company", "industry": "name"}}, {"keep": ["company", "name", "size", "tax_id", "employee_count"]},
        ]);
        let answer = world.call("CompanyTransformNode", json!({"steps": steps})).await.unwrap();
        let expected = json!([{"company": row["name"], "name": row["industry"], "size": "big", "tax_id": "********", "employee_count": "8"}]);
        assert_eq!(answer["rows"], expected);
        let wrong = json!({"rows": [{"a": 1}, {"a": "x"}], "steps": [{"compute": {"b": "a * 2"}}]});
        let failed = error(world.call("CompanyTransformNode", wrong).await);
        assert_eq!((failed.code().id, failed.place()), ("HM-D060", Some("rows[1], steps[0]")));
        assert_eq!(code(world.call("CompanyTransformNode", json!({"steps": [{"explode": 1}]})).await), "HM-D061");
        let validate = json!({
            "rows": [{"name": "x", "industry": "y", "employee_count": -1}, {"industry": 5, "nope": 1}],
            "rules": {"employee_count": {"min": 0}},
        });
        let answer = world.call("CompanyValidateNode", validate).await.unwrap();
        let told: Vec<Value> = answer["problems"].as_array().unwrap().iter().map(|p| json!([p["row"], p["field"], p["code"]])).collect();
        assert_eq!(json!(told), json!([[1, "employee_count", "HM-D011"], [2, "industry", "HM-D011"], [2, "nope", "HM-D010"], [2, "name", "HM-D018"]]));
        let references = json!({"rows": [{"customer_id": 4711}], "references": {"customer_id": "Customer"}});
        let answer = world.call("QuoteValidateNode", references).await.unwrap();
        assert!(answer["problems"].as_array().unwrap().iter().any(|p| p["code"] == "HM-D021"));
    })
    .await;
}

#[tokio::test]
async fn nothing_that_an_import_says_is_without_effect_and_no_other_file_is_lost() {
    with(parse(PARTS), |world| async move {
        let write = |name: &str, text: &str| {
            hallmark_core::fs::write_atomic(&world.folder.join(name), text.as_bytes(), hallmark_core::fs::Mode::Default).unwrap();
        };
        let text = |name: &str| std::fs::read_to_string(world.folder.join(name)).unwrap();
        write("in.csv", "sku\nfrom a file\nthis-sku-is-longer-than-twenty\n");
        write("other.txt", "somebody's notes\n");
        write("empty.txt", "");
        for (name, expected) in [("in.csv", Err("HM-D050")), ("other.txt", Err("HM-D050")), ("empty.txt", Ok(1)), ("new.jsonl", Ok(1))] {
            let input = json!({"path": "in.csv", "on_error": "skip", "error_path": name, "dry_run": true});
            let done = world.call(NODE, input).await.map(|a| a["refused"].as_u64().unwrap()).map_err(|e| e.code().id);
            assert_eq!(done, expected, "{name}");
        }
        // The list of an earlier import is replaced.
        let again = json!({"path": "in.csv", "on_error": "skip", "error_path": "new.jsonl"});
        assert_eq!(world.call(NODE, again).await.unwrap()["imported"], json!(1));
        assert!(text("in.csv").starts_with("sku") && text("other.txt").starts_with("somebody") && text("new.jsonl").lines().count() == 1);
        for (input, expected) in [
            (json!({"content": "sku,name,second\na,b,c\n", "mapping": {"second": "name"}}), "HM-D053"),
            (json!({"content": "{\"sku\": \"a\", \"name\": \"b\", \"second\": \"c\"}", "format": "jsonl", "mapping": {"second": "name"}}), "HM-D053"),
            (json!({"content": "sku,name\na,b\n", "mapping": {"nmae": "name"}}), "HM-D025"),
            (json!({"content": "sku,name\na,b\n", "mapping": {"nmae": "name"}, "on_conflict": "update"}), "HM-D025"),
            (json!({"content": "{\"sku\": \"a\"}", "format": "jsonl", "mapping": {"nmae": null}}), "HM-D025"),
            (json!({"content": "sku,name\na,b\n", "match_on": ["sku"]}), "HM-D025"),
        ] {
            assert_eq!(code(world.call(NODE, input.clone()).await), expected, "{input}");
        }
        assert_eq!(count(&world).await, json!(1));
        // An instant that PostgreSQL does not keep is a bad row like others.
        let ancient = json!({"content": "sku,created_at\nold,-004713-01-01T00:00:00Z\nnew,\n", "on_error": "skip"});
        let answer = world.call(NODE, ancient).await.unwrap();
        assert_eq!((&answer["imported"], &answer["errors"][0]["code"]), (&json!(1), &json!("HM-D012")));
    })
    .await;
}
