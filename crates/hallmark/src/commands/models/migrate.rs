//! `hallmark models migrate`: the plan, a question, and the steps.

use std::io::{BufRead as _, IsTerminal as _};
use std::time::Duration;

use hallmark_core::{Error, ExitClass, Result};
use hallmark_dataflow::migrate::{Agreed, Event, MigrateOptions, Migrated, Migration, permitted};
use serde_json::json;

use super::diff::{as_json, known, open, options, show};
use crate::app::App;
use crate::args::{Format, MigrateArgs};
use crate::commands::codes;

/// The version of the JSON form.
const SCHEMA: &str = "hallmark.models.migrate/1";
/// The version of the JSON form of the list.
const STATUS: &str = "hallmark.models.migrations/1";

pub(super) fn run(app: &App<'_>, args: &MigrateArgs) -> Result<ExitClass> {
    let catalogue = open(app)?;
    let dataflow = &catalogue.dataflow;
    if args.status {
        let all = app.block_on(dataflow.migrations())?;
        return Ok(status(app, args.plan.format, &all));
    }
    let mut options = settings(args);
    let json = args.plan.format == Format::Json;
    if let Some(count) = args.down {
        let plans = app.block_on(dataflow.plan_down(usize::from(count), &options))?;
        if !json || args.dry_run {
            for (migration, plan) in &plans {
                app.ui.note(&format!("taking back migration {} of {}", migration.id, migration.started_at));
                display(app, json, plan);
            }
        }
        for (_, plan) in &plans {
            permitted(plan, &options)?;
        }
        if args.dry_run {
            return Ok(ExitClass::Findings);
        }
        agree(app, args, "Take these back?")?;
        options.agreed = Some(Agreed::from(&plans[..]));
        let done = app.block_on(dataflow.migrate_down(usize::from(count), &options, &watch(app)))?;
        return Ok(conclude(app, json, &done, "taken back"));
    }
    known(&catalogue)?;
    let plan = app.block_on(dataflow.plan(&options))?;
    if !json || args.dry_run {
        display(app, json, &plan);
    }
    permitted(&plan, &options)?;
    if args.dry_run {
        return Ok(if plan.is_empty() { ExitClass::Ok } else { ExitClass::Findings });
    }
    if !plan.is_empty() {
        agree(app, args, "Carry this out?")?;
    }
    options.agreed = Some(Agreed::from(&plan));
    let done = app.block_on(dataflow.migrate(&options, &watch(app)))?;
    Ok(conclude(app, json, &[done], "applied"))
}

fn settings(args: &MigrateArgs) -> MigrateOptions {
    let mut options = MigrateOptions {
        allow_destructive: args.allow_destructive,
        allow_blocking: args.allow_blocking,
        accept_drift: args.accept_drift,
        down: args.down.map(usize::from),
        ..options(&args.plan)
    };
    let patience = &mut options.patience;
    if let Some(ms) = args.lock_timeout_ms {
        patience.lock_timeout = Duration::from_millis(ms);
    }
    if let Some(attempts) = args.lock_attempts {
        patience.lock_attempts = attempts;
    }
    if let Some(seconds) = args.statement_timeout {
        patience.statement_timeout = Duration::from_secs(seconds);
    }
    options
}

fn display(app: &App<'_>, json: bool, plan: &hallmark_dataflow::migrate::Plan) {
    if json {
        app.ui.json(&as_json(SCHEMA, plan).to_string());
    } else {
        show(app, plan);
    }
}

fn agree(app: &App<'_>, args: &MigrateArgs, question: &str) -> Result<()> {
    if args.yes {
        return Ok(());
    }
    let refused = |why: &str| {
        Err(Error::new(&codes::NOT_AGREED, format!("tables would be changed, and {why}"))
            .next(settings(args).again("--yes")))
    };
    if !std::io::stdin().is_terminal() {
        return refused("there is no terminal to ask at");
    }
    app.ui.note(&format!("{question} [y/N]"));
    let mut answer = String::new();
    match (std::io::stdin().lock().read_line(&mut answer), answer.trim()) {
        (Ok(_), "y" | "Y" | "yes") => Ok(()),
        _ => refused("you did not agree"),
    }
}

/// Tells what happens while it happens.
fn watch<'a>(app: &'a App<'_>) -> impl Fn(Event<'_>) + Send + Sync + use<'a> {
    let ui = *app.ui;
    move |event| match event {
        Event::Waiting => ui.note("another migration is under way; waiting for it"),
        Event::Action { step, steps, action, summary } => {
            let text = format!("{step}/{steps} {summary}");
            if action == 1 { ui.settle(&text) } else { ui.progress(&format!("{text} ({action})")) }
        }
        Event::LockBusy { table, attempt, holders } => {
            let who =
                if holders.is_empty() { String::new() } else { format!(", held by {}", holders.join("; ")) };
            ui.note(&format!("the lock on {table} is not free (attempt {attempt}){who}; trying again"));
        }
        _ => {}
    }
}

fn conclude(app: &App<'_>, json: bool, done: &[Migrated], word: &str) -> ExitClass {
    if json {
        app.ui.json(&json!({ "schema": SCHEMA, "outcome": word, "migrations": done }).to_string());
        return ExitClass::Ok;
    }
    for one in done {
        match one.id {
            None => app.ui.line("nothing to do: the tables are those of the models"),
            Some(id) => {
                let resumed = if one.resumed { ", gone on with after it had been cut off" } else { "" };
                app.ui.line(&format!("migration {id} {word}, steps: {}{resumed}", one.steps));
            }
        }
    }
    app.ui.next("hallmark models migrate --status");
    ExitClass::Ok
}

fn status(app: &App<'_>, format: Format, all: &[Migration]) -> ExitClass {
    if format == Format::Json {
        app.ui.json(&json!({ "schema": STATUS, "migrations": all }).to_string());
        return ExitClass::Ok;
    }
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|m| {
            let origin = serde_json::to_value(m.origin).ok();
            vec![
                m.id.to_string(),
                m.state.name().to_owned(),
                m.started_at.clone(),
                m.steps.len().to_string(),
                origin.as_ref().and_then(|v| v.as_str()).unwrap_or_default().to_owned(),
            ]
        })
        .collect();
    app.ui.table(&["ID", "STATE", "BEGUN", "STEPS", "ORIGIN"], &rows);
    app.ui.note(&format!("{} migrations", all.len()));
    app.ui.next("hallmark models diff");
    ExitClass::Ok
}
