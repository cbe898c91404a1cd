//! Hallmark's own messages: `tool_execution` and `agent_coordination`.
//!
//! `{"type": "tool_execution", "id", "tool", "arguments", "session"?}` is answered with `{"type": "tool_result", "id", …}`, where
//! the rest is the operation's answer, or `error`. `{"type": "agent_coordination", "id", "agents", "task", "session"?}` is answered
//! with one `agent_step` for each step and one `agent_result`. Answers come as they are ready; `id` says whose they are.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hallmark_core::{Error, Result};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::{Sockets, transport};
use crate::{Caller, codes, limits};

/// The node that coordinates agents, where one is registered.
const COORDINATION: &str = "AgentCoordinationNode";

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Incoming {
    ToolExecution {
        id: Value,
        tool: String,
        #[serde(default)]
        arguments: Map<String, Value>,
        session: Option<String>,
    },
    AgentCoordination {
        id: Value,
        agents: Option<Vec<Value>>,
        task: Value,
        session: Option<String>,
    },
}

/// Answers messages until the client closes, falls silent, reads too slowly or the server stops.
pub(super) async fn serve(mut socket: WebSocket, sockets: &Sockets, caller: &Caller) {
    let (replies, mut queue) = mpsc::channel::<Value>(limits::SOCKET_QUEUE_MAX);
    let mut work = FuturesUnordered::new();
    let idle = Duration::from_secs(limits::SOCKET_IDLE_S);
    let last = loop {
        let next = tokio::select! {
            () = sockets.stop.cancelled() => break Some(close(close_code::AWAY, "the server stops")),
            Some(reply) = queue.recv() => Some(reply),
            Some(()) = work.next(), if !work.is_empty() => None,
            message = tokio::time::timeout(idle, socket.recv()) => match message {
                Err(_) => break Some(close(close_code::AWAY, "nothing was heard for too long")),
                Ok(Some(Err(error))) if transport::is_too_large(&error) => break Some(transport::too_large()),
                Ok(None | Some(Err(_) | Ok(Message::Close(_)))) => break None,
                Ok(Some(Ok(Message::Text(text)))) if text.len() > limits::BODY_BYTES_MAX => break Some(transport::too_large()),
                Ok(Some(Ok(Message::Text(text)))) => match parse(&text) {
                    Ok(message) if work.len() < limits::SOCKET_MESSAGES_MAX => {
                        work.push(answer(message, sockets, caller, replies.clone()));
                        None
                    }
                    Ok(message) => Some(failed(message.reply(), &message.id(), &too_many())),
                    Err((id, error)) => Some(failed("error", &id, &error)),
                },
                Ok(Some(Ok(Message::Binary(_)))) => break Some(close(close_code::UNSUPPORTED, "HM-N040: send text")),
                Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => None,
            },
        };
        let Some(reply) = next else { continue };
        let sent = socket.send(Message::Text(reply.to_string().into()));
        match tokio::time::timeout(Duration::from_secs(limits::SOCKET_SEND_S), sent).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => break None,
            Err(_) => break Some(close(close_code::POLICY, "HM-N041: the reader is too slow")),
        }
    };
    if let Some(message) = last {
        let _ = tokio::time::timeout(Duration::from_secs(1), socket.send(message)).await;
    }
}

fn close(code: u16, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) }))
}

fn too_many() -> Error {
    let most = limits::SOCKET_MESSAGES_MAX;
    Error::new(&codes::TOO_MANY, format!("{most} messages of this connection are worked on already"))
        .next("wait for an answer")
}

impl Incoming {
    fn id(&self) -> Value {
        match self {
            Self::ToolExecution { id, .. } | Self::AgentCoordination { id, .. } => id.clone(),
        }
    }

    /// The type of the answer.
    fn reply(&self) -> &'static str {
        match self {
            Self::ToolExecution { .. } => "tool_result",
            Self::AgentCoordination { .. } => "agent_result",
        }
    }
}

