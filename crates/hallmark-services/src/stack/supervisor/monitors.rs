//! The monitors that the supervisor runs, one for each service that the project uses.

use std::sync::Arc;

use hallmark_core::Project;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::board::{Board, Phase, Record};
use crate::ServiceKind;
use crate::monitor::history::History;
use crate::monitor::sight::Sight;
use crate::monitor::{Bulletin, Monitor, Subject, limits};
use crate::stack::cause::deduce;
use crate::stack::evidence::{Scene, Symptom};
use crate::stack::home::Home;
use crate::stack::process::Process;
use crate::stack::{Provider, Stack};

/// The monitors, and what they know. They end when this value does.
pub(crate) struct Monitors {
    pub(crate) bulletin: Bulletin,
    _tasks: JoinSet<()>,
}

impl Monitors {
    /// Begins to watch the services of a stack. `seen`: where the processes of a supervisor are seen; without one,
    /// every service is watched from outside, and no history is kept.
    pub(crate) fn begin(stack: &Stack, seen: Option<&(Board, Home)>) -> Self {
        let mut tasks = JoinSet::new();
        let mut outlets = Vec::new();
        if let Some((_, home)) = seen {
            let (sender, news) = mpsc::channel(limits::NEWS_QUEUE);
            tasks.spawn(History::of(home).keep(news));
            outlets.push(sender);
        }
        let used: Vec<ServiceKind> = ServiceKind::ALL
            .into_iter()
            .filter(|service| stack.provider(*service) != Provider::Off)
            .collect();
        let bulletin = Bulletin::new(&used, outlets);
        for service in used {
            let subject = subject(stack, service, seen.cloned());
            tasks.spawn(Monitor::new(subject, bulletin.clone()).work());
        }
        Self { bulletin, _tasks: tasks }
    }
}

fn subject(stack: &Stack, service: ServiceKind, seen: Option<(Board, Home)>) -> Subject {
    let provider = stack.provider(service);
    let native = seen.filter(|_| provider == Provider::Native);
    let addresses = {
        let stack = stack.clone();
        Arc::new(move || stack.endpoints())
    };
    let explain = {
        let (stack, native) = (stack.clone(), native.clone());
        Arc::new(move |complaint: crate::monitor::Complaint| {
            let records = native.as_ref().map(|(board, _)| settled(board, service)).unwrap_or_default();
            let endpoints = stack.endpoints().ok()?;
            let home = native.as_ref().map(|(_, home)| home);
            let scene = Scene { service, provider, home, records: &records, endpoints: &endpoints };
            let (health, fault) = (complaint.health, complaint.fault);
            let symptom = Symptom { health, fault, reason: Some(complaint.reason), next: None };
            deduce(&scene.gather(symptom))
        })
    };
    let sight = native.map_or(Sight::Foreign, |(board, home)| Sight::Native(board, home));
    Subject { service, provider, sight, addresses, explain }
}

/// The records, after the keeper of a process that was just seen dead had a moment to write down how it ended.
fn settled(board: &Board, service: ServiceKind) -> Vec<Record> {
    for _ in 0..limits::SETTLE_LOOKS {
        let unseen = Process::of(service).iter().map(|process| board.get(*process));
        if !unseen.into_iter().any(|record| record.phase == Phase::Running && record.alive().is_none()) {
            break;
        }
        std::thread::sleep(limits::SETTLE_PAUSE);
    }
    board.all()
}

/// The monitors of the supervisor; none if the project's configuration cannot be read, which its own commands will say.
pub(super) fn of(project: &Project, board: &Board, home: &Home) -> Option<Monitors> {
    match Stack::load(project) {
        Ok(stack) => Some(Monitors::begin(&stack, Some(&(board.clone(), home.clone())))),
        Err(error) => {
            tracing::warn!(%error, "nothing is monitored");
            None
        }
    }
}
