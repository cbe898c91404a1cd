//! One row at a time: a read and an insert through a node, and as a prepared statement of the driver.

use std::time::Instant;

use serde_json::json;

use crate::processors::{self, Placed};
use crate::world::World;
use crate::{Bound, Line, Outcome, median};

/// Rows of the table of products.
pub(crate) const ROWS: usize = 20_000;
const TURNS: usize = 4_000;
const COLUMNS: &str = "sku, name, description, category, brand, price, cost, stock, weight, is_active, rating, reviews, sold_at, \
                       supplier, notes, id, created_at, updated_at";

pub(crate) async fn run(world: &World) -> Outcome<Vec<Line>> {
    let table = fill(world).await?;
    let Some((first, second)) = processors::two() else {
        let lines = [read(world, &table).await?, insert(world, &table, "").await?];
        return Ok(lines.into_iter().map(limited).collect());
    };
    let mut lines = Vec::new();
    for (server, places) in [(second, "two processors"), (first, "one processor")] {
        let _placed = Placed::new(world, first, server).await?;
        for mut line in [read(world, &table).await?, insert(world, &table, places).await?] {
            line.what = format!("{}, {places}", line.what);
            // Nothing is to wake on one: what is left is what both compute.
            lines.push(if server == second { limited(line) } else { line });
        }
    }
    Ok(lines)
}

fn limited(mut line: Line) -> Line {
    line.limit = Some(Bound::AtMost(1.15));
    line
}

/// Puts the products in, once; the name of their table.
pub(crate) async fn fill(world: &World) -> Outcome<String> {
    let table = format!("{}.products", world.schema);
    let text = format!(
        "INSERT INTO {table} (sku, name, category, price, created_at, updated_at) \
         SELECT 's' || n, 'product ' || n, 'c' || n % 50, n, now(), now() FROM generate_series(1, {ROWS}) n \
         WHERE NOT EXISTS (SELECT FROM {table}); ANALYZE {table}"
    );
    world.sql.batch_execute(&text).await?;
    Ok(table)
}

async fn read(world: &World, table: &str) -> Outcome<Line> {
    let statement = world.sql.prepare(&format!("SELECT {COLUMNS} FROM {table} WHERE id = $1")).await?;
    let (mut own, mut other) = (Vec::new(), Vec::new());
    for turn in 0..TURNS + TURNS / 10 {
        let id = (turn as i64 * 7919) % ROWS as i64 + 1;
        let began = Instant::now();
        world.sql.query_one(&statement, &[&id]).await?;
        let raw = began.elapsed();
        let input = json!({"operation": "read", "id": id});
        let began = Instant::now();
        let answer = world.call("ProductCRUDNode", input).await?;
        let node = began.elapsed();
        if answer["found"] != json!(true) {
            return Err("a row is missing".into());
        }
        // The first tenth warms up.
        if turn >= TURNS / 10 {
            other.push(raw.as_secs_f64() * 1e6);
            own.push(node.as_secs_f64() * 1e6);
        }
    }
    Ok(line("point read", own, other))
}

async fn insert(world: &World, table: &str, run: &str) -> Outcome<Line> {
    let statement = world
        .sql
        .prepare(&format!(
            "INSERT INTO {table} (sku, name, description, category, brand, price, stock, is_active, reviews) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING {COLUMNS}"
        ))
        .await?;
    let (mut own, mut other) = (Vec::new(), Vec::new());
    for turn in 0..TURNS / 2 {
        let (name, text) = (format!("product {turn}"), "what it is good for, in a sentence or two");
        let (first, second) = (format!("raw {run} {turn}"), format!("node {run} {turn}"));
        let began = Instant::now();
        world
            .sql
            .query_one(
                &statement,
                &[&first, &name, &text, &"tools", &"ACME", &9.5_f64, &3_i64, &true, &0_i64],
            )
            .await?;
        let raw = began.elapsed();
        // Made before, as the parameters of the driver's statement are.
        let input = json!({"operation": "create", "data": {
            "sku": second, "name": name, "description": text, "category": "tools", "brand": "ACME", "price": 9.5, "stock": 3,
        }});
        let began = Instant::now();
        world.call("ProductCRUDNode", input).await?;
        let node = began.elapsed();
        if turn >= TURNS / 20 {
            other.push(raw.as_secs_f64() * 1e6);
            own.push(node.as_secs_f64() * 1e6);
        }
    }
    Ok(line("insert", own, other))
}

fn line(what: &str, own: Vec<f64>, other: Vec<f64>) -> Line {
    Line {
        what: what.to_owned(),
        peer: "tokio-postgres, prepared".to_owned(),
        own: median(own),
        other: median(other),
        unit: "us, median",
        limit: None,
    }
}
