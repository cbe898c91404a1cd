//! What is too large, malformed or nowhere is refused with a code, and nothing else is lost.

use hallmark_nexus::limits;
use reqwest::header::{ALLOW, CONTENT_TYPE};
use serde_json::json;

use crate::client::{self, Socket, http};
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn too_large_is_413_or_1009() {
    let world = World::start().await;
    let long = "x".repeat(limits::BODY_BYTES_MAX);
    let body = json!({ "label": long }).to_string();
    for url in [world.rest("/api/v1/sessions"), world.mcp("/mcp")] {
        let request = http()
            .post(&url)
            .bearer_auth(world.token.expose())
            .header(CONTENT_TYPE, "application/json")
            .header("accept", "application/json, text/event-stream");
        let (status, problem) = client::json(request.body(body.clone()).send().await.unwrap()).await;
        assert_eq!((status, &problem["code"]), (413, &json!("HM-N005")), "{url}");
    }
    // Without a declared length, the bytes are counted as they come.
    let parts = (0..80).map(|_| Ok::<_, std::io::Error>("y".repeat(64 * 1024)));
    let stream = reqwest::Body::wrap_stream(futures_util::stream::iter(parts));
    let request = http().post(world.rest("/api/v1/sessions")).bearer_auth(world.token.expose());
    let (status, problem) =
        client::json(request.header(CONTENT_TYPE, "application/json").body(stream).send().await.unwrap())
            .await;
    assert_eq!((status, &problem["code"]), (413, &json!("HM-N005")));
    for text in [body.clone(), body.repeat(2)] {
        let mut mcp = Socket::mcp(&world, &world.token).await;
        let mut own = Socket::own(&world, &world.token).await;
        for socket in [&mut mcp, &mut own] {
            socket.send_text(text.clone()).await;
            let frame = socket.next().await.unwrap_err().expect("a reason");
            assert_eq!(u16::from(frame.code), 1009);
            assert!(frame.reason.starts_with("HM-N005"), "{}", frame.reason);
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_is_said_on_every_channel() {
    let world = World::start().await;
    let post = |url: String, kind: &'static str, body: &'static str| {
        let request = http().post(url).bearer_auth(world.token.expose()).header(CONTENT_TYPE, kind);
        let request = request.header("accept", "application/json, text/event-stream").body(body);
        async move { client::json(request.send().await.unwrap()).await }
    };
    let sessions = world.rest("/api/v1/sessions");
    let cases = [
        ("application/json", "{", 400, "HM-C020"),
        ("application/json", "{\"label\": 12345678901234567890.123}", 400, "HM-C021"),
        ("application/json", "[]", 422, "HM-W012"),
        ("application/json", "\u{0}", 400, "HM-C020"),
        ("text/plain", "{}", 415, "HM-N004"),
        ("application/x-www-form-urlencoded", "label=x", 415, "HM-N004"),
    ];
    for (kind, body, status, code) in cases {
        let (own, problem) = post(sessions.clone(), kind, body).await;
        assert_eq!((own, &problem["code"]), (status, &json!(code)), "{kind} {body}");
    }
    let (status, answer) = post(world.mcp("/mcp"), "application/json", "{").await;
    assert_eq!((status, &answer["error"]["code"]), (400, &json!(-32700)));
    assert_eq!(answer["error"]["data"]["code"], "HM-C020");
    let (status, answer) = post(world.mcp("/mcp"), "application/json", "[0.123456789012345678]").await;
    assert_eq!((status, &answer["error"]["data"]["code"]), (400, &json!("HM-C021")));
    let mut mcp = Socket::mcp(&world, &world.token).await;
    mcp.send_text("{".to_owned()).await;
    let answer = mcp.next().await.unwrap();
    assert_eq!(
        (&answer["error"]["code"], &answer["error"]["data"]["code"]),
        (&json!(-32700), &json!("HM-C020"))
    );
    let answer = mcp.ask(&json!({ "jsonrpc": "1.0", "id": 5, "method": 7 })).await;
    assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(-32600), &json!(5)));
    mcp.send_text(
        "{\"jsonrpc\": \"2.0\", \"id\": 8, \"method\": \"ping\", \"params\": {\"a\": 0.123456789012345678}}"
            .to_owned(),
    )
    .await;
    let answer = mcp.next().await.unwrap();
    assert_eq!((&answer["error"]["data"]["code"], &answer["id"]), (&json!("HM-C021"), &json!(8)));
    let answer = mcp.ask(&json!({ "jsonrpc": "2.0", "id": 6, "method": "tools/list" })).await;
    assert!(answer["result"]["tools"].is_array(), "the connection lives on");
    let mut own = Socket::own(&world, &world.token).await;
    own.send_text("{".to_owned()).await;
    assert_eq!(own.next().await.unwrap()["error"]["code"], "HM-C020");
    own.send_text("{\"type\": \"dance\", \"a\": 0.123456789012345678}".to_owned()).await;
    assert_eq!(own.next().await.unwrap()["error"]["code"], "HM-C021");
    assert_eq!(own.ask(&json!({ "type": "dance", "id": 3 })).await["error"]["code"], "HM-N040");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nowhere_and_not_so() {
    let world = World::start().await;
    let get = |path: &str| http().get(world.rest(path)).bearer_auth(world.token.expose());
    let (status, problem) = client::json(get("/api/v1/nowhere").send().await.unwrap()).await;
    assert_eq!((status, &problem["code"]), (404, &json!("HM-N001")));
    let put =
        http().put(world.rest("/api/v1/sessions")).bearer_auth(world.token.expose()).send().await.unwrap();
    assert_eq!(put.status(), 405);
    assert!(put.headers()[ALLOW].to_str().unwrap().contains("POST"));
    assert_eq!(client::json(put).await.1["code"], "HM-N002");
    let twice = get("/api/v1/search?query=a&query=b").send().await.unwrap();
    assert_eq!(client::json(twice).await.1["code"], "HM-N003");
    let body = http().post(world.rest("/api/v1/nodes/WaitNode/run")).bearer_auth(world.token.expose());
    let twice = body.json(&json!({ "node": "LedgerCRUDNode", "input": { "ms": 1 } })).send().await.unwrap();
    assert_eq!(client::json(twice).await.1["code"], "HM-N003");
    let page = http().get(world.rest("/errors/HM-N020")).send().await.unwrap();
    assert!(page.text().await.unwrap().starts_with("# HM-N020"));
    let none = http().get(world.rest("/errors/HM-X999")).send().await.unwrap();
    assert_eq!(none.status(), 404);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_principal_has_a_bound() {
    let world = World::start().await;
    let wait = json!({ "node": "WaitNode", "input": { "ms": 1500 } });
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..limits::OPERATIONS_PER_PRINCIPAL_MAX {
        let (operations, input) = (world.operations.clone(), wait.clone());
        waiting.spawn(
            async move { operations.call(&client::somebody("other"), "node.run", input).await.is_ok() },
        );
    }
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    let refused = client::rest(&world, &world.other, "nodes.list", json!({})).await.unwrap_err();
    assert_eq!((&refused["code"], &refused["status"]), (&json!("HM-N007"), &json!(429)));
    client::rest(&world, &world.token, "nodes.list", json!({})).await.unwrap();
    while let Some(done) = waiting.join_next().await {
        assert!(done.unwrap());
    }
    world.end().await;
}
