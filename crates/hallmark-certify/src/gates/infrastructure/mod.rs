//! Gate 2: the five services are real and usable, as the probes measure it.

mod control;

use std::time::Instant;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use hallmark_evidence::Evidence;
use hallmark_services::{Endpoints, ProbeOptions, ProbeReport, ServiceKind, State, codes, probe_with};
use serde_json::json;

use crate::certificate::ServiceFact;
use crate::context::{Context, Instrument, Measured};
use crate::limits::PROBE_TIMEOUT;
use crate::section::{HardFailure, Kind};

/// The gate.
pub(crate) static GATE: Instrument = Instrument {
    id: "infrastructure",
    title: "Infrastructure",
    kind: Kind::Gate,
    weight: 0.10,
    measure,
    control: control::run,
};

fn measure(context: &Context) -> BoxFuture<'_, Measured> {
    async move {
        let probes = join_all(ServiceKind::ALL.map(|kind| async move {
            let started = Instant::now();
            (examine(kind, &context.endpoints).await, started.elapsed())
        }));
        let mut measured = Measured::default();
        for (report, took) in probes.await {
            measured.evidence.push(evidence(&report).took(took));
            measured.hard_failures.extend(stand_in(&report));
            measured.services.push(fact(&report));
        }
        measured
    }
    .boxed()
}

/// The one probe of this gate, for the project's services and for the controls alike.
async fn examine(kind: ServiceKind, endpoints: &Endpoints) -> ProbeReport {
    let options =
        ProbeOptions { verify_authentication: true, timeout: PROBE_TIMEOUT, ..ProbeOptions::default() };
    probe_with(kind, endpoints, &options).await
}

fn evidence(report: &ProbeReport) -> Evidence {
    let kind = report.service;
    let evidence = Evidence::new(
        kind.requirement(),
        format!("{kind}.usable"),
        format!("{} is real and usable", kind.title()),
    )
    .threshold("connection, protocol, login, identity, extensions, canary, stable: every step passes")
    .reproduce("hallmark status");
    let reason = report.reason.clone().unwrap_or_default();
    if report.state == State::NotMeasured {
        let reason = if reason.is_empty() { format!("{} is not configured", kind.title()) } else { reason };
        return evidence.because(reason);
    }
    let steps: serde_json::Map<String, serde_json::Value> = report
        .steps
        .iter()
        .map(|s| (s.name.to_owned(), json!(if s.ok { "passed" } else { "failed" })))
        .collect();
    let measured = json!({
        "state": report.state, "version": report.version, "identity": report.identity, "latency_ms": report.latency_ms, "steps": steps,
    });
    let raw = serde_json::to_vec(report).unwrap_or_default();
    let evidence = evidence.measured(measured, report.state == State::Usable).raw(&raw);
    if evidence.verdict.is_green() { evidence } else { evidence.because(reason) }
}

/// Something answers that is not the service it is taken for: no score makes up for that.
fn stand_in(report: &ProbeReport) -> Option<HardFailure> {
    let telling = [codes::WRONG_SERVER.id, codes::ANSWERS_SUSPECT.id];
    let step = report.steps.iter().find(|s| !s.ok && s.code.is_some_and(|c| telling.contains(&c)))?;
    Some(HardFailure {
        requirement: report.service.requirement().to_owned(),
        check: format!("{}.usable", report.service),
        what: format!(
            "what answers for {} is not a real server of its kind: {}",
            report.service.title(),
            step.detail
        ),
        places: Vec::new(),
        count: 1,
    })
}

fn fact(report: &ProbeReport) -> ServiceFact {
    let state = match report.state {
        State::Usable => "usable",
        State::Degraded => "degraded",
        State::Down => "down",
        State::NotMeasured => "not measured",
    };
    ServiceFact {
        name: report.service.name().to_owned(),
        state: state.to_owned(),
        identity: report.identity.clone(),
        version: report.version.clone(),
        latency_ms: report.latency_ms,
        notes: report.reason.iter().chain(&report.notes).cloned().collect(),
        next: report.next.clone(),
    }
}
