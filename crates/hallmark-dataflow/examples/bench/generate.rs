//! How long it takes from the source of the 13 models to their 117 nodes.

use std::time::Instant;

use hallmark_dataflow::{DataFlow, Settings};
use hallmark_services::{Endpoints, Guarded, Handles};

use crate::{Bound, Line, Outcome, median};

const MODELS: &str = include_str!("../../tests/fixtures/models.py");
const TURNS: usize = 200;

pub(crate) fn run() -> Outcome<Line> {
    let handles = Handles::connect(&Endpoints::from_env()?)?;
    let guarded = Guarded::bare(&handles);
    let mut times = Vec::with_capacity(TURNS);
    for _ in 0..TURNS {
        let (handles, guarded) = (handles.clone(), guarded.clone());
        let began = Instant::now();
        let (models, _) = hallmark_python::models::read("models.py", MODELS);
        let dataflow = DataFlow::configure(Settings {
            handles,
            guarded,
            schema: "bench".to_owned(),
            models,
            project_prefix: "bench".to_owned(),
            export_dir: "exports".into(),
            slow: None,
        })?;
        let nodes = dataflow.nodes();
        times.push(began.elapsed().as_secs_f64() * 1e3);
        if nodes.len() != 117 {
            return Err(format!("{} nodes instead of 117", nodes.len()).into());
        }
    }
    Ok(Line {
        what: "117 nodes from source".to_owned(),
        peer: "the limit".to_owned(),
        own: median(times),
        other: 2.0,
        unit: "ms",
        limit: Some(Bound::AtMost(1.0)),
    })
}
