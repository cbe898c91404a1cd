//! The schedule: the project's supervisor takes a backup when one is due.

use std::path::PathBuf;

use hallmark_core::{Error, Project, Result, clock, fs};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde::{Deserialize, Serialize};

use super::config::When;
use super::limits;
use super::{BackupOptions, Reason, codes};
use crate::Stack;
use crate::stack::home::Home;
use crate::stack::state::StackState;

/// How the schedule stands.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Schedule {
    /// When backups are taken, in words; none without a schedule.
    pub when: Option<String>,
    /// The next one.
    pub next: Option<String>,
    /// What is remembered of the last one.
    pub last: Last,
    /// Whether the supervisor runs, which takes them.
    pub supervised: bool,
}

/// What is remembered of the last backup of the schedule.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Last {
    /// When one was begun.
    pub tried: Option<String>,
    /// The last one that succeeded.
    pub backup: Option<String>,
    /// Why the last one failed, if it did.
    pub error: Option<String>,
}

fn file(home: &Home) -> PathBuf {
    home.run().join("backup-schedule.json")
}

fn last(home: &Home) -> Last {
    let text = std::fs::read_to_string(file(home)).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

fn remember(home: &Home, last: &Last) {
    let text = serde_json::to_string_pretty(last).unwrap_or_default();
    if let Err(error) = fs::write_atomic(&file(home), text.as_bytes(), fs::Mode::Private) {
        tracing::error!(%error, "what is known of the last backup could not be written");
    }
}

/// Looks again and again whether a backup is due, and takes it. The configuration is read anew each time.
pub(crate) async fn keep(project: Project) {
    loop {
        tokio::time::sleep(limits::SCHEDULE_PAUSE).await;
        if let Err(error) = aside(project.clone()).await {
            tracing::warn!(%error, "the schedule of backups cannot be followed");
        }
    }
}

/// Works on a thread of its own: a supervisor that is told to end does not wait for a backup, and what a backup starts
/// ends by its guards.
async fn aside(project: Project) -> Result<()> {
    let (done, finished) = tokio::sync::oneshot::channel();
    let failed =
        |e: &std::io::Error| Error::new(&codes::BACKUP_FAILED, "the backup could not be begun").because(e);
    let work = move || {
        let made = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let outcome = match made {
            Ok(runtime) => runtime.block_on(look(&project)),
            Err(error) => Err(failed(&error)),
        };
        let _ = done.send(outcome);
    };
    std::thread::Builder::new().name("backup".to_owned()).spawn(work).map_err(|e| failed(&e))?;
    finished.await.unwrap_or_else(|_| Err(Error::new(&codes::BACKUP_FAILED, "the backup ended early")))
}

async fn look(project: &Project) -> Result<()> {
    let stack = Stack::load(project)?;
    let (Some(when), Some(state)) = (stack.config.backup.when()?, StackState::load(project)?) else {
        return Ok(());
    };
    let home = state.home(project);
    let mut last = last(&home);
    let now = Zoned::now();
    let Some(tried) = last.tried.as_deref().and_then(|text| text.parse::<Timestamp>().ok()) else {
        if let When::At(..) = when {
            // The first time of day that comes, and not the one that is over.
            last.tried = Some(clock::now());
            remember(&home, &last);
            return Ok(());
        }
        return take(&stack, &home, last).await;
    };
    if next(when, tried, &now) <= now.timestamp() { take(&stack, &home, last).await } else { Ok(()) }
}

async fn take(stack: &Stack, home: &Home, mut last: Last) -> Result<()> {
    last.tried = Some(clock::now());
    remember(home, &last);
    let options = BackupOptions { reason: Reason::Scheduled, ..BackupOptions::default() };
    match Box::pin(stack.backup(&options, &|_| {})).await {
        Ok(report) => (last.backup, last.error) = (Some(report.manifest.id), None),
        Err(error) => {
            tracing::warn!(%error, "a backup of the schedule failed");
            last.error = Some(format!("[{}] {error}: {}", error.code().id, error.causes().join("; ")));
        }
    }
    remember(home, &last);
    Ok(())
}

/// When the next one is due.
fn next(when: When, tried: Timestamp, now: &Zoned) -> Timestamp {
    match when {
        When::Every(time) => tried.saturating_add(time).unwrap_or(Timestamp::MAX),
        When::At(hour, minute) => {
            let tried = tried.to_zoned(now.time_zone().clone());
            let same_day = tried.date().at(hour, minute, 0, 0).to_zoned(now.time_zone().clone());
            let next = match same_day {
                Ok(at) if at > tried => Ok(at),
                _ => tried
                    .date()
                    .tomorrow()
                    .and_then(|day| day.at(hour, minute, 0, 0).to_zoned(now.time_zone().clone())),
            };
            next.map_or(Timestamp::MAX, |at| at.timestamp())
        }
    }
}

impl Stack {
    /// How the schedule stands.
    ///
    /// # Errors
    /// `HM-C002` if the configuration's times are not times; `HM-S051` for the state.
    pub async fn backup_schedule(&self) -> Result<Schedule> {
        let when = self.config.backup.when()?;
        let Some(state) = StackState::load(&self.project)? else { return Ok(Schedule::default()) };
        let home = state.home(&self.project);
        let last = last(&home);
        let words = self.config.backup.every.as_ref().map(|every| format!("every {every}"));
        let words = words.or_else(|| self.config.backup.at.as_ref().map(|at| format!("each day at {at}")));
        let now = Zoned::now();
        let tried = last.tried.as_deref().and_then(|text| text.parse::<Timestamp>().ok());
        let due = when.map(|when| match (tried, when) {
            (Some(tried), _) => next(when, tried, &now),
            (None, When::Every(_)) => now.timestamp(),
            (None, When::At(..)) => next(when, now.timestamp(), &now),
        });
        let supervised = crate::stack::supervisor::connect(&home).await.is_some();
        let next = due.map(|due| due.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        Ok(Schedule { when: words, next, last, supervised })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(when: When, tried: &str) -> String {
        let zone = TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC);
        let tried: Zoned = format!("{tried}[{}]", zone.iana_name().unwrap_or("UTC")).parse().unwrap();
        next(when, tried.timestamp(), &tried).to_zoned(zone).strftime("%d %H:%M").to_string()
    }

    #[test]
    fn the_next_one_is_after_the_last_try() {
        let hours = |n: u64| When::Every(std::time::Duration::from_secs(n * 3600));
        assert_eq!(due(hours(6), "2026-11-26T01:00:00"), "26 07:00");
        assert_eq!(due(When::At(3, 30), "2026-11-26T01:00:00"), "26 03:30");
        assert_eq!(due(When::At(3, 30), "2026-11-26T03:30:00"), "27 03:30");
        assert_eq!(due(When::At(3, 30), "2026-11-26T23:00:00"), "27 03:30");
    }
}
