//! What the page and the operations show of the stack and of the last certification.

use std::collections::BTreeMap;
use std::sync::Arc;

use hallmark_certify::Certificate;
use hallmark_certify::section::Kind;
use hallmark_core::{Project, Result};
use hallmark_evidence::Verdict;
use hallmark_nexus::{GateStatus, GatesStatus, ServiceStatus};
use hallmark_services::resilience::{Standing, sentences, standing};
use hallmark_services::{Endpoints, ProbeOptions, ProbeReport, ServiceKind, State, probe_all};

use crate::app::App;
use crate::wiring;

/// Who provides each service, by the service's name: provider and masked endpoint.
pub(crate) type Providers = Arc<BTreeMap<String, (String, String)>>;

/// Reads who provides what from the project's stack.
pub(crate) fn providers(app: &App<'_>) -> Result<Providers> {
    let stack = wiring::stack(app)?;
    let mut rows = BTreeMap::new();
    for kind in ServiceKind::ALL {
        let endpoint = stack.address(kind)?.as_deref().map(authority).unwrap_or_default().to_owned();
        rows.insert(kind.name().to_owned(), (stack.provider(kind).to_string(), endpoint));
    }
    Ok(Arc::new(rows))
}

/// Probes the services and puts each answer beside its provider.
pub(crate) async fn services(
    project: &Project,
    endpoints: &Endpoints,
    providers: &Providers,
) -> Vec<ServiceStatus> {
    let reports = probe_all(endpoints, &ProbeOptions::default()).await;
    let standing = standing(project);
    reports.into_iter().map(|report| service(report, providers, &standing)).collect()
}

fn service(report: ProbeReport, providers: &Providers, standing: &[Standing]) -> ServiceStatus {
    let name = report.service.name().to_owned();
    let (provider, endpoint) = providers.get(&name).cloned().unwrap_or_default();
    ServiceStatus {
        state: state(report.state).to_owned(),
        latency_ms: (report.state != State::NotMeasured).then_some(report.latency_ms),
        identity: report.identity,
        version: report.version,
        reason: report.reason,
        next: report.next,
        fallback: sentences(standing, report.service).into_iter().reduce(|a, b| format!("{a}; {b}")),
        notes: report.notes,
        name,
        provider,
        endpoint,
    }
}

/// The word for a state, as every channel writes it.
pub(crate) fn state(state: State) -> &'static str {
    match state {
        State::Usable => "usable",
        State::Degraded => "degraded",
        State::Down => "down",
        State::NotMeasured => "not_measured",
    }
}

/// The last certificate in the state folder, if there is one that can be read.
fn last_certificate(project: &Project) -> Option<Certificate> {
    let bytes = std::fs::read(project.state_path().join("certificates/latest/certificate.json")).ok()?;
    Certificate::parse(&serde_json::from_slice(&bytes).ok()?).ok()
}

/// Whether the last certificate was granted.
pub(crate) fn approved(project: &Project) -> bool {
    last_certificate(project).is_some_and(|c| c.deployment_approved)
}

/// The gates of the last certificate; without one, what to do to get it.
pub(crate) fn gates(project: &Project) -> GatesStatus {
    let Some(certificate) = last_certificate(project) else {
        return GatesStatus { next: Some("hallmark certify".to_owned()), ..GatesStatus::default() };
    };
    let gates = certificate
        .sections
        .iter()
        .filter(|s| s.section.kind != Kind::Seal)
        .map(|s| gate(s, &certificate))
        .collect();
    GatesStatus {
        gates,
        score: Some(certificate.production_readiness_score),
        level: Some(certificate.certification_level.to_string()),
        certified_at: Some(certificate.certification_date.clone()),
        next: None,
    }
}

fn gate(section: &hallmark_certify::certificate::SectionRecord, certificate: &Certificate) -> GateStatus {
    let all = [Verdict::Proven, Verdict::Failed, Verdict::Exempted, Verdict::NotMeasured];
    let points = section.points;
    let section = &section.section;
    let count = |verdict| u64::try_from(section.count(verdict)).unwrap_or(u64::MAX);
    let caught: Vec<&str> =
        section.controls.iter().filter(|c| c.caught).map(|c| c.planted.as_str()).collect();
    let verdict = if section.count(Verdict::Failed) > 0 {
        Verdict::Failed
    } else if section.count(Verdict::NotMeasured) > 0 || section.evidence.is_empty() {
        Verdict::NotMeasured
    } else if section.count(Verdict::Proven) > 0 && section.instrument_proven() {
        Verdict::Proven
    } else {
        Verdict::Exempted
    };
    GateStatus {
        id: section.id.clone(),
        title: section.title.clone(),
        weight: section.weight,
        proven: points,
        verdict,
        instrument_proven: section.instrument_proven(),
        instrument: caught.join("; "),
        checks: all.into_iter().map(|v| (v, count(v))).filter(|(_, n)| *n > 0).collect(),
        measured_at: Some(certificate.certification_date.clone()),
        reproduce: "hallmark certify".to_owned(),
    }
}

/// Host and port of an address: the rest is for programs, and in the JSON.
pub(crate) fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}
