//! MCP over a WebSocket: one JSON-RPC message is one text message.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures_util::{Sink, SinkExt as _, Stream};
use rmcp::service::{RoleServer, RxJsonRpcMessage, TxJsonRpcMessage};
use serde_json::Value;

use hallmark_core::Error;

use crate::{codes, limits, wire};

/// The WebSocket as a transport of the protocol.
pub(super) struct Transport {
    socket: WebSocket,
    /// An answer of ours to a message that is none of the protocol, waiting to be sent.
    refusal: Option<Message>,
    ended: bool,
}

impl Transport {
    pub(super) fn new(socket: WebSocket) -> Self {
        Self { socket, refusal: None, ended: false }
    }

    /// Sends the refusal that waits, if the socket takes it.
    fn poll_refusal(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.refusal.is_some() {
            if ready!(self.socket.poll_ready_unpin(cx)).is_ok()
                && let Some(message) = self.refusal.take()
            {
                let _ = self.socket.start_send_unpin(message);
            }
            self.refusal = None;
        }
        // What was sent must also leave.
        let _ = self.socket.poll_flush_unpin(cx);
        Poll::Ready(())
    }
}

impl Stream for Transport {
    type Item = RxJsonRpcMessage<RoleServer>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            ready!(self.poll_refusal(cx));
            if self.ended {
                return Poll::Ready(None);
            }
            match ready!(Pin::new(&mut self.socket).poll_next(cx)) {
                Some(Ok(Message::Text(text))) if text.len() > limits::BODY_BYTES_MAX => {
                    self.refusal = Some(too_large());
                    self.ended = true;
                }
                Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                    Ok(message) => match hallmark_core::json::refuse_rounded(text.as_bytes()) {
                        Ok(()) => return Poll::Ready(Some(message)),
                        Err(error) => self.refusal = Some(refused(&text, -32600, &error)),
                    },
                    Err(error) => self.refusal = Some(refusal(&text, &error)),
                },
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Binary(_))) => {
                    let frame =
                        CloseFrame { code: close_code::UNSUPPORTED, reason: "HM-N040: send text".into() };
                    self.refusal = Some(Message::Close(Some(frame)));
                    self.ended = true;
                }
                Some(Err(error)) if is_too_large(&error) => {
                    self.refusal = Some(too_large());
                    self.ended = true;
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Poll::Ready(None),
            }
        }
    }
}

impl Sink<TxJsonRpcMessage<RoleServer>> for Transport {
    type Error = axum::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.socket.poll_ready_unpin(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, item: TxJsonRpcMessage<RoleServer>) -> Result<(), Self::Error> {
        let text = serde_json::to_string(&item).map_err(axum::Error::new)?;
        self.socket.start_send_unpin(Message::Text(text.into()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.socket.poll_flush_unpin(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.socket.poll_close_unpin(cx)
    }
}

/// The close message to whoever sends more than is read.
pub(super) fn too_large() -> Message {
    let reason = format!("HM-N005: a message may have {} bytes", limits::BODY_BYTES_MAX);
    Message::Close(Some(CloseFrame { code: close_code::SIZE, reason: reason.into() }))
}

/// Whether the socket itself refused a message for its size.
pub(super) fn is_too_large(error: &axum::Error) -> bool {
    let text = error.to_string();
    text.contains("too long") || text.contains("too large") || text.contains("Space limit")
}

/// The JSON-RPC error to a message that is not JSON (-32700) or not JSON-RPC (-32600).
fn refusal(text: &str, error: &serde_json::Error) -> Message {
    let value: Result<Value, _> = serde_json::from_str(text);
    let (number, code) = if value.is_ok() {
        (-32600, &codes::BAD_MESSAGE)
    } else {
        (-32700, &hallmark_core::codes::JSON_INPUT)
    };
    refused(text, number, &Error::new(code, "the message is not a JSON-RPC message").because(error))
}

/// The JSON-RPC error to a message.
fn refused(text: &str, number: i32, own: &Error) -> Message {
    let value = serde_json::from_str::<Value>(text).ok();
    let id = value.as_ref().and_then(|v| v.get("id")).filter(|id| id.is_string() || id.is_number());
    Message::Text(wire::json_rpc(id, number, own).to_string().into())
}
