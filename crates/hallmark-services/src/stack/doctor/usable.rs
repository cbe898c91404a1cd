//! What the probes say: installed is not usable.

use super::scene::Scene;
use super::{Check, Verdict};
use crate::stack::Provider;
use crate::{ProbeReport, State};

/// Milliseconds that a trivial request on one machine may take.
const SLOW_MS: f64 = 250.0;

pub(super) fn usable(scene: &Scene<'_>) -> Vec<Check> {
    scene.reports.iter().map(|report| judge(report, scene.stack.provider(report.service))).collect()
}

fn judge(report: &ProbeReport, provider: Provider) -> Check {
    let (id, name) = (format!("usable.{}", report.service), format!("{} usable", report.service.title()));
    if provider == Provider::Off {
        return Check::new(id, &name, Verdict::NotChecked, "the project does not use it");
    }
    let verdict = match report.state {
        State::Usable => Verdict::Ok,
        State::Degraded => Verdict::Warn,
        State::Down => Verdict::Fail,
        State::NotMeasured => Verdict::NotChecked,
    };
    let check = Check::new(id, &name, verdict, said(report));
    if verdict == Verdict::Ok {
        check
    } else {
        check.mend(report.next.clone().unwrap_or_else(|| "hallmark up".to_owned()))
    }
}

/// The reason, or the version and its round trip.
pub(super) fn said(report: &ProbeReport) -> String {
    let answer = || format!("{} in {:.1} ms", report.version, report.latency_ms);
    report.reason.clone().unwrap_or_else(answer)
}

/// The slowest of the services that can be used.
pub(super) fn latency(scene: &Scene<'_>) -> Vec<Check> {
    let (id, name) = ("latency", "latency");
    let usable = scene.reports.iter().filter(|report| report.state == State::Usable);
    let Some(slowest) = usable.max_by(|a, b| a.latency_ms.total_cmp(&b.latency_ms)) else {
        return vec![Check::new(id, name, Verdict::NotChecked, "no service can be used").mend("hallmark up")];
    };
    let detail = format!("{} is the slowest: {:.1} ms", slowest.service.title(), slowest.latency_ms);
    if slowest.latency_ms <= SLOW_MS {
        return vec![Check::new(id, name, Verdict::Ok, detail)];
    }
    vec![
        Check::new(id, name, Verdict::Warn, format!("{detail}; {SLOW_MS:.0} ms are much already"))
            .mend(format!("hallmark status --why {}", slowest.service)),
    ]
}
