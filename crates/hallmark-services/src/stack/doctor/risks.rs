//! The register of risks: every line of the doctor weighed by how likely it does harm and how much, with what lessens
//! it; and for each service who else could provide it.

use std::fmt;

use serde::Serialize;

use super::scene::Scene;
use super::{Check, Verdict, programs, usable};
use crate::stack::Provider;
use crate::{ProbeReport, ServiceKind, State};

/// What a risk is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Monitor {
    /// The machine: memory, disks, clocks, ports, loopback, secrets.
    Infrastructure,
    /// The services themselves.
    Services,
    /// How fast it all is.
    Performance,
    /// Whether versions, kernels, encodings and engines fit.
    Compatibility,
}

impl fmt::Display for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Infrastructure => "infrastructure",
            Self::Services => "services",
            Self::Performance => "performance",
            Self::Compatibility => "compatibility",
        })
    }
}

/// What a provider could do for a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was asked and provides the service.
    Serves,
    /// It is not asked for, and could take over.
    Ready,
    /// It cannot.
    Unavailable,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Serves => "serves",
            Self::Ready => "ready",
            Self::Unavailable => "unavailable",
        })
    }
}

/// One provider of a service, as it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fallback {
    /// The service.
    pub service: ServiceKind,
    /// `native`, `docker` or `external`.
    pub provider: Provider,
    /// Whether the project has chosen it.
    pub chosen: bool,
    /// What it could do.
    pub outcome: Outcome,
    /// What it said.
    pub said: String,
}

/// A risk.
#[derive(Clone, Debug, Serialize)]
pub struct Risk {
    /// The identifier of the line that it follows from.
    pub id: String,
    /// What that line looked at.
    pub name: String,
    /// What it is a risk of.
    pub monitor: Monitor,
    /// From 1 to 5: what was seen to fail 5, to warn 3, what was not looked at 2, what is well 1.
    pub probability: u8,
    /// From 1 to 5: 5 stops the stack, 4 a service, 3 an operation, 2 costs time, 1 looks bad.
    pub impact: u8,
    /// The product of both.
    pub score: u8,
    /// What was found.
    pub verdict: Verdict,
    /// What was seen.
    pub detail: String,
    /// What lessens it: the command that mends what was seen, or what keeps it from happening.
    pub mitigation: String,
    /// For a service: its providers in the order in which they were tried.
    pub fallbacks: Vec<Fallback>,
}

/// The beginning of a line's identifier, what it is a risk of, its impact, and what keeps it small.
type Weight = (&'static str, Monitor, u8, &'static str);

/// Sorted by their beginnings; the last part of an identifier may be any.
const WEIGHTS: &[Weight] = &[
    ("clock", Monitor::Infrastructure, 3, "keep the clock set: timedatectl"),
    ("console", Monitor::Compatibility, 1, "symbols have twins in ASCII: --ascii"),
    ("credentials", Monitor::Infrastructure, 4, "leave modes as Hallmark made them"),
    ("disk", Monitor::Infrastructure, 4, "hallmark backup; status warns before a disk is full"),
    ("docker-desktop", Monitor::Compatibility, 2, "native needs no containers"),
    ("engine", Monitor::Compatibility, 2, "native needs no containers"),
    ("installed", Monitor::Compatibility, 4, "hallmark up --yes installs what was pinned"),
    ("latency", Monitor::Performance, 2, "hallmark status --watch shows it live"),
    ("load", Monitor::Performance, 2, "hallmark status --watch shows it live"),
    ("localhost", Monitor::Infrastructure, 2, "addresses are written as 127.0.0.1"),
    ("loopback", Monitor::Infrastructure, 5, "leave loopback out of the firewall's rules"),
    ("memory", Monitor::Infrastructure, 4, "fewer services: [stack.providers] in hallmark.toml"),
    ("open-files", Monitor::Infrastructure, 3, "raise the limit in /etc/security/limits.conf"),
    ("port", Monitor::Infrastructure, 4, "ports are kept for the project; --new-ports takes others"),
    ("proxy", Monitor::Infrastructure, 3, "keep 127.0.0.1 in no_proxy"),
    ("runs", Monitor::Compatibility, 4, "hallmark up --yes installs what was pinned"),
    ("stale", Monitor::Services, 2, "hallmark up starts what is gone"),
    ("supervisor", Monitor::Services, 3, "servers live on without it; hallmark up starts another"),
    ("system", Monitor::Compatibility, 3, "PostgreSQL runs as a user of its own"),
    ("usable", Monitor::Services, 4, "the supervisor restarts what dies; hallmark backup"),
    ("wsl", Monitor::Compatibility, 3, "keep the project on the Linux file system"),
];

fn weight(id: &str) -> Option<&'static Weight> {
    let head = id.split('.').next()?;
    WEIGHTS.binary_search_by_key(&head, |row| row.0).ok().map(|at| &WEIGHTS[at])
}

const fn probability(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Ok => 1,
        Verdict::NotChecked => 2,
        Verdict::Warn => 3,
        Verdict::Fail => 5,
    }
}

