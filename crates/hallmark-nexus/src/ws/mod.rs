//! The WebSocket at `/ws`: MCP under the subprotocol `mcp`, Hallmark's own messages under `hallmark.v1` or none.

mod messages;
mod transport;

use std::sync::Arc;

use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::response::Response;
use hallmark_core::Error;
use rmcp::service::ServiceExt as _;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::mcp::Handler;
use crate::{Caller, Channel, codes, limits, wire};

/// The subprotocol of MCP.
const MCP: &str = "mcp";
/// The subprotocol of our own messages.
const OWN: &str = "hallmark.v1";

/// What every WebSocket needs.
#[derive(Clone)]
pub(crate) struct Sockets {
    handler: Handler,
    stop: CancellationToken,
    tasks: TaskTracker,
    room: Arc<Semaphore>,
}

impl Sockets {
    pub(crate) fn new(handler: Handler, stop: CancellationToken, tasks: TaskTracker) -> Self {
        Self { handler, stop, tasks, room: Arc::new(Semaphore::new(limits::SOCKETS_MAX)) }
    }

    /// Upgrades a request that has been authenticated.
    pub(crate) fn upgrade(&self, upgrade: WebSocketUpgrade, caller: Caller) -> Response {
        let upgrade = upgrade
            .protocols([MCP, OWN])
            .max_message_size(limits::BODY_BYTES_MAX + limits::MESSAGE_SLACK_BYTES)
            .max_frame_size(limits::BODY_BYTES_MAX + limits::MESSAGE_SLACK_BYTES)
            .max_write_buffer_size(limits::SOCKET_WRITE_BYTES_MAX);
        let mcp = upgrade.selected_protocol().is_some_and(|p| p.as_bytes() == MCP.as_bytes());
        let Ok(place) = self.room.clone().try_acquire_owned() else {
            let error = Error::new(
                &codes::BUSY,
                format!("{} WebSockets are open, which is the most", limits::SOCKETS_MAX),
            );
            return wire::response(&error);
        };
        let own = self.clone();
        upgrade.on_upgrade(move |socket| {
            let tracked = own.tasks.clone();
            tracked.track_future(async move {
                if mcp {
                    own.mcp(socket, caller.on(Channel::McpWebSocket)).await;
                } else {
                    messages::serve(socket, &own, &caller.on(Channel::WebSocket)).await;
                }
                drop(place);
            })
        })
    }

    async fn mcp(&self, socket: WebSocket, caller: Caller) {
        let handler = self.handler.of(caller);
        match handler.serve_with_ct(transport::Transport::new(socket), self.stop.child_token()).await {
            Ok(running) => {
                let _ = running.waiting().await;
            }
            Err(error) => tracing::info!(%error, "an MCP WebSocket ended before it was initialised"),
        }
    }
}
