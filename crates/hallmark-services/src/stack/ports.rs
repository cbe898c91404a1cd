//! The stack's ports: its own range, kept across restarts, reserved per project for the whole machine.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use hallmark_core::{Error, Result, fs};
use serde::{Deserialize, Serialize};

use super::{codes, limits, procfs};
use crate::{ServiceKind, platform};

/// Where a service listens. Neo4j and the model API listen twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PortName {
    /// PostgreSQL.
    Postgres,
    /// A read replica of PostgreSQL.
    #[serde(rename = "postgres-replica-1")]
    PostgresReplica1,
    /// Another one.
    #[serde(rename = "postgres-replica-2")]
    PostgresReplica2,
    /// Neo4j's Bolt.
    Neo4jBolt,
    /// Neo4j's HTTP.
    Neo4jHttp,
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

impl PortName {
    /// The ports that a service cannot do without; the first is its main one.
    #[must_use]
    pub const fn of(service: ServiceKind) -> &'static [Self] {
        match service {
            ServiceKind::Postgres => &[Self::Postgres],
            ServiceKind::Neo4j => &[Self::Neo4jBolt, Self::Neo4jHttp],
            ServiceKind::Chroma => &[Self::Chroma],
            ServiceKind::Redis => &[Self::Redis],
            ServiceKind::OpenAi => &[Self::OpenAiChat, Self::OpenAiEmbeddings],
        }
    }
}

/// The ports of a project.
pub type Ports = BTreeMap<PortName, u16>;

/// The port of this name.
pub(crate) fn get(ports: &Ports, name: PortName) -> Result<u16> {
    ports.get(&name).copied().ok_or_else(|| {
        Error::new(&codes::STATE_BROKEN, format!("the state names no port {name:?}")).next("hallmark up")
    })
}

/// Whether the port can be bound on loopback now.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// The process that listens on a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) pid: u32,
    pub(crate) command: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "pid {} ({})", self.pid, self.command)
    }
}

/// Who listens on the port; `None` if nobody does, or if it belongs to a user whose processes cannot be read.
pub(crate) fn holder(port: u16) -> Option<Holder> {
    platform::listener(port).map(|pid| Holder { pid, command: procfs::command(pid) })
}

/// The error for a kept port that somebody else holds.
pub(crate) fn taken(service: ServiceKind, port: u16) -> Error {
    let by = holder(port).map_or_else(|| "another process".to_owned(), |h| h.to_string());
    let step = format!(
        "stop that process, or take another port: hallmark up --new-ports (or [stack.ports] in hallmark.toml), then hallmark status {service}"
    );
    Error::new(&codes::PORT_TAKEN, format!("port {port} of {} is held by {by}", service.title())).next(step)
}

/// Reserves ports for the project in the machine's register, so that a stopped project keeps its own.
pub(crate) struct Register {
    path: PathBuf,
    rows: BTreeMap<u16, PathBuf>,
}

impl Register {
    /// Reads the register; the caller holds its lock.
    pub(crate) fn open(cache: &Path) -> Self {
        let path = cache.join("ports.json");
        let rows: BTreeMap<u16, PathBuf> = std::fs::read_to_string(&path)
            .ok()
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        let rows = rows.into_iter().filter(|(_, root)| super::state::exists(root)).collect();
        Self { path, rows }
    }

    /// A free port that no other project has kept.
    pub(crate) fn reserve(&mut self, root: &Path) -> Result<u16> {
        let port = (limits::PORT_FIRST..=limits::PORT_LAST)
            .find(|port| !self.rows.contains_key(port) && is_free(*port))
            .ok_or_else(|| {
                let range = format!("{}-{}", limits::PORT_FIRST, limits::PORT_LAST);
                Error::new(&codes::NO_FREE_PORT, format!("no port of {range} is free"))
                    .next("remove projects that you no longer need: hallmark down --purge in each")
            })?;
        self.rows.insert(port, root.to_path_buf());
        Ok(port)
    }

    /// Notes a port that was chosen elsewhere.
    pub(crate) fn keep(&mut self, port: u16, root: &Path) {
        self.rows.insert(port, root.to_path_buf());
    }

    /// Gives back every port of the project.
    pub(crate) fn release(&mut self, root: &Path) {
        self.rows.retain(|_, owner| owner != root);
    }

    /// Writes the register.
    pub(crate) fn save(&self) -> Result<()> {
        let text = serde_json::to_string_pretty(&self.rows).unwrap_or_default();
        fs::write_atomic(&self.path, text.as_bytes(), fs::Mode::Default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_holder_of_a_port() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(!is_free(port));
        assert_eq!(holder(port).unwrap().pid, std::process::id());
        assert!(taken(ServiceKind::Redis, port).message().contains(&format!("pid {}", std::process::id())));
    }
}
