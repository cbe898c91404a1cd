//! Keeps what a probe sees, step by step, so that a probe cut off in the middle still tells how far it came.

use std::time::{Duration, Instant};

use hallmark_core::{Code, Error, Result, random};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::{ProbeOptions, ProbeReport, ServiceKind, State, Step, codes, limits, url};

/// An essential step failed; the recorder knows why.
#[derive(Debug)]
pub(crate) struct Stopped;

/// What a step yields: a value for later steps, and a sentence for people.
pub(crate) type Seen<T> = Result<(T, String)>;

pub(crate) struct Recorder {
    report: ProbeReport,
    options: ProbeOptions,
    running: Option<(&'static str, Instant)>,
    step_limit: Duration,
}

impl Recorder {
    pub(crate) fn new(service: ServiceKind, options: ProbeOptions) -> Self {
        let report = ProbeReport {
            service,
            state: State::NotMeasured,
            steps: Vec::new(),
            identity: String::new(),
            version: String::new(),
            latency_ms: 0.0,
            reason: None,
            next: None,
            notes: Vec::new(),
        };
        Self { report, options, running: None, step_limit: limits::PROBE_STEP }
    }

    /// Whether a wrong password is to be tried.
    pub(crate) fn verifies_authentication(&self) -> bool {
        self.options.verify_authentication
    }

    /// Gives the steps from here on this much time each.
    pub(crate) fn allow(&mut self, step_limit: Duration) {
        self.step_limit = step_limit;
    }

    /// Runs an essential step: if it fails, the probe ends and the service is down.
    pub(crate) async fn step<T>(
        &mut self,
        name: &'static str,
        work: impl Future<Output = Seen<T>>,
    ) -> Result<T, Stopped> {
        self.timed(name, work).await.ok_or(Stopped)
    }

    /// Runs a step without which the service can still be used: if it fails, the service is degraded.
    pub(crate) async fn lesser_step<T>(
        &mut self,
        name: &'static str,
        work: impl Future<Output = Seen<T>>,
    ) -> Option<T> {
        self.timed(name, work).await
    }

    async fn timed<T>(&mut self, name: &'static str, work: impl Future<Output = Seen<T>>) -> Option<T> {
        let start = Instant::now();
        self.running = Some((name, start));
        let outcome =
            tokio::time::timeout(self.step_limit, work).await.unwrap_or_else(|_| Err(timed_out(start)));
        self.running = None;
        match outcome {
            Ok((value, detail)) => {
                self.push(name, start, detail, None);
                Some(value)
            }
            Err(error) => {
                self.fail(name, start, &error);
                None
            }
        }
    }

    fn push(&mut self, name: &'static str, start: Instant, detail: String, code: Option<&'static Code>) {
        let duration_ms = milliseconds(start.elapsed());
        self.report.steps.push(Step {
            name,
            ok: code.is_none(),
            detail,
            code: code.map(|c| c.id),
            duration_ms,
        });
    }

    fn fail(&mut self, name: &'static str, start: Instant, error: &Error) {
        let mut detail = error.message().to_owned();
        if let Some(cause) = error.causes().last() {
            detail = format!("{detail}: {cause}");
        }
        self.push(name, start, detail.clone(), Some(error.code()));
        // The first failure explains the later ones.
        if self.report.reason.is_none() {
            self.report.reason = Some(format!("{name}: {detail}"));
            let next = error.next_step().map(ToOwned::to_owned);
            self.report.next = Some(next.unwrap_or_else(|| format!("hallmark explain {}", error.code().id)));
        }
    }

    pub(crate) fn identify(&mut self, identity: impl Into<String>, version: impl Into<String>) {
        self.report.identity = identity.into();
        self.report.version = version.into();
    }

    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.report.notes.push(note.into());
    }

    /// Takes several samples over the time that the options ask for; each must give the identity already seen.
    pub(crate) async fn stable<F, S>(&mut self, sample: F) -> Result<(), Stopped>
    where
        F: Fn() -> S,
        S: Future<Output = Result<Sample>>,
    {
        let (samples, spread) = (self.options.samples.max(1), self.options.spread);
        let identity = self.report.identity.clone();
        let median = self
            .step("stable", async {
                let pause = spread / u32::try_from(samples).unwrap_or(1);
                let mut trips = Vec::with_capacity(samples);
                for _ in 0..samples {
                    tokio::time::sleep(pause).await;
                    let seen = sample().await?;
                    if seen.identity != identity {
                        let sentence = format!("the server was {identity} and is now {}", seen.identity);
                        return Err(Error::new(&codes::NOT_STABLE, sentence));
                    }
                    trips.push(seen.round_trip);
                }
                trips.sort();
                let detail = format!("the same server in {samples} samples over {} ms", spread.as_millis());
                Ok((trips[trips.len() / 2], detail))
            })
            .await?;
        self.report.latency_ms = milliseconds(median);
        Ok(())
    }

