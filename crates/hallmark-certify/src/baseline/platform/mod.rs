//! Baseline, part 3: the project's Python runs on every platform: no unguarded import of a Unix-only module, no output that a
//! Windows console cannot show.

mod control;
mod lines;

use std::path::Path;
use std::time::Instant;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hallmark_core::Result;
use hallmark_evidence::Evidence;
use serde_json::json;

use crate::context::{Context, Instrument, Measured};
use crate::limits::PLACES_LISTED_MAX;
use crate::score::{BASELINE_PARTS, BASELINE_WEIGHT};
use crate::section::Kind;
use crate::tree;

/// The requirement that this part breaks the baseline down to.
const REQUIREMENT: &str = "REQ-BASE-003";

/// The part.
pub(crate) static PART: Instrument = Instrument {
    id: "platform",
    title: "Platform compatibility",
    kind: Kind::Baseline,
    weight: BASELINE_WEIGHT / BASELINE_PARTS as f64,
    measure,
    control: control::run,
};

fn measure(context: &Context) -> BoxFuture<'_, Measured> {
    async move {
        let started = Instant::now();
        let [imports, console] = checks();
        match examine(context.project.root()) {
            Ok(found) if found.files == 0 => {
                Measured::evidence([imports, console].map(|e| e.because("the project has no Python file")))
            }
            Ok(found) => Measured::evidence([
                judge(imports.took(started.elapsed()), found.files, &found.imports),
                judge(console.took(started.elapsed()), found.files, &found.outputs),
            ]),
            Err(error) => Measured::evidence([imports, console].map(|e| e.because(error.to_string()))),
        }
    }
    .boxed()
}

fn checks() -> [Evidence; 2] {
    [
        Evidence::new(
            REQUIREMENT,
            "platform.imports",
            "no module imports a Unix-only or Windows-only module without a guard",
        )
        .threshold("0 such imports")
        .reproduce("hallmark check"),
        Evidence::new(
            REQUIREMENT,
            "platform.console",
            "nothing is printed that a cp1252 console cannot show",
        )
        .threshold("0 such lines outside tests")
        .reproduce("hallmark check"),
    ]
}

fn judge(evidence: Evidence, files: usize, places: &[String]) -> Evidence {
    let first: Vec<&String> = places.iter().take(PLACES_LISTED_MAX).collect();
    let evidence =
        evidence.measured(json!({"files": files, "count": places.len(), "first": first}), places.is_empty());
    match places.first() {
        Some(place) => evidence.because(format!("{} in all, the first at {place}", places.len())),
        None => evidence,
    }
}

/// What was found in a tree.
#[derive(Debug, Default)]
struct Found {
    files: usize,
    imports: Vec<String>,
    outputs: Vec<String>,
}

/// Reads every Python file of a tree; one that is no text is the scan's problem, not this part's.
fn examine(root: &Path) -> Result<Found> {
    let mut found = Found::default();
    for (name, path) in tree::files(root)? {
        let Some(text) = name.ends_with(".py").then(|| std::fs::read_to_string(&path).ok()).flatten() else {
            continue;
        };
        found.files += 1;
        let place = |line: usize| format!("{name}:{line}");
        found.imports.extend(lines::unguarded_imports(&text).map(place));
        if !lines::is_test(&name) && !lines::sets_encoding(&text) {
            found.outputs.extend(lines::unsafe_outputs(&text).map(place));
        }
    }
    Ok(found)
}
