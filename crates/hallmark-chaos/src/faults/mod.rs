//! The kinds of fault, one a file. Each hurts one service and can heal it; what must follow is the same for all and stands in
//! `lane`.

mod clock;
mod cut;
mod disk;
mod kill;
mod password;
mod port;
mod suspend;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use hallmark_services::ServiceKind;
use hallmark_services::stack::{CauseKind, Process};
use rustix::process::{Pid, Signal};
use tokio_util::task::AbortOnDropHandle;

use crate::failure::{Failure, Outcome};
use crate::random::Random;
use crate::stage::Stage;

/// Every kind, sorted by name.
pub(crate) const ALL: &[&dyn Fault] = &[
    &clock::Clock,
    &cut::Cut,
    &disk::Disk,
    &kill::Kill,
    &password::Password,
    &port::Port,
    &suspend::Suspend,
];

/// Where a fault strikes.
pub(crate) struct Scene {
    pub(crate) stage: Arc<Stage>,
    pub(crate) service: ServiceKind,
}

/// What a fault did, and what heals it.
pub(crate) struct Wound {
    /// When it began to hurt.
    pub(crate) hurt_at: Instant,
    /// What was done, for the report.
    pub(crate) what: String,
    /// The process that was hurt, and its number.
    process: Option<(Process, u32)>,
    path: Option<PathBuf>,
    secret: Option<String>,
    rules: Vec<Vec<String>>,
    _task: Option<AbortOnDropHandle<()>>,
}

impl Wound {
    fn new(what: impl Into<String>) -> Self {
        Self {
            hurt_at: Instant::now(),
            what: what.into(),
            process: None,
            path: None,
            secret: None,
            rules: Vec::new(),
            _task: None,
        }
    }
}

/// One kind of fault.
pub(crate) trait Fault: Send + Sync {
    /// Its name in the report and in `--kind`.
    fn name(&self) -> &'static str;

    /// What it is, in half a line.
    fn about(&self) -> &'static str;

    /// How many of 40 faults on this service are of this kind; 0 if it means nothing there.
    fn weight(&self, service: ServiceKind) -> u32;

    /// Why it means nothing there.
    fn meaningless(&self, _service: ServiceKind) -> String {
        "means nothing there".to_owned()
    }

    /// Why it cannot be tried on this machine.
    fn impossible(&self, _stage: &Stage) -> Option<String> {
        None
    }

    /// The time within which the service must leave `healthy`.
    fn noticed_within(&self, service: ServiceKind) -> Duration;

    /// The time within which it must be `down`, counted from the fault; `None` if it need not be.
    fn down_within(&self, _service: ServiceKind) -> Option<Duration> {
        None
    }

    /// How long it lasts at least.
    fn lasts(&self) -> Duration {
        Duration::ZERO
    }

    /// The causes of which `status --why` must name one.
    fn causes(&self) -> &'static [CauseKind];

    /// Hurts the service.
    fn inject<'a>(&'a self, scene: &'a Scene, random: &'a mut Random) -> BoxFuture<'a, Outcome<Wound>>;

    /// Takes away what hurts. What the service does then is its own affair.
    fn heal<'a>(&'a self, scene: &'a Scene, wound: &'a mut Wound) -> BoxFuture<'a, Outcome>;
}

/// One of the service's processes.
fn some_process(service: ServiceKind, random: &mut Random) -> (usize, Process) {
    let all = Process::of(service);
    let place = random.index(all.len());
    (place, all[place])
}

/// Sends a signal to a process.
fn signal(pid: u32, signal: Signal) -> Outcome {
    Ok(rustix::process::kill_process(number(pid)?, signal)?)
}

/// Sends a signal to every process of the server: each leads a session, and so a group, of its own.
fn signal_all(pid: u32, signal: Signal) -> Outcome {
    Ok(rustix::process::kill_process_group(number(pid)?, signal)?)
}

fn number(pid: u32) -> Outcome<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(|| Failure(format!("{pid} is no process")))
}
