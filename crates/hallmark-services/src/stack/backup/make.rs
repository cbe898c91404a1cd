//! `backup`: every service taken, packed, tried, and only then given its name.

use std::path::{Path, PathBuf};
use std::time::Instant;

use hallmark_core::{Error, Result, Secret, clock, random};
use serde::Serialize;

use super::manifest::{Content, How, Kept, Manifest, Reason, Verified, differences};
use super::scratch::Scratch;
use super::seal::Key;
use super::swap::Journal;
use super::take::{Source, Taken};
use super::{Backup, came_back_other, catalogue, codes, fault, limits, pack, scratch, trial};
use crate::stack::config::Provider;
use crate::stack::credentials::Credentials;
use crate::stack::home::{Home, make_folder};
use crate::stack::install::{Cache, Tools, lock_file};
use crate::stack::state::StackState;
use crate::{Endpoints, ServiceKind, Stack, chroma, neo4j, postgres, redis};

/// How a backup is taken.
#[derive(Clone, Debug)]
pub struct BackupOptions {
    /// Only these services; empty means those of the configuration, or all that are provided.
    pub only: Vec<ServiceKind>,
    /// The folder of the backups, if not that of the configuration.
    pub to: Option<PathBuf>,
    /// Whether it is tried in a scratch instance; without that it is listed as unverified.
    pub verify: bool,
    /// Encrypts with this passphrase instead of that of the configuration.
    pub passphrase: Option<Secret>,
    /// Why it is taken.
    pub reason: Reason,
}

impl Default for BackupOptions {
    fn default() -> Self {
        Self { only: Vec::new(), to: None, verify: true, passphrase: None, reason: Reason::Asked }
    }
}

/// What a backup reached.
#[derive(Clone, Debug, Serialize)]
pub struct BackupReport {
    /// Its folder.
    pub folder: PathBuf,
    /// What it says of itself.
    pub manifest: Manifest,
    /// The older backups that were removed because the configuration keeps no more.
    pub pruned: Vec<String>,
}

/// What a backup, a restore or a reset tells while it works.
#[derive(Clone, Debug)]
pub enum Progress {
    /// The service's data are being taken.
    Taking(ServiceKind),
    /// They were taken.
    Taken(Box<Kept>),
    /// The service's data are being brought up in a scratch instance.
    Trying(ServiceKind),
    /// They came up as they were; how long it took.
    Tried(ServiceKind, u64),
    /// The service's data were taken again: the copy did not agree with the counts around it.
    Again(ServiceKind, String),
    /// The service is about to stop, and why.
    Stopping(ServiceKind),
    /// It works again; how long it did not.
    Back(ServiceKind, u64),
    /// Something that a reader should know.
    Note(String),
}

/// Who is told.
pub type Watch<'a> = &'a (dyn Fn(&Progress) + Sync);

/// Where backups are made, and with what.
pub(super) struct Place {
    pub(super) home: Home,
    pub(super) tools: Tools,
    pub(super) credentials: Credentials,
    pub(super) endpoints: Endpoints,
    pub(super) folder: PathBuf,
    pub(super) project: String,
    _lock: std::fs::File,
}

impl Stack {
    /// The folder of this project's backups.
    #[must_use]
    pub fn backups_folder(&self, to: Option<&Path>) -> PathBuf {
        let chosen = to.map(Path::to_path_buf).or_else(|| {
            let configured = self.config.backup.to.as_ref()?;
            Some(self.project.root().join(configured))
        });
        chosen.unwrap_or_else(|| self.project.state_path().join("backups"))
    }

    /// The backups in the folder, oldest first.
    #[must_use]
    pub fn backups(&self, to: Option<&Path>) -> Vec<Backup> {
        catalogue::list(&self.backups_folder(to))
    }

    /// The name that this project has in its backups.
    pub(super) fn backup_name(&self) -> String {
        format!("{} {}", self.project.name(), self.project.id())
    }

