//! Who is let in: tokens, hosts, origins, tickets and cookies, on every entrance.

use reqwest::header::{
    AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE, WWW_AUTHENTICATE,
};
use serde_json::{Value, json};

use crate::client::{self, Socket, http, rest};
use crate::world::World;

/// Sends these headers to each entrance; the status and the code that each answers with.
async fn knock(world: &World, headers: &[(&str, &str)]) -> Vec<(&'static str, u16, Value)> {
    let with = |mut request: reqwest::RequestBuilder| {
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request
    };
    let read = client::json(with(http().get(world.rest("/api/v1/nodes"))).send().await.unwrap()).await;
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let mcp = with(
        http().post(world.mcp("/mcp")).header("accept", "application/json, text/event-stream").json(&list),
    );
    let mcp = client::json(mcp.send().await.unwrap()).await;
    let mut all = vec![("rest", read.0, read.1["code"].clone()), ("mcp", mcp.0, mcp.1["code"].clone())];
    for (name, protocol) in [("mcp-websocket", Some("mcp")), ("websocket", None)] {
        let mut own = headers.to_vec();
        own.extend(protocol.map(|p| ("sec-websocket-protocol", p)));
        match Socket::connect(world, "/ws", &own).await {
            Ok(_) => all.push((name, 101, Value::Null)),
            Err((status, body)) => all.push((name, status, body["code"].clone())),
        }
    }
    all
}

