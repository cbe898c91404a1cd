//! The monitor of one service: asks, looks, judges, tells.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hallmark_core::{Result, clock};
use tokio::task::JoinError;
use tokio::time::{Interval, MissedTickBehavior, sleep_until};
use tokio_util::task::AbortOnDropHandle;

use super::bulletin::Turn;
use super::machine::{Beat, CLOCK, Change, Fault, Finding, Health, Machine};
use super::pulse::{self, Answer, Pulse};
use super::sight::{Seen, Sight};
use super::{Bulletin, Counts, Entry, Histogram, News, limits};
use crate::recorder::milliseconds;
use crate::stack::{Cause, Provider};
use crate::{Endpoints, ProbeOptions, ProbeReport, ServiceKind, State, neo4j, probe_with};

/// What a monitor is about, and where it finds it.
#[derive(Clone)]
pub(crate) struct Subject {
    /// The service.
    pub(crate) service: ServiceKind,
    /// Who provides it.
    pub(crate) provider: Provider,
    /// Where its processes are seen.
    pub(crate) sight: Sight,
    /// Reads the addresses as they are now.
    pub(crate) addresses: Arc<dyn Fn() -> Result<Endpoints> + Send + Sync>,
    /// Looks at the evidence after a change for the worse.
    pub(crate) explain: Arc<dyn Fn(Complaint) -> Option<Cause> + Send + Sync>,
}

/// What a monitor saw when it asks for an explanation.
#[derive(Clone, Debug)]
pub(crate) struct Complaint {
    pub(crate) health: Health,
    pub(crate) fault: Option<Fault>,
    pub(crate) reason: String,
}

/// A check under way.
struct Pending {
    work: AbortOnDropHandle<(Pulse, Result<Answer>)>,
    began: tokio::time::Instant,
    at: SystemTime,
    late: bool,
}

enum Event {
    Tick,
    Moved,
    Answered(Box<std::result::Result<(Pulse, Result<Answer>), JoinError>>),
    Late,
    Hung,
    Probed(std::result::Result<ProbeReport, JoinError>),
}

/// What is gathered for the next line of samples.
struct Gathered {
    since: Instant,
    counts: Counts,
    latency: Histogram,
}

impl Gathered {
    fn new() -> Self {
        Self { since: Instant::now(), counts: Counts::default(), latency: Histogram::default() }
    }

    fn count(&mut self, beat: &Beat) {
        match beat {
            Beat::Answered(took) => {
                self.counts.answered += 1;
                self.latency.add(*took);
            }
            Beat::Late => self.counts.late += 1,
            Beat::Failed(..) => self.counts.failed += 1,
            Beat::Cut(_) => self.counts.cut += 1,
        }
    }
}

/// The monitor of one service.
pub(crate) struct Monitor {
    subject: Subject,
    bulletin: Bulletin,
    began: Instant,
    ticks: Interval,
    tick: u32,
    /// Whether the service is on this machine.
    local: bool,
    machine: Machine,
    endpoints: Endpoints,
    pulse: Option<Pulse>,
    pending: Option<Pending>,
    /// Nothing is asked before this time: the credentials were refused.
    silent_until: Option<Instant>,
    addresses_read: Instant,
    gathered: Gathered,
    probing: Option<(SystemTime, AbortOnDropHandle<ProbeReport>)>,
    probe_at: Instant,
    /// What the last probes found, and how often in a row.
    probed: Option<(Finding, u32)>,
    disk: Option<Finding>,
    clock: Option<Finding>,
}

impl Monitor {
    pub(crate) fn new(subject: Subject, bulletin: Bulletin) -> Self {
        let endpoints = (subject.addresses)().unwrap_or_default();
        let service = subject.service;
        let period = period(service, &endpoints);
        // Five monitors that begin together need not ask at the same moment.
        let place = ServiceKind::ALL.iter().position(|kind| *kind == service).unwrap_or(0);
        let offset = limits::PERIOD * u32::try_from(place).unwrap_or(0) / 5;
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + offset, period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let probe_at = Instant::now() + probe_pause(&subject);
        Self {
            machine: Machine::new(limits::slow(service)),
            pulse: Pulse::new(service, &endpoints),
            subject,
            bulletin,
            began: Instant::now(),
            ticks,
            tick: 0,
            local: period == limits::PERIOD,
            endpoints,
            pending: None,
            silent_until: None,
            addresses_read: Instant::now(),
            gathered: Gathered::new(),
            probing: None,
            probe_at,
            probed: None,
            disk: None,
            clock: None,
        }
    }

