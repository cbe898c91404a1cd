//! Gathers what is known of a service when something is wrong with it.

use super::cause::{Evidence, ProcessEvidence};
use super::credentials::Credentials;
use super::home::Home;
use super::process::Process;
use super::supervisor::Record;
use super::{Provider, address, logs, ports, procfs};
use crate::monitor::sight::{Disk, age_s};
use crate::monitor::{Fault, Health, limits, pulse};
use crate::{Endpoints, ServiceKind};

/// What the evidence is about, and where it lies.
pub(crate) struct Scene<'a> {
    pub(crate) service: ServiceKind,
    pub(crate) provider: Provider,
    /// Where the project's servers live, if any were started.
    pub(crate) home: Option<&'a Home>,
    /// What is known of processes, of this service and others.
    pub(crate) records: &'a [Record],
    pub(crate) endpoints: &'a Endpoints,
}

/// What checks or a probe saw.
#[derive(Clone, Debug)]
pub(crate) struct Symptom {
    pub(crate) health: Health,
    pub(crate) fault: Option<Fault>,
    pub(crate) reason: Option<String>,
    pub(crate) next: Option<String>,
}

impl Scene<'_> {
    /// Everything at once; reads files and `/proc`, and asks no service.
    pub(crate) fn gather(&self, symptom: Symptom) -> Evidence {
        let native = self.provider == Provider::Native;
        let processes: Vec<ProcessEvidence> = self
            .records
            .iter()
            .filter(|record| native && Process::of(self.service).contains(&record.process))
            .map(process)
            .collect();
        Evidence {
            service: self.service,
            provider: self.provider,
            endpoint: address::shown(self.service, self.endpoints),
            refused: None,
            health: symptom.health,
            fault: symptom.fault,
            reason: symptom.reason,
            next: symptom.next,
            listens: native && self.listens(&processes),
            port_thief: if native { self.port_thief(&processes) } else { None },
            disk_full: self.disk_full(),
            log: self.log(),
            load: load(),
            processes,
        }
    }

    /// A port of the service that somebody else listens on.
    fn port_thief(&self, processes: &[ProcessEvidence]) -> Option<(u16, u32, String)> {
        let own: Vec<u32> = processes.iter().filter_map(|process| process.pid).collect();
        pulse::places(self.service, self.endpoints).into_iter().find_map(|(_, port)| {
            let holder = ports::holder(port).filter(|holder| !is_own(&own, holder.pid))?;
            Some((port, holder.pid, holder.command))
        })
    }

    /// Whether the service's own processes hold all of its ports.
    fn listens(&self, processes: &[ProcessEvidence]) -> bool {
        let own: Vec<u32> = processes.iter().filter_map(|process| process.pid).collect();
        let places = pulse::places(self.service, self.endpoints);
        places.iter().all(|(_, port)| ports::holder(*port).is_some_and(|holder| is_own(&own, holder.pid)))
    }

    fn disk_full(&self) -> Option<String> {
        let home = self.home.filter(|_| self.provider == Provider::Native)?;
        let mut disks = Process::of(self.service).iter().filter_map(|process| Disk::of(&home.data(*process)));
        disks.find(Disk::is_full).map(|disk| disk.to_string())
    }

    fn log(&self) -> Vec<String> {
        let Some(home) = self.home.filter(|_| self.provider == Provider::Native) else { return Vec::new() };
        let credentials = Credentials::load(home).unwrap_or_default();
        let lines = Process::of(self.service)
            .iter()
            .flat_map(|process| home.written_logs(*process))
            .flat_map(|path| logs::tail(&path, limits::WHY_LOG_LINES));
        lines.map(|line| credentials.mask(&line)).collect()
    }
}

/// Whether the process is one of these or a child of one: PostgreSQL's children hold its port as it does.
pub(crate) fn is_own(own: &[u32], pid: u32) -> bool {
    own.contains(&pid) || procfs::parent(pid).is_some_and(|pid| own.contains(&pid))
}

fn process(record: &Record) -> ProcessEvidence {
    let pid = record.alive().map(|identity| identity.pid);
    ProcessEvidence {
        process: record.process,
        phase: record.phase,
        pid,
        suspended: pid.and_then(procfs::state).is_some_and(procfs::is_suspended),
        age_s: age_s(&record.since),
        restarts: record.restarts,
        last_exit: record.last_exit.clone(),
    }
}

/// The load of the last minute over the number of processors; 0 where the system does not tell.
fn load() -> f64 {
    let text = crate::platform::kernel_says("loadavg").unwrap_or_default();
    let load: f64 = text.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0.0);
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    load / processors as f64
}
