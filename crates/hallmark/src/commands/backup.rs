//! `hallmark backup`: the services' data, taken, tried, and kept.

use hallmark_core::{ExitClass, Result, Secret};
use hallmark_services::ServiceKind;
use hallmark_services::stack::backup::{self, Backup, BackupOptions, How, Kept, Manifest, Progress};
use serde_json::json;

use crate::app::App;
use crate::args::{BackupArgs, Format, PassphraseArgs};
use crate::commands::logs;
use crate::ui::{Mark, Ui};
use crate::wiring;

pub(crate) fn run(app: &App<'_>, args: &BackupArgs) -> Result<ExitClass> {
    let stack = wiring::stack(app)?;
    if args.list {
        list(app, args, &stack.backups(args.to.as_deref()));
        return Ok(ExitClass::Ok);
    }
    if args.schedule {
        return schedule(app, args);
    }
    let only = args.services.iter().map(|name| logs::service(name)).collect::<Result<Vec<_>>>()?;
    let options = BackupOptions {
        only,
        to: args.to.clone(),
        verify: !args.no_verify,
        passphrase: passphrase(&args.passphrase)?,
        ..BackupOptions::default()
    };
    let watch = watcher(app);
    let report = match &args.verify {
        Some(name) => app.block_on(stack.verify_backup(name.as_deref(), &options, &watch))?,
        None => app.block_on(stack.backup(&options, &watch))?,
    };
    for id in &report.pruned {
        app.ui.note(&format!("removed {id}: the configuration keeps no more"));
    }
    if args.format == Format::Json {
        app.ui.json(&json!({"version": 1, "folder": report.folder, "backup": report.manifest, "removed": report.pruned}).to_string());
        return Ok(ExitClass::Ok);
    }
    let state = if report.manifest.verified.is_some() { "verified" } else { "UNVERIFIED" };
    app.ui.line(&format!("{} {state}, {}", report.manifest.id, size(report.manifest.bytes())));
    app.ui.note(&format!("in {}", report.folder.display()));
    app.ui.next(if report.manifest.verified.is_some() {
        "hallmark backup --list"
    } else {
        "hallmark backup --verify"
    });
    Ok(ExitClass::Ok)
}

fn schedule(app: &App<'_>, args: &BackupArgs) -> Result<ExitClass> {
    let stack = wiring::stack(app)?;
    let schedule = app.block_on(stack.backup_schedule())?;
    let exit = if schedule.last.error.is_some() { ExitClass::Unavailable } else { ExitClass::Ok };
    if args.format == Format::Json {
        app.ui.json(&json!({"version": 1, "schedule": schedule}).to_string());
        return Ok(exit);
    }
    let Some(when) = &schedule.when else {
        app.ui.line("no schedule");
        app.ui.next("set every = \"6h\" in [stack.backup] of hallmark.toml");
        return Ok(ExitClass::Ok);
    };
    app.ui.line(&format!("{when}; next {}", schedule.next.as_deref().unwrap_or("-")));
    if let Some(id) = &schedule.last.backup {
        app.ui.note(&format!("last: {id}"));
    }
    if let Some(error) = &schedule.last.error {
        app.ui.note(&format!("the last one failed: {error}"));
    }
    if !schedule.supervised {
        app.ui.note("nothing of this project runs, so nobody takes them");
    }
    app.ui.next(if schedule.supervised { "hallmark backup --list" } else { "hallmark up" });
    Ok(exit)
}

fn list(app: &App<'_>, args: &BackupArgs, backups: &[Backup]) {
    if args.format == Format::Json {
        let all: Vec<_> = backups.iter().map(|b| json!({"folder": b.folder, "backup": b.manifest})).collect();
        app.ui.json(&json!({"version": 1, "backups": all}).to_string());
        return;
    }
    let rows: Vec<Vec<String>> = backups.iter().rev().map(|backup| row(app, &backup.manifest)).collect();
    if !rows.is_empty() {
        app.ui.table(&["BACKUP", "STATE", "SIZE", "HOLDS"], &rows);
    }
    let good = backups.iter().filter(|backup| backup.manifest.verified.is_some()).count();
    let noun = if backups.len() == 1 { "backup" } else { "backups" };
    app.ui.note(&format!("{} {noun}, {good} verified: only those count", backups.len()));
    // What a restore without a name takes.
    app.ui.next(match backups.iter().rfind(|backup| backup.manifest.reason.is_ordinary()) {
        None => "hallmark backup",
        Some(backup) if backup.manifest.verified.is_none() => "hallmark backup --verify",
        Some(_) => "hallmark restore",
    });
}

