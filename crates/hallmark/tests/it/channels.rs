//! One session and one run on every channel: REST, MCP and the command line.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::support::{Folder, all, code, command, json, run};

struct Server {
    child: Child,
    rest: String,
    mcp: String,
    token: String,
}

impl Server {
    fn start(folder: &Folder) -> Self {
        let mut child = command(folder)
            .args(["serve", "--port", "0", "--mcp-port", "0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok).take(4);
        let said: Vec<String> = lines.collect();
        let url = |name: &str| {
            let line = said.iter().find(|l| l.starts_with(name)).unwrap_or_else(|| panic!("{said:?}"));
            line.split_whitespace().nth(1).unwrap().to_owned()
        };
        let token = std::fs::read_to_string(folder.path().join(".hallmark/token")).unwrap().trim().to_owned();
        Self { rest: url("REST").trim_end_matches("/api/v1").to_owned(), mcp: url("MCP"), token, child }
    }

    /// One HTTP request by curl, a client that nobody here wrote; status and body.
    fn curl(&self, arguments: &[&str]) -> (u16, Value) {
        let output = std::process::Command::new("curl")
            .args(["-s", "-w", "\n%{http_code}", "-H", "Content-Type: application/json"])
            .args(["-H", &format!("Authorization: Bearer {}", self.token)])
            .args(arguments)
            .output()
            .expect("curl is needed by the tests");
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::String(body.to_owned())))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

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
