//! Relays: one loopback port for each address of the stack, which passes every byte on to the real server and tells the ledger what
//! it saw. The tests get the relays' ports in their environment.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hallmark_core::{Error, Result};
use hallmark_services::{Endpoints, ServiceKind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::ledger::{Connection, Ledger};
use crate::limits::{CHUNK_BYTES, CONNECT_TIMEOUT, CONNECTIONS_MAX};
use crate::meter::{self, Meter, Seen};
use crate::witness::Witness;
use crate::{codes, owner};

/// The relays of a run; they end when this is dropped.
pub(crate) struct Relays {
    /// The addresses that the tests are given.
    pub(crate) endpoints: Endpoints,
    /// Services whose address cannot be relayed, with the reason.
    pub(crate) left_out: Vec<(ServiceKind, &'static str)>,
    /// The real addresses, for telling who went round the relays.
    pub(crate) targets: Vec<(ServiceKind, String, u16)>,
    /// The relays' own ports.
    pub(crate) ports: Vec<u16>,
    _tasks: JoinSet<()>,
}

/// What every connection of a relay needs.
#[derive(Clone)]
struct Route {
    service: ServiceKind,
    target: (String, u16),
    ledger: Arc<Ledger>,
    witness: Arc<Witness>,
    /// What marks the environment of this run's processes.
    token: Arc<str>,
    open: Arc<AtomicUsize>,
}

impl Relays {
    /// Puts a relay before every address that can have one.
    ///
    /// # Errors
    /// `HM-T005` if no port can be had.
    pub(crate) async fn start(endpoints: &Endpoints, make: &Maker) -> Result<Self> {
        let mut relays = Self {
            endpoints: endpoints.clone(),
            left_out: Vec::new(),
            targets: Vec::new(),
            ports: Vec::new(),
            _tasks: JoinSet::new(),
        };
        relays.postgres(make).await?;
        relays.redis(make).await?;
        relays.neo4j(make).await?;
        relays.chroma(make).await?;
        relays.openai(make).await?;
        Ok(relays)
    }

    /// The services that have a relay.
    pub(crate) fn services(&self) -> Vec<ServiceKind> {
        let mut all: Vec<ServiceKind> = self.targets.iter().map(|(service, ..)| *service).collect();
        all.dedup();
        all
    }

    async fn postgres(&mut self, make: &Maker) -> Result<()> {
        let Some(config) = self.endpoints.postgres.clone() else { return Ok(()) };
        if config.require_tls {
            self.left_out.push((ServiceKind::Postgres, ENCRYPTED));
            return Ok(());
        }
        let port = self.relay(make, ServiceKind::Postgres, (config.host.clone(), config.port)).await?;
        self.endpoints.postgres = Some(hallmark_services::PostgresConfig {
            host: HOST.into(),
            port,
            replicas: Vec::new(),
            ..config
        });
        Ok(())
    }

    async fn redis(&mut self, make: &Maker) -> Result<()> {
        let Some(config) = self.endpoints.redis.clone() else { return Ok(()) };
        let port = self.relay(make, ServiceKind::Redis, (config.host.clone(), config.port)).await?;
        self.endpoints.redis = Some(hallmark_services::RedisConfig { host: HOST.into(), port, ..config });
        Ok(())
    }

    async fn neo4j(&mut self, make: &Maker) -> Result<()> {
        let Some(config) = self.endpoints.neo4j.clone() else { return Ok(()) };
        if config.tls {
            self.left_out.push((ServiceKind::Neo4j, ENCRYPTED));
            return Ok(());
        }
        let port = self.relay(make, ServiceKind::Neo4j, (config.host.clone(), config.port)).await?;
        let url = format!("bolt://{HOST}:{port}");
        self.endpoints.neo4j =
            Some(hallmark_services::Neo4jConfig { host: HOST.into(), port, url, ..config });
        Ok(())
    }

    async fn chroma(&mut self, make: &Maker) -> Result<()> {
        let Some(config) = self.endpoints.chroma.clone() else { return Ok(()) };
        let Some(url) = self.http(make, ServiceKind::Chroma, &config.url).await? else { return Ok(()) };
        let port = target(&url).map_or(config.port, |(_, port)| port);
        self.endpoints.chroma =
            Some(hallmark_services::ChromaConfig { host: HOST.into(), port, url, ..config });
        Ok(())
    }

    async fn openai(&mut self, make: &Maker) -> Result<()> {
        let Some(mut config) = self.endpoints.openai.clone() else { return Ok(()) };
        if let Some(url) = self.http(make, ServiceKind::OpenAi, &config.base_url).await? {
            config.base_url = url;
        }
        if let Some(own) = &config.embeddings_base_url
            && let Some(url) = self.http(make, ServiceKind::OpenAi, own).await?
        {
            config.embeddings_base_url = Some(url);
        }
        self.endpoints.openai = Some(config);
        Ok(())
    }

    /// A relay before an HTTP address; the address with the relay's authority.
    async fn http(&mut self, make: &Maker, service: ServiceKind, url: &str) -> Result<Option<String>> {
        let Some(target) = target(url) else {
            self.left_out.push((service, ENCRYPTED));
            return Ok(None);
        };
        let port = self.relay(make, service, target).await?;
        let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map(|(_, path)| path);
        let path = path.map_or_else(String::new, |path| format!("/{path}"));
        Ok(Some(format!("http://{HOST}:{port}{path}")))
    }

    async fn relay(&mut self, make: &Maker, service: ServiceKind, target: (String, u16)) -> Result<u16> {
        let failed = |e: std::io::Error| {
            Error::new(&codes::RELAY, format!("no relay before {} could be opened", service.title()))
                .because(&e)
                .next("hallmark doctor")
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        self.ports.push(port);
        self.targets.push((service, target.0.clone(), target.1));
        let route = Route {
            service,
            target,
            ledger: Arc::clone(&make.ledger),
            witness: Arc::clone(&make.witness),
            token: Arc::clone(&make.token),
            open: Arc::default(),
        };
        self._tasks.spawn(listen(listener, route));
        Ok(port)
    }
}

const HOST: &str = "127.0.0.1";
const ENCRYPTED: &str = "its address asks for encryption, so that a relay could not read what is said";

/// What every relay needs.
pub(crate) struct Maker {
    /// Where it writes down what it sees.
    pub(crate) ledger: Arc<Ledger>,
    /// Who asks the servers.
    pub(crate) witness: Arc<Witness>,
    /// What marks the environment of this run's processes.
    pub(crate) token: Arc<str>,
}

/// Host and port of an `http://` address.
fn target(url: &str) -> Option<(String, u16)> {
    let rest = url.strip_prefix("http://")?;
    let authority = rest.split(['/', '?']).next()?.rsplit('@').next()?;
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            Some((host.trim_matches(['[', ']']).to_owned(), port.parse().ok()?))
        }
        _ => Some((authority.trim_matches(['[', ']']).to_owned(), 80)),
    }
}

async fn listen(listener: TcpListener, route: Route) {
    let mut connections = JoinSet::new();
    loop {
        // Those that have ended are let go of, so that the set stays as small as what is open.
        while connections.try_join_next().is_some() {}
        let Ok((stream, client)) = listener.accept().await else {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            continue;
        };
        if route.open.load(Ordering::Relaxed) >= CONNECTIONS_MAX {
            continue;
        }
        route.open.fetch_add(1, Ordering::Relaxed);
        let route = route.clone();
        connections.spawn(async move {
            // A connection that breaks is the test's business: it sees what it would see without a relay.
            let _ = carry(stream, client, &route).await;
            route.open.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

/// Carries one connection to its end.
async fn carry(stream: TcpStream, client: SocketAddr, route: &Route) -> std::io::Result<()> {
    let relay = stream.local_addr()?;
    let (token, likely) = (Arc::clone(&route.token), route.ledger.lock().pids());
    let found = tokio::task::spawn_blocking(move || owner::of(client, relay, &token, &likely));
    let connect = TcpStream::connect((route.target.0.as_str(), route.target.1));
    let server = tokio::time::timeout(CONNECT_TIMEOUT, connect).await??;
    stream.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let connection = Connection {
        service: route.service,
        owner: found.await.unwrap_or_default(),
        client: String::new(),
        server: String::new(),
        port: server.local_addr()?.port(),
        answered: 0,
        opaque: false,
        confirmed: false,
        active: false,
    };
    let number = route.ledger.lock().opened(connection);
    let line = Line {
        number,
        ledger: &route.ledger,
        witness: &route.witness,
        asked: AtomicBool::new(false),
        meter: tokio::sync::Mutex::new(meter::of(route.service)),
    };
    let (from_client, to_client) = stream.into_split();
    let (from_server, to_server) = server.into_split();
    let forth = line.pump(from_client, to_server, |meter, bytes, seen| meter.client(bytes, seen));
    let back = line.pump(from_server, to_client, |meter, bytes, seen| meter.server(bytes, seen));
    // Either side may end its own direction and go on listening; when one breaks, both are let go of.
    tokio::try_join!(forth, back).map(drop)
}

/// A connection that is carried.
struct Line<'a> {
    number: usize,
    ledger: &'a Ledger,
    witness: &'a Witness,
    /// Whether the server was asked about it.
    asked: AtomicBool,
    meter: tokio::sync::Mutex<Box<dyn Meter>>,
}

impl Line<'_> {
    /// Moves bytes one way; the ledger knows of them before the receiver does.
    async fn pump(
        &self,
        mut from: OwnedReadHalf,
        mut to: OwnedWriteHalf,
        read: impl Fn(&mut dyn Meter, &[u8], &mut Vec<Seen>),
    ) -> std::io::Result<()> {
        let mut buffer = vec![0_u8; CHUNK_BYTES];
        let mut seen = Vec::new();
        loop {
            let count = from.read(&mut buffer).await?;
            if count == 0 {
                return to.shutdown().await;
            }
            read(self.meter.lock().await.as_mut(), &buffer[..count], &mut seen);
            if self.note(&mut seen, count) && !self.asked.swap(true, Ordering::Relaxed) {
                // While the test waits for its first answer the connection is open for certain: the server can be asked about it.
                self.witness.confirm(self.ledger, &[self.number], None).await;
            }
            to.write_all(&buffer[..count]).await?;
        }
    }

    /// Writes down what was seen; whether the server answered.
    fn note(&self, seen: &mut Vec<Seen>, count: usize) -> bool {
        let answered = seen.iter().any(|s| matches!(s, Seen::Answered { work: true, .. }));
        let mut ledger = self.ledger.lock();
        seen.drain(..).for_each(|seen| ledger.saw(self.number, seen));
        if ledger.connections.get(self.number).is_some_and(|c| c.opaque) {
            ledger.saw_opaque(self.number, u64::try_from(count).unwrap_or_default());
        }
        answered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        assert_eq!(target("http://127.0.0.1:8000"), Some(("127.0.0.1".into(), 8000)));
        assert_eq!(target("http://[::1]:81/v1"), Some(("::1".into(), 81)));
        assert_eq!(target("http://api.example/v1"), Some(("api.example".into(), 80)));
        assert_eq!(target("https://api.example/v1"), None);
    }
}
