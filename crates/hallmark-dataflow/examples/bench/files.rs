//! A million rows in and out: through nodes, and by `COPY` alone.

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;

use crate::world::World;
use crate::{Bound, Line, Outcome, median};

const TURNS: usize = 3;
const COLUMNS: &str = "sku, name, description, category, brand, price, cost, stock, weight, is_active, rating, reviews, sold_at, \
                       supplier, notes";

pub(crate) async fn run(world: &World, rows: usize) -> Outcome<Vec<Line>> {
    let table = format!("{}.products", world.schema);
    let file = world.folder.join("products.csv");
    write(&file, rows)?;
    let (mut own_in, mut raw_in, mut own_out, mut raw_out) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let before = peak_kib()?;
    let mut grown = 0;
    for _ in 0..TURNS {
        raw_in.push(rate(rows, copy_in(world, &table, &file)).await?);
        world.sql.batch_execute(&format!("TRUNCATE {table}; CHECKPOINT")).await?;
        own_in.push(rate(rows, import(world, rows)).await?);
        raw_out.push(rate(rows, copy_out(world, &table)).await?);
        own_out.push(rate(rows, export(world, rows)).await?);
        world.sql.batch_execute(&format!("TRUNCATE {table}; CHECKPOINT")).await?;
        grown = peak_kib()?.saturating_sub(before) / 1024;
    }
    println!("| memory that {rows} rows took, in and out | {grown} | | | MiB | | | |");
    let line = |what: &str, own, other, peer: &str| Line {
        what: what.to_owned(),
        peer: peer.to_owned(),
        own: median(own) / 1e3,
        other: median(other) / 1e3,
        unit: "1,000 rows/s, median",
        limit: Some(Bound::AtLeast(0.8)),
    };
    Ok(vec![
        line("import of CSV", own_in, raw_in, "COPY FROM, csv"),
        line("export to CSV", own_out, raw_out, "COPY TO, csv"),
    ])
}

async fn rate(rows: usize, work: impl Future<Output = Outcome>) -> Outcome<f64> {
    let began = Instant::now();
    work.await?;
    Ok(rows as f64 / began.elapsed().as_secs_f64())
}

async fn import(world: &World, rows: usize) -> Outcome {
    let answer = world.call("ProductImportNode", json!({"path": "products.csv"})).await?;
    if answer["imported"] == json!(rows) { Ok(()) } else { Err(answer.to_string().into()) }
}

async fn export(world: &World, rows: usize) -> Outcome {
    let answer = world.call("ProductExportNode", json!({"path": "out.csv", "sort": "id"})).await?;
    if answer["rows"] == json!(rows) { Ok(()) } else { Err(answer.to_string().into()) }
}

/// The file, as it is, to the server.
async fn copy_in(world: &World, table: &str, file: &Path) -> Outcome {
    use tokio::io::AsyncReadExt as _;
    let statement = format!("COPY {table} ({COLUMNS}) FROM STDIN (FORMAT csv, HEADER)");
    let sink = world.sql.copy_in::<_, Bytes>(&statement).await?;
    futures_util::pin_mut!(sink);
    let mut input = tokio::fs::File::open(file).await?;
    loop {
        let mut chunk = bytes::BytesMut::with_capacity(256 * 1024);
        if input.read_buf(&mut chunk).await? == 0 {
            break;
        }
        sink.send(chunk.freeze()).await?;
    }
    sink.finish().await?;
    Ok(())
}

/// What the server sends, in order of the key, into a file that is synced as an export's is.
async fn copy_out(world: &World, table: &str) -> Outcome {
    use tokio::io::AsyncWriteExt as _;
    let statement = format!(
        "COPY (SELECT {COLUMNS}, id, created_at, updated_at FROM {table} ORDER BY id) TO STDOUT (FORMAT csv, HEADER)"
    );
    let stream = world.sql.copy_out(&statement).await?;
    futures_util::pin_mut!(stream);
    let mut output = tokio::fs::File::create(world.folder.join("raw.csv")).await?;
    let mut chunk = Vec::with_capacity(512 * 1024);
    while let Some(bytes) = stream.next().await {
        chunk.extend_from_slice(&bytes?);
        if chunk.len() >= 256 * 1024 {
            output.write_all(&chunk).await?;
            chunk.clear();
        }
    }
    output.write_all(&chunk).await?;
    output.flush().await?;
    output.sync_all().await?;
    Ok(())
}

fn write(path: &Path, rows: usize) -> Outcome {
    let mut out = std::io::BufWriter::new(std::fs::File::create(path)?);
    writeln!(out, "{}", COLUMNS.replace(' ', ""))?;
    for n in 0..rows {
        writeln!(
            out,
            "sku-{n},\"Product {n}, 18 V\",what it is good for in a sentence of some words,category {},brand {},{}.{:02},{}.5,{},0.{},{},\
             4.{},{},2026-0{}-1{}T10:00:00Z,{},",
            n % 50,
            n % 300,
            n % 900 + 1,
            n % 100,
            n % 700,
            n % 1_000,
            n % 9 + 1,
            n % 3 != 0,
            n % 10,
            n % 5_000,
            n % 9 + 1,
            n % 10,
            n % 40
        )?;
    }
    out.flush()?;
    Ok(())
}

/// The most memory that this process has had, in KiB.
fn peak_kib() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no peak is told")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
