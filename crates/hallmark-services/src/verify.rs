//! Whether the server behind an address is of the kind that it claims to be: behaviour that stand-ins lack, tried on the wire.
//!
//! A probe ([`crate::probe()`]) asks whether a service can be used, a verification whether it is real. It rests on behaviour and
//! never on names: what an emulator, a stub or a recorded answer cannot do with values that are fresh in every run. It changes
//! nothing of the user's; what it writes stands under names of its own and is removed.

use std::time::{Duration, Instant};

use hallmark_core::random::SplitMix64;
use hallmark_core::{Error, Result};
use hallmark_evidence::Evidence;
use serde::Serialize;

use crate::recorder::milliseconds;
use crate::{Endpoints, ServiceKind, chroma, codes, limits, neo4j, openai, postgres, redis, url};

/// What a verification found. Only [`Judgement::Genuine`] is green.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// Every trial was made, and each held.
    Genuine,
    /// A trial showed what no real server does.
    StandIn,
    /// Nothing spoke against it, but not every trial could be made.
    Unproven,
    /// There is no address.
    NotMeasured,
}

/// How one trial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The server did what a real one does.
    Held,
    /// It did what no real one does.
    Refuted,
    /// The trial could not be made: no connection, no right to.
    NotMade,
}

/// One trial.
#[derive(Clone, Debug, Serialize)]
pub struct Trial {
    /// What was tried, in snake case.
    pub name: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// What was seen, in a sentence.
    pub detail: String,
    /// The error code of a trial that did not hold.
    pub code: Option<&'static str>,
    /// Whether the judgement rests on it. What real servers may refuse is evidence only.
    pub counts: bool,
    /// How long it took, in milliseconds.
    pub duration_ms: f64,
}

/// What a verification saw.
#[derive(Clone, Debug, Serialize)]
pub struct Verification {
    /// The service.
    pub service: ServiceKind,
    /// The finding.
    pub judgement: Judgement,
    /// The trials in their order.
    pub trials: Vec<Trial>,
    /// Why the judgement is not `Genuine`.
    pub reason: Option<String>,
    /// What to do about it.
    pub next: Option<String>,
}

impl Verification {
    /// One piece of evidence for each trial, named `verify.<service>.<trial>`: what was not made is not measured.
    #[must_use]
    pub fn evidence(&self) -> Vec<Evidence> {
        let one = |trial: &Trial| {
            let check = format!("verify.{}.{}", self.service, trial.name);
            let what = format!("{}: {}", self.service.title(), trial.name.replace('_', " "));
            let evidence = Evidence::new(self.service.requirement(), check, what)
                .threshold("what a real server does")
                .reproduce(format!("hallmark verify {}", self.service));
            match trial.outcome {
                Outcome::NotMade => evidence.because(trial.detail.clone()),
                Outcome::Held => evidence.measured(serde_json::json!(trial), true),
                Outcome::Refuted => {
                    evidence.measured(serde_json::json!(trial), false).because(trial.detail.clone())
                }
            }
        };
        self.trials.iter().map(one).collect()
    }
}

/// What a trial yields: a value for later trials, and a sentence for people.
pub(crate) type Shown<T> = Result<(T, String)>;

/// Keeps what each trial showed.
pub(crate) struct Trials {
    made: Vec<Trial>,
    next: Option<String>,
    limit: Duration,
}

impl Trials {
    /// Makes a trial that the judgement rests on.
    pub(crate) async fn make<T>(
        &mut self,
        name: &'static str,
        work: impl Future<Output = Shown<T>>,
    ) -> Option<T> {
        self.timed(name, true, work).await
    }

    /// Makes a trial that some real servers refuse: it shows, and does not judge.
    pub(crate) async fn show(&mut self, name: &'static str, work: impl Future<Output = Shown<()>>) {
        self.timed(name, false, work).await;
    }

    /// Gives the trials from here on this much time each.
    pub(crate) fn allow(&mut self, limit: Duration) {
        self.limit = limit;
    }

    async fn timed<T>(
        &mut self,
        name: &'static str,
        counts: bool,
        work: impl Future<Output = Shown<T>>,
    ) -> Option<T> {
        let start = Instant::now();
        let made = tokio::time::timeout(self.limit, work).await.unwrap_or_else(|_| {
            let waited = format!("no answer within {:.1} s", start.elapsed().as_secs_f64());
            Err(Error::new(&codes::TIMED_OUT, waited))
        });
        let duration_ms = milliseconds(start.elapsed());
        let (value, trial) = match made {
            Ok((value, detail)) => {
                (Some(value), Trial { name, outcome: Outcome::Held, detail, code: None, counts, duration_ms })
            }
            Err(error) => {
                // A server of another kind is no real one of this.
                let refuted = error.is(&codes::STAND_IN) || error.is(&codes::WRONG_SERVER);
                let outcome = if refuted { Outcome::Refuted } else { Outcome::NotMade };
                if counts && self.next.is_none() {
                    self.next = error.next_step().map(ToOwned::to_owned);
                }
                let detail = match error.causes().last() {
                    Some(cause) => format!("{}: {cause}", error.message()),
                    None => error.message().to_owned(),
                };
                (None, Trial { name, outcome, detail, code: Some(error.code().id), counts, duration_ms })
            }
        };
        self.made.push(trial);
        value
    }

