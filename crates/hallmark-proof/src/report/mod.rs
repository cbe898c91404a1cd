//! What a run of the tests showed: per test, per tier, per service, and what speaks against it.

mod files;
mod findings;
mod judge;
mod reason;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitStatus;
use std::time::Duration;

use hallmark_core::ExitClass;
use hallmark_evidence::Evidence;
use hallmark_services::{Judgement, ServiceKind, Verification};
use hallmark_standards::tier::{Tier, Tiers};
use serde::Serialize;
use serde_json::json;

pub use findings::Finding;
pub use judge::{Double, Reach, TestRow};
pub use reason::{Lack, lack};

use crate::ledger::{Connection, Inner};
use crate::run::{Ended, Request};
use crate::witness::{Counters, growth};
use files::SkippedFile;

/// The version of the JSON document.
pub const SCHEMA_VERSION: u32 = 1;

/// What a report is made of.
pub(crate) struct Source<'a> {
    pub(crate) request: &'a Request,
    pub(crate) at: String,
    pub(crate) took: Duration,
    pub(crate) status: Option<ExitStatus>,
    pub(crate) ended: Ended,
    pub(crate) inner: &'a Inner,
    pub(crate) tiers: &'a Tiers,
    pub(crate) left_out: &'a [(ServiceKind, &'static str)],
    pub(crate) targets: &'a [(ServiceKind, String, u16)],
    pub(crate) relayed: &'a [u16],
    pub(crate) counters: (&'a Counters, &'a Counters),
    pub(crate) verified: &'a [Verification],
}

/// The report of one run; as JSON it is stable under its `schema_version`.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The version of this document.
    pub schema_version: u32,
    /// The project's name.
    pub project: String,
    /// When the run began: RFC 3339, UTC.
    pub at: String,
    /// How long it took, in seconds.
    pub duration_s: f64,
    /// The arguments that pytest was given.
    pub arguments: Vec<String>,
    /// The interpreter.
    pub python: String,
    /// Its version.
    pub python_version: String,
    /// The version of pytest.
    pub pytest_version: String,
    /// How the run ended.
    pub end: End,
    /// All tests together.
    pub total: TierRow,
    /// The tests by tier; tiers without a test are left out.
    pub tiers: Vec<TierRow>,
    /// The services that had a relay, or could have none.
    pub services: Vec<ServiceRow>,
    /// What speaks against the tests.
    pub findings: Vec<Finding>,
    /// The tests, in the order in which pytest found them.
    pub tests: Vec<TestRow>,
    /// Files and classes that could not be collected: name and reason.
    pub not_collected: BTreeMap<String, String>,
    /// Files that skipped themselves as a whole: name and reason.
    pub skipped_files: BTreeMap<String, String>,
    /// The connections that were carried.
    pub connections: Vec<ConnectionRow>,
    /// Requests that were answered between tests or that no test could be named for, by service.
    pub unattributed: BTreeMap<ServiceKind, u64>,
    /// The same as evidence, tier by tier.
    pub evidence: Vec<Evidence>,
    /// The exit code of every class that applied.
    pub exit_classes: Vec<u8>,
}

/// How a run ended.
#[derive(Clone, Debug, Serialize)]
pub struct End {
    /// Whether pytest came to its end.
    pub finished: bool,
    /// `by_itself`, `interrupted` or `at_limit`.
    pub how: &'static str,
    /// The exit status of pytest, if it ended with one.
    pub status: Option<i32>,
    /// The number of the signal that ended it, if one did.
    pub signal: Option<i32>,
}

/// The tests of a tier in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TierRow {
    /// `unit`, `integration`, `end-to-end`, `other`; `total` for all.
    pub tier: &'static str,
    /// Tests that were found, and files that could not be collected or skipped themselves as one each.
    pub discovered: usize,
    /// Tests that pytest could collect.
    pub executable: usize,
    /// Tests that an option left out; they are discovered, but nobody asked for them.
    pub deselected: usize,
    /// Passed tests, but for those that were expected to fail.
    pub passed: usize,
    /// Failed tests, those whose fixtures failed among them, and those that passed though a strict mark expects them to fail.
    pub failed: usize,
    /// Tests that failed as they were expected to.
    pub xfailed: usize,
    /// Tests that passed though they were expected to fail; no failure, as no strict mark says that it is one.
    pub xpassed: usize,
    /// Skipped tests, and files that skipped themselves as one each.
    pub skipped: usize,
    /// Of the skipped ones, files that skipped themselves.
    pub skipped_files: usize,
    /// Of the skipped ones, those that lacked a service.
    pub skipped_for_service: usize,
    /// Tests that were to run and did not.
    pub not_run: usize,
    /// Passed tests whose body was answered by a service that is real.
    pub proven: usize,
    /// Passed tests for which only fixtures asked something of a service.
    pub by_fixtures_only: usize,
    /// Passed tests in which no service answered anything.
    pub unreached: usize,
    /// Proven tests by service; one test may be proven on several.
    pub proven_on: BTreeMap<ServiceKind, usize>,
}

