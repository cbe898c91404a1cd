//! A restore or reset that was killed after its decision: what of it is still to be done, and how the next command does it.

use std::fmt;
use std::pin::pin;
use std::time::Duration;

use hallmark_core::{Error, Result};
use serde::Serialize;

use super::make::{BackupOptions, Place, Progress, Watch};
use super::manifest::Reason;
use super::swap::{Journal, RESET};
use super::{codes, scratch};
use crate::stack::install::lock_file;
use crate::stack::limits;
use crate::stack::state::StackState;
use crate::{PostgresConfig, ServiceKind, Stack, postgres};

/// A restore or a reset that was killed after its decision, and that nobody finishes at this moment.
#[derive(Clone, Debug, Serialize)]
pub struct Pending {
    /// The name of the backup, or [`RESET`].
    pub what: String,
    /// The services whose data may still be replaced.
    pub services: Vec<ServiceKind>,
}

impl Pending {
    fn of(journal: &Journal) -> Self {
        let own = journal.services().into_iter().filter(|service| !journal.is_exchanged(*service));
        let databases = (!journal.renames.is_empty()).then_some(ServiceKind::Postgres);
        Self { what: journal.what.clone(), services: own.chain(databases).collect() }
    }
}

impl fmt::Display for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} was interrupted", title(&self.what))?;
        match self.services.as_slice() {
            [] => f.write_str(": the data are replaced, and the next up clears up"),
            some => write!(
                f,
                "; the next up, backup, restore or reset finishes it and replaces what {} holds",
                names(some)
            ),
        }
    }
}

fn title(what: &str) -> String {
    if what == RESET { "the reset".to_owned() } else { format!("the restore of {what}") }
}

fn names(services: &[ServiceKind]) -> String {
    services.iter().map(|service| service.name()).collect::<Vec<_>>().join(", ")
}

impl Stack {
    /// The restore or reset that was killed after its decision; the next `up`, `backup`, `restore` or `reset` finishes it.
    ///
    /// # Errors
    /// `HM-S051` if the state is broken; `HM-S109` if what was decided cannot be read.
    pub async fn pending(&self) -> Result<Option<Pending>> {
        let Some(state) = StackState::load(&self.project)? else { return Ok(None) };
        let home = state.home(&self.project);
        let Some(journal) = Journal::left(&home)? else { return Ok(None) };
        match lock_file(&home.run().join("backup.lock"), Duration::ZERO).await {
            // It is being carried out.
            Err(error) if error.is(&crate::stack::codes::LOCKED) => Ok(None),
            Err(error) => Err(error),
            Ok(_lock) => Ok(Journal::left(&home)?.map(|_| Pending::of(&journal))),
        }
    }

    /// The same for people.
    pub(in crate::stack) async fn pending_sentence(&self) -> Option<String> {
        match self.pending().await {
            Ok(pending) => pending.map(|pending| pending.to_string()),
            Err(error) => Some(error.to_string()),
        }
    }

    /// Finishes a restore or reset that was killed after its decision; answers what it was. What may have been written
    /// since is backed up first; where that fails, only the one that is `forced` goes on.
    ///
    /// # Errors
    /// `HM-S109` if it cannot be finished.
    pub async fn settle(&self, forced: Option<&str>, watch: Watch<'_>) -> Result<Option<String>> {
        let Some(state) = StackState::load(&self.project)? else { return Ok(None) };
        let home = state.home(&self.project);
        if Journal::left(&home)?.is_none() {
            return Ok(None);
        }
        let place = self.backup_place(None).await?;
        // Another command may have finished it while this one waited.
        let Some(journal) = Journal::left(&home)? else { return Ok(None) };
        watch(&Progress::Note(format!("finishing {}, which was interrupted", title(&journal.what))));
        let forced = forced == Some(journal.what.as_str());
        Box::pin(self.finish(&place, &journal, forced, watch)).await.map_err(|error| {
            let without = match journal.what.as_str() {
                RESET => "hallmark reset --no-safety --yes".to_owned(),
                what => format!("hallmark restore {what} --no-safety --yes"),
            };
            Error::new(&codes::INTERRUPTED, format!("{} could not be finished", title(&journal.what)))
                .because_text(error.to_string())
                .because_text(error.causes().join("; "))
                .next(format!(
                    "hallmark doctor, then: hallmark up (without a backup of what is there: {without})"
                ))
        })?;
        Journal::done(&home);
        scratch::sweep(&home);
        Ok(Some(journal.what))
    }

    async fn finish(&self, place: &Place, journal: &Journal, forced: bool, watch: Watch<'_>) -> Result<()> {
        let mut services = journal.services();
        let mut untouched = journal.untouched();
        let databases = place.endpoints.postgres.as_ref().filter(|_| !journal.renames.is_empty());
        if let Some(config) = databases {
            if self.databases_pending(config, journal).await? {
                untouched.push(ServiceKind::Postgres);
            }
            services.push(ServiceKind::Postgres);
        }
        if !untouched.is_empty() {
            let kept = self.keep_first(place, journal, &untouched, watch).await;
            match kept {
                Err(error) if forced => {
                    watch(&Progress::Note(format!(
                        "what is there is lost, as you asked: no backup of it ({error})"
                    )));
                }
                other => other?,
            }
        }
        for service in journal.services() {
            self.exchange(journal, service).await?;
        }
        self.start_again(&services).await?;
        if let Some(config) = databases {
            postgres::backup::rename(config, &journal.renames).await?;
            postgres::backup::sweep(config).await?;
        }
        Ok(())
    }

    /// Whether databases still have to change names. Whoever was killed at that may have left them closed to everybody,
    /// the probe of `up` as well.
    async fn databases_pending(&self, config: &PostgresConfig, journal: &Journal) -> Result<bool> {
        let mut start = pin!(self.start_again(&[ServiceKind::Postgres]));
        let opened = async {
            while postgres::backup::is_pending(config, &journal.renames).await.is_err() {
                tokio::time::sleep(limits::USABLE_PAUSE).await;
            }
        };
        tokio::select! {
            started = &mut start => started?,
            () = opened => start.await?,
        }
        postgres::backup::is_pending(config, &journal.renames).await
    }

    /// Backs up what may have been written since the decision.
    async fn keep_first(
        &self,
        place: &Place,
        journal: &Journal,
        services: &[ServiceKind],
        watch: Watch<'_>,
    ) -> Result<()> {
        let names = names(services);
        watch(&Progress::Note(format!("first a backup of what {names} may have been given since")));
        self.start_again(services).await?;
        let reason = if journal.what == RESET { Reason::BeforeReset } else { Reason::BeforeRestore };
        let options = BackupOptions { only: services.to_vec(), reason, ..BackupOptions::default() };
        let id = self.backup_in(place, &options, watch).await?.manifest.id;
        watch(&Progress::Note(format!(
            "what was there before: hallmark restore {id} --only {}",
            names.replace(' ', "")
        )));
        Ok(())
    }
}
