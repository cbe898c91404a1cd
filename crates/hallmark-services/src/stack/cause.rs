//! Why a service is as it is, deduced from evidence, and the one command that mends it. Pure: the evidence is gathered
//! elsewhere.

use serde::{Deserialize, Serialize};

use super::config::Provider;
use super::process::Process;
use super::supervisor::Phase;
use crate::ServiceKind;
use crate::monitor::machine::{CLOCK, RECOVERING};
use crate::monitor::{Fault, Health};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CauseKind {
    /// The project does not use it, or it could not be installed.
    NotProvided,
    /// It was never started.
    NotStarted,
    /// It was stopped on purpose.
    Stopped,
    /// It starts, and is not ready yet.
    Starting,
    /// Its process is suspended.
    Suspended,
    /// Its process was ended by a signal.
    Killed,
    /// Its process ended by itself.
    Exited,
    /// It ended too often in a row and is not started any more.
    GivenUp,
    /// Another process holds its port.
    PortTaken,
    /// The disk under its data is full.
    DiskFull,
    /// It ran out of memory.
    OutOfMemory,
    /// It refuses the credentials.
    Credentials,
    /// It takes requests and does not answer.
    Hung,
    /// Nothing listens at its address.
    Unreachable,
    /// Its connections are cut.
    Cut,
    /// Its clock is not this machine's.
    Clock,
    /// It was down and answers again.
    Recovering,
    /// It answers slowly.
    Slow,
    /// It has no connection left for newcomers.
    Exhausted,
    /// It answers with something else than it should: another server, version, role, a missing extension.
    Unfit,
    /// Nothing of the above explains what is seen.
    Unknown,
}

/// A deduced cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// What is wrong.
    pub kind: CauseKind,
    /// The same for people, with what was seen.
    pub sentence: String,
    /// The one command, or step, that mends it.
    pub mend: Option<String>,
}

impl Cause {
    fn new(kind: CauseKind, sentence: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { kind, sentence: sentence.into(), mend: Some(mend.into()) }
    }
}

/// One of the service's own processes.
#[derive(Clone, Debug)]
pub(crate) struct ProcessEvidence {
    pub(crate) process: Process,
    pub(crate) phase: Phase,
    /// Its number, if it lives.
    pub(crate) pid: Option<u32>,
    pub(crate) suspended: bool,
    /// How long it is in this phase.
    pub(crate) age_s: u64,
    pub(crate) restarts: u32,
    pub(crate) last_exit: Option<String>,
}

/// Everything that is known when the question is asked.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    pub(crate) service: ServiceKind,
    pub(crate) provider: Provider,
    pub(crate) endpoint: Option<String>,
    /// Why it could not be provided.
    pub(crate) refused: Option<String>,
    pub(crate) processes: Vec<ProcessEvidence>,
    pub(crate) health: Health,
    pub(crate) fault: Option<Fault>,
    /// What the checks saw.
    pub(crate) reason: Option<String>,
    /// The next step that a probe named.
    pub(crate) next: Option<String>,
    /// Whether the service's own processes listen on all of its ports.
    pub(crate) listens: bool,
    /// A port of the service that another process holds, and who it is.
    pub(crate) port_thief: Option<(u16, u32, String)>,
    /// The full disk, in words.
    pub(crate) disk_full: Option<String>,
    /// The last lines of its logs, secrets masked.
    pub(crate) log: Vec<String>,
    /// The load of the machine over its processors.
    pub(crate) load: f64,
}

/// Log lines that tell of a full disk, and of a want of memory.
const DISK_WORDS: [&str; 4] = ["No space left on device", "disk is full", "Disk quota exceeded", "MISCONF"];
const MEMORY_WORDS: [&str; 4] =
    ["OutOfMemoryError", "out of memory", "Cannot allocate memory", "Can't allocate memory"];
const PORT_WORDS: [&str; 3] = ["Address already in use", "is not available", "couldn't bind"];

/// A load per processor beyond which slowness is no wonder.
const BUSY: f64 = 2.0;

/// A connection that breaks so long after a server's start, in seconds, does not break because of it.
const SETTLED_S: u64 = 10;

/// The cause; `None` if nothing is wrong.
pub(crate) fn deduce(evidence: &Evidence) -> Option<Cause> {
    if let Some(cause) = absent(evidence) {
        return Some(cause);
    }
    if evidence.health == Health::Healthy {
        return None;
    }
    Some(
        suspended(evidence)
            .or_else(|| surroundings(evidence))
            .or_else(|| told(evidence))
            .or_else(|| ended(evidence))
            .unwrap_or_else(|| seen(evidence)),
    )
}

