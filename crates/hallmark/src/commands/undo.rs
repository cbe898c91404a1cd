//! `hallmark undo [RUN]`: brings back what `--fix` wrote, byte for byte.

use hallmark_core::{ExitClass, Result};
use hallmark_fix::journal::{self, Run};
use hallmark_fix::undo;
use serde_json::json;

use crate::app::App;
use crate::args::Format;

/// `hallmark undo`.
#[derive(Debug, clap::Args)]
pub(crate) struct UndoArgs {
    /// The run (default: the last one that is not undone)
    pub(crate) run: Option<String>,
    /// List the runs of the journal and how they stand
    #[arg(long, conflicts_with_all = ["run", "complete"])]
    pub(crate) list: bool,
    /// Finish a run that was killed between two files, instead of undoing it
    #[arg(long)]
    pub(crate) complete: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

pub(crate) fn run(app: &App<'_>, args: &UndoArgs) -> Result<ExitClass> {
    if args.list {
        return list(app, args);
    }
    let name = args.run.as_deref();
    let restored =
        if args.complete { undo::complete(&app.project, name) } else { undo::undo(&app.project, name) }?;
    if args.format == Format::Json {
        let value = json!({
            "schema": "hallmark.undo/1",
            "run": restored.run,
            "files": restored.files,
            "untouched": restored.untouched,
        });
        app.ui.json(&format!("{value:#}"));
        return Ok(ExitClass::Ok);
    }
    for file in &restored.files {
        app.ui.line(file);
    }
    let (verb, count) = (if args.complete { "written" } else { "brought back" }, restored.files.len());
    let files = if count == 1 { "file" } else { "files" };
    app.ui.note(&format!("{count} {files} {verb}, {} as wanted already", restored.untouched));
    app.ui.next("hallmark check");
    Ok(ExitClass::Ok)
}

fn list(app: &App<'_>, args: &UndoArgs) -> Result<ExitClass> {
    let mut runs = journal::runs(&app.project)?;
    runs.reverse();
    if args.format == Format::Json {
        let runs: Vec<_> =
            runs.iter().map(|run| json!({ "state": run.state(), "manifest": run.manifest })).collect();
        app.ui.json(&format!("{:#}", json!({ "schema": "hallmark.journal-list/1", "runs": runs })));
        return Ok(ExitClass::Ok);
    }
    if runs.is_empty() {
        app.ui.line("no run so far");
        app.ui.next("hallmark check --diff");
        return Ok(ExitClass::Ok);
    }
    let rows: Vec<Vec<String>> = runs.iter().map(row).collect();
    app.ui.table(&["RUN", "STATE", "FILES", "FIXES", "RULES"], &rows);
    app.ui.next("hallmark undo RUN");
    Ok(ExitClass::Ok)
}

fn row(run: &Run) -> Vec<String> {
    let files = &run.manifest.files;
    let mut rules: Vec<&str> = files.iter().flat_map(|f| &f.fixes).map(|n| n.rule.as_str()).collect();
    let fixes = rules.len();
    rules.sort_unstable();
    rules.dedup();
    vec![
        run.manifest.run.clone(),
        run.state().name().to_owned(),
        files.len().to_string(),
        fixes.to_string(),
        rules.join(" "),
    ]
}
