//! A certificate as a certification would write it, of a scratch project with its log and key.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hallmark_certify::certificate::{
    Certificate, Digests, Draft, FindingRow, Findings, ProjectFacts, ServiceFact,
};
use hallmark_certify::section::{Control, Kind, Section};
use hallmark_certify::{LOG_EVIDENCE, tree};
use hallmark_core::Project;
use hallmark_evidence::{Evidence, Keys, Log, Verdict};
use serde_json::json;

use crate::{Scratch, write};

/// A scratch project with a signed certificate in `certificate.json`'s form.
pub(crate) struct Sample {
    pub(crate) scratch: Scratch,
    pub(crate) project: Project,
    pub(crate) certificate: Certificate,
}

impl Sample {
    /// Everything proven but what `change` spoils.
    pub(crate) fn new(change: impl FnOnce(&mut Vec<Section>)) -> Self {
        let scratch = Scratch::new();
        write(scratch.path(), "src/app.py", "VALUE = 1\n");
        let project = Project::discover(scratch.path()).unwrap();
        let state = project.state().unwrap();
        let mut sections = sections();
        change(&mut sections);
        let mut log = Log::open_in(&state).unwrap();
        let bodies =
            sections.iter().flat_map(|s| &s.evidence).map(|e| (LOG_EVIDENCE.to_owned(), json!(e))).collect();
        let entries = log.append_all(bodies).unwrap();
        let digests = Digests {
            tree: tree::digest_of(project.root()).unwrap(),
            configuration: hallmark_core::digest::sha256(b""),
            rule_set: hallmark_core::digest::sha256(b"rules"),
            evidence: String::new(),
            log_first: entries[0].seq,
            log_head: Log::verify(log.path()).unwrap().head,
        };
        let draft = Draft {
            project: ProjectFacts { name: "catalog".into(), commit: None },
            sections,
            claims: BTreeMap::from([("gold_standards".to_owned(), 0.8)]),
            services: services(),
            findings: findings(),
            notes: vec!["ChromaDB has no authentication: anyone on this machine may read it".into()],
            digests,
            duration: Duration::from_millis(91_400),
        };
        let mut certificate = Certificate::new(draft).unwrap();
        certificate.sign(&Keys::open(&state).unwrap()).unwrap();
        Self { scratch, project, certificate }
    }
}

fn section(id: &str, title: &str, weight: f64, evidence: Vec<Evidence>) -> Section {
    let kind = if weight > 0.16 { Kind::Baseline } else { Kind::Gate };
    let control = Control::new(
        &format!("{id}.planted"),
        "a planted defect in a scratch folder, beside a clean twin",
        Instant::now(),
        (true, "3 findings in the planted folder, 0 in the clean twin".into()),
    );
    Section {
        id: id.into(),
        title: title.into(),
        kind,
        weight,
        evidence,
        controls: vec![control],
        hard_failures: vec![],
    }
}

fn proven(
    requirement: &str,
    check: &str,
    what: &str,
    measured: serde_json::Value,
    threshold: &str,
) -> Evidence {
    Evidence::new(requirement, check, what)
        .threshold(threshold)
        .reproduce(format!("hallmark certify --only {check}"))
        .took(Duration::from_micros(1234))
        .measured(measured, true)
}

fn clean(requirement: &str, check: &str, what: &str) -> Evidence {
    proven(requirement, check, what, json!({"findings": 0}), "0 findings")
}

fn latency(check: &str, p95: f64) -> Evidence {
    let measured = json!({"p50_ms": p95 / 2.0, "p95_ms": p95, "samples": 25});
    proven("REQ-BASE-002", check, &check.replace(['.', '_'], " "), measured, "p95 < 2000 ms")
}

fn sections() -> Vec<Section> {
    let usable = |check: &str, identity: &str| {
        let measured = json!({"identity": identity, "latency_ms": 1.8});
        proven("REQ-INF-001", check, "the service is usable", measured, "usable")
    };
    let collected = json!({"collected": 48, "collection_errors": 0});
    let executed = json!({"executed": 48, "skipped": 0});
    let nodes = json!({"nodes": 117, "executed": 117});
    let tests = vec![
        proven("REQ-BASE-001", "tests.collected", "pytest discovers the tests", collected, "0 errors"),
        proven("REQ-BASE-001", "tests.executed", "collected tests are executed", executed, ">= 0.95"),
    ];
    let operations = [("postgres_select", 0.9), ("neo4j_traversal", 9.7), ("completion", 1430.5)]
        .map(|(id, p95)| latency(&format!("operations.{id}"), p95));
    let platform = clean("REQ-BASE-003", "platform.imports", "no unguarded import of a Unix-only module");
    let patterns = clean("REQ-BASE-004", "patterns.registration", "nodes are registered");
    let standards = vec![
        clean("REQ-GS-001", "gold.imports", "absolute imports"),
        clean("REQ-GS-003", "gold.no_doubles", "no test double of a service"),
    ];
    let services = vec![usable("postgres.usable", "PostgreSQL 15.8"), usable("redis.usable", "redis 7.2")];
    let executed =
        proven("REQ-FW-001", "nodes.executed", "every generated node is executed", nodes, "117 of 117");
    vec![
        section("tests", "Tests discovered and executable", 0.1625, tests),
        section("operations", "Core operations within their targets", 0.1625, operations.into()),
        section("platform", "Platform compatibility", 0.1625, vec![platform]),
        section("patterns", "Foundation patterns", 0.1625, vec![patterns]),
        section("gold_standards", "Gold standards", 0.15, standards),
        section("infrastructure", "Infrastructure", 0.10, services),
        section("framework", "Framework validation", 0.10, vec![executed]),
    ]
}

fn services() -> Vec<ServiceFact> {
    let fact = |name: &str, state: &str, identity: &str, version: &str, latency_ms: f64| ServiceFact {
        name: name.into(),
        state: state.into(),
        identity: identity.into(),
        version: version.into(),
        latency_ms,
        notes: vec![],
        next: (state != "usable").then(|| format!("hallmark status --why {name}")),
    };
    vec![
        fact("postgres", "usable", "PostgreSQL", "15.8", 1.8),
        fact("neo4j", "usable", "Neo4j community, APOC 5.26", "5.26.0", 9.7),
        fact("chromadb", "usable", "chroma", "1.3.5", 9.2),
        fact("redis", "down", "", "", 0.0),
        fact("openai", "not measured", "", "", 0.0),
    ]
}

fn findings() -> Findings {
    let row = |line: u32, rule: &str, message: &str| FindingRow {
        place: format!("tests/integration/test_quotes.py:{line}"),
        rule: rule.into(),
        severity: "error".into(),
        message: message.into(),
    };
    Findings {
        files: 34,
        count: 2,
        by_rule: BTreeMap::from([("mock-patch".to_owned(), 2)]),
        listed: vec![
            row(41, "mock-patch", "test double <b>replaces</b> PostgreSQL"),
            row(77, "mock-patch", "test double replaces Redis"),
        ],
        problems: vec![row(1, "HM-P001", "the file does not parse: expected an indented block")],
    }
}

/// Spoils the named check.
pub(crate) fn spoil(sections: &mut [Section], check: &str, verdict: Verdict, reason: &str) {
    let evidence = sections.iter_mut().flat_map(|s| &mut s.evidence).find(|e| e.check == check).unwrap();
    evidence.verdict = verdict;
    evidence.reason = reason.into();
}