fn row(app: &App<'_>, manifest: &Manifest) -> Vec<String> {
    let state = match manifest.verified {
        Some(_) => format!("{} verified", app.ui.mark(Mark::Ok)),
        None => format!("{} unverified", app.ui.mark(Mark::Unknown)),
    };
    let mut holds: Vec<String> = manifest
        .services
        .iter()
        .filter(|kept| kept.packed.is_some())
        .map(|kept| match &kept.note {
            Some(note) => format!("{} {note}", kept.service),
            None => kept.service.to_string(),
        })
        .collect();
    let left_out = manifest.services.iter().filter(|kept| kept.how == How::LeftOut);
    holds.extend(left_out.map(|kept| format!("not {}", kept.service)));
    if !manifest.reason.is_ordinary() {
        holds.push(manifest.reason.name().to_owned());
    }
    if manifest.encrypted {
        holds.push("encrypted".to_owned());
    }
    vec![manifest.id.clone(), state, size(manifest.bytes()), holds.join(", ")]
}

/// The passphrase that the arguments name.
pub(crate) fn passphrase(args: &PassphraseArgs) -> Result<Option<Secret>> {
    match (&args.passphrase_file, &args.passphrase_env) {
        (Some(file), _) => backup::from_file(file).map(Some),
        (None, Some(name)) => backup::from_env(name).map(Some),
        (None, None) => Ok(None),
    }
}

/// Bytes in the unit that people read.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{}.{} kB", bytes / 1_000, bytes % 1_000 / 100),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

/// Prints what a backup, a restore or a reset tells.
pub(crate) fn watcher(app: &App<'_>) -> impl Fn(&Progress) + Sync {
    let ui = *app.ui;
    move |progress| show(&ui, progress)
}

fn show(ui: &Ui, progress: &Progress) {
    let (busy, ok, warn) = (ui.note_mark(Mark::Busy), ui.note_mark(Mark::Ok), ui.note_mark(Mark::Warn));
    match progress {
        Progress::Taking(service) => ui.progress(&format!("{busy} {service}: taking its data")),
        Progress::Taken(kept) => ui.settle(&taken(ui, kept)),
        Progress::Trying(service) => {
            ui.progress(&format!("{busy} {service}: coming up in a scratch instance"));
        }
        Progress::Tried(service, ms) => {
            ui.settle(&format!("{ok} {:<9} came up as it was ({})", name(*service), seconds(*ms)));
        }
        Progress::Again(service, why) => {
            ui.settle(&format!("{warn} {:<9} is taken again: {why}", name(*service)));
        }
        Progress::Stopping(service) => {
            ui.settle(&format!("{warn} {:<9} stops for a moment", name(*service)));
        }
        Progress::Back(service, ms) => {
            ui.settle(&format!("{ok} {:<9} is back ({})", name(*service), seconds(*ms)));
        }
        Progress::Note(text) => ui.settle(text),
    }
}

fn taken(ui: &Ui, kept: &Kept) -> String {
    let service = name(kept.service);
    let Some(packed) = &kept.packed else {
        let mark = if kept.how == How::Nothing { Mark::Ok } else { Mark::Warn };
        let mark = ui.note_mark(mark);
        return format!("{mark} {service:<9} {}", kept.note.as_deref().unwrap_or_default());
    };
    let how = match kept.how {
        How::Image => format!("it stood still for {} ms", kept.paused_ms),
        _ => "while it worked".to_owned(),
    };
    let (mark, note) = match &kept.note {
        Some(note) => (Mark::Warn, format!("; {note}")),
        None => (Mark::Ok, String::new()),
    };
    format!("{} {service:<9} taken, {}, {how}{note}", ui.note_mark(mark), size(packed.bytes))
}

fn name(service: ServiceKind) -> &'static str {
    service.name()
}

/// Milliseconds as seconds.
pub(crate) fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}
