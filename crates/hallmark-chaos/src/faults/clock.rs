//! The server's clock jumps, forth or back, between five minutes and three days: libfaketime in its process alone.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use hallmark_core::fs::{Mode, write_atomic};
use hallmark_services::ServiceKind;
use hallmark_services::stack::CauseKind;

use super::{Fault, Scene, Wound};
use crate::failure::Outcome;
use crate::random::Random;
use crate::stage::{Stage, clock};

const SHORTEST_S: u64 = 5 * 60;
const LONGEST_S: u64 = 3 * 24 * 3_600;

pub(super) struct Clock;

impl Fault for Clock {
    fn name(&self) -> &'static str {
        "clock"
    }

    fn about(&self) -> &'static str {
        "the server's clock jumps by minutes to days, forth or back"
    }

    fn weight(&self, service: ServiceKind) -> u32 {
        match service {
            ServiceKind::Postgres | ServiceKind::Neo4j | ServiceKind::Chroma => 4,
            ServiceKind::Redis => 3,
            ServiceKind::OpenAi => 0,
        }
    }

    fn meaningless(&self, _service: ServiceKind) -> String {
        "the model servers tell no time, and keep nothing".to_owned()
    }

    fn impossible(&self, stage: &Stage) -> Option<String> {
        stage.no_clock.clone()
    }

    /// The library looks for another time once a second.
    fn noticed_within(&self, _service: ServiceKind) -> Duration {
        Duration::from_secs(4)
    }

    fn lasts(&self) -> Duration {
        Duration::from_secs(2)
    }

    fn causes(&self) -> &'static [CauseKind] {
        &[CauseKind::Clock]
    }

    fn inject<'a>(&'a self, scene: &'a Scene, random: &'a mut Random) -> BoxFuture<'a, Outcome<Wound>> {
        Box::pin(async move {
            let seconds = SHORTEST_S + random.below(LONGEST_S - SHORTEST_S);
            let sign = if random.below(2) == 0 { '+' } else { '-' };
            let mut wound = Wound::new(format!("the clock jumps by {sign}{seconds} s"));
            wound.hurt_at = Instant::now();
            turn(scene, &format!("{sign}{seconds}"))?;
            Ok(wound)
        })
    }

    fn heal<'a>(&'a self, scene: &'a Scene, _wound: &'a mut Wound) -> BoxFuture<'a, Outcome> {
        Box::pin(async { turn(scene, "+0") })
    }
}

fn turn(scene: &Scene, offset: &str) -> Outcome {
    let path = clock(&scene.stage.root, scene.service);
    Ok(write_atomic(&path, format!("{offset}\n").as_bytes(), Mode::Default)?)
}
