//! `restore` and `reset`: nothing is overwritten before its replacement has come up in a scratch instance.

use std::path::PathBuf;
use std::time::Instant;

use hallmark_core::{Error, Result, Secret};
use serde::Serialize;

use super::make::{BackupOptions, Place, Progress, Watch, ms, unpack};
use super::manifest::{Kept, Manifest, Reason};
use super::scratch::Scratch;
use super::swap::{Journal, RESET, all_folders};
use super::{Backup, catalogue, codes, pack, scratch, trial};
use crate::stack::config::Provider;
use crate::stack::process::Process;
use crate::stack::{Silent, UpOptions};
use crate::{ServiceKind, Stack, postgres};

/// How a restore works.
#[derive(Clone, Debug, Default)]
pub struct RestoreOptions {
    /// The backup's name or folder; the newest verified one that was asked for or scheduled if not given.
    pub backup: Option<String>,
    /// The folder of the backups, if not that of the configuration.
    pub to: Option<PathBuf>,
    /// Only these services; empty means all that the backup holds.
    pub only: Vec<ServiceKind>,
    /// Overwrites without a backup of what is there.
    pub no_safety: bool,
    /// Opens the backup instead of the passphrase of the configuration.
    pub passphrase: Option<Secret>,
}

/// What a restore or a reset did.
#[derive(Clone, Debug, Serialize)]
pub struct RestoreReport {
    /// The backup that was restored; none after a reset.
    pub backup: Option<String>,
    /// The services that hold other data now, and for how many milliseconds each did not answer.
    pub services: Vec<(ServiceKind, u64)>,
    /// The backup of what was there before.
    pub safety: Option<String>,
}

/// What a restore would do, so that somebody can agree to it.
#[derive(Clone, Debug, Serialize)]
pub struct RestorePlan {
    /// The backup.
    pub manifest: Manifest,
    /// The services whose data would be replaced while they work; clients lose their connection for a moment.
    pub online: Vec<ServiceKind>,
    /// The services that would stop for a moment.
    pub stopping: Vec<ServiceKind>,
}

impl Stack {
    /// What a restore with these options would do. Nothing changes.
    ///
    /// # Errors
    /// `HM-S105` if there is no such backup; `HM-S107` if a service is not this stack's to overwrite.
    pub fn restore_plan(&self, options: &RestoreOptions) -> Result<RestorePlan> {
        let folder = self.backups_folder(options.to.as_deref());
        let backup = catalogue::find(&folder, &self.backup_name(), options.backup.as_deref())?;
        let chosen = self.restorable(&backup.manifest, &options.only)?;
        let services = chosen.iter().map(|kept| kept.service);
        let (online, stopping) = services.partition(|service| *service == ServiceKind::Postgres);
        Ok(RestorePlan { online, stopping, manifest: backup.manifest })
    }

    /// Brings a backup back. Its data come up in scratch instances first and are compared with the manifest; what is
    /// there is backed up; only then are databases renamed and folders exchanged, each in one step.
    ///
    /// # Errors
    /// `HM-S102` to `HM-S107` before anything changed; `HM-S108` if the services did not come back: then the data are
    /// again what they were.
    pub async fn restore(&self, options: &RestoreOptions, watch: Watch<'_>) -> Result<RestoreReport> {
        let forced = options.backup.as_deref().filter(|_| options.no_safety);
        // Boxed: nested as they are, these futures would be too deep for the stack of a thread.
        Box::pin(self.settle(forced, watch)).await?;
        let place = self.backup_place(options.to.as_deref()).await?;
        let Backup { folder, manifest } =
            catalogue::find(&place.folder, &place.project, options.backup.as_deref())?;
        let chosen = self.restorable(&manifest, &options.only)?;
        let passphrase = self.passphrase_for(&manifest, options.passphrase.as_ref())?;
        let mut staged = Scratch::new(&place.home, &place.tools, &place.credentials)?;
        // Everything is read and checked before anything is overwritten.
        for kept in &chosen {
            if let Some(packed) = &kept.packed {
                pack::check(&folder, packed)?;
                let to = staged.root().join("unpacked").join(kept.service.name());
                unpack(&folder.join(&packed.file), kept.service, passphrase.as_ref(), &to).await?;
            }
        }
        let safety = if options.no_safety {
            None
        } else {
            let only = chosen.iter().map(|kept| kept.service).collect();
            let (reason, passphrase) = (Reason::BeforeRestore, options.passphrase.clone());
            let safety = BackupOptions { only, reason, passphrase, ..BackupOptions::default() };
            Some(Box::pin(self.safety(&place, &safety, watch)).await?)
        };
        let mut journal = Journal { what: manifest.id.clone(), ..Journal::default() };
        Box::pin(stage(&place, &chosen, &mut staged, &mut journal, watch)).await?;
        let services = Box::pin(self.carry_out(&place, journal, &mut staged, watch)).await?;
        Ok(RestoreReport { backup: Some(manifest.id), services, safety })
    }

