//! Channels as a client sees them: a deployment's REST, MCP over HTTP and WebSocket, and command line, over the wire only.

mod cli;
mod mcp;
mod rest;
mod socket;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use hallmark_core::{Error, Result, Secret};
use hallmark_services::http;
use serde_json::Value;

use crate::codes;
use crate::limits::CHANNEL_TIMEOUT;

/// Where a deployment of the project answers.
#[derive(Clone)]
pub struct Deployment {
    /// REST, for example `http://127.0.0.1:8000`.
    pub rest_url: String,
    /// MCP over streamable HTTP, for example `http://127.0.0.1:8001/mcp`.
    pub mcp_url: String,
    /// MCP over WebSocket, for example `ws://127.0.0.1:8001/ws`.
    pub ws_url: String,
    /// The bearer token.
    pub token: Secret,
    /// The command line; without one, that channel is not measured.
    pub cli: Option<CommandLine>,
}

/// Makes a program's arguments of an operation's name and its input.
pub type Arguments = dyn Fn(&str, &Value) -> Vec<OsString> + Send + Sync;

/// The command line as a channel.
///
/// For an operation and its input, the program must print the answer (`{"operation", "result", …}`) as JSON on standard output;
/// a refusal must end with another status than 0 and name its code (`HM-…`) on either output.
#[derive(Clone)]
pub struct CommandLine {
    /// The program.
    pub program: PathBuf,
    /// Its arguments for an operation, for example `session.create`, and an input.
    pub arguments: Arc<Arguments>,
}

/// One of the channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Channel {
    Rest,
    McpHttp,
    McpWebSocket,
    CommandLine,
}

impl Channel {
    pub(crate) const ALL: [Self; 4] = [Self::Rest, Self::McpHttp, Self::McpWebSocket, Self::CommandLine];

    pub(crate) const fn id(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::McpHttp => "mcp_http",
            Self::McpWebSocket => "mcp_ws",
            Self::CommandLine => "cli",
        }
    }

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Rest => "REST",
            Self::McpHttp => "MCP over HTTP",
            Self::McpWebSocket => "MCP over WebSocket",
            Self::CommandLine => "the command line",
        }
    }
}

/// What a channel says to a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reply {
    /// The operation's answer: `result`, and perhaps `run_id` and `session`.
    Answer(Value),
    /// The code of the refusal.
    Refused(String),
}

impl Reply {
    /// The answer.
    pub(crate) fn answer(self) -> Result<Value> {
        match self {
            Self::Answer(answer) => Ok(answer),
            Self::Refused(code) => Err(Error::new(&codes::CHANNEL, format!("refused with {code}"))),
        }
    }

    /// The answer's result.
    pub(crate) fn result(self) -> Result<Value> {
        self.answer().map(|mut answer| answer["result"].take())
    }

    /// The code, or what came instead.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Answer(_) => "no refusal",
            Self::Refused(code) => code,
        }
    }
}

/// Where an operation is found on REST and MCP, as the deployment itself says.
#[derive(Clone, Debug)]
struct Route {
    method: String,
    path: String,
    tool: Option<String>,
}

/// A client of a deployment.
pub(crate) struct Wire {
    deployment: Deployment,
    http: reqwest::Client,
    routes: BTreeMap<String, Route>,
}

impl Wire {
    /// Connects and asks the deployment for its operations.
    pub(crate) async fn connect(deployment: &Deployment) -> Result<Self> {
        let http = http::client(http::Timeouts::total(CHANNEL_TIMEOUT))?;
        let mut wire = Self { deployment: deployment.clone(), http, routes: BTreeMap::new() };
        wire.routes.insert(
            "operations.list".to_owned(),
            Route { method: "GET".into(), path: "/api/v1/operations".into(), tool: None },
        );
        let listed = wire.call(Channel::Rest, "operations.list", &Value::Null).await?.result()?;
        for operation in listed["operations"].as_array().into_iter().flatten() {
            let route = operation["rest"][0].as_str().and_then(|r| r.split_once(' '));
            if let (Some(name), Some((method, path))) = (operation["name"].as_str(), route) {
                let tool = operation["tool"].as_str().map(str::to_owned);
                wire.routes.insert(name.to_owned(), Route { method: method.into(), path: path.into(), tool });
            }
        }
        Ok(wire)
    }

