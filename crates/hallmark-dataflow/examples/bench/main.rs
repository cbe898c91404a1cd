//! What a node costs beside the raw driver, `pgbench` and `COPY`: `cargo xtask bench dataflow --project FOLDER`. By itself it takes the
//! number of rows of a file (a million), and the parts to measure (`generate points throughput files peers growth`).
//!
//! Each figure is a ratio of medians from one run: the sides take turns, so that a busy moment falls on both.

#![expect(clippy::print_stdout, reason = "an example that prints what it measures")]

mod files;
mod generate;
mod growth;
mod peers;
mod points;
mod processors;
mod throughput;
mod world;

use std::collections::VecDeque;
use std::error::Error;
use std::sync::Arc;

/// As the binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// One line of the table.
struct Line {
    what: String,
    peer: String,
    own: f64,
    other: f64,
    unit: &'static str,
    /// The ratio of ours to the other, and the bound on it: below for times, above for rates.
    limit: Option<Bound>,
}

/// What a ratio must keep.
#[derive(Clone, Copy)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Line {
    fn print(&self) -> bool {
        let ratio = self.own / self.other;
        let (text, kept) = match self.limit {
            Some(Bound::AtMost(most)) => (format!("at most {most}"), ratio <= most),
            Some(Bound::AtLeast(least)) => (format!("at least {least}"), ratio >= least),
            None => (String::new(), true),
        };
        let verdict = match (self.limit, kept) {
            (None, _) => "",
            (_, true) => "kept",
            (_, false) => "**missed**",
        };
        println!(
            "| {} | {:.1} | {} | {:.1} | {} | {ratio:.2} | {text} | {verdict} |",
            self.what, self.own, self.peer, self.other, self.unit
        );
        kept
    }
}

/// In a task, as a server has its requests: what waits outside of the workers is woken across threads.
#[tokio::main]
async fn main() -> Outcome {
    tokio::spawn(run()).await?
}

async fn run() -> Outcome {
    let mut arguments: VecDeque<String> = std::env::args().skip(1).collect();
    let rows: usize = arguments.pop_front().map_or(Ok(1_000_000), |text| text.parse())?;
    let parts = Vec::from(arguments);
    println!(
        "| what | ours | beside | theirs | unit | ratio | limit | |\n| --- | --- | --- | --- | --- | --- | --- | --- |"
    );
    let world = Arc::new(world::World::new().await?);
    let measured = measure(&world, rows, &parts).await;
    world.close().await?;
    if measured? { Ok(()) } else { Err("a limit was missed".into()) }
}

async fn measure(world: &Arc<world::World>, rows: usize, parts: &[String]) -> Outcome<bool> {
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|p| p == part);
    let mut kept = true;
    if wanted("generate") {
        kept &= generate::run()?.print();
    }
    if wanted("points") {
        kept &= print(&points::run(world).await?);
    }
    if wanted("throughput") {
        kept &= print(&throughput::run(world).await?);
    }
    if wanted("files") {
        kept &= print(&files::run(world, rows).await?);
    }
    if wanted("peers") {
        kept &= print(&peers::run(world).await?);
    }
    if wanted("growth") {
        kept &= print(&growth::run(world, rows * 10).await?);
    }
    Ok(kept)
}

/// Prints all lines; whether every limit was kept.
fn print(lines: &[Line]) -> bool {
    lines.iter().filter(|line| !line.print()).count() == 0
}

/// The middle of these.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
