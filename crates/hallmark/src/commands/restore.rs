//! `hallmark restore` and `hallmark reset`: with a question, unless told otherwise.

use std::io::{BufRead as _, IsTerminal as _};

use hallmark_core::platform::shell_word;
use hallmark_core::{Error, ExitClass, Result};
use hallmark_services::ServiceKind;
use hallmark_services::platform;
use hallmark_services::stack::backup::{RESET, RestoreOptions, RestoreReport};

use crate::app::App;
use crate::args::{Format, ResetArgs, RestoreArgs};
use crate::commands::{backup, codes, logs};
use crate::wiring;

pub(crate) fn run(app: &App<'_>, args: &RestoreArgs) -> Result<ExitClass> {
    platform::refuse_native("a restore")?;
    let stack = wiring::stack(app)?;
    let options = RestoreOptions {
        backup: args.backup.clone(),
        to: args.to.clone(),
        only: args.only.iter().map(|name| logs::service(name)).collect::<Result<Vec<_>>>()?,
        no_safety: args.no_safety,
        passphrase: backup::passphrase(&args.passphrase)?,
    };
    // Without a safety copy only what was agreed to.
    let forced = options.backup.as_deref().filter(|_| args.yes && args.no_safety);
    app.block_on(stack.settle(forced, &backup::watcher(app)))?;
    let plan = stack.restore_plan(&options)?;
    app.ui.note(&format!("{} of {}", plan.manifest.id, plan.manifest.project));
    if plan.manifest.verified.is_none() {
        app.ui.note("this backup was never tried in a scratch instance");
    }
    if !plan.online.is_empty() {
        app.ui.note(&format!("{}: replaced while it works; open connections are cut", names(&plan.online)));
    }
    if !plan.stopping.is_empty() {
        app.ui.note(&format!(
            "{}: replaced in a short stop (Neo4j some 30 s, the others about 1 s)",
            names(&plan.stopping)
        ));
    }
    agree(app, args.yes, "Replace what these services hold?", &again(args, &plan.manifest.id))?;
    let report = app.block_on(stack.restore(&options, &backup::watcher(app)))?;
    conclude(app, args.format, &report)
}

/// `hallmark reset`.
pub(crate) fn reset(app: &App<'_>, args: &ResetArgs) -> Result<ExitClass> {
    platform::refuse_native("a reset")?;
    let stack = wiring::stack(app)?;
    let only = args.services.iter().map(|name| logs::service(name)).collect::<Result<Vec<_>>>()?;
    let options = RestoreOptions { only, no_safety: args.no_safety, ..RestoreOptions::default() };
    let forced = (args.yes && args.no_safety).then_some(RESET);
    app.block_on(stack.settle(forced, &backup::watcher(app)))?;
    let services = stack.resettable(&options.only)?;
    app.ui.note(&format!("{}: emptied in a short stop; users and roles go too", names(&services)));
    agree(app, args.yes, "Remove everything that these services hold?", &again_reset(args))?;
    let report = app.block_on(stack.reset(&options, &backup::watcher(app)))?;
    conclude(app, args.format, &report)
}

/// The command that does what was asked for without a question: nothing more, and of the backup that was shown.
fn again(args: &RestoreArgs, shown: &str) -> String {
    let mut words = vec!["restore".to_owned(), word(args.backup.as_deref().unwrap_or(shown))];
    if !args.only.is_empty() {
        words.extend(["--only".to_owned(), word(&args.only.join(","))]);
    }
    let file = |path: &std::path::Path| word(&path.display().to_string());
    let named = [
        ("--to", args.to.as_deref().map(file)),
        ("--passphrase-file", args.passphrase.passphrase_file.as_deref().map(file)),
        ("--passphrase-env", args.passphrase.passphrase_env.as_deref().map(word)),
    ];
    words.extend(named.into_iter().filter_map(|(name, value)| Some(format!("{name} {}", value?))));
    agreed(words, args.no_safety, args.format)
}

fn again_reset(args: &ResetArgs) -> String {
    let words = std::iter::once("reset").chain(args.services.iter().map(String::as_str));
    agreed(words.map(word).collect(), args.no_safety, args.format)
}

fn agreed(mut words: Vec<String>, no_safety: bool, format: Format) -> String {
    let json = format == Format::Json;
    let more = [(no_safety, "--no-safety"), (json, "--format json"), (true, "--yes")];
    words.extend(more.into_iter().filter(|(given, _)| *given).map(|(_, word)| word.to_owned()));
    format!("hallmark {}", words.join(" "))
}

/// The text as one word of a shell's, in quotes only if it needs them.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,:".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { shell_word(text) }
}

fn names(services: &[ServiceKind]) -> String {
    services.iter().map(|service| service.name()).collect::<Vec<_>>().join(", ")
}

fn agree(app: &App<'_>, yes: bool, question: &str, step: &str) -> Result<()> {
    if yes {
        return Ok(());
    }
    let refused = |why: &str| {
        Err(Error::new(&codes::NOT_AGREED, format!("data would be overwritten, and {why}")).next(step))
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

fn conclude(app: &App<'_>, format: Format, report: &RestoreReport) -> Result<ExitClass> {
    if format == Format::Json {
        app.ui.json(
            &serde_json::json!({
                "version": 1,
                "backup": report.backup,
                "safety": report.safety,
                "services": report.services.iter().map(|(service, ms)| serde_json::json!({"service": service, "away_ms": ms})).collect::<Vec<_>>(),
            })
            .to_string(),
        );
        return Ok(ExitClass::Ok);
    }
    let all: Vec<ServiceKind> = report.services.iter().map(|(service, _)| *service).collect();
    match &report.backup {
        Some(id) => app.ui.line(&format!("restored {} from {id}", names(&all))),
        None => app.ui.line(&format!("emptied {}", names(&all))),
    }
    if let Some(safety) = &report.safety {
        app.ui.note(&format!("what was there before: hallmark restore {safety}"));
    }
    app.ui.next("hallmark status");
    Ok(ExitClass::Ok)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Restoring {
        #[command(flatten)]
        args: RestoreArgs,
    }

    #[derive(clap::Parser)]
    struct Resetting {
        #[command(flatten)]
        args: ResetArgs,
    }

    #[test]
    fn the_next_step_does_no_more_than_what_was_asked_for() {
        let restore = |words: &[&str]| again(&Restoring::parse_from([&["x"], words].concat()).args, "shown");
        assert_eq!(restore(&[]), "hallmark restore shown --yes");
        let given = ["ID", "--only", "redis,neo4j", "--to", "a b", "--no-safety", "--passphrase-env", "P"];
        let said = "hallmark restore ID --only redis,neo4j --to 'a b' --passphrase-env P --no-safety --yes";
        assert_eq!(restore(&given), said);
        let reset = |words: &[&str]| again_reset(&Resetting::parse_from([&["x"], words].concat()).args);
        assert_eq!(reset(&[]), "hallmark reset --yes");
        assert_eq!(
            reset(&["redis", "postgres", "--no-safety"]),
            "hallmark reset redis postgres --no-safety --yes"
        );
    }
}
