//! The faults of one service, one after the other: the service is well, it is hurt, that must be noticed and named, it is
//! healed, it must come back, and what it holds is judged. Lanes of different services run side by side: a fault concerns
//! one service alone, and so does everything that is measured of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hallmark_services::ServiceKind;
use hallmark_services::monitor::{Health, Snapshot};
use hallmark_services::stack::{CauseKind, Phase, Process};
use serde::Serialize;
use serde_json::Value;

use crate::failure::{Failure, Outcome, say};
use crate::faults::{Fault, Scene};
use crate::ledger::Violation;
use crate::load::Running;
use crate::random::Random;
use crate::stage::Stage;
use crate::watch::Watch;

/// How long a service may take to be well before it is hurt, and after.
const WELL: Duration = Duration::from_secs(240);

/// How long the campaign waits for a notice that is late: that it came late is told, too.
const LATE: Duration = Duration::from_secs(20);

/// How long after the time for noticing the cause may be named.
const NAMED: Duration = Duration::from_secs(10);

/// How long a service may take to come back by itself before the command is run that `status --why` names.
const BY_ITSELF: Duration = Duration::from_secs(60);

/// Violations of one fault that the report tells in full.
const TOLD: usize = 5;

/// What came of one fault.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Told {
    pub(crate) number: usize,
    pub(crate) service: String,
    pub(crate) kind: &'static str,
    /// What was done.
    pub(crate) what: String,
    /// When, and the machine's load then.
    pub(crate) at: String,
    pub(crate) load: f64,
    /// From the fault to the end of `healthy`, and to `down` where it must be.
    pub(crate) noticed_ms: Option<u64>,
    pub(crate) bound_ms: u64,
    pub(crate) down_ms: Option<u64>,
    /// The cause that `status --why` named.
    pub(crate) cause: Option<String>,
    pub(crate) sentence: Option<String>,
    /// From the end of the fault until the service was healthy and a write was acknowledged.
    pub(crate) recovered_ms: Option<u64>,
    /// Commands that were needed for it.
    pub(crate) mended_by: Vec<String>,
    pub(crate) lost: usize,
    pub(crate) wrong: usize,
    /// Acknowledged writes so far.
    pub(crate) acknowledged: u64,
    /// Everything that should not be.
    pub(crate) failures: Vec<String>,
}

/// The lane of one service.
pub(crate) struct Lane {
    pub(crate) scene: Scene,
    pub(crate) watch: Watch,
    pub(crate) load: Running,
    pub(crate) random: Random,
    /// What was found before: what is lost once stays lost, and is told once.
    known: Vec<Violation>,
}

impl Lane {
    /// A lane whose load runs.
    pub(crate) async fn begin(
        stage: &Arc<Stage>,
        watch: &Watch,
        service: ServiceKind,
        seed: u64,
    ) -> Outcome<Self> {
        let load = Running::begin(stage, service, seed).await?;
        let scene = Scene { stage: Arc::clone(stage), service };
        let random = Random::new(seed, 100 + service as u64);
        Ok(Self { scene, watch: watch.clone(), load, random, known: Vec::new() })
    }

    /// Runs the faults. A service that does not come back ends its lane.
    pub(crate) async fn run(mut self, faults: Vec<&'static dyn Fault>) -> (Self, Vec<Told>) {
        let mut all = Vec::new();
        let count = faults.len();
        for (place, fault) in faults.into_iter().enumerate() {
            let told = self.one(place + 1, fault).await;
            say(&line(&told, count));
            let ended = told.recovered_ms.is_none();
            all.push(told);
            if ended {
                break;
            }
        }
        (self, all)
    }

    async fn one(&mut self, number: usize, fault: &'static dyn Fault) -> Told {
        let service = self.scene.service;
        let mut told = Told {
            number,
            service: service.name().to_owned(),
            kind: fault.name(),
            bound_ms: millis(fault.noticed_within(service)),
            at: hallmark_core::clock::now(),
            load: load(),
            ..Told::default()
        };
        if let Err(Failure(reason)) = self.play(fault, &mut told).await {
            told.failures.push(reason);
        }
        self.judge(&mut told).await;
        told
    }

