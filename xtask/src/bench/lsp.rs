//! From an edit to its diagnostics in `hallmark lsp`, on a large file inside a large project, by a client that knows only the wire.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use super::{binary, corpus};
use crate::shell::{self, Failure, Outcome};

/// The number of lines that the file to edit should have.
const LINES: usize = 2_000;

/// How many edits of each kind are timed.
const EDITS: usize = 200;

/// What the 95th percentile must stay under, in milliseconds.
const TARGET_MS: f64 = 50.0;

/// What is written at the end of the file, so that there is a body to type in.
const TAIL: &str = "\n\ndef typed_in(text):\n    value = 1\n    return value\n";

pub(super) fn run() -> Outcome {
    let root = corpus()?.canonicalize()?;
    shell::run(shell::cargo().args(["build", "--profile", "ready", "--quiet"]))?;
    let file = nearest(&root)?;
    let text = format!("{}{TAIL}", std::fs::read_to_string(&file)?);
    let lines = text.lines().count();
    shell::say(&format!("{} ({lines} lines)\n", file.strip_prefix(&root).unwrap_or(&file).display()));
    let began = Instant::now();
    let mut client = Client::start(&binary("hallmark"), &root, &file)?;
    client.open(&text)?;
    shell::say(&format!(
        "first diagnostics         {:.2} s after the start\n",
        began.elapsed().as_secs_f64()
    ));
    // The line of the body, counted from 1; above it the signature, above that an empty line.
    let body = u32::try_from(lines - 1)?;
    let typing = client.time(|n| {
        // Every other edit makes a finding, and takes it away again.
        if n % 2 == 0 { (body, "    value = eval(text)\n") } else { (body, "    value = len(text)\n") }
    })?;
    if typing.fewest == typing.most {
        return Err(Failure("no edit made a finding: this measures nothing".to_owned()));
    }
    let worst = say("typing in a body          ", typing.milliseconds);
    // What other files see of this one changes: of its functions, then of the names in it.
    let signature = client.time(|n| {
        if n % 2 == 0 {
            (body - 1, "def typed_in(text, more):\n")
        } else {
            (body - 1, "def typed_in(text):\n")
        }
    })?;
    let worst = worst.max(say("typing in a signature     ", signature.milliseconds));
    let name = client.time(|n| {
        if n % 2 == 0 { (body - 2, "from os import path as some_name\n") } else { (body - 2, "\n") }
    })?;
    let worst = worst.max(say("typing an import          ", name.milliseconds));
    client.stop()?;
    if worst > TARGET_MS {
        return Err(Failure(format!("p95 is {worst:.1} ms, more than {TARGET_MS} ms")));
    }
    Ok(())
}

/// The Python file below the folder whose number of lines is nearest to [`LINES`].
fn nearest(root: &Path) -> Outcome<PathBuf> {
    let mut best: Option<(usize, PathBuf)> = None;
    for path in shell::files(root, ".py") {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let distance = text.lines().count().abs_diff(LINES);
        if best.as_ref().is_none_or(|(least, _)| distance < *least) {
            best = Some((distance, path));
        }
    }
    best.map(|(_, path)| path).ok_or(Failure("no Python file there".to_owned()))
}

fn say(name: &str, mut milliseconds: Vec<f64>) -> f64 {
    milliseconds.sort_by(f64::total_cmp);
    let at = |share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index of a short list"
        )]
        let index = (milliseconds.len() as f64 * share) as usize;
        milliseconds.get(index.min(milliseconds.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
    };
    shell::say(&format!(
        "{name}p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms, of {}\n",
        at(0.50),
        at(0.95),
        at(0.99),
        milliseconds.len()
    ));
    at(0.95)
}

/// What a series of edits took, and how many diagnostics there were after each.
struct Series {
    milliseconds: Vec<f64>,
    fewest: usize,
    most: usize,
}

struct Client {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    uri: String,
    version: i64,
}

impl Client {
    fn start(binary: &Path, root: &Path, file: &Path) -> Outcome<Self> {
        let mut child =
            Command::new(binary).arg("lsp").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Failure("the server has no streams".to_owned()));
        };
        let uri = format!("file://{}", file.display());
        let mut client = Self { child, input, output: BufReader::new(output), uri, version: 1 };
        let params =
            json!({ "capabilities": {}, "rootUri": format!("file://{}", root.display()), "processId": null });
        client.send(&json!({ "id": 1, "method": "initialize", "params": params }))?;
        client.until(|message| message["id"] == 1)?;
        client.send(&json!({ "method": "initialized", "params": {} }))?;
        Ok(client)
    }

    fn open(&mut self, text: &str) -> Outcome {
        let document =
            json!({ "uri": self.uri, "languageId": "python", "version": self.version, "text": text });
        self.send(&json!({ "method": "textDocument/didOpen", "params": { "textDocument": document } }))?;
        self.diagnostics().map(|_| ())
    }

    /// Replaces a line, counted from 1, again and again, and waits for each edit's diagnostics.
    fn time(&mut self, edit: impl Fn(usize) -> (u32, &'static str)) -> Outcome<Series> {
        let mut series = Series { milliseconds: Vec::with_capacity(EDITS), fewest: usize::MAX, most: 0 };
        for n in 0..EDITS {
            let (line, new) = edit(n);
            self.version += 1;
            let range = json!({ "start": { "line": line - 1, "character": 0 }, "end": { "line": line, "character": 0 } });
            let params = json!({
                "textDocument": { "uri": self.uri, "version": self.version },
                "contentChanges": [{ "range": range, "text": new }],
            });
            let began = Instant::now();
            self.send(&json!({ "method": "textDocument/didChange", "params": params }))?;
            let found = self.diagnostics()?;
            series.milliseconds.push(began.elapsed().as_secs_f64() * 1e3);
            (series.fewest, series.most) = (series.fewest.min(found), series.most.max(found));
        }
        Ok(series)
    }

    /// Waits for the diagnostics of the current version; gives their number.
    fn diagnostics(&mut self) -> Outcome<usize> {
        let (uri, version) = (self.uri.clone(), self.version);
        self.until(|message| {
            let params = &message["params"];
            message["method"] == "textDocument/publishDiagnostics"
                && params["uri"] == uri.as_str()
                && params["version"] == version
        })
        .map(|message| message["params"]["diagnostics"].as_array().map_or(0, Vec::len))
    }

    fn stop(mut self) -> Outcome {
        self.send(&json!({ "id": 2, "method": "shutdown" }))?;
        self.until(|message| message["id"] == 2)?;
        self.send(&json!({ "method": "exit" }))?;
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(Failure(format!("the server ended with {status}"))) }
    }

    fn send(&mut self, message: &Value) -> Outcome {
        let mut message = message.clone();
        message["jsonrpc"] = json!("2.0");
        let text = message.to_string();
        self.input.write_all(format!("Content-Length: {}\r\n\r\n{text}", text.len()).as_bytes())?;
        self.input.flush()?;
        Ok(())
    }

    fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Outcome<Value> {
        loop {
            let mut size = 0;
            loop {
                let mut line = String::new();
                if self.output.read_line(&mut line)? == 0 {
                    return Err(Failure("the server closed its stream".to_owned()));
                }
                match line.trim().split_once(':') {
                    Some((_, value)) => size = value.trim().parse()?,
                    None => break,
                }
            }
            let mut body = vec![0; size];
            self.output.read_exact(&mut body)?;
            let message: Value = serde_json::from_slice(&body)?;
            if wanted(&message) {
                return Ok(message);
            }
        }
    }
}
