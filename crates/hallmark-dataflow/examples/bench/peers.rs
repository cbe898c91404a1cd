//! The same rows through what others offer to Python, each in turns with the nodes (`peers.py` beside this file).

use std::future::Future;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use crate::points::{self, ROWS};
use crate::world::World;
use crate::{Line, Outcome, median};

/// Turns of each side, and what is asked for in each.
const TURNS: usize = 6;
const SINGLE: usize = 100;
const BULK: usize = 1_000;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/bench/peers.py");
/// By peer: the variable that names the Python which has it.
const PEERS: [(&str, &str); 4] = [
    ("asyncpg", "HALLMARK_BENCH_PYTHON"),
    ("sqlalchemy", "HALLMARK_BENCH_PYTHON"),
    ("kailash-dataflow", "HALLMARK_BENCH_PYTHON"),
    ("kailash-enterprise", "HALLMARK_BENCH_PYTHON_ENTERPRISE"),
];
const OPERATIONS: [&str; 4] = ["read", "insert", "list", "bulk"];

pub(crate) async fn run(world: &World) -> Outcome<Vec<Line>> {
    points::fill(world).await?;
    let mut lines = Vec::new();
    for (name, variable) in PEERS {
        let python = std::env::var(variable)
            .map_err(|_| format!("{variable} names no Python: use cargo xtask bench dataflow"))?;
        let database = format!("{}_{}", world.schema, name.replace('-', "_"));
        world.sql.batch_execute(&format!("CREATE DATABASE {database}")).await?;
        let measured = beside(world, name, &python, &database).await;
        world.sql.batch_execute(&format!("DROP DATABASE {database} WITH (FORCE)")).await?;
        lines.extend(measured?);
    }
    Ok(lines)
}

async fn beside(world: &World, name: &'static str, python: &str, database: &str) -> Outcome<Vec<Line>> {
    let mut peer = Peer::start(name, python, &in_database(&world.url, database)?)?;
    let mut lines = Vec::new();
    for operation in OPERATIONS {
        let (mut own, mut other) = (Vec::new(), Vec::new());
        for turn in 0..=TURNS {
            let theirs = peer.ask(operation)?;
            let ours = ours(world, operation, turn).await?;
            // The first turn warms up.
            if turn > 0 {
                other.extend(theirs);
                own.extend(ours);
            }
        }
        let is_bulk = operation == "bulk";
        let shown = |micros: f64| if is_bulk { BULK as f64 / micros * 1e6 } else { micros };
        lines.push(Line {
            what: format!("{operation} ({name})"),
            peer: name.to_owned(),
            own: shown(median(own)),
            other: shown(median(other)),
            unit: if is_bulk { "rows/s, median" } else { "us, median" },
            limit: None,
        });
    }
    Ok(lines)
}

/// Microseconds of each of our operations, as the peer counts them.
async fn ours(world: &World, operation: &str, turn: usize) -> Outcome<Vec<f64>> {
    let key = |n: usize| (n * 7_919 + turn * 31) % ROWS + 1;
    let product = |sku: String| {
        json!({
            "name": format!("product {sku}"), "sku": sku, "description": "what it is good for, in a sentence or two",
            "category": "c7", "brand": "ACME", "price": 9.5, "cost": 1.0, "stock": 3, "weight": 1.0, "is_active": true,
            "rating": 4.5, "reviews": 0, "supplier": 1, "notes": "",
        })
    };
    let fresh = hallmark_core::random::token(6)?;
    if operation == "bulk" {
        let rows: Vec<Value> = (0..BULK).map(|n| product(format!("{fresh}-{n}"))).collect();
        let input = json!({"operation": "bulk_create", "rows": rows});
        return Ok(vec![timed(world.call("ProductCRUDNode", input)).await?.0]);
    }
    let mut taken = Vec::new();
    for n in 0..SINGLE {
        let (node, input) = match operation {
            "read" => ("ProductCRUDNode", json!({"operation": "read", "id": key(n)})),
            "insert" => {
                ("ProductCRUDNode", json!({"operation": "create", "data": product(format!("{fresh}-{n}"))}))
            }
            _ => (
                "ProductSearchNode",
                json!({"operation": "search", "filter": {"id": {"gt": key(n) / 2}}, "sort": "id", "limit": 20}),
            ),
        };
        let (micros, answer) = timed(world.call(node, input)).await?;
        if operation == "list" && answer["rows"].as_array().map(Vec::len) != Some(20) {
            return Err(format!("the list is not whole: {answer}").into());
        }
        taken.push(micros);
    }
    Ok(taken)
}

async fn timed(work: impl Future<Output = Outcome<Value>>) -> Outcome<(f64, Value)> {
    let began = Instant::now();
    let answer = work.await?;
    Ok((began.elapsed().as_secs_f64() * 1e6, answer))
}

/// The address with another database in it.
fn in_database(url: &str, database: &str) -> Outcome<String> {
    let plain = url.split('?').next().unwrap_or(url);
    let (server, _) = plain.rsplit_once('/').ok_or("the address names no database")?;
    Ok(format!("{server}/{database}"))
}

struct Peer {
    name: &'static str,
    child: Child,
    questions: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Peer {
    /// Starts it, and waits until its rows are there.
    fn start(name: &'static str, python: &str, url: &str) -> Outcome<Self> {
        let mut child = Command::new(python)
            .args([SCRIPT, name, url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (Some(questions), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the peer has no pipes".into());
        };
        let mut peer = Self { name, child, questions, answers: BufReader::new(answers).lines() };
        peer.answer()?;
        Ok(peer)
    }

    fn ask(&mut self, operation: &str) -> Outcome<Vec<f64>> {
        let count = if operation == "bulk" { BULK } else { SINGLE };
        writeln!(self.questions, "{operation} {count}")?;
        self.questions.flush()?;
        self.answer()
    }

    fn answer(&mut self) -> Outcome<Vec<f64>> {
        let line = tokio::task::block_in_place(|| self.answers.next());
        let line = line.ok_or_else(|| format!("{} ended: run peers.py by hand to see why", self.name))??;
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
