//! The end of a restore or a reset: folders are exchanged and databases renamed. What is decided is written down first, so
//! that a run that was killed in between is finished by the next command, not left half done.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use hallmark_core::{Error, Result, fs};
use serde::{Deserialize, Serialize};

use super::{codes, fault};
use crate::postgres::backup::Rename;
use crate::stack::home::Home;
use crate::stack::process::Process;
use crate::{ServiceKind, platform};

/// The name of the file in the stack's folder of running things.
const FILE: &str = "restore.json";

/// What the journal of a reset is for.
pub const RESET: &str = "reset";

/// Two folders that change places.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Exchange {
    service: ServiceKind,
    live: PathBuf,
    staged: PathBuf,
    /// The inode of the staged folder: where it is found tells whether the exchange was made.
    inode: u64,
}

/// What is decided.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Journal {
    /// What for: the name of the backup, or [`RESET`].
    pub(super) what: String,
    pub(super) exchanges: Vec<Exchange>,
    pub(super) renames: Vec<Rename>,
}

/// The folders of a service below the stack's folder that a backup brings back.
fn folders(service: ServiceKind) -> Vec<PathBuf> {
    match service {
        ServiceKind::Redis => vec![Path::new(Process::Redis.name()).join("data")],
        ServiceKind::Chroma => vec![PathBuf::from(Process::Chroma.name())],
        ServiceKind::Neo4j => crate::neo4j::backup::FOLDERS
            .map(|folder| Path::new(Process::Neo4j.name()).join("data").join(folder))
            .into(),
        ServiceKind::Postgres | ServiceKind::OpenAi => Vec::new(),
    }
}

/// The folders of a service that a reset empties, users and roles with them.
pub(super) fn all_folders(service: ServiceKind) -> Vec<PathBuf> {
    match service {
        ServiceKind::Postgres => vec![Path::new(Process::Postgres.name()).join("data")],
        ServiceKind::Neo4j => vec![Path::new(Process::Neo4j.name()).join("data")],
        other => folders(other),
    }
}

fn file(home: &Home) -> PathBuf {
    home.run().join(FILE)
}

impl Journal {
    /// The journal that a killed run left.
    pub(super) fn left(home: &Home) -> Result<Option<Self>> {
        let path = file(home);
        if !path.is_file() {
            return Ok(None);
        }
        let read = fs::read_text(&path)?;
        serde_json::from_str(&read).map(Some).map_err(|e| {
            Error::new(&codes::INTERRUPTED, format!("{} cannot be read", path.display()))
                .because(&e)
                .next("move it away, then: hallmark restore")
        })
    }

    pub(super) fn add(&mut self, service: ServiceKind, home: &Home, staged: &Path) -> Result<()> {
        self.add_all(service, home, staged, folders(service))
    }

    pub(super) fn add_all(
        &mut self,
        service: ServiceKind,
        home: &Home,
        staged: &Path,
        folders: Vec<PathBuf>,
    ) -> Result<()> {
        for folder in folders {
            let (live, staged) = (home.root().join(&folder), staged.join(&folder));
            let inode = inode_of(&staged).ok_or_else(|| {
                Error::new(&codes::RESTORE_FAILED, format!("{} is not there", staged.display()))
            })?;
            if inode_of(&live).is_none() {
                return Err(Error::new(
                    &codes::NOT_RUNNING,
                    format!("{} has no data folder yet", service.title()),
                )
                .next("hallmark up"));
            }
            self.exchanges.push(Exchange { service, live, staged, inode });
        }
        Ok(())
    }

    /// The services whose folders change places: they must not run meanwhile.
    pub(super) fn services(&self) -> Vec<ServiceKind> {
        let mut all: Vec<ServiceKind> = self.exchanges.iter().map(|exchange| exchange.service).collect();
        all.dedup();
        all
    }

    /// Writes the decision down; from here on it is carried out.
    pub(super) fn decide(&self, home: &Home) -> Result<()> {
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        fs::write_atomic(&file(home), text.as_bytes(), fs::Mode::Private)?;
        fs::sync_folder(&home.run())
    }

    /// Whether the service's folders were exchanged.
    pub(super) fn is_exchanged(&self, service: ServiceKind) -> bool {
        let mut own = self.exchanges.iter().filter(|exchange| exchange.service == service);
        own.all(|exchange| inode_of(&exchange.live) == Some(exchange.inode))
    }

