//! The read replicas of the stack's own PostgreSQL: brought up after it, and looked at.

use hallmark_core::{Error, Result};

use super::Stack;
use super::codes;
use super::config::Provider;
use super::limits;
use super::ports::PortName;
use super::process::{Process, Site};
use super::supervisor::Record;
use super::up::Work;
use crate::postgres::replica;
use crate::stack::supervisor::{Request, records};
use crate::{Endpoints, ServiceKind};

/// Each replica that a stack may have, and where it listens.
pub(crate) const REPLICAS: [(Process, PortName); crate::limits::REPLICAS_MAX] = [
    (Process::PostgresReplica1, PortName::PostgresReplica1),
    (Process::PostgresReplica2, PortName::PostgresReplica2),
];

impl Stack {
    /// The replicas that the configuration asks for.
    pub(super) fn replicas(&self) -> &'static [(Process, PortName)] {
        let native = self.provider(ServiceKind::Postgres) == Provider::Native;
        let count = if native { usize::from(self.config.postgres.replicas) } else { 0 };
        &REPLICAS[..count.min(REPLICAS.len())]
    }
}

impl Work<'_> {
    /// Brings the replicas to what the configuration asks for. The primary is usable.
    pub(super) async fn replicas(&self, site: &Site) -> Result<()> {
        let wanted = self.stack.replicas();
        let Some(primary) = &self.endpoints.postgres else { return Ok(()) };
        let unwanted: Vec<Process> = REPLICAS[wanted.len()..].iter().map(|(process, _)| *process).collect();
        let known = records(&self.home);
        let mut stale = false;
        for process in &unwanted {
            if known.contains_key(process) {
                self.order(Request::Stop { process: *process }).await?;
                stale = true;
            }
        }
        if stale {
            replica::drop_slots(primary, &unwanted).await?;
        }
        for (process, _) in wanted {
            self.replica(*process, site).await?;
        }
        Ok(())
    }

    async fn replica(&self, process: Process, site: &Site) -> Result<()> {
        let Some(primary) = &self.endpoints.postgres else { return Ok(()) };
        // The second time its data are copied anew: those of another history cannot follow.
        for anew in [false, true] {
            let running = records(&self.home);
            let runs = running.get(&process).is_some_and(|record| record.alive().is_some());
            if anew || self.moved.contains(&ServiceKind::Postgres) {
                self.order(Request::Stop { process }).await?;
            }
            if anew {
                replica::forget(process, site);
            }
            if anew || !runs || self.moved.contains(&ServiceKind::Postgres) {
                replica::prepare(process, site, primary).await?;
            }
            self.order(Request::Start { process }).await?;
            if replica::streams(process, primary, limits::REPLICA_PATIENCE).await {
                return Ok(());
            }
        }
        let sentence = format!("{process} does not stream from the primary");
        Err(Error::new(&codes::REPLICA, sentence).next("hallmark logs postgres"))
    }
}

/// What a reader should know of the replicas: which follow and how far behind, and which do not.
pub(super) async fn notes(stack: &Stack, endpoints: &Endpoints, rows: &[Record]) -> Vec<String> {
    let wanted = stack.replicas();
    let (Some(primary), false) = (&endpoints.postgres, wanted.is_empty()) else { return Vec::new() };
    let seen = tokio::time::timeout(crate::limits::PULSE_PATIENCE, replica::seen(primary)).await;
    let seen = seen.ok().and_then(Result::ok);
    let note = |process: &Process| {
        let alive = rows.iter().any(|record| record.process == *process && record.alive().is_some());
        match (&seen, alive) {
            (_, false) => format!("{process} does not run"),
            (None, true) => format!("{process} runs; the primary does not say how far behind it is"),
            (Some(seen), true) => match seen.iter().find(|seen| seen.name == process.name()) {
                Some(seen) => format!("{process} streams, {} bytes behind", seen.behind_bytes),
                None => format!("{process} runs and does not stream"),
            },
        }
    };
    wanted.iter().map(|(process, _)| note(process)).collect()
}