    /// Empties the services that this stack runs itself, roles and users with them. What was there is backed up first,
    /// unless told otherwise.
    ///
    /// # Errors
    /// `HM-S107` if a named service is not this stack's; those of [`Stack::restore`].
    pub async fn reset(&self, options: &RestoreOptions, watch: Watch<'_>) -> Result<RestoreReport> {
        Box::pin(self.settle(options.no_safety.then_some(RESET), watch)).await?;
        let place = self.backup_place(options.to.as_deref()).await?;
        let services = self.resettable(&options.only)?;
        let safety = if options.no_safety {
            None
        } else {
            let (only, reason, passphrase) =
                (services.clone(), Reason::BeforeReset, options.passphrase.clone());
            let safety = BackupOptions { only, reason, passphrase, ..BackupOptions::default() };
            Some(Box::pin(self.safety(&place, &safety, watch)).await?)
        };
        let mut staged = Scratch::new(&place.home, &place.tools, &place.credentials)?;
        let mut journal = Journal { what: RESET.to_owned(), ..Journal::default() };
        for service in services {
            for process in Process::of(service) {
                staged.prepare(*process).await?;
            }
            journal.add_all(service, &place.home, staged.root(), all_folders(service))?;
        }
        let services = Box::pin(self.carry_out(&place, journal, &mut staged, watch)).await?;
        Ok(RestoreReport { backup: None, services, safety })
    }

    /// The services that a reset with these options would empty.
    ///
    /// # Errors
    /// `HM-S107` if a named service is not this stack's.
    pub fn resettable(&self, only: &[ServiceKind]) -> Result<Vec<ServiceKind>> {
        let mut all = Vec::new();
        for service in ServiceKind::ALL {
            // The model API has no data.
            if service == ServiceKind::OpenAi || !(only.is_empty() || only.contains(&service)) {
                continue;
            }
            match self.provider(service) {
                Provider::Native => all.push(service),
                _ if only.is_empty() => {}
                _ => return Err(self.not_ours(service)),
            }
        }
        if all.is_empty() {
            return Err(Error::new(&codes::NOT_OURS, "this stack runs no service that could be emptied")
                .next("hallmark status"));
        }
        Ok(all)
    }

    async fn safety(&self, place: &Place, options: &BackupOptions, watch: Watch<'_>) -> Result<String> {
        watch(&Progress::Note("first a backup of what is there".to_owned()));
        Ok(self.backup_in(place, options, watch).await?.manifest.id)
    }

    fn not_ours(&self, service: ServiceKind) -> Error {
        let provider = self.provider(service);
        Error::new(
            &codes::NOT_OURS,
            format!("{} is {provider}: not this stack's to overwrite", service.title()),
        )
        .next("name the other services: hallmark restore --only SERVICE, or use the server's own tools")
    }

