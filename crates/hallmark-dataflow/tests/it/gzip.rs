//! Compressed files: written and read as they come, and what is cut off or damaged is refused at its row.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::support::{World, code, error, parse, with};

const PARTS: &str = "
@db.model
class Part:
    sku: str = Field(primary_key=True)
    name: Optional[str] = None
    __dataflow__ = {'timestamps': False}
";

fn zipped(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn put(world: &World, name: &str, bytes: &[u8]) {
    hallmark_core::fs::write_unsynced(&world.folder.join(name), bytes).unwrap();
}

async fn count(world: &World) -> u64 {
    world.ask("SELECT count(*) FROM {}.parts").await.as_u64().unwrap()
}

async fn clear(world: &World) {
    world.sql.batch_execute(&format!("TRUNCATE {}.parts", world.dataflow.schema())).await.unwrap();
}

/// Lines that compress badly, so that a cut is in the middle of rows.
fn lines(rows: u64) -> String {
    let mut text = "sku,name\n".to_owned();
    for n in 0..rows {
        text.push_str(&format!("{n:06},{}\n", &hallmark_core::digest::sha256(&n.to_be_bytes())[..40]));
    }
    text
}

#[tokio::test]
async fn what_is_compressed_is_read_back() {
    with(parse(PARTS), |world| async move {
        let text = lines(20_000);
        // Several members behind each other, as programs that compress side by side write them.
        let (one, two) = text.split_at(text.len() / 3);
        put(&world, "in.csv.gz", &[zipped(one), zipped(two)].concat());
        let import = world.call("PartImportNode", json!({"path": "in.csv.gz"})).await.unwrap();
        assert_eq!(import["imported"], 20_000);
        for format in ["csv", "jsonl"] {
            let (plain, name) = (format!("out.{format}"), format!("out.{format}.gz"));
            let sorted = |path: &str| json!({"format": format, "path": path, "sort": ["sku"]});
            let compressed = world.call("PartExportNode", sorted(&name)).await.unwrap();
            world.call("PartExportNode", sorted(&plain)).await.unwrap();
            let bytes = std::fs::read(world.folder.join(&name)).unwrap();
            assert_eq!(compressed["sha256"], json!(hallmark_core::digest::sha256(&bytes)));
            assert_eq!(compressed["bytes"], json!(bytes.len()));
            let mut held = Vec::new();
            MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut held).unwrap();
            assert!(
                held == std::fs::read(world.folder.join(&plain)).unwrap() && bytes.len() < held.len(),
                "{format}"
            );
            clear(&world).await;
            let import = world.call("PartImportNode", json!({"format": format, "path": name})).await.unwrap();
            assert_eq!(import["imported"], 20_000, "{format}");
        }
        // What it is counts, not what it is called; only the other way round something is wrong.
        put(&world, "odd.csv", &zipped("sku\nz1\n"));
        assert_eq!(world.call("PartImportNode", json!({"path": "odd.csv"})).await.unwrap()["imported"], 1);
        put(&world, "plain.csv.gz", b"sku\nz2\n");
        assert_eq!(code(world.call("PartImportNode", json!({"path": "plain.csv.gz"})).await), "HM-D109");
        put(&world, "empty.csv.gz", b"");
        assert_eq!(code(world.call("PartImportNode", json!({"path": "empty.csv.gz"})).await), "HM-D109");
        put(&world, "latin.csv.gz", &{
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(b"sku,name\nz3,\xfc\n").unwrap();
            encoder.finish().unwrap()
        });
        world.call("PartImportNode", json!({"path": "latin.csv.gz", "encoding": "latin-1"})).await.unwrap();
        assert_eq!(world.ask("SELECT name FROM {}.parts WHERE sku = 'z3'").await, "ü");
    })
    .await;
}

#[tokio::test]
async fn what_is_cut_off_is_refused_at_its_row() {
    with(parse(PARTS), |world| async move {
        let text = lines(20_000);
        let whole = zipped(&text);
        for (length, way) in
            [(whole.len() / 2, "error"), (whole.len() / 2, "update"), (whole.len() - 4, "error")]
        {
            put(&world, "cut.csv.gz", &whole[..length]);
            // The row that was being read where the data ends.
            let mut held = Vec::new();
            let _ = MultiGzDecoder::new(&whole[..length]).read_to_end(&mut held);
            let row = held.iter().filter(|b| **b == b'\n').count();
            let refused =
                error(world.call("PartImportNode", json!({"path": "cut.csv.gz", "on_conflict": way})).await);
            assert_eq!(refused.code().id, "HM-D109", "{refused}");
            assert_eq!(
                refused.place(),
                Some(format!("cut.csv.gz: row {row}").as_str()),
                "{way} {length}: {refused}"
            );
            assert_eq!(count(&world).await, 0);
        }
        let mut damaged = whole.clone();
        let at = damaged.len() / 2;
        damaged[at] ^= 0x55;
        put(&world, "damaged.csv.gz", &damaged);
        let refused = error(world.call("PartImportNode", json!({"path": "damaged.csv.gz"})).await);
        assert!(["HM-D109", "HM-D052", "HM-D053"].contains(&refused.code().id), "{refused}");
        assert_eq!(count(&world).await, 0);
        let json_lines: String = (0..50).map(|n| format!("{{\"sku\": \"{n}\"}}\n")).collect();
        let short = zipped(&json_lines);
        put(&world, "cut.jsonl.gz", &short[..short.len() - 3]);
        let refused =
            error(world.call("PartImportNode", json!({"format": "jsonl", "path": "cut.jsonl.gz"})).await);
        assert_eq!((refused.code().id, refused.place()), ("HM-D109", Some("cut.jsonl.gz: row 51")));
        // In parts, those before it stay, and the whole file goes on behind them.
        put(&world, "cut.csv.gz", &whole[..whole.len() / 2]);
        let parts = json!({"path": "cut.csv.gz", "commit_every": 1_000});
        assert_eq!(code(world.call("PartImportNode", parts).await), "HM-D109");
        let before = count(&world).await;
        assert!(before >= 1_000 && before % 1_000 == 0, "{before}");
        put(&world, "cut.csv.gz", &whole);
        let on = json!({"path": "cut.csv.gz", "commit_every": 1_000, "unfinished": "resume"});
        let resumed = world.call("PartImportNode", on).await.unwrap();
        assert_eq!((&resumed["resumed_at"], count(&world).await), (&json!(before), 20_000));
    })
    .await;
}
