//! One session and one run on every channel: REST, MCP and the command line.

use serde_json::{Value, json};

use crate::support::{Folder, Server, all, code, json, run};

#[test]
fn a_session_and_a_run_are_the_same_everywhere() {
    let folder = Folder::example("catalog");
    let server = Server::start(&folder);

    let made = run(&folder, &["session", "create", "--label", "from the command line"]);
    assert_eq!(code(&made), 0, "{}", all(&made));
    let session = json(&made)["session"].as_str().unwrap().to_owned();
    let (status, read) = server.curl(&[&format!("{}/api/v1/sessions/{session}", server.rest)]);
    assert_eq!((status, &read["result"]["label"]), (200, &json!("from the command line")), "{read}");

    let body =
        json!({ "input": { "product_name": "Industrial Safety Goggles" }, "session": session }).to_string();
    let url = format!("{}/api/v1/workflows/product_classification/run", server.rest);
    let (status, answer) = server.curl(&["-d", &body, &url]);
    assert_eq!(status, 200, "{answer}");
    let run_id = answer["run_id"].as_str().unwrap();
    let shown = run(&folder, &["run", "--show", run_id]);
    let (_, over_rest) = server.curl(&[&format!("{}/api/v1/runs/{run_id}", server.rest)]);
    let canonical = |v: &Value| hallmark_core::canonical::to_string(&v["result"]);
    assert_eq!(canonical(&json(&shown)), canonical(&over_rest));
    assert!(canonical(&over_rest).contains("product_name"));
}

#[test]
fn nobody_gets_in_without_the_token() {
    let folder = Folder::example("catalog");
    let mut server = Server::start(&folder);
    server.token = "not-the-token".to_owned();
    for url in [format!("{}/api/v1/nodes", server.rest), server.mcp.clone()] {
        let (status, problem) = server.curl(&["-d", "{}", &url]);
        assert_eq!(status, 401, "{url}: {problem}");
        assert_eq!(problem["code"], "HM-N011", "{problem}");
    }
    let (status, _) = server.curl(&["-H", "Host: evil.example", &format!("{}/api/v1/nodes", server.rest)]);
    assert!([400, 403, 421].contains(&status), "{status}");
}