    /// The services of which no folder was exchanged yet: they may have served since the decision. One of which a part was
    /// exchanged was stopped for that and has not.
    pub(super) fn untouched(&self) -> Vec<ServiceKind> {
        let is_untouched = |exchange: &Exchange| {
            inode_of(&exchange.live).is_some_and(|live| live != exchange.inode)
                && inode_of(&exchange.staged) == Some(exchange.inode)
        };
        let of = |service| self.exchanges.iter().filter(move |exchange| exchange.service == service);
        self.services().into_iter().filter(|service| of(*service).all(is_untouched)).collect()
    }

    /// Exchanges the service's folders that were not exchanged yet.
    pub(super) fn exchange(&self, service: ServiceKind) -> Result<()> {
        for exchange in self.exchanges.iter().filter(|exchange| exchange.service == service) {
            if inode_of(&exchange.live) != Some(exchange.inode) {
                change_places(&exchange.live, &exchange.staged)?;
            }
        }
        Ok(())
    }

    /// Takes the exchanges back.
    pub(super) fn take_back(&self) -> Result<()> {
        for exchange in &self.exchanges {
            if inode_of(&exchange.live) == Some(exchange.inode) {
                change_places(&exchange.live, &exchange.staged)?;
            }
        }
        Ok(())
    }

    /// Forgets the decision: it is carried out.
    pub(super) fn done(home: &Home) {
        let _ = std::fs::remove_file(file(home));
    }
}

fn inode_of(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().and_then(|facts| hallmark_core::platform::file_number(&facts))
}

/// Two folders change places in one step; there is no moment at which one of them is missing.
fn change_places(live: &Path, staged: &Path) -> Result<()> {
    match platform::exchange(live, staged) {
        Ok(true) => Ok(()),
        // A file system that cannot: three renames, and what is found afterwards tells how far they came.
        Ok(false) => {
            let aside = staged.with_extension("aside");
            let failed = |e: std::io::Error| fault(&live.display().to_string(), &e);
            if live.exists() {
                std::fs::rename(live, &aside).map_err(failed)?;
            }
            std::fs::rename(staged, live).map_err(failed)?;
            std::fs::rename(&aside, staged).map_err(failed)
        }
        // An earlier run came so far that only the last rename of three is missing.
        Err(error) if error.kind() == ErrorKind::NotFound && !live.exists() && staged.exists() => {
            std::fs::rename(staged, live).map_err(|e| fault(&live.display().to_string(), &e))
        }
        Err(error) => Err(fault(&live.display().to_string(), &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_is_made_once_and_can_be_taken_back() {
        let root = std::env::temp_dir().join(format!("hallmark-swap-{}", uuid::Uuid::new_v4().simple()));
        let (home, staged) = (Home::new(root.join("home")), root.join("staged"));
        home.create(&root).unwrap();
        let write = |folder: &Path, text: &str| {
            fs::write_atomic(&folder.join("redis/data/a"), text.as_bytes(), fs::Mode::Default).unwrap();
        };
        write(home.root(), "old");
        write(&staged, "new");
        let live = || std::fs::read_to_string(home.root().join("redis/data/a")).unwrap();
        let mut journal = Journal::default();
        journal.add(ServiceKind::Redis, &home, &staged).unwrap();
        journal.decide(&home).unwrap();
        let again = Journal::left(&home).unwrap().unwrap();
        assert!(!again.is_exchanged(ServiceKind::Redis));
        assert_eq!(again.untouched(), [ServiceKind::Redis]);
        again.exchange(ServiceKind::Redis).unwrap();
        again.exchange(ServiceKind::Redis).unwrap();
        assert!(again.is_exchanged(ServiceKind::Redis) && again.untouched().is_empty());
        assert_eq!(live(), "new");
        again.take_back().unwrap();
        again.take_back().unwrap();
        assert_eq!(live(), "old");
        Journal::done(&home);
        assert!(Journal::left(&home).unwrap().is_none());
        assert!(Journal::default().add(ServiceKind::Chroma, &home, &staged).is_err(), "no such folder");
        std::fs::remove_dir_all(root).unwrap();
    }
}
