//! SIGKILL to the server's main process. The supervisor starts it again.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use hallmark_services::ServiceKind;
use hallmark_services::stack::CauseKind;
use rustix::process::Signal;

use super::{Fault, Scene, Wound, signal, some_process};
use crate::failure::Outcome;
use crate::random::Random;

pub(super) struct Kill;

impl Fault for Kill {
    fn name(&self) -> &'static str {
        "kill"
    }

    fn about(&self) -> &'static str {
        "kill -9 of the server; the supervisor starts it again"
    }

    fn weight(&self, service: ServiceKind) -> u32 {
        if service == ServiceKind::Neo4j { 3 } else { 8 }
    }

    fn noticed_within(&self, _service: ServiceKind) -> Duration {
        Duration::from_secs(1)
    }

    fn causes(&self) -> &'static [CauseKind] {
        // After five deaths in a row, each within a minute, the supervisor gives up, and says by which signal.
        &[CauseKind::Killed, CauseKind::GivenUp]
    }

    fn inject<'a>(&'a self, scene: &'a Scene, random: &'a mut Random) -> BoxFuture<'a, Outcome<Wound>> {
        Box::pin(async move {
            let (_, process) = some_process(scene.service, random);
            let pid = scene.stage.pid(process)?;
            let mut wound = Wound::new(format!("kill -9 {process} (pid {pid})"));
            wound.hurt_at = Instant::now();
            signal(pid, Signal::KILL)?;
            Ok(wound)
        })
    }

    fn heal<'a>(&'a self, _scene: &'a Scene, _wound: &'a mut Wound) -> BoxFuture<'a, Outcome> {
        Box::pin(async { Ok(()) })
    }
}