    /// Opens the place of backups and waits until no other backup or restore works on the project.
    pub(super) async fn backup_place(&self, to: Option<&Path>) -> Result<Place> {
        // A backup counts only after it came back, in a server that is started for that.
        crate::platform::refuse_native("a backup")?;
        let state = StackState::load_or_create(&self.project)?;
        let home = state.home(&self.project);
        let lock = lock_file(&home.run().join("backup.lock"), limits::LOCK_PATIENCE).await?;
        let folder = self.backups_folder(to);
        make_folder(&folder, 0o700)?;
        // What an interrupted restore staged is not litter.
        if Journal::left(&home)?.is_none() {
            scratch::sweep(&home);
        }
        catalogue::sweep(&folder);
        Ok(Place {
            tools: Tools::find(&Cache::locate()?).await,
            credentials: Credentials::load_or_create(&home)?,
            endpoints: self.endpoints()?,
            folder,
            project: self.backup_name(),
            home,
            _lock: lock,
        })
    }

    /// Takes a backup. Nothing of the services changes; Neo4j and ChromaDB stand still while their files are copied.
    ///
    /// # Errors
    /// `HM-S100` if a service does not run; `HM-S101` if one cannot be taken; `HM-S102` if one does not come back as it
    /// was; `HM-C010`, `HM-C011` for files. There is then no new backup.
    pub async fn backup(&self, options: &BackupOptions, watch: Watch<'_>) -> Result<BackupReport> {
        if options.reason == Reason::Scheduled
            && let Some(pending) = self.pending().await?
        {
            // Nobody would read that data were replaced.
            return Err(Error::new(&codes::INTERRUPTED, pending.to_string()).next("hallmark up"));
        }
        Box::pin(self.settle(None, watch)).await?;
        let place = self.backup_place(options.to.as_deref()).await?;
        self.backup_in(&place, options, watch).await
    }

    pub(super) async fn backup_in(
        &self,
        place: &Place,
        options: &BackupOptions,
        watch: Watch<'_>,
    ) -> Result<BackupReport> {
        let begin = Instant::now();
        let passphrase = match &options.passphrase {
            Some(passphrase) => Some(passphrase.clone()),
            None => self.config.backup.secret(&self.project)?,
        };
        let key = passphrase.as_ref().map(Key::new).transpose()?;
        let id = format!("{}-{}", stamp(), random::token(4)?);
        let partial = Partial::make(place.folder.join(format!("{}{id}", catalogue::PARTIAL)))?;
        let mut manifest = Manifest::new(id, place.project.clone(), options.reason, key.is_some());
        let work = Work { place, partial: &partial.path, key: key.as_ref(), passphrase, watch };
        let mut steadies = Vec::new();
        for service in self.backup_services(&options.only) {
            let taken = work.take(service, self.provider(service)).await?;
            manifest.services.push(taken.kept);
            steadies.push(taken.steady);
        }
        if manifest.services.iter().all(|kept| kept.packed.is_none()) {
            return Err(Error::new(
                &codes::BACKUP_FAILED,
                "no service of this project holds data to back up",
            )
            .next("hallmark status"));
        }
        manifest.duration_ms = ms(begin);
        if options.verify {
            let begin = Instant::now();
            for (kept, steady) in manifest.services.iter_mut().zip(steadies) {
                let provider = self.provider(kept.service);
                work.prove(kept, steady, provider).await?;
            }
            manifest.verified = Some(Verified { at: clock::now(), duration_ms: ms(begin) });
        } else {
            for (kept, steady) in manifest.services.iter_mut().zip(steadies) {
                kept.content.extend(steady.unwrap_or_default());
            }
        }
        manifest.save(&partial.path)?;
        let folder = partial.finish(&place.folder.join(&manifest.id))?;
        // A safety backup must not push out the one that is being restored.
        let pruned = if options.reason.is_ordinary() && manifest.verified.is_some() {
            catalogue::prune(&place.folder, &place.project, &self.config.backup)?
        } else {
            Vec::new()
        };
        Ok(BackupReport { folder, manifest, pruned })
    }