    async fn play(&mut self, fault: &'static dyn Fault, told: &mut Told) -> Outcome {
        let service = self.scene.service;
        self.well("before the fault", &mut Vec::new()).await?;
        told.at = hallmark_core::clock::now();
        let mut wound = fault.inject(&self.scene, &mut self.random).await?;
        told.what.clone_from(&wound.what);
        let noticed = self.noticed(fault, wound.hurt_at, told).await;
        if let Err(Failure(reason)) = &noticed {
            told.failures.push(reason.clone());
        }
        self.named(fault, wound.hurt_at, told).await;
        let rest = fault.lasts().saturating_sub(wound.hurt_at.elapsed());
        tokio::time::sleep(rest).await;
        fault.heal(&self.scene, &mut wound).await?;
        let healed = Instant::now();
        let mut mended = Vec::new();
        self.well(&format!("{} s after the fault", WELL.as_secs()), &mut mended).await?;
        if !self.load.works_again(healed, WELL).await {
            return Err(Failure(format!("{service} is healthy, and acknowledges nothing")));
        }
        told.mended_by = mended;
        told.recovered_ms = Some(millis(healed.elapsed()));
        Ok(())
    }

    /// Waits until it leaves `healthy`, and, where it must, until it is down.
    async fn noticed(&mut self, fault: &dyn Fault, hurt: Instant, told: &mut Told) -> Outcome {
        let service = self.scene.service;
        let bound = fault.noticed_within(service);
        let Some((at, _)) = self.watch.until(service, hurt, bound + LATE, unwell).await else {
            return Err(Failure(format!("not noticed within {} s", (bound + LATE).as_secs())));
        };
        let took = at.saturating_duration_since(hurt);
        told.noticed_ms = Some(millis(took));
        if took > bound {
            told.failures.push(format!(
                "noticed after {} ms, bound {} ms",
                took.as_millis(),
                bound.as_millis()
            ));
        }
        let Some(down) = fault.down_within(service) else { return Ok(()) };
        let is_down = |snapshot: &Snapshot| snapshot.health == Health::Down;
        let Some((at, _)) = self.watch.until(service, hurt, down + LATE, is_down).await else {
            return Err(Failure(format!("not down within {} s", (down + LATE).as_secs())));
        };
        let took = at.saturating_duration_since(hurt);
        told.down_ms = Some(millis(took));
        if took > down {
            told.failures.push(format!("down after {} ms, bound {} ms", took.as_millis(), down.as_millis()));
        }
        Ok(())
    }

    /// Asks `status --why` until it names the cause, while the fault lasts: a busy machine makes a service late for a moment, and
    /// that is then the first that is seen.
    async fn named(&self, fault: &dyn Fault, hurt: Instant, told: &mut Told) {
        let patience = fault.noticed_within(self.scene.service) + NAMED;
        loop {
            let failure = match self.scene.stage.why(self.scene.service).await {
                Ok(why) => note_cause(fault, &why, told).err(),
                Err(failure) => Some(failure),
            };
            match failure {
                None => return,
                Some(Failure(reason)) if hurt.elapsed() > patience => {
                    told.failures.push(reason);
                    return;
                }
                Some(_) => tokio::time::sleep(Duration::from_secs(1)).await,
            }
        }
    }

    /// Waits until it is healthy. What does not come back by itself is mended as `status --why` says.
    pub(crate) async fn well(&mut self, when: &str, mended: &mut Vec<String>) -> Outcome {
        let service = self.scene.service;
        let begun = Instant::now();
        let mut asked = Instant::now();
        let is_healthy = |snapshot: &Snapshot| snapshot.health == Health::Healthy;
        while begun.elapsed() < WELL {
            let step = Duration::from_secs(1);
            if self.watch.until(service, begun, step, is_healthy).await.is_some() {
                return Ok(());
            }
            if self.given_up() || asked.elapsed() > BY_ITSELF {
                asked = Instant::now();
                mended.extend(self.mend().await?);
            }
        }
        let last = self.watch.last(service);
        let reason = last.and_then(|s| s.reason).unwrap_or_else(|| "no monitor speaks".to_owned());
        Err(Failure(format!("{service} is not healthy {when}: {reason}")))
    }

