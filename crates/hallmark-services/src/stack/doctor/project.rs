//! What runs for the project, and who holds its ports.

use super::scene::Scene;
use super::{Check, Verdict};
use crate::ServiceKind;
use crate::stack::evidence;
use crate::stack::ports::{self, PortName};
use crate::stack::supervisor::Record;

pub(super) fn supervisor(scene: &Scene<'_>) -> Vec<Check> {
    let (id, name) = ("supervisor", "supervisor");
    let alive = scene.records.iter().filter(|record| record.alive().is_some()).count();
    vec![match (scene.supervised, alive) {
        (true, n) => Check::new(id, name, Verdict::Ok, format!("it watches {n} processes")),
        (false, 0) => Check::new(id, name, Verdict::NotChecked, "nothing runs").mend("hallmark up"),
        (false, n) => {
            Check::new(id, name, Verdict::Warn, format!("it died; {n} processes live on")).mend("hallmark up")
        }
    }]
}

pub(super) fn stale(scene: &Scene<'_>) -> Vec<Check> {
    let gone = |record: &&Record| record.identity.is_some() && record.alive().is_none();
    let names: Vec<&str> = scene.records.iter().filter(gone).map(|record| record.process.name()).collect();
    if names.is_empty() {
        return Vec::new();
    }
    let detail = format!("recorded as running, but gone: {}", names.join(", "));
    vec![Check::new("stale", "stale state", Verdict::Warn, detail).mend("hallmark up")]
}

pub(super) fn restore(scene: &Scene<'_>) -> Vec<Check> {
    let line = |pending: &String| {
        Check::new("restore", "restore", Verdict::Warn, pending.clone()).mend("hallmark up")
    };
    scene.pending.iter().map(line).collect()
}

/// The ports that the project keeps, and before its first start those that `hallmark.toml` chose.
pub(super) fn ports(scene: &Scene<'_>) -> Vec<Check> {
    let mut checks = Vec::new();
    let chosen = &scene.stack.config.ports;
    for service in ServiceKind::ALL.into_iter().filter(|service| scene.is_native(*service)) {
        for name in PortName::of(service) {
            let kept = scene.state.as_ref().and_then(|state| state.ports.get(name));
            if let Some(port) = kept.or_else(|| chosen.get(name)) {
                checks.push(port_check(scene, *name, service, *port));
            }
        }
    }
    checks
}

fn port_check(scene: &Scene<'_>, port_name: PortName, service: ServiceKind, port: u16) -> Check {
    let word = serde_json::to_value(port_name).ok().and_then(|v| v.as_str().map(ToOwned::to_owned));
    let word = word.unwrap_or_else(|| service.name().to_owned());
    let (id, name) = (format!("port.{word}"), format!("port {port} {word}"));
    let runs = scene.runs(service);
    if ports::is_free(port) {
        return if runs {
            Check::new(id, &name, Verdict::Warn, "its server runs and does not listen yet")
                .mend(format!("hallmark logs {service}"))
        } else {
            Check::new(id, &name, Verdict::Ok, "free at this moment")
        };
    }
    match ports::holder(port) {
        Some(holder) if evidence::is_own(&own_pids(scene, service), holder.pid) => {
            Check::new(id, &name, Verdict::Ok, format!("held by {holder}"))
        }
        None if runs => Check::new(id, &name, Verdict::Ok, "held; by whom this user may not see"),
        holder => {
            let by = holder.map_or_else(|| "another process".to_owned(), |holder| holder.to_string());
            let mend = if scene.stack.config.ports.contains_key(&port_name) {
                format!("choose another {word} in [stack.ports] of hallmark.toml, then: hallmark up")
            } else {
                "hallmark up --new-ports".to_owned()
            };
            Check::new(id, &name, Verdict::Fail, format!("held by {by}")).mend(mend)
        }
    }
}

fn own_pids(scene: &Scene<'_>, service: ServiceKind) -> Vec<u32> {
    let own = scene.records.iter().filter(|record| record.process.service() == service);
    own.filter_map(|record| record.alive().map(|identity| identity.pid)).collect()
}
