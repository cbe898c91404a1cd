//! What happened, as it happens: tests from the plugin, traffic from the relays, joined by process and phase.
//!
//! A relay counts an answer before the test gets it, and the plugin waits at each phase until it was heard. So everything that a
//! test has been answered when it ends is in the ledger under its name.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hallmark_services::ServiceKind;
use hallmark_services::witness::Sighting;

use crate::events::{Event, Phase};
use crate::limits::{CONNECTIONS_LISTED_MAX, LABELS_MAX, TESTS_MAX};
use crate::meter::Seen;
use crate::owner::Owner;

/// What all parts of a run write to.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Inner>);

/// The state of the run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inner {
    /// Processes that run tests, by their identifiers.
    pub(crate) processes: HashMap<u32, Process>,
    /// The tests in the order in which they were found.
    pub(crate) tests: Vec<Test>,
    by_id: HashMap<String, usize>,
    /// Files and classes that could not be collected, with the reason.
    pub(crate) collection_errors: BTreeMap<String, String>,
    /// Files that skipped themselves, with the reason.
    pub(crate) collection_skips: BTreeMap<String, String>,
    /// Tests that an option left out.
    pub(crate) deselected: BTreeSet<String>,
    /// What was noted while a file was imported.
    pub(crate) files: BTreeMap<String, BTreeMap<String, u64>>,
    /// The connections that the relays carried.
    pub(crate) connections: Vec<Connection>,
    /// What was asked between tests, or by nobody known, by service.
    pub(crate) stray: BTreeMap<ServiceKind, u64>,
    /// The status that pytest ended with, if it came to its end.
    pub(crate) finished: Option<i32>,
}

/// A process that runs tests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Process {
    /// `main`, or the worker's name.
    pub(crate) worker: String,
    /// The folder that the tests' identifiers are relative to.
    pub(crate) root: String,
    test: Option<usize>,
    phase: Phase,
}

/// One test.
#[derive(Clone, Debug, Default)]
pub(crate) struct Test {
    pub(crate) id: String,
    pub(crate) path: String,
    pub(crate) line: u32,
    pub(crate) marks: Vec<String>,
    /// The worker that ran it.
    pub(crate) worker: String,
    /// `passed`, `failed`, `error`, `skipped`, `xfailed`, `xpassed`; `None` if it never ended.
    pub(crate) outcome: Option<&'static str>,
    pub(crate) reason: String,
    pub(crate) duration_ms: f64,
    /// What it asked of each service.
    pub(crate) uses: BTreeMap<ServiceKind, Use>,
    /// What the plugin noted, by phase and note.
    pub(crate) notes: BTreeMap<(&'static str, String), u64>,
}

/// What one test asked of one service.
#[derive(Clone, Debug, Default)]
pub(crate) struct Use {
    /// In the test itself.
    pub(crate) body: Traffic,
    /// In its fixtures.
    pub(crate) fixtures: Traffic,
    /// In fixtures that were made while it was set up and that other tests use too: which test is first is chance.
    pub(crate) shared: Traffic,
    /// The connections, as indices into the ledger's.
    pub(crate) connections: BTreeSet<usize>,
    /// The server's own numbers of statements, seen at the end of the test.
    pub(crate) query_ids: BTreeSet<String>,
}

/// Answers of a server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traffic {
    /// To requests that asked something of it.
    pub(crate) answered: u64,
    /// To requests that kept up the session.
    pub(crate) session: u64,
    /// Connections opened.
    pub(crate) opened: u64,
    /// Logins refused.
    pub(crate) refused: u64,
    /// Bytes from the server on connections that cannot be read.
    pub(crate) opaque_bytes: u64,
    /// The first kinds of request that asked something, with their numbers.
    pub(crate) labels: BTreeMap<String, u64>,
}

/// One connection through a relay.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) service: ServiceKind,
    /// The client's process and name, if known.
    pub(crate) owner: Option<Owner>,
    /// What the client calls itself.
    pub(crate) client: String,
    /// What the server calls the connection, as the stream told.
    pub(crate) server: String,
    /// The port that the server sees.
    pub(crate) port: u16,
    /// Requests that asked something and were answered.
    pub(crate) answered: u64,
    pub(crate) opaque: bool,
    /// Whether the server's own account shows it.
    pub(crate) confirmed: bool,
    /// Whether it was active since the server was last asked about it.
    pub(crate) active: bool,
}

