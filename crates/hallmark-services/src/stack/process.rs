//! The processes that the native provider runs: one for each service, two for the model API.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use hallmark_core::{Error, Result};
use serde::{Deserialize, Serialize};

use super::config::StackConfig;
use super::credentials::Credentials;
use super::home::Home;
use super::install::Tools;
use super::ports::{PortName, Ports};
use super::{codes, limits, users::User};
use crate::ServiceKind;
use crate::platform::Signal;

/// One process that the stack runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Process {
    /// PostgreSQL.
    Postgres,
    /// A read replica of PostgreSQL.
    #[serde(rename = "postgres-replica-1")]
    PostgresReplica1,
    /// Another one.
    #[serde(rename = "postgres-replica-2")]
    PostgresReplica2,
    /// Neo4j.
    Neo4j,
    /// ChromaDB.
    #[serde(rename = "chromadb")]
    Chroma,
    /// Redis.
    Redis,
    /// The model server that writes text.
    #[serde(rename = "openai-chat")]
    OpenAiChat,
    /// The model server that embeds.
    #[serde(rename = "openai-embeddings")]
    OpenAiEmbeddings,
}

impl Process {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Postgres,
        Self::PostgresReplica1,
        Self::PostgresReplica2,
        Self::Neo4j,
        Self::Chroma,
        Self::Redis,
        Self::OpenAiChat,
        Self::OpenAiEmbeddings,
    ];

    /// The name that logs, messages and JSON use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::PostgresReplica1 => "postgres-replica-1",
            Self::PostgresReplica2 => "postgres-replica-2",
            Self::Neo4j => "neo4j",
            Self::Chroma => "chromadb",
            Self::Redis => "redis",
            Self::OpenAiChat => "openai-chat",
            Self::OpenAiEmbeddings => "openai-embeddings",
        }
    }

    /// The service it belongs to.
    #[must_use]
    pub const fn service(self) -> ServiceKind {
        match self {
            Self::Postgres | Self::PostgresReplica1 | Self::PostgresReplica2 => ServiceKind::Postgres,
            Self::Neo4j => ServiceKind::Neo4j,
            Self::Chroma => ServiceKind::Chroma,
            Self::Redis => ServiceKind::Redis,
            Self::OpenAiChat | Self::OpenAiEmbeddings => ServiceKind::OpenAi,
        }
    }

    /// The processes that a service cannot do without. Its replicas are not among them.
    #[must_use]
    pub const fn of(service: ServiceKind) -> &'static [Self] {
        match service {
            ServiceKind::Postgres => &[Self::Postgres],
            ServiceKind::Neo4j => &[Self::Neo4j],
            ServiceKind::Chroma => &[Self::Chroma],
            ServiceKind::Redis => &[Self::Redis],
            ServiceKind::OpenAi => &[Self::OpenAiChat, Self::OpenAiEmbeddings],
        }
    }

    /// The processes of a service and those that follow them.
    pub fn all_of(service: ServiceKind) -> impl Iterator<Item = Self> + Clone {
        Self::ALL.into_iter().filter(move |process| process.service() == service)
    }

    /// Whether it must not run on a disk that is out of room, and is started again when there is some.
    ///
    /// ChromaDB (1.5.9): when a commit fails for want of room, a connection to its SQLite stays in a transaction that is never
    /// committed. What is written on it later is acknowledged and gone with the process, and others serve what was before.
    /// Neo4j (5.26): one failed write stops the database, for readers too, until its server is started anew.
    pub(crate) const fn breaks_without_room(self) -> bool {
        matches!(self, Self::Chroma | Self::Neo4j)
    }

    /// The signal that asks it to stop, and how long it may take.
    pub(crate) const fn stop(self) -> Stop {
        match self {
            // SIGTERM would wait for every client to leave; SIGINT ends their sessions and keeps the data safe.
            Self::Postgres | Self::PostgresReplica1 | Self::PostgresReplica2 => {
                Stop { signal: Signal::Interrupt, patience: limits::STOP_PATIENCE }
            }
            Self::Neo4j => Stop { signal: Signal::Terminate, patience: limits::STOP_PATIENCE_NEO4J },
            _ => Stop { signal: Signal::Terminate, patience: limits::STOP_PATIENCE },
        }
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a process is asked to stop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stop {
    pub(crate) signal: Signal,
    pub(crate) patience: Duration,
}

/// Everything a process's folder, command line and files are made from.
pub(crate) struct Site {
    pub(crate) home: Home,
    pub(crate) ports: Ports,
    pub(crate) credentials: Credentials,
    pub(crate) tools: Tools,
    /// How the project wants its servers to run.
    pub(crate) config: StackConfig,
}

/// A command that starts one process. Secrets stand in its environment or in files, never in its arguments.
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(&'static str, OsString)>,
    pub(crate) folder: PathBuf,
    pub(crate) user: Option<User>,
}

/// Makes the process's folders and files if they are not there; what is there stays.
pub(crate) async fn prepare(process: Process, site: &Site) -> Result<()> {
    match process {
        Process::Postgres => crate::postgres::process::prepare(site).await,
        // Copied from a primary that answers: see `stack::replicas`.
        Process::PostgresReplica1 | Process::PostgresReplica2 => Ok(()),
        Process::Neo4j => crate::neo4j::process::prepare(site),
        Process::Chroma => crate::chroma::process::prepare(site),
        Process::Redis => crate::redis::process::prepare(site),
        Process::OpenAiChat | Process::OpenAiEmbeddings => crate::openai::process::prepare(process, site),
    }
}

/// The command that starts the process.
pub(crate) fn launch(process: Process, site: &Site) -> Result<Launch> {
    match process {
        Process::Postgres => crate::postgres::process::launch(site),
        Process::PostgresReplica1 => {
            crate::postgres::replica::launch(process, PortName::PostgresReplica1, site)
        }
        Process::PostgresReplica2 => {
            crate::postgres::replica::launch(process, PortName::PostgresReplica2, site)
        }
        Process::Neo4j => crate::neo4j::process::launch(site),
        Process::Chroma => crate::chroma::process::launch(site),
        Process::Redis => crate::redis::process::launch(site),
        Process::OpenAiChat | Process::OpenAiEmbeddings => crate::openai::process::launch(process, site),
    }
}

/// The error for a program that was expected to be installed.
pub(crate) fn not_installed(what: &str) -> Error {
    Error::new(&codes::NOT_INSTALLED, format!("{what} is not installed")).next("hallmark up --yes")
}
