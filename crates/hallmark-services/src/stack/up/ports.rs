//! The ports that services get.

use std::collections::{BTreeMap, BTreeSet};

use hallmark_core::{Error, Result};

use super::UpOptions;
use crate::ServiceKind;
use crate::stack::Stack;
use crate::stack::config::Provider;
use crate::stack::install::Cache;
use crate::stack::ports::{self, PortName, Register};
use crate::stack::process::Process;
use crate::stack::replicas::REPLICAS;
use crate::stack::state::StackState;
use crate::stack::supervisor::{connect, records};

impl Stack {
    /// Gives every service its ports. Answers which services run on others than they
    /// should from now on, and whose ports somebody else holds.
    pub(super) async fn settle_ports(
        &self,
        state: &mut StackState,
        wanted: &[ServiceKind],
        options: &UpOptions,
        cache: &Cache,
    ) -> Result<(BTreeSet<ServiceKind>, BTreeMap<ServiceKind, Error>)> {
        let _lock = cache.lock("ports").await?;
        let mut register = Register::open(cache.root());
        let running = records(&state.home(&self.project));
        let root = self.project.root();
        let (mut moved, mut taken) = (BTreeSet::new(), BTreeMap::new());
        for service in wanted.iter().copied() {
            let provider = self.provider(service);
            if !matches!(provider, Provider::Native | Provider::Docker) {
                continue;
            }
            let alive =
                Process::of(service).iter().any(|p| running.get(p).is_some_and(|r| r.alive().is_some()));
            let replica = |name: &PortName| REPLICAS.iter().find(|(_, port)| port == name);
            for name in &self.port_names(service) {
                let kept = state.ports.get(name).copied();
                // A replica that was added to a primary that runs is not started yet: its port must be free.
                let alive = replica(name).map_or(alive, |(process, _)| {
                    running.get(process).is_some_and(|record| record.alive().is_some())
                });
                let port = match self.config.port(*name).or(kept) {
                    None => register.reserve(root)?,
                    Some(port) if (alive && kept == Some(port)) || provider == Provider::Docker => port,
                    Some(port) if ports::is_free(port) => port,
                    Some(_) if options.new_ports => register.reserve(root)?,
                    Some(port) => {
                        taken.entry(service).or_insert_with(|| ports::taken(service, port));
                        port
                    }
                };
                if alive && kept != Some(port) {
                    moved.insert(service);
                }
                register.keep(port, root);
                state.ports.insert(*name, port);
            }
        }
        self.settle_metrics(state, &mut register).await?;
        register.save()?;
        Ok((moved, taken))
    }

    /// The ports that the service needs as it is configured.
    fn port_names(&self, service: ServiceKind) -> Vec<PortName> {
        let own = PortName::of(service).iter().copied();
        let replicas = self.replicas().iter().map(|(_, name)| *name);
        own.chain(replicas.filter(|_| service == ServiceKind::Postgres)).collect()
    }

    /// Gives the metrics a port. A kept one that somebody else holds is given up: no data depend on it.
    async fn settle_metrics(&self, state: &mut StackState, register: &mut Register) -> Result<()> {
        let root = self.project.root();
        let served = connect(&state.home(&self.project)).await.is_some();
        state.metrics_port = match (self.config.metrics_port, state.metrics_port) {
            (Some(0), _) => None,
            (Some(port), _) => Some(port),
            (None, Some(port)) if served || ports::is_free(port) => Some(port),
            (None, _) => Some(register.reserve(root)?),
        };
        if let Some(port) = state.metrics_port {
            register.keep(port, root);
        }
        Ok(())
    }
}