/// A service in a run.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceRow {
    /// The service.
    pub service: ServiceKind,
    /// Whether the server was verified to be real; `None` if no test reached it.
    pub judgement: Option<Judgement>,
    /// Why not, or why it had no relay.
    pub reason: Option<String>,
    /// Connections carried.
    pub connections: usize,
    /// Of these, connections that the server's own account showed.
    pub confirmed: usize,
    /// Requests answered that asked something.
    pub answered: u64,
    /// By how much the server's own counters grew during the run. Others may have used it too.
    pub counters: BTreeMap<String, u64>,
    /// Passed tests that are proven on it.
    pub proven: usize,
}

/// A connection that was carried.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectionRow {
    /// The service.
    pub service: ServiceKind,
    /// The client's process, if known.
    pub pid: Option<u32>,
    /// Its program.
    pub program: String,
    /// What the client calls itself.
    pub client: String,
    /// What the server calls the connection: PostgreSQL's process, Redis's client, Neo4j's connection.
    pub server: String,
    /// Requests answered that asked something.
    pub answered: u64,
    /// Whether the server's own account showed it.
    pub confirmed: bool,
    /// Whether it could not be read: encrypted, or another protocol.
    pub opaque: bool,
}

impl Report {
    pub(crate) fn new(source: &Source<'_>) -> Self {
        let tests = judge::tests(source);
        let files = files::skipped(source);
        let findings = findings::of(&tests, &files, source);
        let (tiers, total) = tier_rows(source, &tests, &files);
        let mut report = Self {
            schema_version: SCHEMA_VERSION,
            project: source.request.project.name(),
            at: source.at.clone(),
            duration_s: (source.took.as_secs_f64() * 1e3).round() / 1e3,
            arguments: source.request.arguments.clone(),
            python: source.request.python.program.display().to_string(),
            python_version: source.request.python.version.clone(),
            pytest_version: source.request.python.pytest.clone(),
            end: end(source),
            services: services(source, &tests),
            connections: source.inner.connections.iter().map(connection).collect(),
            unattributed: source.inner.stray.clone(),
            not_collected: source.inner.collection_errors.clone(),
            skipped_files: source.inner.collection_skips.clone(),
            evidence: evidence(&tiers, source.took),
            exit_classes: Vec::new(),
            tiers,
            total,
            findings,
            tests,
        };
        report.exit_classes = report.classes().iter().map(|class| class.code()).collect();
        report
    }

    /// Every exit class that applies, the lowest first.
    #[must_use]
    pub fn classes(&self) -> BTreeSet<ExitClass> {
        let mut all = BTreeSet::new();
        if self.total.failed > 0 || !self.findings.is_empty() || self.total.executable == 0 {
            all.insert(ExitClass::Findings);
        }
        let refused = self.end.status == Some(4);
        if !self.not_collected.is_empty() || (!self.end.finished && !refused) || self.end.status == Some(3) {
            all.insert(ExitClass::Unreadable);
        }
        if refused {
            all.insert(ExitClass::Usage);
        }
        let provided = |kind| self.services.iter().any(|s| s.service == kind);
        let tests = self.tests.iter().filter_map(|t| t.lack.as_ref()?.service);
        let files = self.skipped_files.values().filter_map(|reason| lack(reason)?.service);
        if tests.chain(files).any(|kind| !provided(kind)) {
            all.insert(ExitClass::Unavailable);
        }
        if all.is_empty() {
            all.insert(ExitClass::Ok);
        }
        all
    }

    /// The report for people, at most eighty columns wide but for names that are longer.
    #[must_use]
    pub fn text(&self) -> String {
        text::render(self)
    }
}

fn end(source: &Source<'_>) -> End {
    End {
        finished: source.inner.finished.is_some() && source.ended == Ended::ByItself,
        how: match source.ended {
            Ended::ByItself => "by_itself",
            Ended::Interrupted => "interrupted",
            Ended::AtLimit => "at_limit",
        },
        status: source.status.and_then(|s| s.code()),
        signal: source.status.and_then(hallmark_services::platform::signal_of),
    }
}

fn tier_rows(source: &Source<'_>, tests: &[TestRow], files: &[SkippedFile]) -> (Vec<TierRow>, TierRow) {
    let mut rows: BTreeMap<&'static str, TierRow> = BTreeMap::new();
    let mut row = |tier: &'static str, change: &dyn Fn(&mut TierRow)| {
        change(rows.entry(tier).or_insert_with(|| TierRow { tier, ..TierRow::default() }));
    };
    for test in tests {
        row(test.tier, &|row| count(row, test));
    }
    for file in files {
        row(file.tier, &|row| file.count(row));
    }
    let file_tier = |id: &str| judge::tier_of_file(source, id).name();
    for id in &source.inner.deselected {
        row(file_tier(id), &|row| {
            row.discovered += 1;
            row.deselected += 1;
        });
    }
    for id in source.inner.collection_errors.keys() {
        row(file_tier(id), &|row| row.discovered += 1);
    }
    let mut total = TierRow { tier: "total", ..TierRow::default() };
    rows.values().for_each(|row| add(&mut total, row));
    let order = [Tier::Unit, Tier::Integration, Tier::EndToEnd, Tier::Other].map(Tier::name);
    (order.iter().filter_map(|tier| rows.remove(tier)).collect(), total)
}

