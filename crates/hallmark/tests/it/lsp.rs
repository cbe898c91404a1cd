//! `hallmark lsp` as a process: the same findings as `check`, on any input, to an orderly end; and a client that is not ours.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::support::Folder;

struct Client {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    next: i64,
}

#[expect(clippy::needless_pass_by_value, reason = "calls read better with the literal in them")]
impl Client {
    fn new(folder: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_hallmark"))
            .arg("lsp")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output, next: 1 }
    }

    fn open(folders: &[&Path]) -> Self {
        let mut client = Self::new(folders[0]);
        let folders: Vec<Value> =
            folders.iter().map(|f| json!({ "uri": uri(f), "name": f.to_string_lossy() })).collect();
        let capabilities = json!({
            "general": { "positionEncodings": ["utf-8", "utf-16"] },
            "workspace": { "didChangeWatchedFiles": { "dynamicRegistration": true } },
        });
        let answer = client
            .request("initialize", json!({ "capabilities": capabilities, "workspaceFolders": folders }));
        assert_eq!(answer["result"]["capabilities"]["positionEncoding"], "utf-8");
        client.notify("initialized", json!({}));
        client
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.input.write_all(bytes).and_then(|()| self.input.flush()).unwrap();
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        self.raw(format!("Content-Length: {}\r\n\r\n{text}", text.len()).as_bytes());
    }

    fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.next;
        self.next += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        self.until(|m| m["id"] == id && m.get("method").is_none())
    }

    fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.read().expect("the server closed its stream");
            if wanted(&message) {
                return message;
            }
        }
    }

    fn read(&mut self) -> Option<Value> {
        let mut size = 0;
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            match line.trim().split_once(':') {
                Some((_, value)) => size = value.trim().parse().unwrap(),
                None => break,
            }
        }
        let mut body = vec![0; size];
        self.output.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    fn document(&mut self, path: &Path, text: &str) {
        let item = json!({ "uri": uri(path), "languageId": "python", "version": 1, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": item }));
    }

    fn diagnostics(&mut self, path: &Path) -> Vec<Value> {
        let uri = uri(path);
        let message = self.until(|m| {
            m["method"] == "textDocument/publishDiagnostics" && m["params"]["uri"] == uri.as_str()
        });
        message["params"]["diagnostics"].as_array().unwrap().clone()
    }

    fn rules(&mut self, path: &Path) -> Vec<String> {
        self.diagnostics(path).iter().map(|d| d["code"].as_str().unwrap().to_owned()).collect()
    }

    fn end(mut self) -> i32 {
        assert_eq!(self.request("shutdown", Value::Null)["result"], Value::Null);
        self.notify("exit", Value::Null);
        self.child.wait().unwrap().code().unwrap()
    }
}

fn uri(path: &Path) -> String {
    format!("file://{}", path.display())
}

fn check(folder: &Path) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_hallmark"))
        .args(["check", "--format", "json"])
        .current_dir(folder)
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_findings_of_every_file_are_those_of_check() {
    for example in ["catalog", "catalog-before"] {
        let folder = Folder::example(example);
        let report = check(folder.path());
        let mut expected: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for finding in report["findings"].as_array().unwrap() {
            expected.entry(finding["path"].as_str().unwrap().to_owned()).or_default().push(finding.clone());
        }
        let mut problems = 0;
        let mut client = Client::open(&[folder.path()]);
        let mut files = 0;
        for path in python_files(folder.path()) {
            files += 1;
            client.document(&path, &std::fs::read_to_string(&path).unwrap());
            let mut found = Vec::new();
            for diagnostic in client.diagnostics(&path) {
                match diagnostic["data"].get("problem") {
                    Some(problem) => {
                        problems += 1;
                        assert!(report["problems"].as_array().unwrap().contains(problem));
                    }
                    None => found.push(diagnostic["data"].clone()),
                }
            }
            let name = path.strip_prefix(folder.path()).unwrap().to_string_lossy().into_owned();
            assert_eq!(found, expected.remove(&name).unwrap_or_default(), "{name}");
        }
        assert!(expected.is_empty(), "files that the editor was not told of: {:?}", expected.keys());
        assert_eq!(files, report["files"].as_u64().unwrap());
        assert_eq!(problems, report["problems"].as_array().unwrap().len());
        let score = client.request("workspace/executeCommand", json!({ "command": "hallmark.score" }));
        assert_eq!(score["result"][0]["overall"], report["score"]);
        assert_eq!(score["result"][0]["families"], report["families"]);
        assert_eq!(client.end(), 0);
    }
}

fn python_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() && !path.ends_with(".hallmark") {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "py") {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn bad_input_is_answered_and_ends_nothing() {
    let folder = Folder::new();
    let mut client = Client::new(folder.path());
    let early = client.request("textDocument/hover", json!({}));
    assert_eq!(early["error"]["code"], -32002);
    client.raw(b"nonsense\r\nContent-Length: 5\r\n\r\n{no}}");
    assert_eq!(client.read().unwrap()["error"]["code"], -32700);
    client.raw(b"Content-Length: 99999999999\r\n");
    client.raw(b"Content-Length: 8\r\n\r\n[1, [2]]");
    assert_eq!(client.read().unwrap()["error"]["code"], -32600);
    let code = |answer: Value| answer["error"]["code"].as_i64().unwrap_or(0);
    assert_eq!(code(client.request("initialize", json!({ "capabilities": 7 }))), -32602);
    client.request("initialize", json!({ "capabilities": {}, "rootUri": uri(folder.path()) }));
    assert_eq!(code(client.request("initialize", json!({ "capabilities": {} }))), -32600);
    client.notify("initialized", json!({}));
    client.notify("textDocument/didOpen", json!({ "textDocument": 1 }));
    client.notify(
        "textDocument/didChange",
        json!({ "textDocument": { "uri": "file:///nowhere.py", "version": 2 }, "contentChanges": [] }),
    );
    client.notify("no/such/notification", json!([]));
    client.notify("$/cancelRequest", json!({ "id": 12345 }));
    let path = folder.path().join("a.py");
    client.document(&path, "from os import *\n");
    assert_eq!(client.rules(&path), ["star-import"]);
    let far = json!({ "start": { "line": 9, "character": 9 }, "end": { "line": 0, "character": 4_000_000_000_u32 } });
    let change = json!({ "range": far, "text": "\u{0}(((" });
    client.notify(
        "textDocument/didChange",
        json!({ "textDocument": { "uri": uri(&path), "version": 2 }, "contentChanges": [change] }),
    );
    assert_eq!(client.rules(&path)[0], "HM-P001");
    assert_eq!(code(client.request("no/such/request", Value::Null)), -32601);
    assert_eq!(code(client.request("textDocument/hover", json!([]))), -32602);
    for command in [json!({ "command": "rm" }), json!({ "command": "hallmark.suppress", "arguments": [7] })] {
        assert_eq!(code(client.request("workspace/executeCommand", command)), -32602);
    }
    let unknown =
        json!({ "textDocument": { "uri": "untitled:1" }, "position": { "line": 0, "character": 0 } });
    assert_eq!(client.request("textDocument/hover", unknown)["result"], Value::Null);
    assert_eq!(client.request("shutdown", Value::Null)["result"], Value::Null);
    assert_eq!(code(client.request("textDocument/hover", json!({}))), -32600);
    client.notify("exit", Value::Null);
    assert_eq!(client.child.wait().unwrap().code(), Some(0));
}

#[test]
fn an_end_without_shutdown_is_said_by_the_exit_code() {
    let folder = Folder::new();
    let mut client = Client::open(&[folder.path()]);
    client.notify("exit", Value::Null);
    assert_eq!(client.child.wait().unwrap().code(), Some(1));
    let mut client = Client::open(&[folder.path()]);
    drop(client.input);
    assert_eq!(client.child.wait().unwrap().code(), Some(1));
}

#[test]
fn what_happens_outside_the_editor_is_seen() {
    let (one, two) = (Folder::new(), Folder::new());
    one.write("hallmark.toml", b"");
    one.write("a.py", b"from os import *\n");
    two.write("b.py", b"from app.models import *\n");
    let mut client = Client::open(&[one.path(), two.path()]);
    let (a, b) = (one.path().join("a.py"), two.path().join("b.py"));
    client.document(&a, "from os import *\n");
    assert_eq!(client.rules(&a), ["star-import"]);
    client.document(&b, "from os import *\n");
    assert_eq!(client.rules(&b), ["star-import"], "each folder is a project of its own");

    one.write("hallmark.toml", b"[standards]\nignore = [\"star-import\"]\n");
    let config = one.path().join("hallmark.toml");
    let changed = |path: &Path, kind: u8| json!({ "changes": [{ "uri": uri(path), "type": kind }] });
    client.notify("workspace/didChangeWatchedFiles", changed(&config, 2));
    assert!(client.rules(&a).is_empty());

    one.write("hallmark.toml", b"[standards]\nno-such-option = 1\n");
    client.notify("workspace/didChangeWatchedFiles", changed(&config, 2));
    assert_eq!(client.rules(&config), ["HM-C002"], "a wrong configuration is shown where it is written");
    one.write("hallmark.toml", b"");
    client.notify("workspace/didChangeWatchedFiles", changed(&config, 2));
    assert!(client.rules(&config).is_empty());
    assert_eq!(client.rules(&a), ["star-import"]);

    // A file that comes into being is scanned, and one that is open nowhere counts for others.
    let node = b"from kailash.nodes.base import Node\n\n\nclass Base(Node):\n    pass\n";
    let user = "from base import Base\n\n\nclass Reader(Base):\n    def execute(self):\n        return {}\n";
    let path = two.path().join("user.py");
    two.write("user.py", user.as_bytes());
    client.notify("workspace/didChangeWatchedFiles", changed(&path, 1));
    client.document(&path, user);
    let before = client.rules(&path);
    assert!(!before.contains(&"node-defines-execute".to_owned()), "{before:?}");
    two.write("base.py", node);
    client.notify("workspace/didChangeWatchedFiles", changed(&two.path().join("base.py"), 1));
    let after = client.until(|m| {
        let params = &m["params"];
        m["method"] == "textDocument/publishDiagnostics"
            && params["uri"] == uri(&path).as_str()
            && params["diagnostics"].to_string().contains("node-defines-execute")
    });
    assert!(after["params"]["diagnostics"].is_array());
    assert_eq!(client.end(), 0);
}

#[test]
fn a_scan_is_shown_and_what_waits_for_it_can_be_cancelled() {
    let folder = Folder::example("catalog-before");
    let mut client = Client::new(folder.path());
    let capabilities = json!({
        "window": { "workDoneProgress": true },
        "textDocument": { "diagnostic": {} },
    });
    let params = json!({ "capabilities": capabilities, "rootUri": uri(folder.path()) });
    let answer = client.request("initialize", params);
    assert_eq!(answer["result"]["capabilities"]["diagnosticProvider"]["interFileDependencies"], true);
    client.notify("initialized", json!({}));
    let path = folder.path().join("catalog/database.py");
    client.document(&path, "from os import *\n");
    let document = json!({ "textDocument": { "uri": uri(&path) } });
    for id in [900, 901] {
        client.send(
            &json!({ "jsonrpc": "2.0", "id": id, "method": "textDocument/diagnostic", "params": document }),
        );
    }
    client.notify("$/cancelRequest", json!({ "id": 900 }));
    let (mut answers, mut progress) = (BTreeMap::new(), Vec::new());
    while answers.len() < 2 || progress.len() < 2 {
        let message = client.read().unwrap();
        if let (Some(id), None) = (message["id"].as_i64(), message.get("method")) {
            assert!(answers.insert(id, message).is_none(), "one answer to each");
        } else if message["method"] == "$/progress" {
            progress.push(message["params"]["value"]["kind"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(progress, ["begin", "end"]);
    // The scan may have been quicker than the cancelling.
    assert!(answers[&900]["error"]["code"] == -32800 || answers[&900]["result"]["kind"] == "full");
    assert_eq!(answers[&901]["result"]["items"][0]["code"], "star-import");
    assert_eq!(client.end(), 0);
}

#[test]
fn what_a_baseline_knows_is_hidden_and_left_alone() {
    let folder = Folder::new();
    folder.write("hallmark.toml", b"[standards]\nbaseline = \"hallmark-baseline.json\"\n");
    let known = "from kailash.workflow.builder import WorkflowBuilder\n\nWorkflowBuilder().addNode('CSVReaderNode', 'a', {})\n";
    let more = format!("{known}WorkflowBuilder().addNode('CSVReaderNode', 'b', {{}})\n");
    folder.write("a.py", known.as_bytes());
    let run = |arguments: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_hallmark")).args(arguments).current_dir(folder.path()).output();
        output.unwrap()
    };
    assert!(run(&["baseline", "create", "--reason", "old"]).status.success());
    folder.write("a.py", more.as_bytes());
    let mut client = Client::open(&[folder.path()]);
    let path = folder.path().join("a.py");
    client.document(&path, &more);
    let found = client.diagnostics(&path);
    let lines: Vec<&Value> = found.iter().map(|d| &d["data"]["line"]).collect();
    assert_eq!(lines, [4]);
    assert_eq!(&found[0]["data"], &check(folder.path())["findings"][0]);
    let fixed = run(&["check", "--fix"]);
    assert!(fixed.status.success(), "{}", String::from_utf8_lossy(&fixed.stdout));
    let after = std::fs::read_to_string(&path).unwrap();
    assert_eq!(after, format!("{known}WorkflowBuilder().add_node('CSVReaderNode', 'b', {{}})\n"));
    assert_eq!(client.end(), 0);
}

#[test]
fn saving_is_enough_where_no_files_are_watched() {
    let folder = Folder::new();
    folder.write("hallmark.toml", b"");
    folder.write("a.py", b"from os import *\n");
    let mut client = Client::new(folder.path());
    client.request("initialize", json!({ "capabilities": {}, "rootUri": uri(folder.path()) }));
    client.notify("initialized", json!({}));
    let path = folder.path().join("a.py");
    client.document(&path, "from os import *\n");
    assert_eq!(client.rules(&path), ["star-import"]);
    folder.write("hallmark.toml", b"[standards]\nignore = [\"star-import\"]\n");
    client.notify("textDocument/didSave", json!({ "textDocument": { "uri": uri(&path) } }));
    assert!(client.rules(&path).is_empty());
    assert_eq!(client.end(), 0);
}

#[test]
fn a_client_that_nobody_here_wrote_is_served() {
    // `cargo xtask test` installs it into the target folder.
    let installed =
        Path::new(env!("CARGO_BIN_EXE_hallmark")).ancestors().nth(2).unwrap().join("test-clients/bin/python");
    let python = std::env::var_os("HALLMARK_TEST_PYTHON").unwrap_or(installed.clone().into_os_string());
    assert!(
        Path::new(&python).exists(),
        "python3 -m venv {0}; {0}/bin/pip install pytest-lsp==1.0.1",
        installed.ancestors().nth(2).unwrap().display()
    );
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("../hallmark-lsp/tests/clients");
    let output = Command::new(python)
        .args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "."])
        .current_dir(clients)
        .env("HALLMARK", env!("CARGO_BIN_EXE_hallmark"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
}
