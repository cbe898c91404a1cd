//! A server in this process, on two pipes.

use std::io::{BufRead as _, BufReader, PipeReader, PipeWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use hallmark_core::random;
use hallmark_lsp::{End, Plan, Settings};
use hallmark_standards::{ScanOptions, StandardsConfig};
use serde_json::{Value, json};

/// A folder of its own that goes with the test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("hallmark-lsp-{}", random::token(10).unwrap()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path.canonicalize().unwrap())
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::File::create(&path).and_then(|mut f| f.write_all(text.as_bytes())).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The scan of a folder without a configuration.
pub(crate) fn options(root: &Path) -> ScanOptions {
    ScanOptions::new(root.to_path_buf(), &StandardsConfig::default())
}

pub(crate) struct Client {
    pub(crate) input: PipeWriter,
    output: BufReader<PipeReader>,
    server: JoinHandle<hallmark_core::Result<End>>,
    next: i64,
}

impl Client {
    pub(crate) fn new() -> Self {
        let (to_server, input) = std::io::pipe().unwrap();
        let (output, from_server) = std::io::pipe().unwrap();
        let settings = Settings {
            version: "test",
            plan: Box::new(|project| Ok(Plan { options: options(project.root()), ..Plan::default() })),
            cache: |_| None,
            code_page: |_| None,
        };
        let server =
            std::thread::spawn(move || hallmark_lsp::serve(settings, BufReader::new(to_server), from_server));
        Self { input, output: BufReader::new(output), server, next: 1 }
    }

    /// A server that looks after the folder and counts so.
    pub(crate) fn open(folder: &Path, encoding: &str) -> Self {
        let mut client = Self::new();
        let capabilities = json!({
            "general": { "positionEncodings": [encoding] },
            "textDocument": { "diagnostic": {} },
        });
        client.request("initialize", &json!({ "capabilities": capabilities, "rootUri": uri(folder) }));
        client.notify("initialized", &json!({}));
        client
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.input.write_all(bytes).and_then(|()| self.input.flush()).unwrap();
    }

    pub(crate) fn send(&mut self, message: &Value) {
        let text = message.to_string();
        self.raw(format!("Content-Length: {}\r\n\r\n{text}", text.len()).as_bytes());
    }

    pub(crate) fn notify(&mut self, method: &str, params: &Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    pub(crate) fn request(&mut self, method: &str, params: &Value) -> Value {
        let id = format!("own-{}", self.next);
        self.next += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let message = self.read();
            if message["id"] == id.as_str() && message.get("method").is_none() {
                return message;
            }
        }
    }

    fn read(&mut self) -> Value {
        let mut size = 0;
        loop {
            let mut line = String::new();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "the server closed its stream");
            match line.trim().split_once(':') {
                Some((_, value)) => size = value.trim().parse().unwrap(),
                None => break,
            }
        }
        let mut body = vec![0; size];
        self.output.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    pub(crate) fn end(mut self) {
        assert_eq!(self.request("shutdown", &Value::Null)["result"], Value::Null);
        self.notify("exit", &Value::Null);
        assert_eq!(self.server.join().unwrap().unwrap(), End::Orderly);
    }
}

pub(crate) fn uri(path: &Path) -> String {
    format!("file://{}", path.display())
}