/// It is not meant to be there.
fn absent(evidence: &Evidence) -> Option<Cause> {
    let title = evidence.service.title();
    if evidence.provider == Provider::Off {
        let mend = format!("set stack.providers.{} in hallmark.toml, then: hallmark up", evidence.service);
        return Some(Cause::new(CauseKind::NotProvided, format!("the project does not use {title}"), mend));
    }
    if let Some(reason) = &evidence.refused {
        return Some(Cause::new(CauseKind::NotProvided, reason.clone(), "hallmark up --yes"));
    }
    if evidence.provider == Provider::External && evidence.endpoint.is_none() {
        let mend =
            format!("export {}=…, or give [services.{}]", evidence.service.variable(), evidence.service);
        return Some(Cause::new(
            CauseKind::NotProvided,
            format!("{title} is external and has no address"),
            mend,
        ));
    }
    if evidence.provider != Provider::Native || evidence.processes.iter().any(|p| p.phase != Phase::Stopped) {
        return None;
    }
    let up = up(evidence.service);
    match evidence.processes.iter().find_map(|p| p.last_exit.as_deref()) {
        Some(end) => {
            Some(Cause::new(CauseKind::Stopped, format!("{title} was stopped: {}", first_line(end)), up))
        }
        None => Some(Cause::new(CauseKind::NotStarted, format!("{title} was not started"), up)),
    }
}

fn suspended(evidence: &Evidence) -> Option<Cause> {
    let process = evidence.processes.iter().find(|process| process.suspended)?;
    let pid = process.pid?;
    Some(Cause::new(
        CauseKind::Suspended,
        format!("the process of {} (pid {pid}) was stopped by a signal and is not gone", process.process),
        format!("kill -CONT {pid}"),
    ))
}

/// A full disk, a taken port and a want of memory explain more than the death that they led to.
fn surroundings(evidence: &Evidence) -> Option<Cause> {
    let title = evidence.service.title();
    let dead = evidence.processes.iter().find(|process| process.pid.is_none());
    // Whoever was killed did not end of what its log tells, which may be old.
    let killed = dead.and_then(|p| p.last_exit.as_deref()).and_then(|end| signal(first_line(end))) == Some(9);
    let words = if killed { Vec::new() } else { last_words(evidence, dead) };
    let says = |all: &[&str]| words.iter().find(|line| all.iter().any(|word| line.contains(word))).cloned();
    let troubled = dead.is_some() || evidence.fault == Some(Fault::Wrong);
    if let Some((port, pid, command)) = &evidence.port_thief {
        let sentence = format!("port {port} of {title} is held by pid {pid} ({command})");
        return Some(Cause::new(CauseKind::PortTaken, sentence, "hallmark up --new-ports"));
    }
    if let Some(disk) = evidence.disk_full.clone().or_else(|| says(&DISK_WORDS).filter(|_| troubled)) {
        let mend = format!("free some space, then: {}", up(evidence.service));
        return Some(Cause::new(CauseKind::DiskFull, disk, mend));
    }
    let dead = dead?;
    if let Some(line) = says(&MEMORY_WORDS) {
        let sentence = format!("{} ran out of memory: {line}", dead.process);
        return Some(Cause::new(CauseKind::OutOfMemory, sentence, up(evidence.service)));
    }
    let line = says(&PORT_WORDS)?;
    // Nobody is seen to hold it any more: if somebody does, `up` says who, and what then.
    let sentence = format!("{} could not have its port: {line}", dead.process);
    Some(Cause::new(CauseKind::PortTaken, sentence, up(evidence.service)))
}

/// What no death explains, however lately there was one.
fn told(evidence: &Evidence) -> Option<Cause> {
    let (service, title) = (evidence.service, evidence.service.title());
    let reason = evidence.reason.clone().unwrap_or_default();
    let native = evidence.provider == Provider::Native;
    let settled = evidence.processes.iter().all(|p| p.pid.is_some() && p.age_s >= SETTLED_S);
    match evidence.fault {
        Some(Fault::Credentials) if native => {
            let sentence = format!("{title} does not take the password that this project keeps: {reason}");
            Some(Cause::new(CauseKind::Credentials, sentence, "hallmark doctor"))
        }
        Some(Fault::Credentials) => {
            let place = evidence.endpoint.clone().unwrap_or_default();
            let sentence = format!("{title} at {place} refuses the credentials: {reason}");
            let mend = format!("correct the password in {} or [services.{service}]", service.variable());
            Some(Cause::new(CauseKind::Credentials, sentence, mend))
        }
        Some(Fault::Cut) if settled => {
            let sentence = format!("connections to {title} are cut, and new ones work: {reason}");
            Some(Cause::new(CauseKind::Cut, sentence, format!("hallmark status --why {service}")))
        }
        Some(Fault::Refused) if native && settled && evidence.listens => {
            let sentence = format!("{title} listens, and no connection gets through to it: {reason}");
            Some(Cause::new(CauseKind::Cut, sentence, "sudo iptables -L -n (a rule that rejects?)"))
        }
        None if reason.starts_with(CLOCK) => {
            let mend = format!("date, then: hallmark logs {service}");
            Some(Cause::new(CauseKind::Clock, format!("{title} tells another time: {reason}"), mend))
        }
        _ => None,
    }
}

/// The lines that the dead process left, or else the log.
fn last_words(evidence: &Evidence, dead: Option<&ProcessEvidence>) -> Vec<String> {
    let kept = dead.and_then(|process| process.last_exit.as_deref()).unwrap_or_default();
    kept.lines().map(ToOwned::to_owned).chain(evidence.log.iter().cloned()).collect()
}