    /// What a service holds now, part by part, with digests: what a backup of this moment would hold.
    ///
    /// # Errors
    /// `HM-S100` if it has no address; those of the service.
    pub async fn content(&self, service: ServiceKind) -> Result<Content> {
        let endpoints = self.endpoints()?;
        let absent = || {
            Error::new(&codes::NOT_RUNNING, format!("{} has no address", service.title())).next("hallmark up")
        };
        match service {
            ServiceKind::Postgres => postgres::backup::content(&endpoints.postgres.ok_or_else(absent)?).await,
            ServiceKind::Redis => redis::backup::content(&endpoints.redis.ok_or_else(absent)?).await,
            ServiceKind::Neo4j => neo4j::backup::content(&endpoints.neo4j.ok_or_else(absent)?).await,
            ServiceKind::Chroma => chroma::backup::content(&endpoints.chroma.ok_or_else(absent)?).await,
            ServiceKind::OpenAi => Ok(Content::new()),
        }
    }

    fn backup_services(&self, only: &[ServiceKind]) -> Vec<ServiceKind> {
        let chosen = if only.is_empty() { &self.config.backup.services } else { only };
        ServiceKind::ALL
            .into_iter()
            .filter(|service| chosen.is_empty() || chosen.contains(service))
            .filter(|service| self.provider(*service) != Provider::Off)
            .collect()
    }

    /// Tries a backup that was not tried when it was taken, or tries one again.
    ///
    /// # Errors
    /// `HM-S105` if there is none of this name; `HM-S103`, `HM-S104` if it cannot be opened; `HM-S102` if it does not
    /// come back as it was.
    pub async fn verify_backup(
        &self,
        name: Option<&str>,
        options: &BackupOptions,
        watch: Watch<'_>,
    ) -> Result<BackupReport> {
        let place = self.backup_place(options.to.as_deref()).await?;
        let Backup { folder, mut manifest } = match name {
            Some(name) => catalogue::find(&place.folder, &place.project, Some(name))?,
            None => catalogue::list(&place.folder)
                .pop()
                .map_or_else(|| catalogue::find(&place.folder, &place.project, None), Ok)?,
        };
        let passphrase = self.passphrase_for(&manifest, options.passphrase.as_ref())?;
        let begin = Instant::now();
        let work = Work { place: &place, partial: &folder, key: None, passphrase, watch };
        for kept in &mut manifest.services {
            if let Some(packed) = &kept.packed {
                pack::check(&folder, packed)?;
                work.try_one(kept, None).await?;
            }
        }
        manifest.verified = Some(Verified { at: clock::now(), duration_ms: ms(begin) });
        manifest.save(&folder)?;
        Ok(BackupReport { folder, manifest, pruned: Vec::new() })
    }

    /// The passphrase that opens the backup, if it needs one.
    pub(super) fn passphrase_for(
        &self,
        manifest: &Manifest,
        given: Option<&Secret>,
    ) -> Result<Option<Secret>> {
        if !manifest.encrypted {
            return Ok(None);
        }
        let found = match given {
            Some(given) => Some(given.clone()),
            None => self.config.backup.secret(&self.project)?,
        };
        found.map(Some).ok_or_else(|| {
            Error::new(&codes::PASSPHRASE, format!("the backup {} is encrypted", manifest.id))
                .next("give its passphrase: --passphrase-file FILE or --passphrase-env NAME")
        })
    }
}

/// What the work on the services of one backup shares.
struct Work<'a> {
    place: &'a Place,
    partial: &'a Path,
    key: Option<&'a Key>,
    passphrase: Option<Secret>,
    watch: Watch<'a>,
}