    /// The same client with another token.
    pub(crate) fn with_token(&self, token: Secret) -> Self {
        let deployment = Deployment { token, ..self.deployment.clone() };
        Self { deployment, http: self.http.clone(), routes: self.routes.clone() }
    }

    /// The channels that the deployment offers.
    pub(crate) fn channels(&self) -> Vec<Channel> {
        let offered = |c: &Channel| *c != Channel::CommandLine || self.deployment.cli.is_some();
        Channel::ALL.into_iter().filter(offered).collect()
    }

    /// Calls an operation on a channel.
    ///
    /// # Errors
    /// `HM-Z006` if the channel does not speak its protocol; a refusal is a reply.
    pub(crate) async fn call(&self, channel: Channel, operation: &str, input: &Value) -> Result<Reply> {
        let called = async {
            match channel {
                Channel::Rest => self.rest(self.route(operation)?, input).await,
                Channel::McpHttp => self.mcp(self.tool(operation)?, input).await,
                Channel::McpWebSocket => self.socket(self.tool(operation)?, input).await,
                Channel::CommandLine => self.cli(operation, input).await,
            }
        };
        let answer = tokio::time::timeout(CHANNEL_TIMEOUT, called).await.map_err(|_| {
            failed(channel, format!("{operation} was not answered in {} s", CHANNEL_TIMEOUT.as_secs()))
        })?;
        let reply = answer.map_err(|e| {
            if e.is(&codes::CHANNEL) || e.is(&codes::STOOD_IN) {
                e
            } else {
                failed(channel, operation.to_owned()).because(&e)
            }
        })?;
        own(channel, operation, reply)
    }

    fn route(&self, operation: &str) -> Result<&Route> {
        self.routes
            .get(operation)
            .ok_or_else(|| failed(Channel::Rest, format!("the deployment lists no operation {operation}")))
    }

    fn tool(&self, operation: &str) -> Result<&str> {
        let route = self.routes.get(operation).and_then(|r| r.tool.as_deref());
        route.ok_or_else(|| failed(Channel::McpHttp, format!("the deployment lists no tool for {operation}")))
    }
}

fn failed(channel: Channel, what: impl std::fmt::Display) -> Error {
    Error::new(&codes::CHANNEL, format!("{}: {what}", channel.title())).next("hallmark serve")
}

/// The reply, if the services themselves gave it. What a replica or a fallback had a part in measures nothing, and a run that was not
/// kept proves nothing either.
fn own(channel: Channel, operation: &str, reply: Reply) -> Result<Reply> {
    if let Reply::Answer(answer) = &reply {
        let other = answer["source"].as_array().into_iter().flatten().next();
        if let Some(source) = other {
            let text = |name: &str| source[name].as_str().unwrap_or("something").to_owned();
            let what = format!("{operation} was answered by the {} {}", text("from"), text("name"));
            return Err(stood_in(format!("{}: {what} in the place of {}", channel.title(), text("service"))));
        }
        if answer["kept"] == false {
            return Err(stood_in(format!("{}: the run of {operation} was not kept", channel.title())));
        }
    }
    Ok(reply)
}

fn stood_in(what: String) -> Error {
    Error::new(&codes::STOOD_IN, what).next("hallmark status")
}

/// The code in a refusal's JSON, wherever the channel puts it.
fn code_of(error: &Value) -> Option<&str> {
    error.get("code").and_then(Value::as_str).filter(|c| c.starts_with("HM-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_answer_of_a_fallback_is_no_measurement() {
        let answered = |answer: Value| own(Channel::Rest, "node.run", Reply::Answer(answer));
        assert!(answered(json!({"result": {"source": [1]}})).is_ok(), "a result may say what it likes");
        let source = json!([{"service": "redis", "from": "fallback", "name": "local-cache", "age_ms": 3}]);
        let error = answered(json!({"result": {}, "source": source})).unwrap_err();
        assert!(error.is(&codes::STOOD_IN) && error.to_string().contains("local-cache"), "{error}");
        assert!(answered(json!({"result": {}, "kept": false})).is_err());
        assert!(own(Channel::Rest, "x", Reply::Refused("HM-S034".to_owned())).is_ok());
    }
}