fn count(row: &mut TierRow, test: &TestRow) {
    row.discovered += 1;
    row.executable += 1;
    match test.outcome {
        "passed" => row.passed += 1,
        "failed" | "error" => row.failed += 1,
        "xfailed" => row.xfailed += 1,
        "xpassed" => row.xpassed += 1,
        "skipped" => {
            row.skipped += 1;
            row.skipped_for_service += usize::from(test.lack.is_some());
        }
        _ => row.not_run += 1,
    }
    if test.outcome == "passed" {
        match test.reach {
            Reach::Proven => row.proven += 1,
            Reach::Fixtures => row.by_fixtures_only += 1,
            Reach::Opened | Reach::None => row.unreached += 1,
            Reach::Asked => {}
        }
        test.proven_on.iter().for_each(|kind| *row.proven_on.entry(*kind).or_default() += 1);
    }
}

fn add(total: &mut TierRow, row: &TierRow) {
    total.discovered += row.discovered;
    total.executable += row.executable;
    total.deselected += row.deselected;
    total.passed += row.passed;
    total.failed += row.failed;
    total.xfailed += row.xfailed;
    total.xpassed += row.xpassed;
    total.skipped += row.skipped;
    total.skipped_files += row.skipped_files;
    total.skipped_for_service += row.skipped_for_service;
    total.not_run += row.not_run;
    total.proven += row.proven;
    total.by_fixtures_only += row.by_fixtures_only;
    total.unreached += row.unreached;
    row.proven_on.iter().for_each(|(kind, count)| *total.proven_on.entry(*kind).or_default() += count);
}

fn services(source: &Source<'_>, tests: &[TestRow]) -> Vec<ServiceRow> {
    let relayed = source.targets.iter().map(|(service, ..)| *service);
    let kinds: BTreeSet<ServiceKind> = relayed.chain(source.left_out.iter().map(|(s, _)| *s)).collect();
    let row = |service: ServiceKind| {
        let own: Vec<&Connection> =
            source.inner.connections.iter().filter(|c| c.service == service).collect();
        let verification = source.verified.iter().find(|v| v.service == service);
        let left_out = source.left_out.iter().find(|(s, _)| *s == service).map(|(_, why)| (*why).to_owned());
        ServiceRow {
            service,
            judgement: verification.map(|v| v.judgement),
            reason: left_out.or_else(|| verification.and_then(|v| v.reason.clone())),
            connections: own.len(),
            confirmed: own.iter().filter(|c| c.confirmed).count(),
            answered: own.iter().map(|c| c.answered).sum(),
            counters: growth(source.counters.0, source.counters.1, service),
            proven: tests.iter().filter(|t| t.outcome == "passed" && t.proven_on.contains(&service)).count(),
        }
    };
    kinds.into_iter().map(row).collect()
}

fn connection(connection: &Connection) -> ConnectionRow {
    ConnectionRow {
        service: connection.service,
        pid: connection.owner.as_ref().and_then(|o| o.line.first().copied()),
        program: connection.owner.as_ref().map(|o| o.program.clone()).unwrap_or_default(),
        client: connection.client.clone(),
        server: connection.server.clone(),
        answered: connection.answered,
        confirmed: connection.confirmed,
        opaque: connection.opaque,
    }
}

/// The tiers that must reach services, as evidence.
fn evidence(tiers: &[TierRow], took: Duration) -> Vec<Evidence> {
    let row = |row: &TierRow| {
        let proven = row.proven + row.by_fixtures_only;
        let measured = json!({
            "passed": row.passed, "proven": row.proven, "by_fixtures_only": row.by_fixtures_only,
            "unreached": row.unreached, "skipped_for_service": row.skipped_for_service,
        });
        let check = format!("tests.{}.reached", row.tier.replace('-', "_"));
        let what = format!("passed {} tests reached a server that was verified to be real", row.tier);
        let evidence = Evidence::new("REQ-BASE-001", check, what)
            .threshold("every passed test; none skipped for lack of a service")
            .reproduce("hallmark test")
            .took(took);
        if row.passed == 0 {
            return evidence.because("no test of this tier passed");
        }
        let holds = proven == row.passed && row.skipped_for_service == 0;
        let evidence = evidence.measured(measured, holds);
        if holds {
            evidence
        } else {
            evidence.because(format!("{proven} of {} passed tests reached one", row.passed))
        }
    };
    let must = [Tier::Integration, Tier::EndToEnd].map(Tier::name);
    tiers.iter().filter(|t| must.contains(&t.tier)).map(row).collect()
}