impl Work<'_> {
    /// Takes one service's data and packs them.
    async fn take(&self, service: ServiceKind, provider: Provider) -> Result<Taken> {
        (self.watch)(&Progress::Taking(service));
        let place = self.place;
        let source = Source { home: &place.home, tools: &place.tools, endpoints: &place.endpoints };
        // What is not packed yet lies where the data lie: nothing leaves that folder unencrypted that should not.
        let staging = Scratch::new(&place.home, &place.tools, &place.credentials)?;
        let folder = staging.root().join("staged");
        make_folder(&folder, 0o700)?;
        let mut taken = source.take(service, provider, &folder).await?;
        if !matches!(taken.kept.how, How::Nothing | How::LeftOut) {
            let suffix = if self.key.is_some() { ".tar.gz.sealed" } else { ".tar.gz" };
            let (to, key) = (self.partial.join(format!("{service}{suffix}")), self.key.cloned());
            let packing = tokio::task::spawn_blocking(move || {
                let _ = std::fs::remove_file(&to);
                pack::pack(&folder, &to, service.name(), key.as_ref())
            });
            let packed = packing
                .await
                .map_err(|e| Error::new(&codes::BACKUP_FAILED, "the packing ended early").because(&e))?;
            taken.kept.packed = Some(packed?);
        }
        (self.watch)(&Progress::Taken(Box::new(taken.kept.clone())));
        Ok(taken)
    }

    /// Tries what was taken; where the live counts stood still and the copy has others, it is taken again.
    async fn prove(&self, kept: &mut Kept, steady: Option<Content>, provider: Provider) -> Result<()> {
        let mut steady = steady;
        for attempt in 1..=limits::ATTEMPTS {
            if kept.packed.is_none() {
                return Ok(());
            }
            match self.try_one(kept, steady.as_ref()).await {
                Err(error)
                    if error.is(&codes::TEST_FAILED) && steady.is_some() && attempt < limits::ATTEMPTS =>
                {
                    let why = error.causes().join("; ");
                    (self.watch)(&Progress::Again(kept.service, why));
                    let again = self.take(kept.service, provider).await?;
                    (*kept, steady) = (again.kept, again.steady);
                }
                other => return other,
            }
        }
        Ok(())
    }

    /// Brings the packed file up in a scratch instance and notes what it holds.
    async fn try_one(&self, kept: &mut Kept, steady: Option<&Content>) -> Result<()> {
        let Some(packed) = kept.packed.clone() else { return Ok(()) };
        let begin = Instant::now();
        (self.watch)(&Progress::Trying(kept.service));
        let place = self.place;
        let mut scratch = Scratch::new(&place.home, &place.tools, &place.credentials)?;
        let unpacked = scratch.root().join("unpacked");
        unpack(&self.partial.join(&packed.file), kept.service, self.passphrase.as_ref(), &unpacked).await?;
        let found = trial::bring_up(&mut scratch, kept, &unpacked).await?;
        if let Some(steady) = steady {
            let counted = found.iter().filter(|(name, _)| steady.contains_key(*name));
            let counted = counted.map(|(name, part)| (name.clone(), part.clone())).collect();
            let differences = differences(steady, &counted);
            if !differences.is_empty() {
                return Err(came_back_other(&differences));
            }
        } else if kept.content.values().any(|part| part.digest.is_some()) {
            let differences = differences(&kept.content, &found);
            if !differences.is_empty() {
                return Err(came_back_other(&differences));
            }
        }
        kept.content = found;
        (self.watch)(&Progress::Tried(kept.service, ms(begin)));
        Ok(())
    }
}

/// Unpacks a file of a backup into a new folder.
pub(super) async fn unpack(
    file: &Path,
    service: ServiceKind,
    passphrase: Option<&Secret>,
    to: &Path,
) -> Result<()> {
    make_folder(to, 0o700)?;
    let (file, to, passphrase) = (file.to_path_buf(), to.to_path_buf(), passphrase.cloned());
    let work =
        tokio::task::spawn_blocking(move || pack::unpack(&file, service.name(), passphrase.as_ref(), &to));
    work.await.map_err(|e| Error::new(&codes::DAMAGED, "the unpacking ended early").because(&e))?
}

/// The folder of a backup that is being made; gone with the value unless it is finished.
struct Partial {
    path: PathBuf,
}

impl Partial {
    fn make(path: PathBuf) -> Result<Self> {
        make_folder(&path, 0o700)?;
        Ok(Self { path })
    }

    /// Gives the complete backup its name.
    fn finish(self, to: &Path) -> Result<PathBuf> {
        hallmark_core::fs::sync_folder(&self.path)?;
        std::fs::rename(&self.path, to).map_err(|e| fault(&to.display().to_string(), &e))?;
        if let Some(parent) = to.parent() {
            hallmark_core::fs::sync_folder(parent)?;
        }
        Ok(to.to_path_buf())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Now, as a name begins: `20261126T093000Z`.
fn stamp() -> String {
    let digits: String = clock::now().chars().take(19).filter(|c| c.is_ascii_digit() || *c == 'T').collect();
    format!("{digits}Z")
}

pub(super) fn ms(begin: Instant) -> u64 {
    u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX)
}
