//! One caller on every channel. It knows the wire, and none of the crate's types but the operation table.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use hallmark_core::{Secret, canonical};
use hallmark_nexus::mcp::serve_stream;
use hallmark_nexus::{Caller, Channel, ToolOptions};
use reqwest::Method;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_util::sync::CancellationToken;

use crate::world::World;

/// What a channel said: the answer, or the error's own object.
pub(crate) type Said = Result<Value, Value>;

/// The channels that every operation with a tool is on.
pub(crate) const CHANNELS: [&str; 6] =
    ["direct", "rest", "mcp-http", "mcp-websocket", "mcp-stdio", "websocket"];

pub(crate) fn http() -> reqwest::Client {
    let timeouts = hallmark_services::http::Timeouts::total(Duration::from_secs(30));
    hallmark_services::http::client(timeouts).unwrap()
}

pub(crate) async fn json(response: reqwest::Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status} is not JSON: {text}")))
}

/// Calls an operation on a channel, as its tool where the channel speaks of tools.
pub(crate) async fn call(world: &World, channel: &str, operation: &str, input: Value) -> Said {
    match channel {
        "direct" => world.operations.call(&world.owner(), operation, input).await.map_err(|e| e.to_json()),
        "rest" => rest(world, &world.token, operation, input).await,
        _ => {
            let table = world.operations.table();
            let tool = table.iter().find(|o| o.name() == operation).and_then(|o| o.tool).unwrap_or(operation);
            self::tool(world, channel, tool, input).await
        }
    }
}

/// Calls a tool on a channel that speaks of tools.
pub(crate) async fn tool(world: &World, channel: &str, tool: &str, arguments: Value) -> Said {
    match channel {
        "mcp-http" => of_rpc(post(world, &world.token, call_tool(2, tool, &arguments)).await.1),
        "mcp-websocket" => {
            let mut socket = Socket::mcp(world, &world.token).await;
            of_rpc(socket.ask(&call_tool(2, tool, &arguments)).await)
        }
        "mcp-stdio" => stdio(world, call_tool(2, tool, &arguments)).await,
        "websocket" => {
            let mut socket = Socket::own(world, &world.token).await;
            let message = json!({ "type": "tool_execution", "id": 9, "tool": tool, "arguments": arguments });
            let mut answer = socket.ask(&message).await;
            assert_eq!((&answer["type"], &answer["id"]), (&json!("tool_result"), &json!(9)));
            match answer["error"].take() {
                Value::Null => Ok(answer),
                error => Err(error),
            }
        }
        other => panic!("no channel {other}"),
    }
}

/// The bytes that must be the same everywhere.
pub(crate) fn bytes(said: &Said) -> String {
    match said {
        Ok(answer) => canonical::to_string(&answer["result"]),
        Err(error) => format!("error {}", error["code"]),
    }
}

/// Calls over REST as the table says: parameters in the path, else in the query or the body.
pub(crate) async fn rest(world: &World, token: &Secret, operation: &str, input: Value) -> Said {
    let table = world.operations.table();
    let found = table.iter().find(|o| o.name() == operation);
    let routes = found.map_or(&[("POST", "/api/v1/none")][..], |o| o.routes);
    let Value::Object(mut input) = input else { panic!("an object") };
    // The route whose every parameter is given.
    let names = |path: &str| -> Vec<String> {
        path.split('/').filter_map(|p| Some(p.strip_prefix('{')?.strip_suffix('}')?.to_owned())).collect()
    };
    let (method, path) =
        routes.iter().find(|(_, p)| names(p).iter().all(|n| input.contains_key(n))).unwrap_or(&routes[0]);
    let mut path = (*path).to_owned();
    for name in names(&path) {
        if let Some(value) = input.remove(&name) {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            path = path.replace(&format!("{{{name}}}"), &encoded(&text));
        }
    }
    let method: Method = method.parse().unwrap();
    let mut request = http().request(method.clone(), world.rest(&path)).bearer_auth(token.expose());
    if method == Method::GET {
        let pairs: Vec<String> = input
            .iter()
            .map(|(k, v)| {
                format!("{k}={}", encoded(&v.as_str().map_or_else(|| v.to_string(), str::to_owned)))
            })
            .collect();
        request =
            http().get(format!("{}?{}", world.rest(&path), pairs.join("&"))).bearer_auth(token.expose());
    } else {
        request = request.json(&input);
    }
    let response = request.send().await.unwrap();
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    let (status, body) = json(response).await;
    if status == 200 {
        assert_eq!(kind, "application/json");
        return Ok(body);
    }
    assert_eq!(kind, "application/problem+json");
    assert_eq!(body["status"], status);
    assert_eq!(body["type"], format!("/errors/{}", body["code"].as_str().unwrap()));
    Err(body)
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

pub(crate) fn call_tool(id: u32, tool: &str, arguments: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": tool, "arguments": arguments } })
}

fn initialize() -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" },
    }})
}

