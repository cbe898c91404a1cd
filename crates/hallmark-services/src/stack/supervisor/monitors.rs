//! The monitors that the supervisor runs, one for each service that the project uses.

use std::sync::Arc;

use hallmark_core::config::{FILE_NAME, PYPROJECT};
use hallmark_core::{Project, digest};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::board::{Board, Phase, Record};
use crate::ServiceKind;
use crate::monitor::alerts::{Alerts, Tally};
use crate::monitor::endpoint::{self, Teller};
use crate::monitor::history::History;
use crate::monitor::metrics::{self, Told};
use crate::monitor::sight::{Disk, Sight};
use crate::monitor::traces::Export;
use crate::monitor::{Bulletin, Monitor, News, Subject, limits};
use crate::resilience::standing;
use crate::stack::cause::deduce;
use crate::stack::evidence::{Scene, Symptom};
use crate::stack::home::Home;
use crate::stack::process::Process;
use crate::stack::state::StackState;
use crate::stack::{Provider, Stack};

/// The monitors, and what they know. They end when this value does.
pub(crate) struct Monitors {
    pub(crate) bulletin: Bulletin,
    teller: Teller,
    /// What they were made from: the files of the configuration, and the port of the metrics.
    made_from: String,
    _tasks: JoinSet<()>,
}

impl Monitors {
    /// Begins to watch the services of a stack. `seen`: where the processes of a supervisor are seen, and whose changes
    /// are kept, told and served; without one, every service is watched from outside, for whoever holds the value.
    pub(crate) fn begin(stack: &Stack, seen: Option<&(Board, Home)>) -> Self {
        let mut tasks = JoinSet::new();
        let tally = Tally::default();
        let outlets =
            if let Some((_, home)) = seen { outlets(stack, home, &tally, &mut tasks) } else { Vec::new() };
        let used: Vec<ServiceKind> = ServiceKind::ALL
            .into_iter()
            .filter(|service| stack.provider(*service) != Provider::Off)
            .collect();
        let bulletin = Bulletin::new(&used, outlets);
        for service in used {
            let subject = subject(stack, service, seen.cloned());
            tasks.spawn(Monitor::new(subject, bulletin.clone()).work());
        }
        let teller = teller(stack, &bulletin, seen.cloned(), tally);
        let port = StackState::load(stack.project()).ok().flatten().and_then(|state| state.metrics_port);
        if let Some(port) = port.filter(|_| seen.is_some()) {
            tasks.spawn(endpoint::serve(port, Arc::clone(&teller)));
        }
        Self { bulletin, teller, made_from: source(stack.project()), _tasks: tasks }
    }

    /// The metrics as Prometheus reads them.
    pub(crate) fn metrics(&self) -> String {
        metrics::render(&(self.teller)())
    }

    /// Whether the configuration is another one now.
    pub(super) fn is_stale(&self, project: &Project) -> bool {
        self.made_from != source(project)
    }
}

/// A digest of everything that monitors are made from, so that a change is seen.
fn source(project: &Project) -> String {
    let read = |name: &str| std::fs::read(project.root().join(name)).unwrap_or_default();
    let port = StackState::load(project).ok().flatten().and_then(|state| state.metrics_port);
    let parts = [read(FILE_NAME), read(PYPROJECT), format!("{port:?}").into_bytes()];
    parts.map(|part| digest::sha256(&part)).concat()
}

/// Those who are told of changes: the history, and what the project and the environment ask for.
fn outlets(stack: &Stack, home: &Home, tally: &Tally, tasks: &mut JoinSet<()>) -> Vec<mpsc::Sender<News>> {
    let mut all = Vec::new();
    let (sender, news) = mpsc::channel(limits::NEWS_QUEUE);
    tasks.spawn(History::of(home).keep(news));
    all.push(sender);
    match Alerts::of(stack.project(), &stack.config.alerts, secrets(stack), tally) {
        Ok(Some(alerts)) => {
            let (sender, news) = mpsc::channel(limits::NEWS_QUEUE);
            tasks.spawn(alerts.keep(news));
            all.push(sender);
        }
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "no alerts are sent"),
    }
    if let Some(export) = Export::from_env(&stack.project().root().display().to_string()) {
        let (sender, news) = mpsc::channel(limits::NEWS_QUEUE);
        tasks.spawn(export.keep(news));
        all.push(sender);
    }
    all
}

/// The passwords and keys of every service: none of them may leave in an alert.
fn secrets(stack: &Stack) -> Vec<String> {
    let Ok(endpoints) = stack.endpoints() else { return Vec::new() };
    let all = [
        endpoints.postgres.map(|config| config.password),
        endpoints.neo4j.map(|config| config.password),
        endpoints.redis.map(|config| config.password),
        endpoints.openai.map(|config| config.api_key),
    ];
    all.into_iter()
        .flatten()
        .filter(|secret| !secret.is_empty())
        .map(|secret| secret.expose().to_owned())
        .collect()
}

fn teller(stack: &Stack, bulletin: &Bulletin, seen: Option<(Board, Home)>, tally: Tally) -> Teller {
    let (project, bulletin) = (stack.project().clone(), bulletin.clone());
    Arc::new(move || Told {
        snapshots: bulletin.snapshots(),
        records: seen.as_ref().map(|(board, _)| board.all()).unwrap_or_default(),
        disk_free: seen.as_ref().and_then(|(_, home)| Disk::of(home.root())).map(|disk| disk.free()),
        alerts: tally.all(),
        news_lost: bulletin.lost(),
        standing: standing(&project),
    })
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
