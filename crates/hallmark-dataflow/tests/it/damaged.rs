//! Files of JSON lines and Parquet that no program should have written: refused at their row, and nothing of them is kept.

use serde_json::{Value, json};

use crate::support::{World, error, parse, with};

const NODE: &str = "EventImportNode";
const EVENTS: &str = "
@db.model
class Event:
    number: int
    name: str
    ratio: Optional[float] = None
    detail: Optional[dict] = None
    __dataflow__ = {'timestamps': False}
";

fn write(world: &World, name: &str, bytes: &[u8]) {
    let path = world.folder.join(name);
    hallmark_core::fs::write_atomic(&path, bytes, hallmark_core::fs::Mode::Default).unwrap();
}

async fn count(world: &World) -> Value {
    world.ask("SELECT count(*) FROM {}.events").await
}

/// The third line of a file whose others are in order.
fn third_lines() -> Vec<(&'static str, Vec<u8>)> {
    let text = |text: &str| text.as_bytes().to_vec();
    let million: String = (0..1_000_000).map(|n| format!("\"m{n}\":{n},")).collect();
    let deep = format!(
        "{{\"number\": 3, \"name\": \"c\", \"detail\": {}1{}}}",
        "{\"a\":".repeat(20_000),
        "}".repeat(20_000)
    );
    vec![
        ("a million members", text(&format!("{{{million}\"number\": 3, \"name\": \"c\"}}"))),
        ("nested deeply", text(&deep)),
        ("no UTF-8", [b"{\"number\": 3, \"name\": \"caf".as_slice(), b"\xe9", b"\"}"].concat()),
        ("half of a surrogate pair", text("{\"number\": 3, \"name\": \"\\ud800\"}")),
        ("a NUL", text("{\"number\": 3, \"name\": \"a\\u0000b\"}")),
        ("cut off", text("{\"number\": 3, \"na")),
        ("NaN", text("{\"number\": 3, \"name\": \"c\", \"ratio\": NaN}")),
        ("beyond a double", text("{\"number\": 3, \"name\": \"c\", \"ratio\": 1e999}")),
        ("beyond 64 bits", text("{\"number\": 9223372036854775808, \"name\": \"c\"}")),
        ("a fraction", text("{\"number\": 3.5, \"name\": \"c\"}")),
        ("an array", text("[3, \"c\"]")),
        ("null", text("null")),
        ("two values", text("{\"number\": 3, \"name\": \"c\"} {\"number\": 4, \"name\": \"d\"}")),
        ("a statement", text("'; DROP TABLE events; --")),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_is_no_row_is_refused_at_its_row() {
    with(parse(EVENTS), |world| async move {
        for (what, line) in third_lines() {
            let head = b"{\"number\": 1, \"name\": \"a\"}\n{\"number\": 2, \"name\": \"b\"}\n";
            write(
                &world,
                "in.jsonl",
                &[head.as_slice(), &line, b"\n{\"number\": 5, \"name\": \"e\"}\n"].concat(),
            );
            for more in [json!({}), json!({"on_conflict": "skip"}), json!({"commit_every": 100})] {
                let mut input = json!({"path": "in.jsonl", "format": "jsonl"});
                input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
                let refused = error(world.call(NODE, input.clone()).await);
                assert!(
                    ["HM-D052", "HM-D053", "HM-D024"].contains(&refused.code().id),
                    "{what} {input}: {refused:?}"
                );
                let said = format!("{refused:?}");
                assert!(said.contains("row 3"), "{what} {input}: {said:.400}");
                assert!(said.len() < 4_000, "{what}: a message of {} bytes", said.len());
                assert_eq!(count(&world).await, json!(0), "{what} {input}");
            }
            // The rows before and after are in order, unless the file cannot be read on.
            let skip = json!({"path": "in.jsonl", "format": "jsonl", "on_error": "skip"});
            match world.call(NODE, skip).await {
                Ok(done) => {
                    assert_eq!(
                        (&done["imported"], &done["refused"]),
                        (&json!(3), &json!(1)),
                        "{what}: {done}"
                    );
                    assert_eq!(done["errors"][0]["row"], json!(3), "{what}");
                    world
                        .sql
                        .batch_execute(&format!("DELETE FROM {}.events", world.dataflow.schema()))
                        .await
                        .unwrap();
                }
                Err(unread) => {
                    assert!(["HM-D052", "HM-D024"].contains(&unread.code().id), "{what}: {unread:?}");
                    assert_eq!(count(&world).await, json!(0), "{what}");
                }
            }
        }
    })
    .await;
}

/// Wherever a file of columns is cut or changed, it is refused or read; nothing breaks off, and nothing half is kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_columns_are_refused() {
    with(parse(EVENTS), |world| async move {
        let rows: Vec<Value> = (0..300)
            .map(|n| json!({"number": n, "name": format!("event {n}"), "ratio": 0.5, "detail": {"n": n}}))
            .collect();
        world.call("EventCRUDNode", json!({"operation": "bulk_create", "rows": rows})).await.unwrap();
        for format in ["parquet", "arrow", "xlsx"] {
            let fields = json!(["number", "name", "ratio", "detail"]);
            let path = format!("whole.{format}");
            world
                .call("EventExportNode", json!({"format": format, "path": path, "fields": fields}))
                .await
                .unwrap();
            let whole = std::fs::read(world.folder.join(&path)).unwrap();
            world
                .sql
                .batch_execute(&format!("DELETE FROM {}.events", world.dataflow.schema()))
                .await
                .unwrap();
            let mut dice = crate::dice::Dice::new(7);
            for n in 0..60 {
                let at = usize::try_from(dice.below(whole.len() as u64)).unwrap();
                let mut bytes = whole.clone();
                if n % 2 == 0 {
                    bytes.truncate(at);
                } else {
                    bytes[at] ^= u8::try_from(1 + dice.below(255)).unwrap();
                }
                write(&world, "in.bin", &bytes);
                let answer = world.call(NODE, json!({"path": "in.bin", "format": format})).await;
                let there = count(&world).await;
                match answer {
                    // A changed byte may be one of a text or a number, or of what nobody reads.
                    Ok(done) => {
                        assert_eq!((&done["imported"], n % 2), (&there, 1), "{format} at {at}: {done}");
                    }
                    Err(refused) => {
                        let known = ["HM-D052", "HM-D053", "HM-D024", "HM-D051"];
                        assert!(known.contains(&refused.code().id), "{format} at {at}: {refused:?}");
                        assert_eq!(there, json!(0), "{format} at {at}");
                    }
                }
                world
                    .sql
                    .batch_execute(&format!("DELETE FROM {}.events", world.dataflow.schema()))
                    .await
                    .unwrap();
            }
            world.call(NODE, json!({"path": path, "format": format})).await.unwrap();
        }
    })
    .await;
}
