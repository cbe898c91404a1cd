//! SIGSTOP to all processes of the server, later SIGCONT.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use hallmark_services::ServiceKind;
use hallmark_services::stack::CauseKind;
use rustix::process::Signal;

use super::{Fault, Scene, Wound, signal_all, some_process};
use crate::failure::Outcome;
use crate::random::Random;

pub(super) struct Suspend;

impl Fault for Suspend {
    fn name(&self) -> &'static str {
        "suspend"
    }

    fn about(&self) -> &'static str {
        "SIGSTOP to all of the server's processes, then SIGCONT"
    }

    fn weight(&self, service: ServiceKind) -> u32 {
        match service {
            ServiceKind::Postgres | ServiceKind::Redis => 8,
            ServiceKind::Neo4j | ServiceKind::Chroma => 11,
            ServiceKind::OpenAi => 15,
        }
    }

    fn noticed_within(&self, _service: ServiceKind) -> Duration {
        Duration::from_secs(1)
    }

    fn down_within(&self, _service: ServiceKind) -> Option<Duration> {
        Some(Duration::from_secs(5))
    }

    fn causes(&self) -> &'static [CauseKind] {
        &[CauseKind::Suspended]
    }

    fn inject<'a>(&'a self, scene: &'a Scene, random: &'a mut Random) -> BoxFuture<'a, Outcome<Wound>> {
        Box::pin(async move {
            let (_, process) = some_process(scene.service, random);
            let pid = scene.stage.pid(process)?;
            let mut wound = Wound::new(format!("SIGSTOP to {process} (group {pid})"));
            wound.process = Some((process, pid));
            wound.hurt_at = Instant::now();
            signal_all(pid, Signal::STOP)?;
            Ok(wound)
        })
    }

    fn heal<'a>(&'a self, _scene: &'a Scene, wound: &'a mut Wound) -> BoxFuture<'a, Outcome> {
        Box::pin(async { wound.process.map_or(Ok(()), |(_, pid)| signal_all(pid, Signal::CONT)) })
    }
}
