//! Reads by key from many clients at once, through nodes and by `pgbench` with prepared statements.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::world::World;
use crate::{Bound, Line, Outcome, median};

/// Rows of the table: `pgbench`'s at scale 5.
const ROWS: i64 = 500_000;
/// Turns of each side, and how long one is.
const TURNS: usize = 5;
const SECONDS: u64 = 4;

pub(crate) async fn run(world: &Arc<World>) -> Outcome<Vec<Line>> {
    let table = format!("{}.accounts", world.schema);
    world
        .sql
        .batch_execute(&format!(
            "INSERT INTO {table} (bid, abalance, filler) SELECT n % 5 + 1, 0, repeat('x', 84) FROM generate_series(1, {ROWS}) n; \
             ANALYZE {table}"
        ))
        .await?;
    let script = world.folder.join("read.sql");
    let text = format!("\\set id random(1, {ROWS})\nSELECT abalance FROM {table} WHERE id = :id;\n");
    hallmark_core::fs::write_unsynced(&script, text.as_bytes())?;
    let pgbench = pgbench()?;
    let mut lines = Vec::new();
    for (clients, least) in [(8, 0.85), (64, 1.0)] {
        let (mut own, mut other) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            other.push(theirs(world, &pgbench, &script, clients)?);
            own.push(ours(world, clients).await?);
        }
        lines.push(Line {
            what: format!("reads, {clients} clients"),
            peer: "pgbench -M prepared".to_owned(),
            own: median(own),
            other: median(other),
            unit: "reads/s, median",
            limit: Some(Bound::AtLeast(least)),
        });
    }
    Ok(lines)
}

async fn ours(world: &Arc<World>, clients: usize) -> Outcome<f64> {
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let began = Instant::now();
    let timer = tokio::spawn({
        let stop = Arc::clone(&stop);
        async move {
            tokio::time::sleep(Duration::from_secs(SECONDS)).await;
            stop.store(true, Ordering::Relaxed);
        }
    });
    let reader = |client: usize| {
        let (world, stop, count) = (Arc::clone(world), Arc::clone(&stop), Arc::clone(&count));
        async move {
            let mut random = client as u64 * 2_654_435_761 + 1;
            while !stop.load(Ordering::Relaxed) {
                // An xorshift: any order of keys that the cache cannot guess.
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                let id = (random % ROWS.unsigned_abs()) as i64 + 1;
                let input = json!({"operation": "read", "id": id, "fields": ["abalance"]});
                world.call("AccountCRUDNode", input).await?;
                count.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
        }
    };
    // Each in a task of its own, as a server has them.
    let readers: Vec<_> = (0..clients).map(|client| tokio::spawn(reader(client))).collect();
    for reader in readers {
        reader.await??;
    }
    timer.await?;
    Ok(count.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64())
}

fn theirs(world: &World, pgbench: &PathBuf, script: &PathBuf, clients: usize) -> Outcome<f64> {
    let output = Command::new(pgbench)
        .args([
            "-n",
            "-M",
            "prepared",
            "-T",
            &SECONDS.to_string(),
            "-c",
            &clients.to_string(),
            "-j",
            "2",
            "-f",
        ])
        .arg(script)
        .arg(&world.url)
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("tps = "));
    let tps = line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse().ok());
    tps.ok_or_else(|| format!("pgbench: {}", String::from_utf8_lossy(&output.stderr)).into())
}

/// The newest `pgbench` that Debian's packages brought, or the one on the path.
fn pgbench() -> Outcome<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin/pgbench")))
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    Ok(found.pop().unwrap_or_else(|| "pgbench".into()))
}
