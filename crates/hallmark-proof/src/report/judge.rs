//! What one test reached, and what it met on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hallmark_services::{Judgement, ServiceKind};
use hallmark_standards::tier::Tier;
use serde::Serialize;

use super::reason::{self, Lack};
use super::{Inner, Source};
use crate::ledger::{Test, Use};

/// How far a test came; only [`Reach::Proven`] is green.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Nothing went to a service.
    None,
    /// Connections were opened, but nothing was asked and answered on them that can be read.
    Opened,
    /// Only fixtures asked something.
    Fixtures,
    /// The test asked, and a server answered; but the test did not pass, or the server was not found to be real.
    Asked,
    /// The test passed, and a server that was found to be real answered what it asked.
    Proven,
}

/// A double that a test met.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Double {
    /// `mock`, `patch`, `monkeypatch`, `stub-library`, `sys-modules`, `sqlite-memory`.
    pub kind: String,
    /// What was built or replaced.
    pub name: String,
    /// `body`, `fixtures`, `shared fixtures`, or `module` for what the file makes when it is imported.
    pub phase: &'static str,
    /// How often.
    pub count: u64,
}

/// What a test asked of a service.
#[derive(Clone, Debug, Default, Serialize)]
pub struct UseRow {
    /// Requests answered while the body ran.
    pub answered: u64,
    /// Requests answered while fixtures of this test alone ran.
    pub answered_in_fixtures: u64,
    /// Requests answered while fixtures were made that other tests use too; they count for no test.
    pub answered_in_shared_fixtures: u64,
    /// Answers that only kept up the session: logins, transaction marks, resets.
    pub session: u64,
    /// Logins that the server refused.
    pub refused: u64,
    /// Bytes of the server's that could not be read: encrypted, or not its protocol.
    pub unreadable_bytes: u64,
    /// The kinds of request that the body had answered, with their numbers.
    pub requests: BTreeMap<String, u64>,
    /// The connections, as the server calls them.
    pub connections: BTreeSet<String>,
    /// What the clients call themselves.
    pub clients: BTreeSet<String>,
    /// The server's own numbers of statements, those that were last on a connection.
    pub query_ids: BTreeSet<String>,
}

/// A test in the report.
#[derive(Clone, Debug, Serialize)]
pub struct TestRow {
    /// Its identifier, as pytest writes it.
    pub id: String,
    /// Its file, relative to the project where it lies in it.
    pub path: String,
    /// Its first line, from 1.
    pub line: u32,
    /// Its tier.
    pub tier: &'static str,
    /// `passed`, `failed`, `error`, `skipped`, `xfailed`, `xpassed` or `not_run`.
    pub outcome: &'static str,
    /// Why it did not pass.
    pub reason: String,
    /// How long it took, fixtures included, in milliseconds.
    pub duration_ms: f64,
    /// The worker that ran it.
    pub worker: String,
    /// How far it came.
    pub reach: Reach,
    /// The services it is proven on.
    pub proven_on: BTreeSet<ServiceKind>,
    /// What it asked of each service.
    pub uses: BTreeMap<ServiceKind, UseRow>,
    /// The doubles it met.
    pub doubles: Vec<Double>,
    /// Addresses outside the relays that it connected to.
    pub elsewhere: BTreeSet<String>,
    /// Servers that the tests themselves opened, among those addresses.
    pub own_servers: BTreeSet<String>,
    /// Addresses of the stack among them: it went round the relays.
    pub around: BTreeSet<String>,
    /// Programs that it started.
    pub programs: BTreeSet<String>,
    /// What it lacked, if that is why it skipped.
    pub lack: Option<Lack>,
}

/// Kinds of notes that are doubles of something a test should reach.
const DOUBLES: &[&str] = &["mock", "patch", "monkeypatch", "stub-library", "sys-modules", "sqlite-memory"];

/// All tests as rows.
pub(super) fn tests(source: &Source<'_>) -> Vec<TestRow> {
    source.inner.tests.iter().map(|test| row(test, source)).collect()
}

/// The tier of the file that an identifier or a path names.
pub(super) fn tier_of_file(source: &Source<'_>, id: &str) -> Tier {
    source.tiers.of_test(&relative(source, "", id), [])
}