    /// What of the backup is to come back.
    fn restorable<'a>(&self, manifest: &'a Manifest, only: &[ServiceKind]) -> Result<Vec<&'a Kept>> {
        let mut chosen = Vec::new();
        for kept in &manifest.services {
            if !(only.is_empty() || only.contains(&kept.service)) {
                continue;
            }
            match (kept.packed.is_some(), self.provider(kept.service)) {
                (true, Provider::Native) => chosen.push(kept),
                (true, Provider::Docker) if kept.service == ServiceKind::Postgres => chosen.push(kept),
                (true, _) => return Err(self.not_ours(kept.service)),
                (false, _) if only.is_empty() => {}
                (false, _) => {
                    let what =
                        format!("the backup {} holds no data of {}", manifest.id, kept.service.title());
                    return Err(Error::new(&codes::NO_BACKUP, what).next("hallmark backup --list"));
                }
            }
        }
        if chosen.is_empty() {
            let what = format!("the backup {} holds nothing of what was asked for", manifest.id);
            return Err(Error::new(&codes::NO_BACKUP, what).next("hallmark backup --list"));
        }
        Ok(chosen)
    }

    /// Carries out what the journal says. If the services do not come back, the folders change places again.
    async fn carry_out(
        &self,
        place: &Place,
        journal: Journal,
        staged: &mut Scratch,
        watch: Watch<'_>,
    ) -> Result<Vec<(ServiceKind, u64)>> {
        // One after another, the one that takes longest last: no service waits for another.
        let mut services = journal.services();
        services.sort_by_key(|service| *service == ServiceKind::Neo4j);
        staged.keep();
        journal.decide(&place.home)?;
        let mut done = Vec::new();
        for service in &services {
            let begin = Instant::now();
            watch(&Progress::Stopping(*service));
            let came_back = match self.exchange(&journal, *service).await {
                Ok(()) => self.start_again(&[*service]).await,
                Err(error) => Err(error),
            };
            if let Err(error) = came_back {
                self.give_up(place, &journal, &services).await;
                return Err(failed(&error));
            }
            watch(&Progress::Back(*service, ms(begin)));
            done.push((*service, ms(begin)));
        }
        if let Some(config) = place.endpoints.postgres.as_ref().filter(|_| !journal.renames.is_empty()) {
            let begin = Instant::now();
            if let Err(error) = postgres::backup::rename(config, &journal.renames).await {
                self.give_up(place, &journal, &services).await;
                return Err(failed(&error));
            }
            watch(&Progress::Back(ServiceKind::Postgres, ms(begin)));
            done.insert(0, (ServiceKind::Postgres, ms(begin)));
            postgres::backup::sweep(config).await?;
        }
        Journal::done(&place.home);
        scratch::sweep(&place.home);
        Ok(done)
    }

    /// Stops the service and exchanges its folders; no other command can start it meanwhile.
    pub(super) async fn exchange(&self, journal: &Journal, service: ServiceKind) -> Result<()> {
        let _lock = self.lock().await?;
        if !journal.is_exchanged(service) {
            self.stop(service).await?;
            journal.exchange(service)?;
        }
        Ok(())
    }

    pub(super) async fn start_again(&self, services: &[ServiceKind]) -> Result<()> {
        if services.is_empty() {
            return Ok(());
        }
        let options = UpOptions { only: services.to_vec(), ..UpOptions::default() };
        let report = Box::pin(self.up_settled(&options, &Silent)).await?;
        match report.failed.first() {
            None => Ok(()),
            Some((service, error)) => {
                Err(Error::new(&codes::RESTORE_FAILED, format!("{} does not come back", service.title()))
                    .because_text(error.to_string())
                    .because_text(error.causes().join("; ")))
            }
        }
    }

    /// Puts everything back as it was before the journal.
    async fn give_up(&self, place: &Place, journal: &Journal, services: &[ServiceKind]) {
        if let Ok(_lock) = self.lock().await {
            for service in services {
                let _ = self.stop(*service).await;
            }
            if let Err(error) = journal.take_back() {
                tracing::error!(%error, "the data could not be put back");
                return;
            }
        }
        Journal::done(&place.home);
        let _ = self.start_again(services).await;
        if let Some(config) = &place.endpoints.postgres {
            let _ = postgres::backup::sweep(config).await;
        }
        scratch::sweep(&place.home);
    }
}

/// Brings everything up beside what is there: PostgreSQL's in new databases, the others' in a scratch instance.
async fn stage(
    place: &Place,
    chosen: &[&Kept],
    staged: &mut Scratch,
    journal: &mut Journal,
    watch: Watch<'_>,
) -> Result<()> {
    for kept in chosen {
        let begin = Instant::now();
        watch(&Progress::Trying(kept.service));
        let unpacked = staged.root().join("unpacked").join(kept.service.name());
        if kept.service == ServiceKind::Postgres {
            let config = place.endpoints.postgres.as_ref().ok_or_else(|| {
                Error::new(&codes::NOT_RUNNING, "PostgreSQL has no address").next("hallmark up")
            })?;
            postgres::backup::sweep(config).await?;
            let major = postgres::backup::major(config).await?;
            let bin = place.tools.postgres(Some(major)).or_else(|_| place.tools.postgres(None))?;
            let loaded = postgres::backup::load(bin, config, &unpacked, &kept.content).await;
            if loaded.is_err() {
                let _ = postgres::backup::sweep(config).await;
            }
            journal.renames = loaded?;
        } else {
            trial::rehearse(staged, kept, &unpacked).await?;
            for process in Process::of(kept.service) {
                staged.stop(*process).await;
            }
            journal.add(kept.service, &place.home, staged.root())?;
        }
        watch(&Progress::Tried(kept.service, ms(begin)));
    }
    Ok(())
}

fn failed(error: &Error) -> Error {
    let next = error.next_step().unwrap_or("hallmark status").to_owned();
    Error::new(&codes::RESTORE_FAILED, "the restore was taken back: the data are what they were")
        .because_text(error.to_string())
        .because_text(error.causes().join("; "))
        .next(next)
}
