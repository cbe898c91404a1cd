//! `hallmark models`: what the project declares, what it declares without effect, and what its tables lack.

mod diff;
mod migrate;

use hallmark_core::{ExitClass, Result};
use hallmark_python::models::Severity;
use hallmark_services::Endpoints;
use serde_json::json;

use crate::app::App;
use crate::args::{Format, ModelsAction, ModelsArgs};
use crate::wiring::{Catalogue, Fallbacks};

/// The version of the JSON form.
const SCHEMA: &str = "hallmark.models/1";

pub(crate) fn run(app: &App<'_>, args: &ModelsArgs) -> Result<ExitClass> {
    match &args.action {
        None => list(app, args.format),
        Some(ModelsAction::Diff(args)) => diff::run(app, args),
        Some(ModelsAction::Migrate(args)) => migrate::run(app, args),
    }
}

fn list(app: &App<'_>, format: Format) -> Result<ExitClass> {
    let catalogue = Catalogue::open(app, &Endpoints::default(), Fallbacks::Never)?;
    let found = &catalogue.found;
    let unreadable =
        found.problems.iter().any(|p| p.severity == Severity::Error) || !found.refused.is_empty();
    let exit = if unreadable { ExitClass::Unreadable } else { ExitClass::Ok };
    if format == Format::Json {
        app.ui.line(
            &json!({
                "schema": SCHEMA,
                "models": found.models,
                "problems": found.problems,
                "repeated": found.repeated,
                "refused": found.refused,
            })
            .to_string(),
        );
        return Ok(exit);
    }
    let rows: Vec<Vec<String>> = catalogue
        .dataflow
        .tables()
        .iter()
        .map(|t| {
            let place = t.model.source.as_ref().map(ToString::to_string).unwrap_or_default();
            vec![
                t.model.name.clone(),
                t.name.clone(),
                t.model.fields.len().to_string(),
                t.model.indexes.len().to_string(),
                place,
            ]
        })
        .collect();
    app.ui.table(&["MODEL", "TABLE", "FIELDS", "INDEXES", "DECLARED AT"], &rows);
    for problem in &found.problems {
        app.ui.note(&format!("{}: {} ({})", problem.place, problem.message, problem.code));
    }
    for text in found.repeated.iter().chain(&found.refused) {
        app.ui.note(text);
    }
    app.ui.note(&format!("{} models, {} nodes", rows.len(), catalogue.dataflow.nodes().len()));
    app.ui.next("hallmark nodes");
    Ok(exit)
}
