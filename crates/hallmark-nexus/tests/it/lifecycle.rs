//! Starting, stopping and standing in each other's way.

use std::sync::Arc;

use hallmark_nexus::{
    Auth, GatesStatus, Operations, Parts, ServeOptions, Sessions, StackStatus, codes, serve,
};
use hallmark_services::{Postgres, PostgresConfig};
use hallmark_workflow::{LocalRuntime, Registry, RunStore};
use serde_json::json;

use crate::client::{Socket, http, rest};
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_port_taken_names_its_holder() {
    let world = World::start().await;
    let auth = Auth::open(world.place.folder.join("token")).unwrap();
    let taken = world.server.addresses().rest;
    let options = ServeOptions { rest_addr: taken, ..ServeOptions::new(world.operations.clone(), auth) };
    let error = serve(options).await.map(drop).unwrap_err();
    assert!(error.is(&codes::PORT_TAKEN));
    assert!(error.message().contains(&format!("process {}", std::process::id())), "{error:?}");
    assert!(error.next_step().unwrap().contains("--help"));
    let auth = Auth::open(world.place.folder.join("token")).unwrap();
    let everywhere = ServeOptions {
        rest_addr: "0.0.0.0:0".parse().unwrap(),
        ..ServeOptions::new(world.operations.clone(), auth)
    };
    assert!(serve(everywhere).await.map(drop).unwrap_err().is(&codes::NOT_LOOPBACK));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_what_is_under_way_end() {
    let world = World::start().await;
    let (place, url) = (world.place.clone(), world.rest("/health"));
    let mut socket = Socket::own(&world, &world.token).await;
    let mut mcp = Socket::mcp(&world, &world.token).await;
    let request = http()
        .post(world.rest("/api/v1/nodes/WaitNode/run"))
        .bearer_auth(world.token.expose())
        .json(&json!({ "input": { "ms": 800 } }))
        .send();
    let request = tokio::spawn(request);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let stopped = tokio::spawn(world.server.stop());
    assert_eq!(request.await.unwrap().unwrap().status(), 200, "the request under way was answered");
    assert!(stopped.await.unwrap());
    assert!(socket.next().await.is_err() && mcp.next().await.is_err(), "the WebSockets were closed");
    assert!(http().get(url).send().await.is_err(), "nobody listens any more");
    drop(world.operations);
    place.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_loses_no_run() {
    let world = World::start().await;
    let request = http()
        .post(world.rest("/api/v1/nodes/WaitNode/run"))
        .bearer_auth(world.token.expose())
        .json(&json!({ "input": { "ms": 500 } }))
        .send();
    assert!(tokio::time::timeout(std::time::Duration::from_millis(200), request).await.is_err());
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    let runs = rest(&world, &world.token, "runs.list", json!({})).await.unwrap();
    assert_eq!(runs["result"]["runs"][0]["status"], "succeeded");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_database_the_server_starts_and_says_what_is_missing() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = PostgresConfig::from_url(&format!("postgres://u:p@127.0.0.1:{closed}/d")).unwrap();
    let postgres = Postgres::new(&config).unwrap();
    let world = World::start().await;
    let operations = Operations::new(Parts {
        runtime: LocalRuntime::new(Arc::new(Registry::with_builtins().unwrap()), RunStore::lazy(&postgres)),
        sessions: Sessions::new(postgres, None),
        stack: Arc::new(|| Box::pin(async { Ok(StackStatus::default()) })),
        gates: Arc::new(|| Box::pin(async { Ok(GatesStatus::default()) })),
        explain: |_| None,
        project: "offline".to_owned(),
    });
    let free = "127.0.0.1:0".parse().unwrap();
    let auth = Auth::open(world.place.folder.join("token")).unwrap();
    let options = ServeOptions { rest_addr: free, mcp_addr: free, ..ServeOptions::new(operations, auth) };
    let server = serve(options).await.unwrap();
    let get = |path: &str| {
        let url = format!("http://{}{path}", server.addresses().rest);
        let request = http().get(url).bearer_auth(world.token.expose());
        async move { crate::client::json(request.send().await.unwrap()).await }
    };
    assert_eq!(get("/api/v1/nodes").await.0, 200);
    for path in ["/api/v1/sessions", "/api/v1/runs"] {
        let (status, problem) = get(path).await;
        assert_eq!(status, 503, "{problem}");
        assert_eq!(problem["code"], "HM-S003", "{problem}");
    }
    let page = http().get(server.page_url().unwrap()).send().await.unwrap();
    let cookie = page.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let page = http()
        .get(format!("http://{}/", server.addresses().rest))
        .header("cookie", cookie)
        .send()
        .await
        .unwrap();
    assert!(page.text().await.unwrap().contains("HM-S003"), "the page shows it too");
    assert!(server.stop().await);
    world.end().await;
}
