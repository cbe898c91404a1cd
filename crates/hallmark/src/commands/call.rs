//! `hallmark call OPERATION`, and the CLI as a channel: an operation called in this process, with the same table, sessions and runs as every other channel.

use std::io::Read as _;
use std::path::Path;

use hallmark_core::{Error, ExitClass, Result, codes};
use hallmark_nexus::{Caller, Channel};
use serde_json::{Value, json};

use crate::app::App;
use crate::args::CallArgs;
use crate::wiring::{self, Fallbacks, Platform};

/// The largest input that is read from a file or from standard input, in bytes.
const INPUT_BYTES_MAX: u64 = 16 * 1024 * 1024;

pub(crate) fn run(app: &App<'_>, args: &CallArgs) -> Result<ExitClass> {
    let Some(name) = &args.operation else {
        let answer = operation(app, "operations.list", json!({}))?;
        let rows = answer["result"]["operations"].as_array().into_iter().flatten().map(|o| {
            ["name", "effect", "summary"].map(|key| o[key].as_str().unwrap_or_default().to_owned()).to_vec()
        });
        app.ui.table(&["OPERATION", "EFFECT", "WHAT IT DOES"], &rows.collect::<Vec<_>>());
        return Ok(ExitClass::Ok);
    };
    let fallbacks = if args.no_fallbacks { Fallbacks::Never } else { Fallbacks::AsConfigured };
    print(app, &operation_with(app, name, input(&args.input)?, fallbacks)?);
    Ok(ExitClass::Ok)
}

/// Opens the platform on the project's services and calls one operation as the owner of the project.
pub(crate) fn operation(app: &App<'_>, name: &str, input: Value) -> Result<Value> {
    operation_with(app, name, input, Fallbacks::AsConfigured)
}

fn operation_with(app: &App<'_>, name: &str, input: Value, fallbacks: Fallbacks) -> Result<Value> {
    let endpoints = wiring::endpoints(app)?;
    // Whoever can read the token file is the owner: the same authorisation as on the other channels.
    wiring::auth(app)?;
    app.block_on(async {
        let platform = Platform::open(app, &endpoints, fallbacks).await?;
        let answer = platform.operations.call(&Caller::owner(Channel::Cli), name, input).await;
        platform.operations.runtime().shutdown().await;
        answer
    })
}

/// The JSON object behind an `--input`: the text itself, `@FILE`, or `-` for standard input.
pub(crate) fn input(text: &str) -> Result<Value> {
    of_option("--input", text)
}

/// The same behind another option.
pub(crate) fn of_option(option: &str, text: &str) -> Result<Value> {
    let (text, place) = match text {
        "-" => (read(std::io::stdin().lock(), "standard input")?, "standard input"),
        _ => match text.strip_prefix('@') {
            Some(path) => {
                let file = std::fs::File::open(Path::new(path)).map_err(|e| {
                    Error::new(&codes::READ_FAILED, format!("could not read {path}")).because(&e)
                })?;
                (read(file, path)?, path)
            }
            None => (text.to_owned(), option),
        },
    };
    let input = serde_json::from_str(&text).map_err(|e| {
        Error::new(&codes::JSON_INPUT, "the input is not valid JSON")
            .because(&e)
            .at(format!("{place}:{}:{}", e.line(), e.column()))
            .next(format!(
                "quote it for the shell: {option} '{{\"name\": \"value\"}}', or give {option} @file.json"
            ))
    })?;
    hallmark_core::json::refuse_rounded(text.as_bytes()).map_err(|e| {
        let at = format!("{place}:{}", e.place().unwrap_or_default());
        e.at(at)
    })?;
    Ok(input)
}

fn read(source: impl std::io::Read, name: &str) -> Result<String> {
    let mut text = String::new();
    let read = source.take(INPUT_BYTES_MAX + 1).read_to_string(&mut text);
    let read =
        read.map_err(|e| Error::new(&codes::READ_FAILED, format!("could not read {name}")).because(&e))?;
    if read as u64 > INPUT_BYTES_MAX {
        return Err(Error::new(
            &codes::READ_FAILED,
            format!("{name} is larger than {INPUT_BYTES_MAX} bytes"),
        ));
    }
    Ok(text)
}

/// Prints an answer as JSON for people and programs alike.
pub(crate) fn print(app: &App<'_>, answer: &Value) {
    app.ui.json(&serde_json::to_string_pretty(answer).unwrap_or_default());
    for source in answer["source"].as_array().into_iter().flatten() {
        let text = |name: &str| source[name].as_str().unwrap_or_default();
        let age =
            source["age_ms"].as_u64().map_or("of unknown age".to_owned(), |ms| format!("up to {ms} ms old"));
        app.ui.note(&format!(
            "{}: the answer is from the {} {}, {age}",
            text("service"),
            text("from"),
            text("name")
        ));
    }
}
