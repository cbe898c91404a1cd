//! Measures the classifier on names that it has not seen: `cargo run --release -p hallmark-agents --example evaluate [FILE.csv]`.
//!
//! The file has the columns `name` and `category` (an id, or `unknown` for what belongs nowhere); without one, the held-out set
//! `data/eval.csv` is taken. The services are read from the environment (`eval $(hallmark env)`).

use std::path::Path;
use std::time::Instant;

use hallmark_agents::Data;
use hallmark_core::{Error, Result, fs};
use hallmark_services::{Endpoints, Handles};
use hallmark_workflow::{Caller, Context, Registry};
use serde_json::{Value, json};

const PREFIX: &str = "agents-evaluate";

fn main() -> std::process::ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = runtime.map_err(|e| Error::new(&hallmark_core::codes::INTERNAL, "no runtime").because(&e));
    match result.and_then(|runtime| runtime.block_on(measure())) {
        Ok(text) => {
            use std::io::Write as _;
            let _ = writeln!(std::io::stdout(), "{text}");
            std::process::ExitCode::SUCCESS
        }
        Err(error) => {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "{error:?}");
            std::process::ExitCode::from(error.code().exit.code())
        }
    }
}

#[derive(Default)]
struct Tally {
    known: u32,
    top1: u32,
    top3: u32,
    answered: u32,
    answered_right: u32,
    confidence: f64,
    unknown: u32,
    refused: u32,
    latencies_ms: Vec<f64>,
    misses: Vec<String>,
}

async fn measure() -> Result<String> {
    let text = match std::env::args().nth(1) {
        Some(path) => fs::read_text(Path::new(&path))?,
        None => include_str!("../data/eval.csv").to_owned(),
    };
    let handles = Handles::connect(&Endpoints::from_env()?)?;
    let data = Data::load(None)?;
    let report = hallmark_agents::load(&handles, &data, PREFIX).await?;
    let mut registry = Registry::new();
    registry.register_all(hallmark_agents::nodes(
        &handles,
        &hallmark_services::Guarded::bare(&handles),
        &data,
        PREFIX,
    )?)?;
    let context = Context::new(&Caller::new("evaluate"));
    let mut tally = Tally::default();
    for record in csv::Reader::from_reader(text.as_bytes()).records() {
        let record =
            record.map_err(|e| Error::new(&hallmark_core::codes::READ_FAILED, "no row").because(&e))?;
        let input = json!({"product_name": record[0]}).as_object().cloned().unwrap_or_default();
        let begun = Instant::now();
        let answer = registry.call("ProductClassificationNode", &context, input).await?;
        tally.latencies_ms.push(begun.elapsed().as_secs_f64() * 1_000.0);
        tally.count(&record[0], &record[1], &answer);
    }
    hallmark_agents::remove(&handles, PREFIX).await?;
    Ok(tally.text(&report))
}

impl Tally {
    fn count(&mut self, name: &str, expected: &str, answer: &Value) {
        let known = answer["known"] == true;
        if expected == "unknown" {
            self.unknown += 1;
            self.refused += u32::from(!known);
            return;
        }
        let best = answer["category"]["id"].as_str();
        let others = answer["alternatives"].as_array().into_iter().flatten().filter_map(|a| a["id"].as_str());
        let ranked: Vec<&str> = best.into_iter().chain(others).take(3).collect();
        let right = ranked.first() == Some(&expected);
        self.known += 1;
        self.top1 += u32::from(right);
        self.top3 += u32::from(ranked.contains(&expected));
        self.answered += u32::from(known);
        self.answered_right += u32::from(known && right);
        self.confidence += answer["confidence"].as_f64().unwrap_or_default();
        if !right {
            self.misses.push(format!("  {name}: {expected}, got {}", ranked.first().unwrap_or(&"nothing")));
        }
    }

    fn text(mut self, report: &hallmark_agents::LoadReport) -> String {
        self.latencies_ms.sort_by(f64::total_cmp);
        let at =
            |q: usize| self.latencies_ms.get(self.latencies_ms.len() * q / 100).copied().unwrap_or_default();
        let share = |part: u32, whole: u32| f64::from(part) / f64::from(whole.max(1));
        format!(
            "{}\nloaded {} texts in {} ms, version {}\n{} names: top-1 {:.3}, top-3 {:.3}, mean confidence {:.3}\n\
             answered {:.3} of them, right where answered {:.3}\n{} that belong nowhere: refused {:.3}\n\
             latency p50 {:.1} ms, p95 {:.1} ms",
            self.misses.join("\n"),
            report.embedded,
            report.duration_ms,
            report.version,
            self.known,
            share(self.top1, self.known),
            share(self.top3, self.known),
            self.confidence / f64::from(self.known.max(1)),
            share(self.answered, self.known),
            share(self.answered_right, self.answered),
            self.unknown,
            share(self.refused, self.unknown),
            at(50),
            at(95),
        )
    }
}
