//! The light check: one trivial request on a connection that is kept open.

use std::time::{Duration, Instant};

use hallmark_core::{Code, Error, Result};

use super::limits;
use super::machine::Fault;
use crate::{Endpoints, ServiceKind, chroma, codes, neo4j, openai, postgres, redis};

/// A connection of one kind of server.
pub(crate) trait Line: Sized + Send {
    /// Where the server is.
    type Config: Clone + Send + Sync;

    /// Makes the connection.
    fn open(config: &Self::Config) -> impl Future<Output = Result<Self>> + Send;

    /// Makes the trivial request; gives the server's clock in milliseconds since 1970, if it told.
    fn ask(&mut self) -> impl Future<Output = Result<Option<i64>>> + Send;

    /// Comes in anew, as every other client has to: an open connection is served even when nobody else gets in.
    fn again(&mut self, config: &Self::Config) -> impl Future<Output = Result<()>> + Send {
        async move {
            let mut fresh = Self::open(config).await?;
            fresh.ask().await?;
            *self = fresh;
            Ok(())
        }
    }
}

/// A line that is kept between two checks. A check that is given up half way takes its connection with it.
pub(crate) struct Kept<L: Line> {
    config: Box<L::Config>,
    line: Option<L>,
    /// Checks since somebody last came in anew.
    checks: u32,
}

/// What a check met that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// How long the trivial request took.
    pub(crate) took: Duration,
    /// The open connection was cut, and this is how; the answer came on a new one.
    pub(crate) cut: Option<String>,
    /// How far the server's clock is ahead of this machine's, in milliseconds; `None` if it did not tell.
    pub(crate) ahead_ms: Option<i64>,
}

/// A trivial request that was answered.
struct Asked {
    took: Duration,
    ahead_ms: Option<i64>,
}

async fn ask<L: Line>(line: &mut L) -> Result<Asked> {
    let (start, before) = (Instant::now(), now_ms());
    let clock = line.ask().await?;
    let after = now_ms();
    // What the clock says lies between question and answer, unless it is another clock's time.
    let ahead_ms = clock.map(|clock| if clock < before { clock - before } else { (clock - after).max(0) });
    Ok(Asked { took: start.elapsed(), ahead_ms })
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

impl<L: Line> Kept<L> {
    fn new(config: &L::Config) -> Self {
        Self { config: Box::new(config.clone()), line: None, checks: 0 }
    }

    async fn beat(&mut self) -> Result<Answer> {
        let mut cut = None;
        if let Some(mut line) = self.line.take() {
            match ask(&mut line).await {
                Ok(Asked { took, ahead_ms }) => {
                    self.checks += 1;
                    if self.checks >= limits::ACCEPT_EVERY {
                        line.again(&self.config).await.map_err(|e| {
                            let sentence = "an open connection is served, and no new one is taken";
                            Error::new(e.code(), sentence).because_text(self::sentence(&e))
                        })?;
                        self.checks = 0;
                    }
                    self.line = Some(line);
                    return Ok(Answer { took, cut, ahead_ms });
                }
                Err(error) if error.is(&codes::CONNECTION_LOST) => cut = Some(sentence(&error)),
                Err(error) => return Err(error),
            }
        }
        let mut line = L::open(&self.config).await?;
        let Asked { took, ahead_ms } = ask(&mut line).await?;
        (self.line, self.checks) = (Some(line), 0);
        Ok(Answer { took, cut, ahead_ms })
    }
}

/// The pulse of one service.
pub(crate) enum Pulse {
    Postgres(Box<Kept<postgres::pulse::Line>>),
    Neo4j(Kept<neo4j::pulse::Line>),
    Chroma(Kept<chroma::pulse::Line>),
    Redis(Kept<redis::pulse::Line>),
    OpenAi(Kept<openai::pulse::Line>),
}

impl Pulse {
    /// A pulse on the service's address; `None` if it has none. Nothing is contacted yet.
    pub(crate) fn new(service: ServiceKind, endpoints: &Endpoints) -> Option<Self> {
        Some(match service {
            ServiceKind::Postgres => Self::Postgres(Box::new(Kept::new(endpoints.postgres.as_ref()?))),
            ServiceKind::Neo4j => Self::Neo4j(Kept::new(endpoints.neo4j.as_ref()?)),
            ServiceKind::Chroma => Self::Chroma(Kept::new(endpoints.chroma.as_ref()?)),
            ServiceKind::Redis => Self::Redis(Kept::new(endpoints.redis.as_ref()?)),
            ServiceKind::OpenAi => Self::OpenAi(Kept::new(endpoints.openai.as_ref()?)),
        })
    }

    /// Asks once. It has no time limit of its own: who waits decides when it is late and when it is hung.
    pub(crate) async fn beat(&mut self) -> Result<Answer> {
        match self {
            Self::Postgres(kept) => kept.beat().await,
            Self::Neo4j(kept) => kept.beat().await,
            Self::Chroma(kept) => kept.beat().await,
            Self::Redis(kept) => kept.beat().await,
            Self::OpenAi(kept) => kept.beat().await,
        }
    }
}

/// The host and port behind which each listener of the service is.
pub(crate) fn places(service: ServiceKind, endpoints: &Endpoints) -> Vec<(String, u16)> {
    let place = |host: &str, port: u16| vec![(host.to_owned(), port)];
    match service {
        ServiceKind::Postgres => endpoints.postgres.as_ref().map(|c| place(&c.host, c.port)),
        ServiceKind::Neo4j => endpoints.neo4j.as_ref().map(|c| place(&c.host, c.port)),
        ServiceKind::Chroma => endpoints.chroma.as_ref().map(|c| place(&c.host, c.port)),
        ServiceKind::Redis => endpoints.redis.as_ref().map(|c| place(&c.host, c.port)),
        ServiceKind::OpenAi => endpoints.openai.as_ref().map(openai::pulse::places),
    }
    .unwrap_or_default()
}

/// Whether all of these are on this machine.
pub(crate) fn is_local(places: &[(String, u16)]) -> bool {
    places.iter().all(|(host, _)| {
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    })
}

/// The kind of failure that an error stands for.
pub(crate) fn fault(error: &Error) -> Fault {
    let is = |codes: &[&'static Code]| codes.iter().any(|code| error.is(code));
    if is(&[&codes::AUTHENTICATION]) {
        Fault::Credentials
    } else if is(&[&codes::UNREACHABLE]) {
        Fault::Refused
    } else if is(&[&codes::TIMED_OUT, &codes::STATEMENT_TIMEOUT]) {
        Fault::Hung
    } else if is(&[&codes::CONNECTION_LOST]) {
        Fault::Cut
    } else {
        Fault::Wrong
    }
}

/// The error in one sentence, with its last cause.
pub(crate) fn sentence(error: &Error) -> String {
    match error.causes().last() {
        Some(cause) => format!("{}: {cause}", error.message()),
        None => error.message().to_owned(),
    }
}

/// Whether the listeners take a new connection.
pub(crate) async fn accepts(places: Vec<(String, u16)>) -> Result<()> {
    for (host, port) in places {
        let attempt = tokio::net::TcpStream::connect((host.as_str(), port));
        match tokio::time::timeout(Duration::from_secs(2), attempt).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                let sentence = format!("port {port} takes no new connection");
                return Err(Error::new(&codes::UNREACHABLE, sentence).because(&error));
            }
            Err(_) => {
                return Err(Error::new(
                    &codes::TIMED_OUT,
                    format!("port {port} does not take a new connection in time"),
                ));
            }
        }
    }
    Ok(())
}
