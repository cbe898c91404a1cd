//! `hallmark data query MODEL [WORDS]`.

use hallmark_core::{ExitClass, Result};
use serde_json::{Value, json};

use super::{Rows, which};
use crate::app::App;
use crate::args::{DataQueryArgs, Format};
use crate::ui::WIDTH_MAX;

/// The widest cell, in characters.
const CELL_MAX: usize = 24;

pub(super) fn run(app: &App<'_>, args: &DataQueryArgs) -> Result<ExitClass> {
    let mut input = which(&args.which)?;
    input.insert("limit".to_owned(), json!(args.limit));
    for (name, given) in [("query", &args.query), ("cursor", &args.cursor)] {
        if let Some(given) = given {
            input.insert(name.to_owned(), json!(given));
        }
    }
    let (answer, declared) = app.block_on(async {
        let rows = Rows::open(app, &args.of, None).await?;
        Ok((rows.call("Search", input).await?, rows.fields))
    })?;
    if args.output == Format::Json {
        app.ui.json(&answer.to_string());
        return Ok(ExitClass::Ok);
    }
    let rows: Vec<&Value> = answer["rows"].as_array().into_iter().flatten().collect();
    if rows.is_empty() {
        app.ui.line("no row");
        return Ok(ExitClass::Ok);
    }
    let all: Vec<&str> = if args.which.fields.is_empty() {
        // What says nothing in any row of the page is left out.
        declared
            .iter()
            .map(String::as_str)
            .filter(|name| rows.iter().any(|row| !row[*name].is_null()))
            .collect()
    } else {
        args.which.fields.iter().map(String::as_str).collect()
    };
    let cells: Vec<Vec<String>> =
        rows.iter().map(|row| all.iter().map(|name| cell(&row[*name])).collect()).collect();
    let shown = fitting(&all, &cells);
    let header: Vec<String> = all[..shown].iter().map(|name| name.to_uppercase()).collect();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let table: Vec<Vec<String>> = cells.iter().map(|row| row[..shown].to_vec()).collect();
    app.ui.table(&header, &table);
    if shown < all.len() {
        app.ui.note(&format!("{} more fields: --fields A,B or --output json", all.len() - shown));
    }
    if let Some(cursor) = answer["next_cursor"].as_str() {
        app.ui.next(&format!("hallmark data query {} --cursor {cursor}", args.of.model));
    }
    Ok(ExitClass::Ok)
}

/// A value in one short line.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.replace(char::is_control, " "),
        other => other.to_string(),
    };
    if text.chars().count() <= CELL_MAX {
        return text;
    }
    text.chars().take(CELL_MAX - 1).chain(['…']).collect()
}

/// How many of the columns fit beside each other; at least one.
fn fitting(names: &[&str], rows: &[Vec<String>]) -> usize {
    let width = |at: usize| {
        let cells = rows.iter().map(|row| row[at].chars().count());
        cells.max().unwrap_or_default().max(names[at].chars().count()) + 2
    };
    let mut used = 0;
    let fit = (0..names.len()).take_while(|at| {
        used += width(*at);
        used <= WIDTH_MAX + 2
    });
    fit.count().max(1)
}