    /// Works for ever.
    pub(crate) async fn work(mut self) {
        loop {
            match self.next().await {
                Event::Tick => self.look(true).await,
                Event::Moved => self.look(false).await,
                Event::Answered(done) => self.answered(*done).await,
                Event::Late => {
                    if let Some(pending) = &mut self.pending {
                        pending.late = true;
                    }
                    self.observe(Beat::Late).await;
                }
                Event::Hung => {
                    let waited = limits::hung(self.subject.service).as_secs();
                    self.failed(Fault::Hung, format!("no answer within {waited} s")).await;
                }
                Event::Probed(report) => self.probed(report).await,
            }
        }
    }

    async fn next(&mut self) -> Event {
        let hung = limits::hung(self.subject.service);
        let (began, late) = self.pending.as_ref().map_or((None, true), |p| (Some(p.began), p.late));
        let far = tokio::time::Instant::now() + Duration::from_secs(3_600);
        let Self { pending, probing, subject, ticks, .. } = self;
        let answer = async {
            match pending {
                Some(pending) => (&mut pending.work).await,
                None => std::future::pending().await,
            }
        };
        let probe = async {
            match probing {
                Some((_, work)) => work.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            done = answer => Event::Answered(Box::new(done)),
            () = subject.sight.moved() => Event::Moved,
            () = sleep_until(began.map_or(far, |began| began + limits::PATIENCE)), if !late => Event::Late,
            () = sleep_until(began.map_or(far, |began| began + hung)), if began.is_some() => Event::Hung,
            report = probe => Event::Probed(report),
            _ = ticks.tick() => Event::Tick,
        }
    }

    /// Looks at the processes, and asks the service unless it is being asked.
    async fn look(&mut self, tick: bool) {
        match self.subject.sight.look(self.subject.service) {
            Seen::Resting(why) => {
                self.hang_up();
                let change = self.machine.rest(self.began.elapsed(), &why);
                self.publish(None, change).await;
            }
            Seen::Gone(how) => self.failed(Fault::Gone, how).await,
            Seen::Suspended(how) => self.failed(Fault::Suspended, how).await,
            Seen::Runs { .. } if tick => {
                if self.tick.is_multiple_of(limits::ask_every(self.subject.service)) || !self.local {
                    self.ask();
                }
            }
            Seen::Runs { .. } => self.read_addresses(),
        }
        if tick {
            self.tick = self.tick.wrapping_add(1);
            if self.tick.is_multiple_of(limits::DISK_EVERY) {
                self.disk = self.subject.sight.disk(self.subject.service);
                self.weigh().await;
            }
            self.probe_if_due();
            self.write_samples(limits::SAMPLES_EVERY);
            let unwell = self.machine.health() != Health::Healthy;
            if unwell && self.addresses_read.elapsed() >= limits::ADDRESS_EVERY {
                self.read_addresses();
            }
        }
    }

    fn ask(&mut self) {
        let silent = self.silent_until.is_some_and(|until| Instant::now() < until);
        if self.pending.is_some() || silent {
            return;
        }
        let service = self.subject.service;
        let Some(mut pulse) = self.pulse.take().or_else(|| Pulse::new(service, &self.endpoints)) else {
            return;
        };
        let work = tokio::spawn(async move {
            let answer = pulse.beat().await;
            (pulse, answer)
        });
        let (began, at) = (tokio::time::Instant::now(), SystemTime::now());
        self.pending = Some(Pending { work: AbortOnDropHandle::new(work), began, at, late: false });
    }

    async fn answered(&mut self, done: std::result::Result<(Pulse, Result<Answer>), JoinError>) {
        match done {
            Ok((pulse, Ok(answer))) => {
                (self.pulse, self.pending) = (Some(pulse), None);
                match answer.cut {
                    Some(how) => self.observe(Beat::Cut(how)).await,
                    None => self.observe(Beat::Answered(answer.took)).await,
                }
                let clock = answer.ahead_ms.and_then(skewed);
                if clock != std::mem::replace(&mut self.clock, clock.clone()) {
                    self.weigh().await;
                }
            }
            Ok((pulse, Err(error))) => {
                self.pulse = Some(pulse);
                let fault = pulse::fault(&error);
                if fault == Fault::Credentials {
                    let locked = neo4j::is_locked_out(&error);
                    let pause = if locked { limits::LOCKED_PAUSE } else { limits::CREDENTIALS_PAUSE };
                    self.silent_until = Some(Instant::now() + pause);
                }
                self.failed(fault, pulse::sentence(&error)).await;
            }
            Err(_) => self.failed(Fault::Wrong, "the check itself broke off".to_owned()).await,
        }
    }

    /// Ends the check under way; the next one begins on a new connection.
    fn hang_up(&mut self) -> Option<Pending> {
        let pending = self.pending.take();
        if pending.is_some() {
            self.pulse = None;
        }
        pending
    }

    async fn failed(&mut self, fault: Fault, reason: String) {
        let pending = match &self.pending {
            Some(pending) if pending.work.is_finished() => self.pending.take(),
            _ => self.hang_up(),
        };
        if matches!(fault, Fault::Gone | Fault::Suspended) {
            self.pulse = None;
        }
        if let Some(pending) = pending {
            let (service, took) = (self.subject.service, pending.began.elapsed());
            self.bulletin.tell(&News::Failed { service, began: pending.at, took, reason: reason.clone() });
        }
        self.observe(Beat::Failed(fault, reason)).await;
    }

    async fn observe(&mut self, beat: Beat) {
        let starting = self.machine.health() == Health::NotMeasured
            && matches!(self.subject.sight.look(self.subject.service), Seen::Runs { young: true });
        self.gathered.count(&beat);
        let change = self.machine.observe(self.began.elapsed(), &beat, starting);
        self.publish(Some(&beat), change).await;
    }

    /// Tells the table, and, of a change, everybody.
    async fn publish(&mut self, beat: Option<&Beat>, change: Option<Change>) {
        let service = self.subject.service;
        self.bulletin.note(service, beat, &self.machine);
        let Some(change) = change else { return };
        let at = clock::now();
        self.write_samples(Duration::ZERO);
        let recovered = change.to == Health::Healthy && change.from != Health::NotMeasured;
        let cause = if matches!(change.to, Health::Degraded | Health::Down) {
            self.cause(&change).await
        } else {
            None
        };
        self.bulletin.explain(service, cause.as_ref());
        if recovered {
            // Light checks say that it answers; only a probe says that it can be used.
            self.probe_at = Instant::now();
        }
        let lasted_ms = u64::try_from(change.lasted.as_millis()).unwrap_or(u64::MAX);
        let Change { from, to, reason, fault, .. } = change;
        let turn = Turn { service, at, from, to, lasted_ms, reason, fault, cause };
        tracing::info!(%service, %from, %to, reason = turn.reason, "another state");
        self.bulletin.tell(&News::Turned(Arc::new(turn)));
    }

    /// What the evidence says. Files and `/proc` are read for it, which a sick disk must not hold up.
    async fn cause(&self, change: &Change) -> Option<Cause> {
        let explain = Arc::clone(&self.subject.explain);
        let complaint = Complaint { health: change.to, fault: change.fault, reason: change.reason.clone() };
        let work = tokio::task::spawn_blocking(move || explain(complaint));
        tokio::time::timeout(limits::EXPLAIN, work).await.ok()?.ok()?
    }

    fn read_addresses(&mut self) {
        self.addresses_read = Instant::now();
        let Ok(now) = (self.subject.addresses)() else { return };
        if fingerprint(&now) == fingerprint(&self.endpoints) {
            return;
        }
        self.endpoints = now;
        (self.pending, self.pulse, self.silent_until) = (None, None, None);
        self.remark("the address or the credentials are other ones now".to_owned());
    }

    fn probe_if_due(&mut self) {
        let refused = self.machine.fault() == Some(Fault::Credentials);
        let answers = self.machine.health() == Health::Healthy || self.probed.is_some();
        if self.probing.is_some() || refused || !answers || Instant::now() < self.probe_at {
            return;
        }
        let (service, endpoints) = (self.subject.service, self.endpoints.clone());
        let options = ProbeOptions { samples: 1, spread: Duration::ZERO, ..ProbeOptions::default() };
        let work = tokio::spawn(async move { probe_with(service, &endpoints, &options).await });
        self.probing = Some((SystemTime::now(), AbortOnDropHandle::new(work)));
    }

    async fn probed(&mut self, report: std::result::Result<ProbeReport, JoinError>) {
        let began = self.probing.take().map_or_else(SystemTime::now, |(began, _)| began);
        let Ok(report) = report else { return };
        let before = self.probed.take().map_or(0, |(_, times)| times);
        let found = match report.state {
            State::Usable | State::NotMeasured => None,
            // Once may be chance: the machine was busy. Twice is not.
            State::Down if before > 0 => Some(Health::Down),
            State::Degraded | State::Down => Some(Health::Degraded),
        };
        let reason = report.reason.clone().unwrap_or_default();
        let text = match report.state {
            State::Usable => format!("probed: usable, {:.1} ms", report.latency_ms),
            state => format!("probed: {state:?}: {reason}").to_lowercase(),
        };
        self.probed = found.map(|health| (Finding { health, reason }, before + 1));
        let pause = if self.probed.is_some() { limits::PROBE_AGAIN } else { probe_pause(&self.subject) };
        self.probe_at = Instant::now() + pause;
        self.remark(text);
        self.bulletin.tell(&News::Probed { began, report: Arc::new(report) });
        self.weigh().await;
    }

    /// Puts the worst of what disk, clock and probe say beside the light checks.
    async fn weigh(&mut self) {
        let probed = self.probed.as_ref().map(|(finding, _)| finding.clone());
        let all = [self.disk.clone(), self.clock.clone(), probed];
        let worst = all.into_iter().flatten().max_by_key(|finding| finding.health);
        let change = self.machine.find(self.began.elapsed(), worst);
        self.publish(None, change).await;
    }

    fn remark(&self, text: String) {
        self.bulletin.tell(&News::Noted(self.subject.service, Entry::Note { at: clock::now(), text }));
    }

    /// Condenses the checks since the last line into one, if that is at least so long ago.
    fn write_samples(&mut self, after: Duration) {
        let over = self.gathered.since.elapsed();
        if over < after {
            return;
        }
        let gathered = std::mem::replace(&mut self.gathered, Gathered::new());
        if gathered.counts == Counts::default() {
            return;
        }
        let entry = Entry::Samples {
            at: clock::now(),
            health: self.machine.health(),
            over_ms: u64::try_from(over.as_millis()).unwrap_or(u64::MAX),
            counts: gathered.counts,
            p50_ms: gathered.latency.quantile_ms(0.5),
            max_ms: (gathered.latency.count() > 0).then(|| milliseconds(gathered.latency.max())),
        };
        self.bulletin.tell(&News::Noted(self.subject.service, entry));
    }
}

/// What is to be said of a clock that is so far ahead.
fn skewed(ahead_ms: i64) -> Option<Finding> {
    let apart = Duration::from_millis(ahead_ms.unsigned_abs());
    let way = if ahead_ms > 0 { "ahead of" } else { "behind" };
    // To the minute: a clock that drifts must not be news with each answer.
    let reason = format!("{CLOCK} {} min {way} this machine's", apart.as_secs().div_ceil(60));
    (apart > limits::CLOCK_SKEW).then_some(Finding { health: Health::Degraded, reason })
}

fn period(service: ServiceKind, endpoints: &Endpoints) -> Duration {
    let local = pulse::is_local(&pulse::places(service, endpoints));
    match (local, service) {
        (true, _) => limits::PERIOD,
        (false, ServiceKind::OpenAi) => limits::PERIOD_REMOTE_API,
        (false, _) => limits::PERIOD_REMOTE,
    }
}

fn probe_pause(subject: &Subject) -> Duration {
    let ours = subject.provider == Provider::Native && subject.service != ServiceKind::OpenAi;
    if ours { limits::PROBE_EVERY } else { limits::PROBE_EVERY_SPARING }
}

fn fingerprint(endpoints: &Endpoints) -> Vec<(&'static str, String)> {
    endpoints.to_env().into_iter().map(|v| (v.name, v.value.expose().to_owned())).collect()
}
