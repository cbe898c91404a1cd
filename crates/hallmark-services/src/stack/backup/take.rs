//! One service's data, taken into a folder.

use std::path::Path;

use hallmark_core::{Error, Result};

use super::freeze::freeze;
use super::manifest::{Content, How, Kept};
use super::{codes, fault};
use crate::stack::config::Provider;
use crate::stack::home::Home;
use crate::stack::install::Tools;
use crate::stack::process::Process;
use crate::stack::supervisor::records;
use crate::{Endpoints, ServiceKind, chroma, neo4j, postgres, redis};

/// Where a service is and with what its data are taken.
pub(super) struct Source<'a> {
    pub(super) home: &'a Home,
    pub(super) tools: &'a Tools,
    pub(super) endpoints: &'a Endpoints,
}

/// What was taken, before it is packed.
pub(super) struct Taken {
    pub(super) kept: Kept,
    /// The live counts, if they were the same before and after: then those of the copy must be, too.
    pub(super) steady: Option<Content>,
}

impl Source<'_> {
    /// Takes the service's data into the folder.
    ///
    /// # Errors
    /// `HM-S100` if it does not run, `HM-S101` if it cannot be taken.
    pub(super) async fn take(
        &self,
        service: ServiceKind,
        provider: Provider,
        folder: &Path,
    ) -> Result<Taken> {
        let taken = self.try_take(service, provider, folder).await;
        taken.map_err(|error| {
            let next = error.next_step().unwrap_or("hallmark status").to_owned();
            let code = match error.code().id {
                "HM-S100" => &codes::NOT_RUNNING,
                id if id == hallmark_core::codes::DISK_FULL.id => &hallmark_core::codes::DISK_FULL,
                _ => &codes::BACKUP_FAILED,
            };
            let causes = error.causes().iter().map(ToString::to_string).collect::<Vec<_>>();
            let start = Error::new(code, format!("{} could not be backed up", service.title()))
                .because_text(error.to_string());
            causes.into_iter().fold(start, Error::because_text).next(next)
        })
    }

    async fn try_take(&self, service: ServiceKind, provider: Provider, folder: &Path) -> Result<Taken> {
        let absent = || {
            Error::new(&codes::NOT_RUNNING, format!("{} has no address", service.title())).next("hallmark up")
        };
        let left_out =
            |why: &str| Ok(Taken { kept: Kept::without_data(service, How::LeftOut, why), steady: None });
        match (service, provider) {
            (ServiceKind::OpenAi, _) => {
                let why = "has no data: its models are downloads, known by checksum";
                Ok(Taken { kept: Kept::without_data(service, How::Nothing, why), steady: None })
            }
            (ServiceKind::Postgres, _) => {
                let config = self.endpoints.postgres.as_ref().ok_or_else(absent)?;
                let major = postgres::backup::major(config).await?;
                let bin = match provider {
                    Provider::Native => self.tools.postgres(Some(major))?,
                    _ => self.tools.postgres(None)?,
                };
                let only_own = provider == Provider::External;
                let dumped = postgres::backup::take(bin, config, only_own, folder).await?;
                let mut kept = kept(service, How::Dump, dumped.version);
                (kept.position, kept.content) = (Some(dumped.position), dumped.content);
                if !dumped.left_out.is_empty() {
                    let names = dumped.left_out.join(", ");
                    kept.note = Some(format!("without {names}: databases that take no connections"));
                }
                Ok(Taken { kept, steady: None })
            }
            (ServiceKind::Redis, _) => {
                let config = self.endpoints.redis.as_ref().ok_or_else(absent)?;
                let before = redis::backup::counts(config).await?;
                let (version, position) =
                    redis::backup::take(self.tools.redis.as_deref(), config, folder).await?;
                let after = redis::backup::counts(config).await?;
                let mut kept = kept(service, How::Replica, version);
                kept.position = Some(position);
                Ok(Taken { kept, steady: (before == after).then_some(after) })
            }
            (ServiceKind::Neo4j, Provider::Native) => {
                let config = self.endpoints.neo4j.as_ref().ok_or_else(absent)?;
                let before = neo4j::backup::counts(config).await?;
                let data = self.home.data(Process::Neo4j).join("data");
                let parts = neo4j::backup::FOLDERS.map(|part| (data.join(part), folder.join(part)));
                let mut kept = kept(service, How::Image, neo4j::backup::version(config).await?);
                kept.paused_ms = self.image(Process::Neo4j, parts.to_vec()).await?;
                let after = neo4j::backup::counts(config).await?;
                Ok(Taken { kept, steady: (before == after).then_some(after) })
            }
            (ServiceKind::Chroma, Provider::Native) => {
                let config = self.endpoints.chroma.as_ref().ok_or_else(absent)?;
                let before = chroma::backup::counts(config).await?;
                let parts = vec![(self.home.data(Process::Chroma), folder.to_path_buf())];
                let mut kept = kept(service, How::Image, chroma::backup::version(config).await?);
                kept.paused_ms = self.image(Process::Chroma, parts).await?;
                let after = chroma::backup::counts(config).await?;
                Ok(Taken { kept, steady: (before == after).then_some(after) })
            }
            _ => left_out("its files are not at hand: it runs elsewhere, so use its own tools"),
        }
    }

    /// Copies the folders while the server stands still; gives how long it did, in milliseconds.
    async fn image(
        &self,
        process: Process,
        parts: Vec<(std::path::PathBuf, std::path::PathBuf)>,
    ) -> Result<u64> {
        let rows = records(self.home);
        let identity = rows.get(&process).and_then(|record| record.alive()).cloned().ok_or_else(|| {
            Error::new(&codes::NOT_RUNNING, format!("{process} does not run")).next("hallmark up")
        })?;
        let frozen = freeze(&identity).await?;
        let copied = tokio::task::spawn_blocking(move || {
            parts
                .iter()
                .try_for_each(|(from, to)| copy(from, to).map_err(|e| fault(&to.display().to_string(), &e)))
        });
        let copied = copied.await;
        let paused = frozen.thaw().await;
        copied.map_err(|e| Error::new(&codes::BACKUP_FAILED, "the copying ended early").because(&e))??;
        Ok(u64::try_from(paused.as_millis()).unwrap_or(u64::MAX))
    }
}

fn kept(service: ServiceKind, how: How, version: String) -> Kept {
    Kept { version, note: None, ..Kept::without_data(service, how, "") }
}

/// Copies a folder with everything that is a file or a folder in it.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &target)?;
        } else if kind.is_file() {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
