//! A second instance of a server, in a folder and on a port of its own: where a backup is tried before it counts.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::time::Instant;

use hallmark_core::{Error, Result, random};

use super::freeze::Guard;
use super::{codes, fault};
use crate::stack::config::StackConfig;
use crate::stack::credentials::Credentials;
use crate::stack::home::Home;
use crate::stack::install::Tools;
use crate::stack::ports::{PortName, Ports};
use crate::stack::process::{self, Process, Site};
use crate::stack::supervisor::{Running, spawn};
use crate::stack::{address, exec, limits, logs};
use crate::{Endpoints, ServiceKind};

/// How the folders of scratch instances are called.
pub(super) const PREFIX: &str = "scratch-";

/// A scratch instance. What it started ends with it, even if this program is killed; its folder goes with it.
pub(super) struct Scratch {
    pub(super) site: Site,
    running: BTreeMap<Process, (Running, Guard)>,
    keep: bool,
}

impl Scratch {
    /// An empty place below the stack's own folder, with the stack's own passwords.
    pub(super) fn new(home: &Home, tools: &Tools, credentials: &Credentials) -> Result<Self> {
        let root = home.root().join(format!("{PREFIX}{}", random::token(6)?));
        let own = Home::new(root);
        own.create(home.root())?;
        let (credentials, tools) = (credentials.clone(), tools.clone());
        let config = StackConfig::default();
        let site = Site { home: own, ports: free_ports()?, credentials, tools, config };
        Ok(Self { site, running: BTreeMap::new(), keep: false })
    }

    /// Its folder.
    pub(super) fn root(&self) -> &Path {
        self.site.home.root()
    }

    /// Where its services are.
    pub(super) fn endpoints(&self) -> Result<Endpoints> {
        let mut all = Endpoints::default();
        for service in ServiceKind::ALL {
            address::own(service, &self.site.ports, &self.site.credentials, &mut all)?;
        }
        Ok(all)
    }

    /// Makes the folders and files of the process.
    pub(super) async fn prepare(&self, process: Process) -> Result<()> {
        process::prepare(process, &self.site).await
    }

    /// Starts the process; it may take a while until it answers.
    pub(super) fn start(&mut self, process: Process) -> Result<()> {
        let running = spawn(process, &self.site)?;
        // PostgreSQL's children notice that their parent is gone, whatever the signal was.
        let guard = Guard::new("KILL", running.identity())?;
        self.running.insert(process, (running, guard));
        Ok(())
    }

    /// Asks again and again until an answer comes, the server ends, or the time is over.
    pub(super) async fn answers<T, F>(&self, process: Process, ask: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let begin = Instant::now();
        loop {
            let error = match ask().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let alive = self.running.get(&process).is_some_and(|(r, _)| r.identity().is_alive());
            if alive && begin.elapsed() < limits::USABLE_TIMEOUT {
                tokio::time::sleep(limits::USABLE_PAUSE).await;
                continue;
            }
            let written = self.site.home.written_logs(process);
            let said: Vec<String> =
                written.iter().flat_map(|path| logs::tail(path, limits::REASON_LINES)).collect();
            let said = self.site.credentials.mask(&exec::tail(&said.join("\n")));
            return Err(Error::new(
                &codes::TEST_FAILED,
                format!("a scratch {process} does not come up on the data of the backup"),
            )
            .because_text(format!("{error}"))
            .because_text(said)
            .next("hallmark doctor"));
        }
    }

    /// Stops the process cleanly, so that its files are complete.
    pub(super) async fn stop(&mut self, process: Process) {
        if let Some((mut running, guard)) = self.running.remove(&process) {
            let _ = running.stop(process).await;
            guard.release().await;
        }
    }

    /// Leaves the folder when the value is dropped: its data are about to become the stack's own.
    pub(super) fn keep(&mut self) {
        self.keep = true;
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for (_, (running, _guard)) in std::mem::take(&mut self.running) {
            running.identity().signal(crate::platform::Signal::Kill);
        }
        if !self.keep {
            let _ = std::fs::remove_dir_all(self.root());
        }
    }
}

/// Ports that nobody listens on, given by the operating system.
fn free_ports() -> Result<Ports> {
    let mut held = Vec::new();
    let mut ports = Ports::new();
    for name in ServiceKind::ALL.iter().flat_map(|service| PortName::of(*service)) {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| Ok((listener.local_addr()?.port(), listener)));
        let (port, listener) = taken.map_err(|e| fault("a port on 127.0.0.1", &e))?;
        ports.insert(*name, port);
        held.push(listener);
    }
    Ok(ports)
}

/// Removes the folders that killed runs left. The caller holds the lock, and no journal names one of them.
pub(super) fn sweep(home: &Home) {
    for entry in std::fs::read_dir(home.root()).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
