//! The five real services pass their probes.

use hallmark_services::{ProbeOptions, ProbeReport, ServiceKind, State, probe_with};

use crate::support::endpoints;

async fn usable(kind: ServiceKind) -> ProbeReport {
    let options = ProbeOptions { verify_authentication: true, ..ProbeOptions::default() };
    let report = probe_with(kind, &endpoints(), &options).await;
    assert_eq!(report.state, State::Usable, "{report:#?}");
    assert!(report.steps.iter().all(|s| s.ok && !s.detail.is_empty()), "{report:#?}");
    assert!(
        !report.identity.is_empty() && !report.version.is_empty() && report.latency_ms > 0.0,
        "{report:#?}"
    );
    assert!(report.reason.is_none() && report.next.is_none(), "{report:#?}");
    report
}

fn names(report: &ProbeReport) -> Vec<&str> {
    report.steps.iter().map(|s| s.name).collect()
}

#[tokio::test]
async fn postgres_is_usable() {
    let report = usable(ServiceKind::Postgres).await;
    let steps =
        ["tcp", "handshake", "authentication", "refuses_wrong_password", "identity", "canary", "stable"];
    assert_eq!(names(&report), steps);
}

#[tokio::test]
async fn neo4j_is_usable_with_apoc_and_graph_data_science() {
    let report = usable(ServiceKind::Neo4j).await;
    let extensions: Vec<_> = report.steps.iter().filter(|s| s.name == "extensions").collect();
    assert!(extensions[0].detail.starts_with("APOC 5."), "{report:#?}");
    assert!(extensions[1].detail.starts_with("Graph Data Science "), "{report:#?}");
    assert!(report.version.starts_with("5.26") && report.version.ends_with("community"), "{report:#?}");
}

#[tokio::test]
async fn chroma_is_usable_and_says_that_it_asks_for_nothing() {
    let report = usable(ServiceKind::Chroma).await;
    assert!(report.notes.iter().any(|n| n.starts_with("no authentication")), "{report:#?}");
}

#[tokio::test]
async fn redis_is_usable() {
    let report = usable(ServiceKind::Redis).await;
    assert_eq!(report.identity.len(), 40, "{report:#?}");
}

#[tokio::test]
async fn the_model_api_is_usable() {
    let report = usable(ServiceKind::OpenAi).await;
    assert!(report.steps.iter().any(|s| s.detail.starts_with("vectors of 384 numbers")), "{report:#?}");
}