fn parse(text: &str) -> Result<Incoming, (Value, Error)> {
    let value: Value = serde_json::from_str(text).map_err(|e| {
        (
            Value::Null,
            Error::new(&hallmark_core::codes::JSON_INPUT, "the message is not valid JSON").because(&e),
        )
    })?;
    let id = value.get("id").cloned().unwrap_or_default();
    hallmark_core::json::refuse_rounded(text.as_bytes()).map_err(|error| (id.clone(), error))?;
    serde_json::from_value(value).map_err(|e| {
        let error = Error::new(&codes::BAD_MESSAGE, "the message was not understood").because(&e);
        (id, error.next("send {\"type\": \"tool_execution\", \"id\": 1, \"tool\": NAME, \"arguments\": {…}}"))
    })
}

async fn answer(message: Incoming, sockets: &Sockets, caller: &Caller, replies: mpsc::Sender<Value>) {
    let (kind, id) = (message.reply(), message.id());
    let reply = match work(message, sockets, caller, &replies).await {
        Ok(answer) => labelled(kind, &id, answer),
        Err(error) => failed(kind, &id, &error),
    };
    // The receiver is gone only when the connection is.
    let _ = replies.send(reply).await;
}

async fn work(
    message: Incoming,
    sockets: &Sockets,
    caller: &Caller,
    replies: &mpsc::Sender<Value>,
) -> Result<Value> {
    let operations = sockets.handler.operations();
    match message {
        Incoming::ToolExecution { tool, mut arguments, session, .. } => {
            if let Some(session) = session {
                arguments.insert("session".into(), Value::String(session));
            }
            let call = sockets.handler.tools().resolve(&tool)?;
            let (operation, input) = call.input(arguments)?;
            operations.call(caller, operation, input).await
        }
        Incoming::AgentCoordination { id, agents, task, session } => {
            if operations.registry().get(COORDINATION).is_err() {
                return Err(Error::new(&codes::NO_COORDINATION, format!("no {COORDINATION} is registered"))
                    .next("list what is registered with nodes.list"));
            }
            let count = agents.as_ref().map_or(0, Vec::len);
            if count > limits::AGENTS_MAX {
                return Err(Error::new(
                    &codes::TOO_LARGE,
                    format!("{count} agents; {} may be coordinated", limits::AGENTS_MAX),
                ));
            }
            let mut input = json!({ "node": COORDINATION, "input": { "agents": agents, "task": task } });
            if let Some(session) = session {
                input["session"] = Value::String(session);
            }
            let answer = operations.call(caller, "node.run", input).await?;
            let steps = answer["result"]["steps"].as_array().cloned().unwrap_or_default();
            for (index, step) in steps.into_iter().enumerate() {
                let step = labelled(
                    "agent_step",
                    &id,
                    json!({ "index": index, "step": step, "run_id": answer["run_id"] }),
                );
                let _ = replies.send(step).await;
            }
            Ok(answer)
        }
    }
}

fn labelled(kind: &str, id: &Value, mut answer: Value) -> Value {
    answer["type"] = json!(kind);
    answer["id"] = id.clone();
    answer
}

fn failed(kind: &str, id: &Value, error: &Error) -> Value {
    json!({ "type": kind, "id": id, "error": error.to_json() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_understood_keeps_its_id() {
        let (id, error) = parse(r#"{"type": "dance", "id": 7}"#).map(|m| m.id()).unwrap_err();
        assert_eq!((id, error.code().id), (json!(7), "HM-N040"));
        let (_, error) = parse("{").map(|m| m.id()).unwrap_err();
        assert_eq!(error.code().id, "HM-C020");
        let message =
            parse(r#"{"type": "tool_execution", "id": "a", "tool": "crud"}"#).map_err(|(_, e)| e).unwrap();
        assert_eq!((message.id(), message.reply()), (json!("a"), "tool_result"));
    }
}