fn row(test: &Test, source: &Source<'_>) -> TestRow {
    let path = relative(source, &test.path, &test.id);
    let tier = source.tiers.of_test(&path, test.marks.iter().map(String::as_str));
    let outcome = test.outcome.unwrap_or("not_run");
    let asked: BTreeSet<ServiceKind> =
        test.uses.iter().filter(|(_, u)| u.body.answered > 0).map(|(kind, _)| *kind).collect();
    let genuine = |kind: &ServiceKind| {
        source.verified.iter().any(|v| v.service == *kind && v.judgement == Judgement::Genuine)
    };
    let proven_on: BTreeSet<ServiceKind> =
        if outcome == "passed" { asked.iter().copied().filter(genuine).collect() } else { BTreeSet::new() };
    let reach = if !proven_on.is_empty() {
        Reach::Proven
    } else if !asked.is_empty() {
        Reach::Asked
    } else if test.uses.values().any(|u| u.fixtures.answered > 0) {
        Reach::Fixtures
    } else if test.uses.values().any(|u| u.body.opened + u.fixtures.opened + u.body.session > 0) {
        Reach::Opened
    } else {
        Reach::None
    };
    let elsewhere: BTreeSet<String> = notes(test, "connect").filter(|a| is_elsewhere(a, source)).collect();
    TestRow {
        tier: tier.name(),
        outcome,
        reason: test.reason.clone(),
        duration_ms: test.duration_ms,
        worker: test.worker.clone(),
        line: test.line,
        reach,
        proven_on,
        uses: test.uses.iter().map(|(kind, uses)| (*kind, use_row(uses, source.inner))).collect(),
        doubles: doubles(test, source.inner),
        own_servers: notes(test, "own-server").collect(),
        around: elsewhere.iter().filter(|a| is_target(a, source)).cloned().collect(),
        elsewhere,
        programs: notes(test, "subprocess").collect(),
        lack: if outcome == "skipped" { reason::lack(&test.reason) } else { None },
        id: test.id.clone(),
        path,
    }
}

fn use_row(uses: &Use, inner: &Inner) -> UseRow {
    let connections = || uses.connections.iter().filter_map(|n| inner.connections.get(*n));
    let named = |name: &String| (!name.is_empty()).then(|| name.clone());
    UseRow {
        answered: uses.body.answered,
        answered_in_fixtures: uses.fixtures.answered,
        answered_in_shared_fixtures: uses.shared.answered,
        session: uses.body.session + uses.fixtures.session + uses.shared.session,
        refused: uses.body.refused + uses.fixtures.refused + uses.shared.refused,
        unreadable_bytes: uses.body.opaque_bytes + uses.fixtures.opaque_bytes,
        requests: uses.body.labels.clone(),
        connections: connections().filter_map(|c| named(&c.server)).collect(),
        clients: connections().filter_map(|c| named(&c.client)).collect(),
        query_ids: uses.query_ids.clone(),
    }
}

/// What follows a kind in a test's notes.
fn notes<'a>(test: &'a Test, kind: &'a str) -> impl Iterator<Item = String> + 'a {
    test.notes
        .keys()
        .filter_map(move |(_, note)| Some(note.strip_prefix(kind)?.strip_prefix(' ')?.to_owned()))
}

fn doubles(test: &Test, inner: &Inner) -> Vec<Double> {
    let double = |phase: &'static str, note: &str, count: u64| {
        let (kind, name) = note.split_once(' ')?;
        DOUBLES.contains(&kind).then(|| Double { kind: kind.to_owned(), name: name.to_owned(), phase, count })
    };
    let own = test.notes.iter().filter_map(|((phase, note), count)| double(phase, note, *count));
    let file = test.id.split("::").next().unwrap_or_default();
    let module = inner.files.get(file).into_iter().flatten();
    let mut all: Vec<Double> =
        own.chain(module.filter_map(|(note, count)| double("module", note, *count))).collect();
    all.sort();
    all
}

/// What follows the last colon.
fn port(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(_, port)| port)
}

/// Whether this is an address of somebody who is neither a relay nor a thing of the operating system.
fn is_elsewhere(address: &str, source: &Source<'_>) -> bool {
    if address.starts_with("unix:") {
        // PostgreSQL's and Redis's sockets are servers; other programs' are not looked at.
        return address.contains(".s.PGSQL.") || address.contains("redis");
    }
    !source.relayed.contains(&port(address).parse().unwrap_or_default()) && port(address) != "53"
}

fn is_target(address: &str, source: &Source<'_>) -> bool {
    let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
    let host = host.trim_matches(['[', ']']);
    let local = |host: &str| matches!(host, "127.0.0.1" | "localhost" | "::1");
    source.targets.iter().any(|(_, target, number)| {
        number.to_string() == port && (host == target || (local(host) && local(target)))
    })
}

/// The file of a test, relative to the project.
pub(super) fn relative(source: &Source<'_>, path: &str, id: &str) -> String {
    let root = source.request.project.root();
    let file = id.split("::").next().unwrap_or(id);
    let base = source.inner.processes.values().map(|p| p.root.as_str()).find(|r| !r.is_empty());
    let full = if path.is_empty() { Path::new(base.unwrap_or_default()).join(file) } else { path.into() };
    full.strip_prefix(root).unwrap_or(&full).to_string_lossy().replace('\\', "/")
}