impl Ledger {
    /// The state, for reading and for the run's own ends.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change is a small step that leaves the state whole: a panic elsewhere spoils nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Takes in what the plugin in process `pid` tells.
    pub(crate) fn hear(&mut self, pid: &mut u32, event: Event) {
        match event {
            Event::Hello { pid: own, worker, root } => {
                *pid = own;
                self.processes.insert(own, Process { worker, root, ..Process::default() });
            }
            Event::Collected { items } => {
                for item in items {
                    if let Some(at) = self.test(&item.id) {
                        let test = &mut self.tests[at];
                        (test.path, test.line, test.marks) = (item.path, item.line, item.marks);
                    }
                }
            }
            Event::Deselected { ids } => self.deselected.extend(ids),
            Event::CollectionError { id, reason } => drop(self.collection_errors.insert(id, reason)),
            Event::CollectionSkip { id, reason } => drop(self.collection_skips.insert(id, reason)),
            Event::Phase { id, phase, of, was, notes } => {
                self.noted(of.as_deref(), was, notes);
                let test = if phase == Phase::Collect { None } else { id.and_then(|id| self.test(&id)) };
                if let Some(process) = self.processes.get_mut(pid) {
                    (process.test, process.phase) = (test, phase);
                    if let Some(at) = test {
                        self.tests[at].worker.clone_from(&process.worker);
                    }
                }
            }
            Event::Report { id, when, outcome, expected, ms, reason } => {
                let Some(at) = self.test(&id) else { return };
                let test = &mut self.tests[at];
                test.duration_ms += ms;
                // A tear-down that skips takes back no failure, and the second word on one is not its reason.
                let broken = matches!(test.outcome, Some("failed" | "error"));
                if let Some(outcome) = judged(&when, &outcome, expected).filter(|_| !broken) {
                    test.outcome = Some(outcome);
                    test.reason = reason;
                }
            }
            Event::Finished { status } => self.finished = Some(status),
        }
    }

    /// The place of the test with this identifier, made if need be.
    fn test(&mut self, id: &str) -> Option<usize> {
        if let Some(at) = self.by_id.get(id) {
            return Some(*at);
        }
        if self.tests.len() >= TESTS_MAX {
            return None;
        }
        self.tests.push(Test { id: id.to_owned(), ..Test::default() });
        self.by_id.insert(id.to_owned(), self.tests.len() - 1);
        Some(self.tests.len() - 1)
    }

    fn noted(&mut self, of: Option<&str>, was: Phase, notes: BTreeMap<String, u64>) {
        let Some(of) = of else { return };
        if was == Phase::Collect {
            let file = self.files.entry(of.to_owned()).or_default();
            notes.into_iter().for_each(|(note, count)| *file.entry(note).or_default() += count);
            return;
        }
        let Some(at) = self.test(of) else { return };
        for (note, count) in notes {
            *self.tests[at].notes.entry((was.name(), note)).or_default() += count;
        }
    }

    /// Notes a connection; gives its number.
    pub(crate) fn opened(&mut self, connection: Connection) -> usize {
        let number = self.connections.len();
        if number < CONNECTIONS_LISTED_MAX {
            self.connections.push(connection);
        }
        self.count(number, |traffic| traffic.opened += 1);
        number
    }

    /// Takes in what a meter saw on a connection.
    pub(crate) fn saw(&mut self, number: usize, seen: Seen) {
        match seen {
            Seen::Client(name) => self.change(number, |c| c.client = name),
            Seen::Server(name) => self.change(number, |c| c.server = name),
            Seen::Opaque => self.change(number, |c| c.opaque = true),
            Seen::Refused => self.count(number, |traffic| traffic.refused += 1),
            Seen::Answered { work: false, .. } => self.count(number, |traffic| traffic.session += 1),
            Seen::Answered { what, work: true } => {
                self.change(number, |c| c.answered += 1);
                self.count(number, |traffic| {
                    traffic.answered += 1;
                    if traffic.labels.len() < LABELS_MAX || traffic.labels.contains_key(&what) {
                        *traffic.labels.entry(what).or_default() += 1;
                    }
                });
            }
        }
    }

    /// Bytes from the server on a connection that cannot be read.
    pub(crate) fn saw_opaque(&mut self, number: usize, bytes: u64) {
        self.count(number, |traffic| traffic.opaque_bytes += bytes);
    }

    pub(crate) fn change(&mut self, number: usize, change: impl FnOnce(&mut Connection)) {
        if let Some(connection) = self.connections.get_mut(number) {
            change(connection);
        }
    }

    /// Puts something down to the test that runs in the process that the connection belongs to.
    fn count(&mut self, number: usize, change: impl FnOnce(&mut Traffic)) {
        let Some(connection) = self.connections.get_mut(number) else { return };
        connection.active = true;
        let service = connection.service;
        let running = running(&self.processes, connection.owner.as_ref());
        let Some((at, phase)) = running else {
            *self.stray.entry(service).or_default() += 1;
            return;
        };
        let uses = self.tests[at].uses.entry(service).or_default();
        uses.connections.insert(number);
        change(match phase {
            Phase::Call => &mut uses.body,
            Phase::Shared => &mut uses.shared,
            _ => &mut uses.fixtures,
        });
    }