async fn check_knock(world: &World, headers: &[(&str, &str)], status: u16, code: &str) {
    for (entrance, own_status, own_code) in knock(world, headers).await {
        assert_eq!((own_status, own_code), (status, json!(code)), "{entrance} with {headers:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_entrance_refuses_alike() {
    let world = World::start().await;
    let good = format!("Bearer {}", world.token.expose());
    let good = ("authorization", good.as_str());
    check_knock(&world, &[], 401, "HM-N010").await;
    check_knock(&world, &[("authorization", "Basic eDp5")], 401, "HM-N010").await;
    check_knock(&world, &[("authorization", "Bearer wrong")], 401, "HM-N011").await;
    check_knock(&world, &[good, ("host", "evil.example:8000")], 421, "HM-N012").await;
    check_knock(&world, &[good, ("origin", "http://evil.example")], 403, "HM-N013").await;
    check_knock(&world, &[good, ("origin", "null")], 403, "HM-N013").await;
    for (entrance, status, code) in knock(&world, &[good]).await {
        assert!(status == 200 || status == 101, "{entrance}: {status} {code}");
    }
    let refused = http().get(world.rest("/api/v1/nodes")).send().await.unwrap();
    assert_eq!(refused.headers()[WWW_AUTHENTICATE], "Bearer realm=\"hallmark\"");
    let wrong =
        http().get(world.rest("/openapi.json")).header(AUTHORIZATION, "Bearer x").send().await.unwrap();
    assert_eq!(wrong.headers()[WWW_AUTHENTICATE], "Bearer realm=\"hallmark\", error=\"invalid_token\"");
    assert_eq!(
        http().get(world.rest("/health")).send().await.unwrap().text().await.unwrap(),
        "{\"status\":\"ok\"}"
    );
    let rebound = http().get(world.rest("/health")).header(HOST, "rebound.example").send().await.unwrap();
    assert_eq!(rebound.status(), 421, "health too answers only under its own name");
    let old = world.token.clone();
    world.server.auth().rotate().unwrap();
    let old = format!("Bearer {}", old.expose());
    check_knock(&world, &[("authorization", &old)], 401, "HM-N011").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_caller_only_reads() {
    let world = World::start().await;
    let refused = rest(&world, &world.reader, "sessions.create", json!({})).await.unwrap_err();
    assert_eq!((&refused["code"], &refused["status"]), (&json!("HM-N014"), &json!(403)));
    let write = json!({ "node": "LedgerCRUDNode", "input": { "text": "x" } });
    assert_eq!(rest(&world, &world.reader, "node.run", write.clone()).await.unwrap_err()["code"], "HM-N014");
    let definition = json!({ "nodes": [{ "type": "LedgerCRUDNode", "id": "w", "config": { "text": "x" } }] });
    let posted = rest(&world, &world.reader, "workflow.run", json!({ "definition": definition })).await;
    assert_eq!(posted.unwrap_err()["code"], "HM-N014", "a posted workflow is no way round");
    let tool = client::call_tool(5, "run_node", &write);
    let tool = client::of_rpc(client::post(&world, &world.reader, tool).await.1);
    assert_eq!(tool.unwrap_err()["code"], "HM-N014");
    rest(&world, &world.reader, "node.run", json!({ "node": "LedgerSearchNode" })).await.unwrap();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_opens_once_and_only_reads() {
    let world = World::start().await;
    let url = world.server.page_url().unwrap();
    assert_eq!(http().head(&url).send().await.unwrap().status(), 401, "a preview does not use it up");
    let opened = http().get(&url).send().await.unwrap();
    assert_eq!((opened.status().as_u16(), &opened.headers()[LOCATION]), (303, &"/".parse().unwrap()));
    let cookie = opened.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let again = http().get(&url).send().await.unwrap();
    assert_eq!(again.status(), 401);
    assert!(again.text().await.unwrap().contains("HM-N015"));
    let get = |path: &str| http().get(world.rest(path)).header(COOKIE, &cookie);
    assert_eq!(get("/api/v1/sessions").send().await.unwrap().status(), 200);
    let cross = get("/api/v1/sessions").header("sec-fetch-site", "cross-site").send().await.unwrap();
    assert_eq!(cross.status(), 401, "a cookie counts only when the page itself sends it");
    let post = http()
        .post(world.rest("/api/v1/sessions"))
        .header(COOKIE, &cookie)
        .header(CONTENT_TYPE, "application/json");
    assert_eq!(post.body("{}").send().await.unwrap().status(), 401, "a cookie never writes");
    let own = format!("http://{}", world.server.addresses().rest);
    let mut socket =
        Socket::connect(&world, "/ws", &[("cookie", &cookie), ("origin", &own)]).await.ok().unwrap();
    let write = json!({ "type": "tool_execution", "id": 1, "tool": "create_session" });
    assert_eq!(socket.ask(&write).await["error"]["code"], "HM-N014");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_opens_one_websocket() {
    let world = World::start().await;
    let ask = |kind: &'static str| {
        let request = http().post(world.rest("/api/v1/tickets")).bearer_auth(world.other.expose());
        async move { client::json(request.json(&json!({ "for": kind })).send().await.unwrap()).await }
    };
    let (status, made) = ask("websocket").await;
    assert_eq!(status, 200);
    let url = made["url"].as_str().unwrap();
    let path = &url[url.find("/ws").unwrap()..];
    let mut socket = Socket::connect(&world, path, &[]).await.ok().unwrap();
    let created = socket.ask(&json!({ "type": "tool_execution", "id": 1, "tool": "create_session" })).await;
    assert_eq!(created["result"]["owner"], "other", "the socket is the one's who asked for the ticket");
    let again = Socket::connect(&world, path, &[]).await.err().unwrap();
    assert_eq!((again.0, &again.1["code"]), (401, &json!("HM-N015")));
    assert_eq!(ask("dancing").await.1["code"], "HM-N003");
    let request = http().post(world.rest("/api/v1/tickets")).bearer_auth(world.reader.expose());
    assert_eq!(request.send().await.unwrap().status(), 403);
    let other_origin =
        http().post(world.rest("/api/v1/tickets")).header(ORIGIN, "http://127.0.0.1:1").bearer_auth("x");
    assert_eq!(other_origin.send().await.unwrap().status(), 403);
    world.end().await;
}
