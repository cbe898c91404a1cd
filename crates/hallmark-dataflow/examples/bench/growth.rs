//! Whether what is asked all day stays as quick as a table grows: a hundredth of the rows, then all of them.

use std::time::Instant;

use serde_json::{Value, json};

use crate::world::World;
use crate::{Bound, Line, Outcome, median};

const TURNS: usize = 1_500;
/// A tree is one level higher, and less of it is in caches; a scan would be a hundred times slower.
const GROWTH_MAX: f64 = 1.5;

pub(crate) async fn run(world: &World, rows: usize) -> Outcome<Vec<Line>> {
    let small = rows / 100;
    fill(world, 1, small).await?;
    let before = measure(world, small).await?;
    fill(world, small + 1, rows).await?;
    let after = measure(world, rows).await?;
    let line = |(what, own): (&'static str, f64), other: f64| Line {
        what: format!("{what}, {rows} rows"),
        peer: format!("{small} rows"),
        own,
        other,
        unit: "us, median",
        limit: Some(Bound::AtMost(GROWTH_MAX)),
    };
    Ok(after.into_iter().zip(before).map(|(after, (_, before))| line(after, before)).collect())
}

/// Titles share a word with nineteen others each, however many there are.
async fn fill(world: &World, first: usize, last: usize) -> Outcome {
    let table = format!("{}.events", world.schema);
    let text = format!(
        "INSERT INTO {table} (code, kind, title, amount, created_at, updated_at) \
         SELECT 'e' || n, 'k' || n / 50, 'order word' || n / 20 || ' of a day', n % 1000, now(), now() \
         FROM generate_series({first}, {last}) n"
    );
    world.sql.batch_execute(&text).await?;
    world.sql.batch_execute(&format!("VACUUM ANALYZE {table}")).await?;
    world.sql.batch_execute("CHECKPOINT").await?;
    Ok(())
}

async fn measure(world: &World, rows: usize) -> Outcome<Vec<(&'static str, f64)>> {
    let key = |turn: usize| (turn * 7_919_317) % rows + 1;
    let mut cursor = Value::Null;
    let mut measured = Vec::new();
    for what in ["full-text search", "filtered search", "keyset page", "cached read"] {
        let mut taken = Vec::new();
        for turn in 0..TURNS {
            let number = key(turn);
            let (node, input) = match what {
                "full-text search" => (
                    "EventSearchNode",
                    json!({"operation": "search", "query": format!("word{}", number / 20), "limit": 20}),
                ),
                "filtered search" => (
                    "EventSearchNode",
                    json!({"operation": "search", "filter": {"kind": format!("k{}", number / 50)}, "sort": "-id", "limit": 20}),
                ),
                // From the middle on, page after page.
                "keyset page" if cursor.is_null() => (
                    "EventSearchNode",
                    json!({"operation": "search", "filter": {"id": {"gt": rows / 2}}, "sort": "id", "limit": 20}),
                ),
                "keyset page" => (
                    "EventSearchNode",
                    json!({"operation": "search", "filter": {"id": {"gt": rows / 2}}, "sort": "id", "limit": 20, "cursor": cursor}),
                ),
                // Few keys, so that they are found in the cache.
                _ => ("EventCacheNode", json!({"operation": "get", "id": key(turn % 50)})),
            };
            let began = Instant::now();
            let answer = world.call(node, input).await?;
            let micros = began.elapsed().as_secs_f64() * 1e6;
            if answer["found"] == json!(false) || answer["rows"].as_array().is_some_and(Vec::is_empty) {
                return Err(format!("{what} found nothing: {answer}").into());
            }
            if what == "keyset page" {
                cursor = answer["next_cursor"].clone();
            }
            if turn >= TURNS / 10 {
                taken.push(micros);
            }
        }
        measured.push((what, median(taken)));
    }
    Ok(measured)
}