    /// Whether the supervisor does not start one of its processes any more.
    fn given_up(&self) -> bool {
        let records = self.scene.stage.records();
        let failed = |process: &Process| records.get(process).is_some_and(|r| r.phase == Phase::Failed);
        Process::of(self.scene.service).iter().any(failed)
    }

    /// Does what `status --why` names, if that is a command that anybody may run.
    async fn mend(&mut self) -> Outcome<Option<String>> {
        let service = self.scene.service;
        let why = self.scene.stage.why(service).await?;
        let step = why["cause"]["mend"].as_str().unwrap_or_default().to_owned();
        let command = step.rsplit("then: ").next().unwrap_or_default();
        let words: Vec<&str> = command.split_whitespace().collect();
        match words.as_slice() {
            ["hallmark", "up", rest @ ..] if !rest.contains(&"--new-ports") => {
                self.scene.stage.up(Some(service)).await?;
            }
            ["kill", flag, pid] => {
                crate::stage::run(tokio::process::Command::new("kill").args([flag, pid])).await?;
            }
            _ => return Ok(None),
        }
        Ok(Some(command.to_owned()))
    }

    /// What the load saw since the last fault, and everything that the service holds.
    async fn judge(&mut self, told: &mut Told) {
        let mut found = self.load.seen.take();
        if told.recovered_ms.is_some() {
            match self.load.verify().await {
                Ok(more) => found.extend(more),
                Err(Failure(reason)) => told.failures.push(reason),
            }
        }
        found.retain(|violation| !self.known.contains(violation));
        found.dedup();
        self.known.extend(found.iter().cloned());
        told.lost = found.iter().filter(|violation| violation.is_loss()).count();
        told.wrong = found.len() - told.lost;
        told.failures.extend(found.iter().take(TOLD).map(ToString::to_string));
        told.acknowledged = self.load.acknowledged();
    }
}

/// The cause that `status --why` names: for now or, if the service is back already, in its timeline.
fn note_cause(fault: &dyn Fault, why: &Value, told: &mut Told) -> Outcome {
    let lately = why["timeline"].as_array().into_iter().flatten().rev();
    let lately = lately.filter(|entry| entry["at"].as_str().is_some_and(|at| at >= told.at.as_str()));
    let causes = std::iter::once(&why["cause"]).chain(lately.map(|entry| &entry["cause"]));
    let named: Vec<&Value> = causes.filter(|cause| cause.is_object()).collect();
    let kind = |cause: &Value| serde_json::from_value::<CauseKind>(cause["kind"].clone()).ok();
    let right = |cause: &&&Value| kind(cause).is_some_and(|kind| fault.causes().contains(&kind));
    let found = named.iter().find(right).or(named.first());
    let text = |cause: &Value, member: &str| cause[member].as_str().map(str::to_owned);
    told.cause = found.and_then(|cause| text(cause, "kind"));
    told.sentence = found.and_then(|cause| text(cause, "sentence"));
    if found.is_some_and(|cause| right(&cause)) {
        return Ok(());
    }
    let sentence = told.sentence.clone().unwrap_or_else(|| "no cause at all".to_owned());
    Err(Failure(format!("the cause was not named: {sentence}")))
}

/// Not healthy, and not only because the machine is slow.
fn unwell(snapshot: &Snapshot) -> bool {
    let slow = snapshot.fault.is_none() && snapshot.reason.as_ref().is_some_and(|r| r.starts_with("slow"));
    snapshot.health != Health::Healthy && !slow
}

/// The load of the machine's last minute.
pub(crate) fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0.0)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn line(told: &Told, count: usize) -> String {
    let seconds = |ms: Option<u64>| {
        ms.map_or_else(|| "-".to_owned(), |ms| format!("{}.{:02} s", ms / 1000, ms % 1000 / 10))
    };
    let mut text = format!(
        "{:>8} {:>2}/{count} {:<8} noticed {:>7}, back {:>8}, {}, load {:.1}",
        told.service,
        told.number,
        told.kind,
        seconds(told.noticed_ms),
        seconds(told.recovered_ms),
        told.cause.as_deref().unwrap_or("no cause"),
        told.load
    );
    for command in &told.mended_by {
        text.push_str(&format!("\n           mended by: {command}"));
    }
    for failure in &told.failures {
        text.push_str(&format!("\n           FAILED: {failure} ({})", told.what));
    }
    text
}
