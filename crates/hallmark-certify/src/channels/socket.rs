//! MCP over a WebSocket: one connection a call, introduced as the protocol asks.

use futures_util::{SinkExt as _, StreamExt as _};
use hallmark_core::Result;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::mcp::{introduction, reply};
use super::{Channel, Reply, Wire, code_of, failed};
use crate::limits::CHANNEL_BYTES_MAX;

/// Messages that are read before one of ours must be answered: notifications may come between.
const MESSAGES_MAX: usize = 100;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl Wire {
    pub(super) async fn socket(&self, tool: &str, input: &Value) -> Result<Reply> {
        let mut socket = match self.open().await? {
            Ok(socket) => socket,
            Err(code) => return Ok(Reply::Refused(code)),
        };
        exchange(
            &mut socket,
            json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": introduction()}),
        )
        .await?;
        send(&mut socket, &json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await?;
        let params = json!({"name": tool, "arguments": input});
        let answer = exchange(
            &mut socket,
            json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params}),
        )
        .await?;
        let _ = socket.close(None).await;
        reply(Channel::McpWebSocket, &answer)
    }

    /// Opens the socket, or gives the code with which it is refused.
    async fn open(&self) -> Result<Result<Socket, String>> {
        let broken = |e: &dyn std::fmt::Display| failed(Channel::McpWebSocket, e);
        let mut request = self.deployment.ws_url.as_str().into_client_request().map_err(|e| broken(&e))?;
        let token = format!("Bearer {}", self.deployment.token.expose());
        for (name, value) in [("authorization", token.as_str()), ("sec-websocket-protocol", "mcp")] {
            let value = value.parse().map_err(|_| broken(&"the token is no header value"))?;
            request.headers_mut().insert(name, value);
        }
        let settings = WebSocketConfig::default().max_message_size(Some(CHANNEL_BYTES_MAX));
        match tokio_tungstenite::connect_async_with_config(request, Some(settings), true).await {
            Ok((socket, _)) => Ok(Ok(socket)),
            Err(Error::Http(response)) => {
                let body: Option<Value> =
                    response.body().as_ref().and_then(|b| serde_json::from_slice(b).ok());
                let code = body.as_ref().and_then(code_of).map(str::to_owned);
                code.map(Err).ok_or_else(|| broken(&format!("refused with {}", response.status())))
            }
            Err(error) => Err(broken(&error)),
        }
    }
}

async fn send(socket: &mut Socket, message: &Value) -> Result<()> {
    socket.send(Message::text(message.to_string())).await.map_err(|e| failed(Channel::McpWebSocket, e))
}

/// Sends a request and waits for the answer with its id.
async fn exchange(socket: &mut Socket, request: Value) -> Result<Value> {
    send(socket, &request).await?;
    for _ in 0..MESSAGES_MAX {
        let message =
            socket.next().await.ok_or_else(|| failed(Channel::McpWebSocket, "the connection ended"))?;
        let message = message.map_err(|e| failed(Channel::McpWebSocket, e))?;
        let Message::Text(text) = message else { continue };
        let value: Value = serde_json::from_str(&text).map_err(|e| failed(Channel::McpWebSocket, e))?;
        if value["id"] == request["id"] {
            return Ok(value);
        }
    }
    Err(failed(Channel::McpWebSocket, format!("no answer among {MESSAGES_MAX} messages")))
}
