//! The two servers: REST with the page, and MCP with the WebSocket. They listen on loopback, drain on stop and forget nobody.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hallmark_core::{Error, Result};
use hallmark_services::platform::Ends;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::source::Source;
use crate::guard::Guard;
use crate::mcp::Handler;
use crate::ws::Sockets;
use crate::{Auth, Operations, ToolOptions, codes, guard, limits, mcp, port, rest};

/// The port of the REST interface and the page, where it is free.
pub const REST_PORT: u16 = 8000;
/// The port of MCP and the WebSocket, where it is free.
pub const MCP_PORT: u16 = 8001;

/// What is served, where, and to whom.
pub struct ServeOptions {
    /// Where REST and the page listen; port 0 takes a free one.
    pub rest_addr: SocketAddr,
    /// Where MCP and the WebSocket listen; port 0 takes a free one.
    pub mcp_addr: SocketAddr,
    /// The operation table.
    pub operations: Operations,
    /// Who is let in.
    pub auth: Auth,
    /// Which tools are offered.
    pub tools: ToolOptions,
}

impl ServeOptions {
    /// On the usual ports of 127.0.0.1.
    #[must_use]
    pub fn new(operations: Operations, auth: Auth) -> Self {
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            rest_addr: at(REST_PORT),
            mcp_addr: at(MCP_PORT),
            operations,
            auth,
            tools: ToolOptions::default(),
        }
    }
}

/// Where the servers really listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// REST and the page.
    pub rest: SocketAddr,
    /// MCP and the WebSocket.
    pub mcp: SocketAddr,
}

/// What every handler sees of the servers.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) operations: Operations,
    pub(crate) auth: Arc<Auth>,
    pub(crate) addresses: Addresses,
    /// How many tools are offered.
    pub(crate) tools: usize,
}

impl Site {
    /// The URL that opens the page once.
    pub(crate) fn page_url(&self, ticket: &str) -> String {
        format!("http://{}/?ticket={ticket}", self.addresses.rest)
    }

    /// The URL that opens one WebSocket.
    pub(crate) fn socket_url(&self, ticket: &str) -> String {
        format!("ws://{}/ws?ticket={ticket}", self.addresses.mcp)
    }

    /// The name of the page's cookie: cookies know no ports, so that the name tells two projects apart.
    pub(crate) fn cookie_name(&self) -> String {
        format!("hallmark_{}", self.addresses.rest.port())
    }
}

/// Running servers. Dropping it stops accepting; [`Server::stop`] also waits for what is under way.
pub struct Server {
    site: Site,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Binds both addresses and serves until stopped.
///
/// # Errors
/// `HM-N030` naming the holder of a taken port, `HM-N031` if an address is not loopback, `HM-N032`.
pub async fn serve(options: ServeOptions) -> Result<Server> {
    let ServeOptions { rest_addr, mcp_addr, operations, auth, tools } = options;
    let rest_listener = port::listen(rest_addr, "the REST interface").await?;
    let mcp_listener = port::listen(mcp_addr, "MCP").await?;
    let addresses = Addresses { rest: bound(&rest_listener)?, mcp: bound(&mcp_listener)? };
    let handler = Handler::new(operations.clone(), tools);
    let site = Site { operations, auth: Arc::new(auth), addresses, tools: handler.tools().len() };
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());

    let rest_source = Source::new(addresses.rest.port());
    // The page may open WebSockets of its own on the other port.
    let mcp_source = Source::new(addresses.mcp.port()).also_from(addresses.rest.port());
    let sockets = Sockets::new(handler.clone(), stop.clone(), tasks.clone());
    let mcp_service = mcp::service(handler, &mcp_source, stop.child_token());
    let rest_router = guard::wrap(rest::router(site.clone()), Guard::rest(site.clone(), rest_source));
    let mcp_router = guard::wrap(mcp::router(mcp_service, sockets), Guard::mcp(site.clone(), mcp_source));
    tasks.spawn(accept(rest_listener, rest_router, stop.clone(), tasks.clone()));
    tasks.spawn(accept(mcp_listener, mcp_router, stop.clone(), tasks.clone()));
    tracing::info!(rest = %addresses.rest, mcp = %addresses.mcp, "serving");
    Ok(Server { site, stop, tasks })
}

fn bound(listener: &TcpListener) -> Result<SocketAddr> {
    listener
        .local_addr()
        .map_err(|e| Error::new(&codes::LISTEN_FAILED, "a listener has no address").because(&e))
}

impl Server {
    /// Where the servers listen.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.site.addresses
    }

    /// Who is let in.
    #[must_use]
    pub fn auth(&self) -> &Auth {
        &self.site.auth
    }

    /// A URL that opens the page once, within [`limits::TICKET_S`] seconds. It is a credential until then.
    ///
    /// # Errors
    /// `HM-C099`.
    pub fn page_url(&self) -> Result<String> {
        Ok(self.site.page_url(self.site.auth.ticket()?.expose()))
    }

    /// Stops accepting, lets what is under way end within [`limits::DRAIN_S`] seconds; whether all of it did.
    pub async fn stop(self) -> bool {
        self.stop.cancel();
        self.tasks.close();
        let drained =
            tokio::time::timeout(Duration::from_secs(limits::DRAIN_S), self.tasks.wait()).await.is_ok();
        self.site.operations.runtime().shutdown().await;
        tracing::info!(drained, "stopped");
        drained
    }

    /// Serves until the process is told to end (interrupt or termination), then stops; whether all was drained.
    ///
    /// # Errors
    /// `HM-N032` if the process cannot listen for signals.
    pub async fn until_signal(self) -> Result<bool> {
        let ends = Ends::hear(false);
        ends.map_err(|e| Error::new(&codes::LISTEN_FAILED, "signals cannot be received").because(&e))?
            .next()
            .await;
        Ok(self.stop().await)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Accepts connections while there is room; the rest wait in the system's queue.
async fn accept(listener: TcpListener, router: Router, stop: CancellationToken, tasks: TaskTracker) {
    let room = Arc::new(Semaphore::new(limits::CONNECTIONS_MAX));
    loop {
        let Ok(place) = room.clone().acquire_owned().await else { return };
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                tasks.spawn(connection(stream, router.clone(), stop.clone(), place));
            }
            Err(error) => {
                // Out of file descriptors, for example: trying at once again would only burn the processor.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn connection(
    stream: TcpStream,
    router: Router,
    stop: CancellationToken,
    _place: OwnedSemaphorePermit,
) {
    let _ = stream.set_nodelay(true);
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(limits::HEADER_TIMEOUT_S))
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    let mut served = std::pin::pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = stop.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}
