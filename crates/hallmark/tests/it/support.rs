//! Running the binary on copies of the examples.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

/// A folder of its own that goes with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let path =
            std::env::temp_dir().join(format!("hallmark-it-{}", hallmark_core::random::token(10).unwrap()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path.canonicalize().unwrap())
    }

    /// A copy of an example of the repository.
    pub(crate) fn example(name: &str) -> Self {
        let folder = Self::new();
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name), folder.path());
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::File::create(path).and_then(|mut f| std::io::Write::write_all(&mut f, bytes)).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let name = entry.file_name();
        if [".hallmark", "__pycache__", ".pytest_cache"].iter().any(|n| name == *n) {
            continue;
        }
        let target = to.join(&name);
        if entry.path().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A name of a model that no other test has. It ends in a letter of its own: the plural of the table's name hangs on the last one.
pub(crate) fn model_name(stem: &str) -> String {
    format!("{stem}{}q", hallmark_core::random::token(8).unwrap().to_lowercase())
}

/// The binary in this folder, with the services that the test run names.
pub(crate) fn command(folder: &Folder) -> Command {
    for name in ["HALLMARK_POSTGRES_URL", "HALLMARK_NEO4J_URL", "HALLMARK_CHROMA_URL", "HALLMARK_REDIS_URL"] {
        assert!(
            std::env::var_os(name).is_some(),
            "set {name}: run `hallmark up` and `eval \"$(hallmark env)\"`"
        );
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_hallmark"));
    command.current_dir(folder.path()).env("NO_COLOR", "1");
    command
}

pub(crate) fn run(folder: &Folder, arguments: &[&str]) -> Output {
    command(folder).args(arguments).output().unwrap()
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

pub(crate) fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn all(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

pub(crate) fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", all(output)))
}

/// A server of the binary on ports of its own.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) rest: String,
    pub(crate) mcp: String,
    pub(crate) token: String,
}

impl Server {
    pub(crate) fn start(folder: &Folder) -> Self {
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
    pub(crate) fn curl(&self, arguments: &[&str]) -> (u16, Value) {
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

    /// A node's answer, or the code of its error; `None` if the server gave no answer.
    pub(crate) fn node(&self, name: &str, input: &Value) -> Option<Result<Value, String>> {
        let url = format!("{}/api/v1/nodes/{name}/run", self.rest);
        let (status, answer) =
            self.curl(&["--max-time", "120", "-d", &json!({ "input": input }).to_string(), &url]);
        match status {
            0 => None,
            200 => Some(Ok(answer["result"].clone())),
            _ => Some(Err(answer["code"].as_str().unwrap_or_default().to_owned())),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
