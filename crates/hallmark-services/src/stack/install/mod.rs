//! Finding the servers' programs, and installing those that are missing.

mod cache;
mod maven;
mod python;
mod system;

use std::path::{Path, PathBuf};

use hallmark_core::{Error, Result};
use serde::Serialize;

pub(crate) use cache::{Cache, lock_file};
pub(crate) use python::{EMBEDDINGS_FILE, MODEL_SERVER_FILE};

use super::{codes, exec, process};
use crate::{ServiceKind, platform};

/// Where something is installed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Registry {
    /// The system's package manager; needs root.
    Apt,
    /// Maven Central, through Maven.
    Maven,
    /// The Python Package Index, through pip.
    PyPi,
}

impl Registry {
    /// The name that people write.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Apt => "system packages (apt)",
            Self::Maven => "Maven Central",
            Self::PyPi => "Python Package Index",
        }
    }
}

/// One thing that is missing and would be installed.
#[derive(Clone, Debug, Serialize)]
pub struct Item {
    /// The services that need it.
    pub services: Vec<ServiceKind>,
    /// What it is, with its version.
    pub name: String,
    /// Where it comes from.
    pub registry: Registry,
    /// What is downloaded, in MB, roughly.
    pub download_mb: u32,
    /// Its licence.
    pub licence: &'static str,
    /// Where it goes.
    pub target: String,
    /// The packages of the system's package manager, if that is where it comes from.
    pub packages: Vec<&'static str>,
}

/// What `up` would install; shown before it asks.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Plan {
    /// The things, system packages first.
    pub items: Vec<Item>,
}

impl Plan {
    /// Whether nothing is missing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The download in MB, roughly.
    #[must_use]
    pub fn download_mb(&self) -> u32 {
        self.items.iter().map(|item| item.download_mb).sum()
    }

    /// The packages of the system's package manager, each once.
    pub(crate) fn packages(&self) -> Vec<&'static str> {
        let mut all: Vec<_> = self.items.iter().flat_map(|item| item.packages.iter().copied()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// The programs that were found; a missing one is an error only when its service is started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tools {
    pub(crate) postgres: Vec<(u32, PathBuf)>,
    pub(crate) redis: Option<PathBuf>,
    pub(crate) java: Option<PathBuf>,
    pub(crate) maven: Option<PathBuf>,
    pub(crate) python: Option<PathBuf>,
    pub(crate) neo4j: Option<PathBuf>,
    pub(crate) chroma: Option<PathBuf>,
    pub(crate) models: Option<PathBuf>,
}

impl Tools {
    /// Looks for everything.
    pub(crate) async fn find(cache: &Cache) -> Self {
        // What is found where it is not run would only be taken for it.
        if !platform::HAS_NATIVE_PROVIDER {
            return Self::default();
        }
        let (redis, java, python) = tokio::join!(system::redis(), system::java(), python::interpreter());
        Self {
            postgres: system::postgres().await,
            redis,
            java,
            maven: exec::find("mvn"),
            python,
            neo4j: cache.find(&maven::key()),
            chroma: cache.find_python(&python::chroma_key()),
            models: cache.find_python(&python::models_key()),
        }
    }

    /// The folder of PostgreSQL's programs of this major version, or the newest that is accepted.
    pub(crate) fn postgres(&self, major: Option<u32>) -> Result<&Path> {
        let found = match major {
            Some(wanted) => self.postgres.iter().find(|(version, _)| *version == wanted),
            None => self.postgres.iter().max_by_key(|(version, _)| *version),
        };
        let what = major.map_or_else(
            || "PostgreSQL 15 or newer".to_owned(),
            |m| format!("PostgreSQL {m}, which made the data,"),
        );
        found.map(|(_, folder)| folder.as_path()).ok_or_else(|| process::not_installed(&what))
    }

    /// What the service still needs, the two kinds of software apart: system packages and what goes into the cache.
    pub(crate) fn missing(&self, service: ServiceKind) -> Vec<Item> {
        let mut items = system::missing(self, service);
        items.extend(match service {
            ServiceKind::Neo4j if self.neo4j.is_none() => Some(maven::item()),
            ServiceKind::Chroma if self.chroma.is_none() => Some(python::chroma_item()),
            ServiceKind::OpenAi if self.models.is_none() => Some(python::models_item()),
            _ => None,
        });
        items
    }
}

/// What these services need and the machine does not have; an item that several need stands once.
pub(crate) fn plan(tools: &Tools, services: &[ServiceKind]) -> Plan {
    let mut items: Vec<Item> = Vec::new();
    for service in services {
        for item in tools.missing(*service) {
            match items.iter_mut().find(|known| known.name == item.name) {
                Some(known) => known.services.push(*service),
                None => items.push(item),
            }
        }
    }
    items.sort_by_key(|item| item.registry != Registry::Apt);
    Plan { items }
}

/// Installs the system packages of the plan in one call.
pub(crate) async fn install_packages(plan: &Plan) -> Result<()> {
    system::install(&plan.packages()).await
}

/// Installs what the service needs in the machine's cache, if another project has not done so meanwhile.
pub(crate) async fn install_cached(cache: &Cache, tools: &Tools, service: ServiceKind) -> Result<()> {
    match service {
        ServiceKind::Neo4j => maven::install(cache, tools).await,
        ServiceKind::Chroma => python::install_chroma(cache, tools).await,
        ServiceKind::OpenAi => python::install_models(cache, tools).await,
        ServiceKind::Postgres | ServiceKind::Redis => Ok(()),
    }
}

/// The error for something whose checksum is not the pinned one.
fn checksum(what: &str) -> Error {
    Error::new(&codes::CHECKSUM, format!("{what} is not the file that was pinned"))
        .next("run hallmark up again; if it stays so, a mirror or proxy changes files on the way")
}
