//! The pages and the documents that describe the interface.

use reqwest::header::{CONTENT_SECURITY_POLICY, COOKIE, LOCATION, SET_COOKIE};
use serde_json::{Value, json};

use crate::client::{call, http};
use crate::world::World;

async fn open(world: &World, path: &str) -> (String, String) {
    let opened = http().get(world.server.page_url().unwrap()).send().await.unwrap();
    assert_eq!(opened.headers()[LOCATION], "/");
    let cookie = opened.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let page = http().get(world.rest(path)).header(COOKIE, cookie).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let policy = page.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    (page.text().await.unwrap(), policy)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_everything_without_scripts_or_outside_assets() {
    let world = World::start().await;
    let made = call(&world, "rest", "sessions.create", json!({ "label": "<script>alert(1)</script>" }))
        .await
        .unwrap();
    let run = json!({ "node": "greeting", "input": { "name": "Ada" }, "session": made["session"] });
    let run = call(&world, "rest", "node.run", run).await.unwrap();
    let (page, policy) = open(&world, "/").await;
    for shown in [
        "postgres",
        "redis",
        "usable",
        "gold standards",
        "not measured",
        "exempted",
        "LedgerCRUDNode",
        "greeting",
    ] {
        assert!(page.contains(shown), "{shown} is missing");
    }
    assert!(
        page.contains(run["run_id"].as_str().unwrap()) && page.contains(made["session"].as_str().unwrap())
    );
    assert!(
        page.contains("the &lt;test&gt; project") && !page.contains("<script>alert(1)"),
        "what users write is escaped"
    );
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    for outside in ["src=\"http", "href=\"http", "url(http", "@import"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(!page.contains(world.token.expose()), "the token is nowhere in the page");
    let (fragment, _) = open(&world, "/?fragment=true").await;
    assert!(fragment.contains("Services") && !fragment.contains("<html"));
    let (docs, _) = open(&world, "/docs").await;
    for shown in ["sessions.create", "POST", "/api/v1/nodes/LedgerCRUDNode/run", "create_session"] {
        assert!(docs.contains(shown), "{shown} is missing");
    }
    let refused = http().get(world.rest("/")).send().await.unwrap();
    assert_eq!(refused.status(), 401);
    assert!(refused.text().await.unwrap().contains("hallmark serve --url"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_openapi_document_has_every_operation_and_node() {
    let world = World::start().await;
    let request = http().get(world.rest("/openapi.json")).bearer_auth(world.token.expose());
    let document: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    for operation in world.operations.table() {
        for (method, path) in operation.routes {
            assert!(document["paths"][*path][method.to_lowercase()].is_object(), "{method} {path}");
        }
    }
    for spec in world.operations.registry().specs() {
        let own = &document["paths"][format!("/api/v1/nodes/{}/run", spec.name)]["post"];
        let input = &own["requestBody"]["content"]["application/json"]["schema"]["properties"]["input"];
        assert_eq!(input, &spec.input_schema(), "{}", spec.name);
    }
    let mut ids: Vec<&str> = Vec::new();
    for item in document["paths"].as_object().unwrap().values() {
        ids.extend(item.as_object().unwrap().values().map(|o| o["operationId"].as_str().unwrap()));
    }
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "operation ids are unique");
    world.end().await;
}