    /// Takes in what the server said of a connection.
    pub(crate) fn sighted(&mut self, number: usize, sighting: Sighting, test: Option<usize>) {
        let Some(connection) = self.connections.get_mut(number) else { return };
        connection.confirmed = true;
        if connection.client.is_empty() {
            connection.client = sighting.client;
        }
        if connection.server.is_empty() {
            connection.server = sighting.server;
        }
        let (service, owner) = (connection.service, connection.owner.as_ref());
        let test = test.or_else(|| running(&self.processes, owner).map(|(test, _)| test));
        if let (Some(test), ServiceKind::Postgres, false) = (test, service, sighting.last.is_empty())
            && let Some(uses) = self.tests[test].uses.get_mut(&service)
        {
            uses.query_ids.insert(sighting.last);
        }
    }

    /// The processes of the tests.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.processes.keys().copied().collect()
    }

    /// Connections that were active since this was last asked, of the test that a process runs.
    pub(crate) fn active(&mut self, pid: u32) -> Option<(usize, Vec<usize>)> {
        let at = self.processes.get(&pid)?.test?;
        let mut numbers: Vec<usize> =
            self.tests[at].uses.values().flat_map(|u| u.connections.iter().copied()).collect();
        numbers.retain(|n| self.connections.get_mut(*n).is_some_and(|c| std::mem::take(&mut c.active)));
        Some((at, numbers))
    }
}

/// The test, and where it stands, in the process that a connection belongs to: its own, or the nearest parent's that runs tests.
/// Where the owner is unknown or has left its parents behind, there must be only one candidate.
fn running(processes: &HashMap<u32, Process>, owner: Option<&Owner>) -> Option<(usize, Phase)> {
    let of = |process: &Process| process.test.map(|test| (test, process.phase));
    if let Some(owner) = owner {
        if let Some(process) = owner.line.iter().find_map(|pid| processes.get(pid)) {
            return of(process);
        }
        if !owner.marked {
            return None;
        }
    }
    let mut busy = processes.values().filter_map(of);
    let only = busy.next()?;
    busy.next().is_none().then_some(only)
}

/// The outcome that a phase's report means for the test; `None` if it leaves it open.
fn judged(when: &str, outcome: &str, expected: bool) -> Option<&'static str> {
    match (when, outcome) {
        ("call", "passed") => Some(if expected { "xpassed" } else { "passed" }),
        ("call", "skipped") if expected => Some("xfailed"),
        ("call", "skipped") | ("setup" | "teardown", "skipped") => {
            Some(if expected { "xfailed" } else { "skipped" })
        }
        ("call", "failed") => Some("failed"),
        (_, "failed") => Some("error"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phase(inner: &mut Inner, pid: u32, id: &str, phase: Phase) {
        let event =
            Event::Phase { id: Some(id.into()), phase, of: None, was: Phase::Idle, notes: BTreeMap::new() };
        inner.hear(&mut { pid }, event);
    }

    fn connection(line: &[u32], marked: bool) -> Connection {
        Connection {
            service: ServiceKind::Redis,
            owner: Some(Owner { line: line.to_vec(), program: String::new(), marked }),
            client: String::new(),
            server: String::new(),
            port: 1,
            answered: 0,
            opaque: false,
            confirmed: false,
            active: false,
        }
    }

    fn body(inner: &Inner, id: &str) -> u64 {
        let test = inner.tests.iter().find(|t| t.id == id).unwrap();
        test.uses.get(&ServiceKind::Redis).map_or(0, |u| u.body.answered)
    }

    #[test]
    fn answers_go_to_the_test_of_the_process_whoever_opened_the_connection() {
        let mut inner = Inner::default();
        for pid in [10, 20] {
            inner.processes.insert(pid, Process::default());
        }
        phase(&mut inner, 10, "a", Phase::Setup);
        phase(&mut inner, 20, "b", Phase::Call);
        let pooled = inner.opened(connection(&[10], true));
        let child = inner.opened(connection(&[31, 30, 20], true));
        let stranger = inner.opened(connection(&[99], false));
        let orphan = inner.opened(connection(&[98], true));
        let get = || Seen::Answered { what: "GET".into(), work: true };
        inner.saw(pooled, get());
        assert_eq!(body(&inner, "a"), 0, "a fixture is not the test");
        phase(&mut inner, 10, "a", Phase::Call);
        inner.saw(pooled, get());
        phase(&mut inner, 10, "c", Phase::Call);
        inner.saw(pooled, get());
        inner.saw(child, get());
        inner.saw(stranger, get());
        inner.saw(orphan, get());
        assert_eq!((body(&inner, "a"), body(&inner, "b"), body(&inner, "c")), (1, 1, 1));
        assert_eq!(inner.stray[&ServiceKind::Redis], 4, "two openings and two answers of nobody's");
    }
}