/// A process is dead, or was until a moment ago.
fn ended(evidence: &Evidence) -> Option<Cause> {
    let fresh = |p: &&ProcessEvidence| p.restarts > 0 && p.age_s < 60;
    let dead = evidence.processes.iter().find(|process| process.pid.is_none());
    let process = dead.or_else(|| evidence.processes.iter().find(fresh))?;
    // The end that is known of a process whose record still says that it runs is an earlier one.
    let known =
        process.last_exit.as_deref().filter(|_| process.pid.is_some() || process.phase != Phase::Running);
    let end = known.map_or("nobody saw how", first_line);
    let name = process.process;
    let service = evidence.service;
    if process.phase == Phase::Failed {
        let sentence = format!("{name} ended again and again and was given up: {end}");
        return Some(Cause::new(CauseKind::GivenUp, sentence, up(service)));
    }
    let again = if dead.is_some() { "it is being started again" } else { "it was started again" };
    let (kind, how) = match signal(end) {
        Some(9) => (
            CauseKind::Killed,
            "was killed (signal 9: by somebody, or by the kernel for want of memory)".to_owned(),
        ),
        Some(number) => (CauseKind::Killed, format!("was ended by signal {number}")),
        None => (CauseKind::Exited, format!("ended: {end}")),
    };
    Some(Cause::new(kind, format!("{name} {how}; {again}"), up(service)))
}

/// The number of the signal in the words of an exit status.
fn signal(end: &str) -> Option<u32> {
    let digits = end.split_once("signal: ")?.1;
    digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Everything runs that should: what the checks saw must explain it.
fn seen(evidence: &Evidence) -> Cause {
    let service = evidence.service;
    let title = service.title();
    let native = evidence.provider == Provider::Native;
    let reason = evidence.reason.clone().unwrap_or_else(|| "no reason was seen".to_owned());
    let pid = evidence.processes.iter().find_map(|process| process.pid);
    let place = evidence.endpoint.clone().unwrap_or_default();
    let next = evidence.next.clone();
    if evidence.health == Health::NotMeasured {
        return Cause::new(
            CauseKind::Starting,
            format!("{title} is starting: {reason}"),
            "hallmark status --watch",
        );
    }
    if evidence.reason.as_deref() == Some(RECOVERING) {
        return Cause::new(
            CauseKind::Recovering,
            format!("{title} was down: {reason}"),
            "hallmark status --watch",
        );
    }
    match evidence.fault {
        Some(Fault::Hung | Fault::Suspended) => match pid {
            Some(pid) if evidence.load < BUSY => {
                let sentence = format!("{title} (pid {pid}) runs and does not answer: {reason}");
                Cause::new(CauseKind::Hung, sentence, format!("kill -9 {pid}"))
            }
            Some(_) => Cause::new(CauseKind::Slow, busy(evidence, &reason), "top"),
            None => Cause::new(
                CauseKind::Hung,
                format!("{title} at {place} takes the request and does not answer: {reason}"),
                next.unwrap_or_else(|| format!("restart the server at {place}")),
            ),
        },
        Some(Fault::Refused | Fault::Gone) => {
            let logs = format!("hallmark logs {service}");
            let mend =
                if native { logs } else { format!("start the server at {place}, or correct its address") };
            Cause::new(
                CauseKind::Unreachable,
                format!("nothing listens for {title} at {place}: {reason}"),
                mend,
            )
        }
        Some(Fault::Cut) => {
            let sentence = format!("connections to {title} are cut, and new ones work: {reason}");
            Cause::new(CauseKind::Cut, sentence, format!("hallmark status --why {service}"))
        }
        Some(Fault::Wrong | Fault::Credentials) => unfit(evidence, &reason),
        None if evidence.load >= BUSY => Cause::new(CauseKind::Slow, busy(evidence, &reason), "top"),
        None if reason.starts_with("slow") => {
            Cause::new(CauseKind::Slow, format!("{title} is {reason}"), format!("hallmark logs {service}"))
        }
        None => unfit(evidence, &reason),
    }
}

fn unfit(evidence: &Evidence, reason: &str) -> Cause {
    let title = evidence.service.title();
    let exhausted = reason.contains("too many clients") || reason.contains("max number of clients");
    if exhausted {
        let sentence = format!("{title} has no connection left for newcomers: {reason}");
        return Cause::new(CauseKind::Exhausted, sentence, format!("hallmark logs {}", evidence.service));
    }
    let mend = evidence.next.clone().unwrap_or_else(|| format!("hallmark logs {}", evidence.service));
    Cause::new(CauseKind::Unfit, format!("{title} answers, and is not as it should be: {reason}"), mend)
}

fn busy(evidence: &Evidence, reason: &str) -> String {
    format!("{reason}; the machine is busy: its load is {:.1} times its processors", evidence.load)
}

fn up(service: ServiceKind) -> String {
    format!("hallmark up --only {service}")
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(test)]
#[path = "cause_tests.rs"]
mod tests;
