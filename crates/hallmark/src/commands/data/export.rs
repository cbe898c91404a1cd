//! `hallmark data export MODEL [FILE]`.

use hallmark_core::{Error, ExitClass, Result};
use serde_json::json;

use super::{Rows, format, grouped, parts, took, which};
use crate::app::App;
use crate::args::{DataExportArgs, FileFormat};
use crate::commands::codes;

pub(super) fn run(app: &App<'_>, args: &DataExportArgs) -> Result<ExitClass> {
    let mut input = which(&args.which)?;
    if let Some(limit) = args.limit {
        input.insert("limit".to_owned(), json!(limit));
    }
    let Some(file) = &args.file else {
        let format = args.format.unwrap_or(FileFormat::Csv);
        input.insert("format".to_owned(), json!(format.name()));
        let answer = app.block_on(async {
            let rows = Rows::open(app, &args.of, None).await?;
            rows.call("Export", input).await
        })?;
        app.ui.verbatim(answer["content"].as_str().unwrap_or_default());
        masked(app, &answer);
        return Ok(ExitClass::Ok);
    };
    if file.exists() && !args.force {
        let message = format!("{} is there already", file.display());
        return Err(Error::new(&codes::NOT_AGREED, message).next("overwrite it: --force"));
    }
    let (folder, name) = parts(file)?;
    input.insert("format".to_owned(), json!(format(args.format, file)?.name()));
    input.insert("path".to_owned(), json!(name));
    let (answer, time) = app.block_on(async {
        let rows = Rows::open(app, &args.of, Some(&folder)).await?;
        rows.call_long(app, ("Export", "exporting"), input).await
    })?;
    let number = |name: &str| answer[name].as_u64().unwrap_or_default();
    masked(app, &answer);
    app.ui.line(&format!(
        "{} rows, {} bytes to {}, {}",
        grouped(number("rows")),
        grouped(number("bytes")),
        file.display(),
        took(number("rows"), time)
    ));
    app.ui.line(&format!("sha256 {}", answer["sha256"].as_str().unwrap_or_default()));
    Ok(ExitClass::Ok)
}

/// Says what was replaced by the mask.
fn masked(app: &App<'_>, answer: &serde_json::Value) {
    let names: Vec<&str> =
        answer["masked"].as_array().into_iter().flatten().filter_map(|n| n.as_str()).collect();
    if !names.is_empty() {
        app.ui.note(&format!("masked: {} (--include-pii shows them)", names.join(", ")));
    }
}
