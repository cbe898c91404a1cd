//! `hallmark data import MODEL FILE`.

use hallmark_core::{Error, ExitClass, Result};
use serde_json::{Map, Value, json};

use super::{Rows, format, grouped, parts, took};
use crate::app::App;
use crate::args::DataImportArgs;
use crate::commands::codes;

/// Refused rows that are shown.
const SHOWN: usize = 20;

pub(super) fn run(app: &App<'_>, args: &DataImportArgs) -> Result<ExitClass> {
    let (folder, name) = parts(&args.file)?;
    let mut input = Map::new();
    let mut put = |name: &str, value: Value| drop(input.insert(name.to_owned(), value));
    put("path", json!(name));
    put("format", json!(format(args.format, &args.file)?.name()));
    put("encoding", json!(args.encoding));
    put("mapping", mapping(&args.map)?);
    put("on_conflict", json!(args.on_conflict));
    if !args.match_on.is_empty() {
        put("match_on", json!(args.match_on));
    }
    put("on_error", json!(if args.skip_bad_rows { "skip" } else { "abort" }));
    if let Some(errors) = &args.errors {
        put("error_path", json!(errors));
    }
    put("dry_run", json!(args.dry_run));
    if let Some(rows) = args.commit_every {
        put("commit_every", json!(rows));
    }
    let unfinished = match (args.resume, args.forget) {
        (true, _) => "resume",
        (_, true) => "forget",
        _ => "refuse",
    };
    put("unfinished", json!(unfinished));
    let (answer, time) = app.block_on(async {
        let rows = Rows::open(app, &args.of, Some(&folder)).await?;
        rows.call_long(app, ("Import", "importing"), input).await.map_err(in_words)
    })?;
    let number = |name: &str| answer[name].as_u64().unwrap_or_default();
    let refused: Vec<Vec<String>> =
        answer["errors"].as_array().into_iter().flatten().take(SHOWN).map(row).collect();
    if !refused.is_empty() {
        app.ui.table(&["ROW", "LINE", "COLUMN", "CODE", "WHY"], &refused);
        if number("refused") > SHOWN as u64 {
            app.ui.note(&format!(
                "and {} more: --errors NAME writes them all",
                number("refused") - SHOWN as u64
            ));
        }
    }
    for column in answer["ignored_columns"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        app.ui.note(&format!("{column} is set by the framework: the file's is left out"));
    }
    match answer["resumed_at"].as_u64() {
        Some(row) if row == number("read") => {
            app.ui.note("the import of this file had ended: nothing was left to do");
        }
        Some(row) => app.ui.note(&format!("gone on behind row {}", grouped(row))),
        None => {}
    }
    let mut parts = vec![format!("{} imported", grouped(number("imported")))];
    for (what, text) in [("updated", "updated"), ("skipped", "skipped"), ("refused", "refused")] {
        if number(what) > 0 {
            parts.push(format!("{} {text}", grouped(number(what))));
        }
    }
    let end =
        if args.dry_run { "nothing was changed (--dry-run)".to_owned() } else { took(number("read"), time) };
    app.ui.line(&format!("{} of {} rows, {end}", parts.join(", "), grouped(number("read"))));
    app.ui.next(&format!("hallmark data query {}", args.of.model));
    Ok(if number("refused") > 0 { ExitClass::Findings } else { ExitClass::Ok })
}

/// The next step as the command has it.
fn in_words(error: Error) -> Error {
    use hallmark_dataflow::codes::{IMPORT_BEGUN, IMPORT_OPTIONS, PART_REFUSED, ROWS_REFUSED};
    let resumable = error.next_step().is_some_and(|step| step.contains("\"unfinished\": \"resume\""));
    if error.is(&ROWS_REFUSED) {
        error.next("mend the rows, or import the good ones: --skip-bad-rows")
    } else if error.is(&PART_REFUSED) {
        error.next("mend the rows and go on: --resume; or leave them out: --resume --skip-bad-rows")
    } else if error.is(&IMPORT_BEGUN) {
        error.next("go on with it: --resume; or begin anew: --forget")
    } else if error.is(&IMPORT_OPTIONS) {
        error.next("give the options that it was begun with, or begin anew: --forget")
    } else if resumable {
        error.next("mend what is wrong and go on: --resume")
    } else {
        as_options(error)
    }
}

/// The next step with the options of the command in place of the parameters of the node.
fn as_options(error: Error) -> Error {
    let Some(step) = error.next_step() else { return error };
    let mut step = step.to_owned();
    for (parameter, option) in [("encoding", "--encoding "), ("on_conflict", "--on-conflict ")] {
        step = step.replace(&format!("\"{parameter}\": "), option);
    }
    step = step.replace("`match_on`", "--match-on");
    error.next(step)
}

fn row(error: &Value) -> Vec<String> {
    let text = |name: &str| match &error[name] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    ["row", "line", "column", "code", "message"].map(text).to_vec()
}

/// `COLUMN=FIELD`, and `COLUMN=` for a column that is left out.
fn mapping(given: &[String]) -> Result<Value> {
    let mut mapping = Map::new();
    for text in given {
        let (column, field) = text.rsplit_once('=').ok_or_else(|| {
            Error::new(&codes::UNKNOWN_VALUE, format!("--map takes COLUMN=FIELD, not {text}"))
        })?;
        let field = if field.is_empty() { Value::Null } else { Value::from(field) };
        mapping.insert(column.to_owned(), field);
    }
    Ok(Value::Object(mapping))
}