    fn finish(self, service: ServiceKind) -> Verification {
        let first = |outcome| self.made.iter().find(|t| t.counts && t.outcome == outcome);
        let (judgement, why) = match (first(Outcome::Refuted), first(Outcome::NotMade)) {
            (Some(trial), _) => (Judgement::StandIn, Some(trial)),
            (None, Some(trial)) => (Judgement::Unproven, Some(trial)),
            (None, None) => (Judgement::Genuine, None),
        };
        let reason = why.map(|trial| format!("{}: {}", trial.name, trial.detail));
        let fallback = match judgement {
            Judgement::StandIn => Some(format!("give {} the address of a real server", service.title())),
            Judgement::Unproven => Some("hallmark status".to_owned()),
            Judgement::Genuine | Judgement::NotMeasured => None,
        };
        let next = self.next.filter(|_| judgement != Judgement::Genuine).or(fallback);
        Verification { service, judgement, reason, next, trials: self.made }
    }
}

/// The error of a server that does what no real one does.
pub(crate) fn refuted(sentence: impl Into<String>) -> Error {
    Error::new(&codes::STAND_IN, sentence)
}

/// Verifies one service. Never fails and always ends: every trial has its own limit.
pub async fn verify(kind: ServiceKind, endpoints: &Endpoints) -> Verification {
    if !endpoints.has(kind) {
        let error = url::not_configured(kind);
        return Verification {
            service: kind,
            judgement: Judgement::NotMeasured,
            trials: Vec::new(),
            reason: Some(error.message().to_owned()),
            next: error.next_step().map(ToOwned::to_owned),
        };
    }
    let mut trials = Trials { made: Vec::new(), next: None, limit: limits::TRIAL };
    let Endpoints { postgres, neo4j, chroma, redis, openai, .. } = endpoints;
    match kind {
        ServiceKind::Postgres => {
            each(postgres, async |c| postgres::verify::verify(c, &mut trials).await).await;
        }
        ServiceKind::Neo4j => each(neo4j, async |c| neo4j::verify::verify(c, &mut trials).await).await,
        ServiceKind::Chroma => each(chroma, async |c| chroma::verify::verify(c, &mut trials).await).await,
        ServiceKind::Redis => each(redis, async |c| redis::verify::verify(c, &mut trials).await).await,
        ServiceKind::OpenAi => each(openai, async |c| openai::verify::verify(c, &mut trials).await).await,
    }
    trials.finish(kind)
}

/// Makes the trials of a service that has an address.
async fn each<C>(config: &Option<C>, trials: impl AsyncFnOnce(&C)) {
    if let Some(config) = config {
        trials(config).await;
    }
}

/// Verifies the five, one after another in the order of [`ServiceKind::ALL`]: what one trial measures another's load would blur.
pub async fn verify_all(endpoints: &Endpoints) -> Vec<Verification> {
    let mut all = Vec::new();
    for kind in ServiceKind::ALL {
        all.push(verify(kind, endpoints).await);
    }
    all
}

/// Numbers that no earlier run used.
pub(crate) struct Fresh(SplitMix64);

impl Fresh {
    /// A sequence of its own.
    pub(crate) fn new() -> Result<Self> {
        let word = crate::recorder::nonce()?;
        let seed = word.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Ok(Self(SplitMix64::new(seed)))
    }

    /// The sequence of this number: the same in every run, where data must be.
    pub(crate) const fn seeded(seed: u64) -> Self {
        Self(SplitMix64::new(seed))
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0.number()
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0.below(end)
    }

    /// A number between -1 and 1.
    pub(crate) fn unit(&mut self) -> f32 {
        let bits = u16::try_from(self.next() >> 48).unwrap_or_default();
        f32::from(bits) / f32::from(u16::MAX) * 2.0 - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(outcome: Outcome, counts: bool) -> Trial {
        Trial { name: "t", outcome, detail: "d".into(), code: None, counts, duration_ms: 0.0 }
    }

    fn judged(made: Vec<Trial>) -> Judgement {
        Trials { made, next: None, limit: limits::TRIAL }.finish(ServiceKind::Redis).judgement
    }

    #[test]
    fn one_refuted_trial_is_enough_and_one_that_was_not_made_too_many() {
        let held = || trial(Outcome::Held, true);
        assert_eq!(judged(vec![held(), held()]), Judgement::Genuine);
        assert_eq!(judged(vec![held(), trial(Outcome::NotMade, true)]), Judgement::Unproven);
        let both = vec![trial(Outcome::NotMade, true), trial(Outcome::Refuted, true)];
        assert_eq!(judged(both), Judgement::StandIn);
        let evidence = vec![held(), trial(Outcome::Refuted, false), trial(Outcome::NotMade, false)];
        assert_eq!(judged(evidence), Judgement::Genuine);
    }

    #[test]
    fn numbers_are_fresh_and_in_their_bounds() {
        let (mut one, mut other) = (Fresh::new().unwrap(), Fresh::new().unwrap());
        assert_ne!(one.next(), other.next());
        for _ in 0..1_000 {
            assert!((-1.0..=1.0).contains(&one.unit()));
            assert!(other.below(7) < 7);
        }
    }
}