    pub(crate) fn not_configured(mut self) -> ProbeReport {
        let error = url::not_configured(self.report.service);
        self.report.reason = Some(error.message().to_owned());
        self.report.next = error.next_step().map(ToOwned::to_owned);
        self.report
    }

    /// The report. `complete` is false if a step stopped the probe, or the probe as a whole was cut off.
    pub(crate) fn finish(mut self, complete: bool) -> ProbeReport {
        if let Some((name, start)) = self.running.take() {
            self.fail(name, start, &timed_out(start));
        }
        self.report.state = if !complete {
            State::Down
        } else if self.report.steps.iter().any(|step| !step.ok) {
            State::Degraded
        } else {
            State::Usable
        };
        self.report
    }
}

/// One look at the server's identity, and how long a trivial request took.
pub(crate) struct Sample {
    pub(crate) identity: String,
    pub(crate) round_trip: Duration,
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

fn timed_out(start: Instant) -> Error {
    Error::new(&codes::TIMED_OUT, format!("no answer within {:.1} s", start.elapsed().as_secs_f64()))
        .next("run `hallmark doctor`: the process may hang, or the machine be overloaded")
}

/// The first step of each probe: something listens.
pub(crate) async fn tcp(host: &str, port: u16) -> Seen<()> {
    connect(host, port).await?;
    Ok(((), format!("{} accepts connections", url::authority(host, port))))
}

async fn connect(host: &str, port: u16) -> Result<TcpStream> {
    let place = url::authority(host, port);
    let attempt = tokio::time::timeout(limits::CONNECT_TIMEOUT, TcpStream::connect((host, port)));
    match attempt.await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => {
            Err(Error::new(&codes::UNREACHABLE, format!("{place} does not accept connections"))
                .because(&error)
                .next("run `hallmark up`, or check the address"))
        }
        Err(_) => {
            Err(Error::new(&codes::TIMED_OUT, format!("{place} did not accept the connection in time"))
                .next("check host, port and firewall"))
        }
    }
}

/// Sends the first bytes of a protocol on a connection of their own and returns the first bytes of the answer, at most
/// `length`. An answer that ends early is returned as it is: to judge it is the caller's.
pub(crate) async fn first_bytes(host: &str, port: u16, opening: &[u8], length: usize) -> Result<Vec<u8>> {
    let start = Instant::now();
    let exchange = async {
        let mut stream = connect(host, port).await?;
        stream.write_all(opening).await.map_err(|e| broken(&e))?;
        let mut answer = Vec::with_capacity(length);
        while answer.len() < length {
            let mut chunk = vec![0_u8; length - answer.len()];
            let count = stream.read(&mut chunk).await.map_err(|e| broken(&e))?;
            if count == 0 {
                break;
            }
            answer.extend_from_slice(&chunk[..count]);
        }
        Ok(answer)
    };
    tokio::time::timeout(limits::PROBE_HANDSHAKE, exchange).await.unwrap_or_else(|_| {
        Err(timed_out(start)
            .next("run `hallmark doctor`: the process hangs, or another program listens on the port"))
    })
}

fn broken(error: &std::io::Error) -> Error {
    Error::new(&codes::WRONG_SERVER, "the server closed the connection on the first bytes").because(error)
}

/// The error of a server that answers in another protocol.
pub(crate) fn wrong_server(kind: ServiceKind, answer: &[u8]) -> Error {
    let seen = if answer.is_empty() {
        "it closed the connection without a word".to_owned()
    } else {
        let shown: String =
            String::from_utf8_lossy(answer).chars().map(|c| if c.is_control() { '.' } else { c }).collect();
        format!("it answered \"{shown}\"")
    };
    Error::new(&codes::WRONG_SERVER, format!("the server does not speak {}'s protocol: {seen}", kind.title()))
        .next(format!("check the port of {}: another program listens there", kind.title()))
}

/// A name or value that no earlier probe used.
pub(crate) fn nonce() -> Result<String> {
    random::token(12)
}

/// The error of a server that lets a wrong password in.
pub(crate) fn authentication_off(kind: ServiceKind) -> Error {
    Error::new(&codes::AUTHENTICATION_OFF, format!("{} let a random wrong password in", kind.title()))
}

/// The outcome of having tried a wrong password: refused is what was hoped for.
pub(crate) fn judge_wrong_password(kind: ServiceKind, attempt: Result<()>) -> Seen<()> {
    match attempt {
        Ok(()) => Err(authentication_off(kind)),
        Err(error) if error.is(&codes::AUTHENTICATION) => {
            Ok(((), "a random wrong password was refused".to_owned()))
        }
        Err(error) => Err(error),
    }
}

/// The error of a canary that came back changed, or not at all.
pub(crate) fn canary_lost(what: impl Into<String>) -> Error {
    Error::new(&codes::CANARY, what)
}