/// The risks of these lines, the greatest first; equal ones stay in the order of the lines.
pub(super) fn register(checks: &[Check], fallbacks: &[Fallback]) -> Vec<Risk> {
    let mut risks: Vec<Risk> = checks
        .iter()
        .filter_map(|check| {
            let (_, monitor, impact, standing) = weight(&check.id)?;
            let probability = probability(check.verdict);
            let service = check.id.strip_prefix("usable.");
            let own = |fallback: &&Fallback| service == Some(fallback.service.name());
            Some(Risk {
                id: check.id.clone(),
                name: check.name.clone(),
                monitor: *monitor,
                probability,
                impact: *impact,
                score: probability * impact,
                verdict: check.verdict,
                detail: check.detail.clone(),
                mitigation: check.mend.clone().unwrap_or_else(|| (*standing).to_owned()),
                fallbacks: fallbacks.iter().filter(own).cloned().collect(),
            })
        })
        .collect();
    risks.sort_by_key(|risk| std::cmp::Reverse(risk.score));
    risks
}

/// For each service that is used: a native server, a container, a given address, tried in this order.
pub(super) fn fallbacks(scene: &Scene<'_>) -> Vec<Fallback> {
    let used = |service: &ServiceKind| scene.stack.provider(*service) != Provider::Off;
    ServiceKind::ALL
        .into_iter()
        .filter(used)
        .flat_map(|service| [native(scene, service), container(scene, service), url(scene, service)])
        .collect()
}

fn report(reports: &[ProbeReport], service: ServiceKind) -> Option<&ProbeReport> {
    reports.iter().find(|report| report.service == service)
}

/// What the probe of the chosen provider found.
fn served(report: Option<&ProbeReport>) -> (Outcome, String) {
    match report {
        Some(report) if matches!(report.state, State::Usable | State::Degraded) => {
            (Outcome::Serves, usable::said(report))
        }
        Some(report) => (Outcome::Unavailable, usable::said(report)),
        None => (Outcome::Unavailable, "no probe was made".to_owned()),
    }
}

fn fallback(
    scene: &Scene<'_>,
    service: ServiceKind,
    provider: Provider,
    found: (Outcome, String),
) -> Fallback {
    let chosen = scene.stack.provider(service) == provider;
    Fallback { service, provider, chosen, outcome: found.0, said: found.1 }
}

fn native(scene: &Scene<'_>, service: ServiceKind) -> Fallback {
    let missing = programs::missing(&scene.tools, service);
    let found = match (scene.is_native(service), missing) {
        (true, _) => {
            let (outcome, said) = served(report(&scene.reports, service));
            let idle = outcome == Outcome::Unavailable && !scene.runs(service);
            match programs::missing(&scene.tools, service) {
                Some(missing) if idle => (Outcome::Unavailable, missing),
                None if idle => (Outcome::Ready, "installed and not running: hallmark up".to_owned()),
                _ => (outcome, said),
            }
        }
        (false, Some(missing)) => (Outcome::Unavailable, missing),
        (false, None) => (Outcome::Ready, "its program is installed".to_owned()),
    };
    fallback(scene, service, Provider::Native, found)
}

fn container(scene: &Scene<'_>, service: ServiceKind) -> Fallback {
    let chosen = scene.stack.provider(service) == Provider::Docker;
    let found = match &scene.engine {
        _ if service == ServiceKind::OpenAi => (Outcome::Unavailable, "there is no image of it".to_owned()),
        None => (Outcome::Unavailable, "no container engine answers".to_owned()),
        Some(_) if chosen => served(report(&scene.reports, service)),
        Some(program) => (Outcome::Ready, format!("{} answers", program.display())),
    };
    fallback(scene, service, Provider::Docker, found)
}

fn url(scene: &Scene<'_>, service: ServiceKind) -> Fallback {
    let found = if scene.stack.provider(service) == Provider::External {
        served(report(&scene.reports, service))
    } else if let Some(spare) = report(&scene.spare, service) {
        match served(Some(spare)) {
            (Outcome::Serves, said) => (Outcome::Ready, said),
            other => other,
        }
    } else {
        (Outcome::Unavailable, format!("no address is given: {}", service.variable()))
    };
    fallback(scene, service, Provider::External, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_are_sorted_and_in_bounds() {
        assert!(WEIGHTS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(WEIGHTS.iter().all(|row| (1..=5).contains(&row.2) && !row.3.is_empty()));
    }

    #[test]
    fn the_greatest_risk_is_first_and_names_what_mends_it() {
        let checks = [
            Check::new("console", "console", Verdict::Fail, "x"),
            Check::new("usable.redis", "Redis usable", Verdict::Fail, "x").mend("hallmark up"),
            Check::new("loopback", "loopback", Verdict::Ok, "x"),
            Check::new("memory.overcommit", "memory", Verdict::Warn, "x").mend("sysctl"),
        ];
        let spare = Fallback {
            service: ServiceKind::Redis,
            provider: Provider::Native,
            chosen: true,
            outcome: Outcome::Ready,
            said: "installed".to_owned(),
        };
        let risks = register(&checks, std::slice::from_ref(&spare));
        let scores: Vec<(&str, u8)> = risks.iter().map(|r| (r.id.as_str(), r.score)).collect();
        assert_eq!(
            scores,
            [("usable.redis", 20), ("memory.overcommit", 12), ("console", 5), ("loopback", 5)]
        );
        assert_eq!(risks[0].mitigation, "hallmark up");
        assert_eq!(risks[0].fallbacks, [spare]);
        assert!(risks[1].fallbacks.is_empty() && !risks[3].mitigation.is_empty());
    }
}