/// One message to `/mcp`.
pub(crate) async fn post(world: &World, token: &Secret, message: Value) -> (u16, Value) {
    let request = http()
        .post(world.mcp("/mcp"))
        .bearer_auth(token.expose())
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2025-11-25")
        .json(&message);
    json(request.send().await.unwrap()).await
}

/// What a JSON-RPC answer to a tool call says. Content and structured content must be the same.
pub(crate) fn of_rpc(mut answer: Value) -> Said {
    if !answer["error"].is_null() {
        return Err(answer["error"]["data"].take());
    }
    let result = &mut answer["result"];
    let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
    let structured = result["structuredContent"].take();
    assert_eq!(text, structured);
    if result["isError"] == true { Err(structured) } else { Ok(structured) }
}

async fn stdio(world: &World, message: Value) -> Said {
    of_rpc(stdio_raw(world, ToolOptions::default(), message).await)
}

/// One message to the protocol over a pair of streams, after its handshake.
pub(crate) async fn stdio_raw(world: &World, options: ToolOptions, message: Value) -> Value {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let (input, output) = tokio::io::split(theirs);
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve_stream(world.operations.clone(), options, input, output, stop));
    let (reader, mut writer) = tokio::io::split(ours);
    let mut lines = BufReader::new(reader).lines();
    for message in [initialize(), json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }), message]
    {
        writer.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }
    let first: Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
    assert_eq!(first["result"]["serverInfo"]["name"], "hallmark");
    let answer: Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
    drop((writer, lines));
    serving.await.unwrap().unwrap();
    answer
}

/// A WebSocket.
pub(crate) struct Socket(
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>,
);

impl Socket {
    /// Connects with these headers; an HTTP answer other than the upgrade is the error.
    pub(crate) async fn connect(
        world: &World,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, (u16, Value)> {
        let mut request =
            format!("ws://{}{path}", world.server.addresses().mcp).into_client_request().unwrap();
        for (name, value) in headers {
            let name: tungstenite::http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        match tokio_tungstenite::connect_async(request).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(tungstenite::Error::Http(response)) => {
                let body = response.body().as_deref().unwrap_or_default();
                Err((response.status().as_u16(), serde_json::from_slice(body).unwrap_or_default()))
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// An initialised MCP connection.
    pub(crate) async fn mcp(world: &World, token: &Secret) -> Self {
        let bearer = format!("Bearer {}", token.expose());
        let headers = [("authorization", bearer.as_str()), ("sec-websocket-protocol", "mcp")];
        let mut socket = Self::connect(world, "/ws", &headers).await.unwrap();
        let answer = socket.ask(&initialize()).await;
        assert_eq!(answer["result"]["protocolVersion"], "2025-11-25");
        socket.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await;
        socket
    }

    /// A connection for Hallmark's own messages.
    pub(crate) async fn own(world: &World, token: &Secret) -> Self {
        let bearer = format!("Bearer {}", token.expose());
        Self::connect(world, "/ws", &[("authorization", &bearer)]).await.unwrap()
    }

    pub(crate) async fn send(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    pub(crate) async fn send_text(&mut self, text: String) {
        // The server may close while a long text is still being sent.
        let _ = self.0.send(Message::text(text)).await;
    }

    /// The next text, or how the connection was closed.
    pub(crate) async fn next(&mut self) -> Result<Value, Option<CloseFrame>> {
        loop {
            match tokio::time::timeout(Duration::from_secs(20), self.0.next())
                .await
                .expect("an answer in time")
            {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => return Err(frame),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    pub(crate) async fn ask(&mut self, message: &Value) -> Value {
        self.send(message).await;
        self.next().await.expect("an answer")
    }
}

/// A caller of another principal, without a wire.
pub(crate) fn somebody(name: &str) -> Caller {
    Caller { principal: name.to_owned(), ..Caller::owner(Channel::Cli) }
}

/// An object from pairs.
pub(crate) fn object(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}
