//! The negative control: a real server is made to forget what it acknowledged, and the judge must say so.
//!
//! Redis is told to stop its log (`appendonly no`), goes on acknowledging, and is killed. What it loads then is the log as it
//! was: acknowledged records are gone, and the register is an old one. It comes last: the ledger is void afterwards.

use std::time::{Duration, Instant};

use hallmark_services::ServiceKind;
use hallmark_services::monitor::{Health, Snapshot};
use hallmark_services::stack::Process;
use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;

use crate::failure::{Failure, Outcome};
use crate::lane::Lane;
use crate::ledger::Violation;

/// How long the server goes on acknowledging what it will forget.
const FORGETFUL: Duration = Duration::from_secs(3);

const BACK: Duration = Duration::from_secs(60);

/// What the control showed.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(crate) enum Control {
    /// The judge saw the losses and the stale answers.
    Caught { lost: usize, stale: usize },
    /// It did not: the instrument is not proven.
    Missed { reason: String },
    /// Redis was not part of the campaign.
    NotTried,
}

impl Control {
    /// Whether nothing speaks against the instrument.
    pub(crate) const fn holds(&self) -> bool {
        !matches!(self, Self::Missed { .. })
    }

    /// Tries it on the lane of Redis.
    pub(crate) async fn of(lane: Option<&mut Lane>) -> Self {
        let Some(lane) = lane else { return Self::NotTried };
        match forget(lane).await {
            Ok(found) => {
                let lost = found.iter().filter(|violation| violation.is_loss()).count();
                let stale = found.iter().filter(|v| matches!(v, Violation::Stale { .. })).count();
                if lost > 0 && stale > 0 {
                    return Self::Caught { lost, stale };
                }
                Self::Missed { reason: format!("{lost} losses and {stale} stale answers were seen") }
            }
            Err(Failure(reason)) => Self::Missed { reason },
        }
    }
}

impl std::fmt::Display for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Caught { lost, stale } => {
                write!(f, "a Redis that forgot was caught: {lost} lost, {stale} stale answers")
            }
            Self::Missed { reason } => write!(f, "FAILED, the instrument is not proven: {reason}"),
            Self::NotTried => write!(f, "not tried: it needs Redis"),
        }
    }
}

async fn forget(lane: &mut Lane) -> Outcome<Vec<Violation>> {
    let stage = &lane.scene.stage;
    let mut connection = stage.handles()?.redis.connection().await?;
    let mut set = redis::cmd("CONFIG");
    set.arg("SET").arg("appendonly").arg("no");
    let done: Result<(), redis::RedisError> = set.query_async(&mut connection).await;
    done?;
    tokio::time::sleep(FORGETFUL).await;
    // Nothing may be written between the server's death and the reading, or the register would be fresh again.
    lane.load.end().await;
    let pid = stage.pid(Process::Redis)?;
    let number = i32::try_from(pid).ok().and_then(Pid::from_raw);
    kill_process(number.ok_or_else(|| Failure(format!("{pid} is no process")))?, Signal::KILL)?;
    let killed = Instant::now();
    let unwell = |snapshot: &Snapshot| snapshot.health != Health::Healthy;
    lane.watch.until(ServiceKind::Redis, killed, BACK, unwell).await;
    lane.well("after the control", &mut Vec::new()).await?;
    lane.load.renew(&lane.scene.stage)?;
    lane.load.verify().await
}
