//! MCP: JSON-RPC over streamable HTTP, one request a call.

use hallmark_core::Result;
use hallmark_services::http;
use serde_json::{Value, json};

use super::{Channel, Reply, Wire, code_of, failed, own};
use crate::limits::CHANNEL_BYTES_MAX;

/// The version of the protocol that we speak: the oldest that has structured content.
pub(super) const PROTOCOL: &str = "2025-06-18";

/// The parameters of `initialize`.
pub(super) fn introduction() -> Value {
    json!({
        "protocolVersion": PROTOCOL,
        "capabilities": {},
        "clientInfo": {"name": "hallmark-certify", "version": env!("CARGO_PKG_VERSION")},
    })
}

impl Wire {
    pub(super) async fn mcp(&self, tool: &str, input: &Value) -> Result<Reply> {
        let params = json!({"name": tool, "arguments": input});
        reply(Channel::McpHttp, &self.json_rpc("tools/call", params).await?)
    }

    /// The names of the tools that MCP over HTTP lists.
    pub(crate) async fn tools(&self) -> Result<Vec<String>> {
        let answer = self.json_rpc("tools/list", json!({})).await?;
        let tools = answer["result"]["tools"]
            .as_array()
            .ok_or_else(|| failed(Channel::McpHttp, "tools/list lists no tools"))?;
        Ok(tools.iter().filter_map(|t| t["name"].as_str().map(str::to_owned)).collect())
    }

    /// Calls a tool by its own name, which need not be an operation's.
    pub(crate) async fn call_tool(&self, channel: Channel, tool: &str, arguments: &Value) -> Result<Reply> {
        let reply = match channel {
            Channel::McpWebSocket => self.socket(tool, arguments).await?,
            _ => self.mcp(tool, arguments).await?,
        };
        own(channel, tool, reply)
    }

    async fn json_rpc(&self, method: &str, params: Value) -> Result<Value> {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let request = self.http.post(&self.deployment.mcp_url).bearer_auth(self.deployment.token.expose());
        let request = request
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", PROTOCOL);
        let response = request.json(&body).send().await.map_err(|e| http::error(&e))?;
        let status = response.status();
        let bytes = http::body(response, CHANNEL_BYTES_MAX).await?;
        message(&bytes).ok_or_else(|| {
            failed(Channel::McpHttp, format!("{status}, and no JSON-RPC: {}", http::excerpt(&bytes)))
        })
    }
}

/// The message in a body: JSON as it is, or the data of the last event of a stream.
fn message(bytes: &[u8]) -> Option<Value> {
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Some(value);
    }
    let text = std::str::from_utf8(bytes).ok()?;
    text.lines().rev().find_map(|line| serde_json::from_str(line.strip_prefix("data:")?.trim()).ok())
}

/// What a JSON-RPC answer to `tools/call` says.
pub(super) fn reply(channel: Channel, answer: &Value) -> Result<Reply> {
    let structured = &answer["result"]["structuredContent"];
    let refused = code_of(&answer["error"]["data"])
        .or_else(|| code_of(answer))
        .or_else(|| (answer["result"]["isError"] == json!(true)).then(|| code_of(structured)).flatten());
    match refused {
        Some(code) => Ok(Reply::Refused(code.to_owned())),
        None if structured.is_object() => Ok(Reply::Answer(structured.clone())),
        None => Err(failed(
            channel,
            format!(
                "neither structured content nor a code: {}",
                http::excerpt(answer.to_string().as_bytes())
            ),
        )),
    }
}
