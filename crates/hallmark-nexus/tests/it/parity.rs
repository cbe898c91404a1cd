//! The same call on every channel: the same bytes, the same error code.

use hallmark_nexus::ToolOptions;
use serde_json::{Value, json};

use crate::client::{self, CHANNELS, bytes, call, tool};
use crate::world::World;

/// Asserts that every channel says the same, and returns what they say.
async fn check_parity(world: &World, operation: &str, input: Value) -> String {
    let mut first = String::new();
    for channel in CHANNELS {
        let said = call(world, channel, operation, input.clone()).await;
        let own = bytes(&said);
        if first.is_empty() {
            first = own;
        } else {
            assert_eq!(own, first, "{channel} differs for {operation} {input}");
        }
    }
    first
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_call_gives_the_same_bytes() {
    let world = World::start().await;
    let ledger = json!({ "node": "LedgerCRUDNode", "input": { "text": "Grüße 𝄞 \u{1}", "amount": 0.1 } });
    call(&world, "direct", "node.run", ledger).await.unwrap();
    let definition = json!({ "nodes": [{ "type": "TemplateNode", "id": "t", "config": {
        "template": "{{ a }}", "values": { "a": 1e21 } } }] });
    let calls = [
        ("models.list", json!({})),
        ("workflows.list", json!({})),
        ("gates.list", json!({})),
        ("nodes.search", json!({ "query": "ledger", "limit": 1 })),
        ("nodes.describe", json!({ "node": "LedgerCRUDNode" })),
        ("node.run", json!({ "node": "LedgerSearchNode", "input": { "like": "𝄞" } })),
        ("node.run", json!({ "node": "greeting", "input": { "name": "Ada" } })),
        ("workflow.run", json!({ "workflow": "greeting", "input": { "name": "Ada" } })),
        ("workflow.run", json!({ "definition": definition })),
    ];
    for (operation, input) in calls {
        let said = check_parity(&world, operation, input).await;
        assert!(!said.starts_with("error"), "{operation}: {said}");
    }
    let rows = check_parity(&world, "node.run", json!({ "node": "LedgerSearchNode" })).await;
    assert_eq!(rows, "{\"rows\":[{\"amount\":0.1,\"text\":\"Grüße 𝄞 \\u0001\"}]}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_mistake_gives_the_same_code() {
    let world = World::start().await;
    let mistakes = [
        ("HM-W001", "node.run", json!({ "node": "NoSuchNode" })),
        ("HM-W001", "nodes.describe", json!({ "node": "ledgercrudnode" })),
        ("HM-W010", "node.run", json!({ "node": "LedgerCRUDNode", "input": { "text": "x", "txet": 1 } })),
        ("HM-W010", "node.run", json!({ "node": "LedgerCRUDNode", "inputs": {} })),
        ("HM-W011", "node.run", json!({ "node": "LedgerCRUDNode", "input": {} })),
        ("HM-W011", "workflow.run", json!({ "input": {} })),
        ("HM-W012", "node.run", json!({ "node": "LedgerCRUDNode", "input": { "text": 5 } })),
        ("HM-W012", "nodes.search", json!({ "query": "x", "limit": "ten" })),
        ("HM-W013", "nodes.search", json!({ "query": "x", "limit": 0 })),
        ("HM-W014", "node.run", json!({ "node": "LedgerCRUDNode", "input": { "text": "x".repeat(201) } })),
        ("HM-N026", "workflow.run", json!({ "workflow": "WaitNode" })),
        ("HM-W024", "workflow.run", json!({ "definition": { "steps": [] } })),
        ("HM-W040", "runs.get", json!({ "run_id": "0193a000-0000-7000-8000-000000000000" })),
        ("HM-N020", "sessions.get", json!({ "session": "hs_none" })),
        ("HM-N020", "node.run", json!({ "node": "LedgerSearchNode", "session": "hs_none" })),
        ("HM-N023", "sessions.create", json!({ "data": { "long": "x".repeat(20_000) } })),
    ];
    for (code, operation, input) in mistakes {
        let said = check_parity(&world, operation, input.clone()).await;
        assert_eq!(said, format!("error \"{code}\""), "{operation} {input}");
    }
    assert_eq!(check_parity(&world, "no.such", json!({})).await, "error \"HM-N001\"");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_made_on_one_channel_is_read_on_the_others() {
    let world = World::start().await;
    for maker in CHANNELS {
        let input = json!({ "node": "ParcelCRUDNode", "input": { "text": maker, "amount": 2.50 } });
        let made = call(&world, maker, "node.run", input).await.unwrap();
        let run_id = made["run_id"].as_str().unwrap().to_owned();
        assert!(made["result"].get("run_id").is_none(), "the id stands outside the result");
        let read = check_parity(&world, "runs.get", json!({ "run_id": run_id })).await;
        let run: Value = serde_json::from_str(&read).unwrap();
        assert_eq!(run["result"], made["result"]);
        assert_eq!(run["status"], "succeeded");
        let other =
            world.operations.call(&client::somebody("other"), "runs.get", json!({ "run_id": run_id })).await;
        assert_eq!(other.unwrap_err().code().id, "HM-W040", "a run is its caller's");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_of_kinds_and_workflows_are_the_same_calls() {
    let world = World::start().await;
    let by_name = call(&world, "direct", "node.run", json!({ "node": "LedgerSearchNode" })).await;
    for channel in ["mcp-http", "mcp-websocket", "mcp-stdio", "websocket"] {
        let kind = tool(&world, channel, "search", json!({ "model": "Ledger", "input": {} })).await;
        assert_eq!(bytes(&kind), bytes(&by_name), "{channel}");
        let greeting = tool(&world, channel, "greeting", json!({ "name": "Ada" })).await;
        assert_eq!(bytes(&greeting), "{\"message\":\"Hello, Ada!\"}", "{channel}");
        let wrong = tool(&world, channel, "crud", json!({ "model": "Leger", "input": {} })).await;
        assert_eq!(bytes(&wrong), "error \"HM-W015\"", "{channel}");
        let missing = tool(&world, channel, "crud", json!({ "input": {} })).await;
        assert_eq!(bytes(&missing), "error \"HM-W011\"", "{channel}");
        let unknown = tool(&world, channel, "no_such_tool", json!({})).await;
        assert_eq!(bytes(&unknown), "error \"HM-N001\"", "{channel}");
    }
    let listed =
        client::post(&world, &world.token, json!({ "jsonrpc": "2.0", "id": 3, "method": "tools/list" }))
            .await
            .1;
    let tools = listed["result"]["tools"].as_array().unwrap();
    let of = |name: &str| tools.iter().find(|t| t["name"] == name).unwrap();
    assert_eq!(of("crud")["inputSchema"]["properties"]["model"]["enum"], json!(["Ledger", "Parcel"]));
    assert_eq!(of("crud")["inputSchema"]["properties"]["input"]["required"], json!(["text"]));
    assert_eq!(of("search")["annotations"]["readOnlyHint"], true);
    assert_eq!(of("crud")["annotations"]["readOnlyHint"], false);
    assert!(tools.len() < 40, "{} tools do not fit an agent", tools.len());
    let list = json!({ "jsonrpc": "2.0", "id": 3, "method": "tools/list" });
    let flat = client::stdio_raw(&world, ToolOptions { flat: true }, list).await;
    let flat = flat["result"]["tools"].as_array().unwrap();
    for spec in world.operations.registry().specs() {
        assert!(flat.iter().any(|t| t["name"] == spec.name), "{} is not in the flat list", spec.name);
    }
    let reading =
        client::post(&world, &world.reader, json!({ "jsonrpc": "2.0", "id": 4, "method": "tools/list" }))
            .await
            .1;
    let reading = reading["result"]["tools"].as_array().unwrap();
    assert!(reading.iter().all(|t| t["annotations"]["readOnlyHint"] == true) && reading.len() < tools.len());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_gives_the_first_run() {
    let world = World::start().await;
    let input = json!({ "node": "ParcelCRUDNode", "input": { "text": "once" }, "idempotency_key": "k1" });
    let mut runs = Vec::new();
    for channel in CHANNELS {
        let answer = call(&world, channel, "node.run", input.clone()).await.unwrap();
        runs.push(answer["run_id"].as_str().unwrap().to_owned());
    }
    runs.dedup();
    assert_eq!(runs.len(), 1);
    let rows = call(&world, "direct", "node.run", json!({ "node": "ParcelSearchNode" })).await.unwrap();
    assert_eq!(rows["result"]["rows"].as_array().unwrap().len(), 1, "it was done once");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_protocol_needs_no_handshake() {
    let world = World::start().await;
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
    });
    let ask = |method: &'static str, mut params: Value| {
        params["_meta"] = meta.clone();
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let mut request = client::http()
            .post(world.mcp("/mcp"))
            .bearer_auth(world.token.expose())
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", method);
        if let Some(name) = message["params"]["name"].as_str() {
            request = request.header("mcp-name", name);
        }
        let request = request.json(&message);
        async move { client::json(request.send().await.unwrap()).await }
    };
    let (status, discovered) = ask("server/discover", json!({})).await;
    assert_eq!(status, 200, "{discovered}");
    assert!(
        discovered["result"]["supportedVersions"].as_array().unwrap().contains(&json!("2026-07-28")),
        "{discovered}"
    );
    let arguments = json!({ "name": "greeting", "arguments": { "name": "Ada" } });
    let newest = client::of_rpc(ask("tools/call", arguments).await.1);
    assert_eq!(bytes(&newest), "{\"message\":\"Hello, Ada!\"}");
    world.end().await;
}
