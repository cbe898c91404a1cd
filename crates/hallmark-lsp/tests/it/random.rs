//! Edits and bytes that look random and are the same every time.

use hallmark_standards::Workspace;
use serde_json::{Value, json};

use crate::client::{Client, Folder, options, uri};

/// Numbers that look random (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const PIECES: &[&str] = &[
    "from os import *\n",
    "from .base import Base\n",
    "API_TOKEN = 'sk-live-0123456789abcdef'\n",
    "eval(x)\n",
    "\n",
    "\r\n",
    "    ",
    "x = 'caf\u{e9} \u{1f600}'\n",
    "# hallmark: allow[star-import] because\n",
    "def f(a, b):\n    return a\n",
    "class A:\n    pass\n",
    "",
];

/// What makes the rest of a file unreadable.
const BREAKING: &[&str] = &["(", "'''", "\u{0}", "def"];

/// A place of a text as the editor counts, worked out another way than the server does.
fn place(text: &str, at: usize, encoding: &str) -> Value {
    let before = &text[..at];
    let line = before.matches('\n').count();
    let last = before.rsplit('\n').next().unwrap();
    let character = match encoding {
        "utf-8" => last.len(),
        "utf-16" => last.encode_utf16().count(),
        _ => last.chars().count(),
    };
    json!({ "line": line, "character": character })
}

fn boundary(text: &str, numbers: &mut Numbers) -> usize {
    // Between a carriage return and its line feed is no place that an editor could name.
    let fits = |at: &usize| {
        text.is_char_boundary(*at) && !(text[..*at].ends_with('\r') && text[*at..].starts_with('\n'))
    };
    let from = numbers.below(text.len() + 1);
    (from..=text.len()).find(fits).unwrap()
}

#[test]
fn after_any_edits_the_findings_are_those_of_the_text() {
    for encoding in ["utf-8", "utf-16", "utf-32"] {
        let folder = Folder::new();
        let path = folder.write("a.py", "x = 1\n");
        let mut client = Client::open(&folder.0, encoding);
        let mut numbers = Numbers(20_261_127);
        let mut text = "x = 1\n".to_owned();
        let document = json!({ "uri": uri(&path), "languageId": "python", "version": 0, "text": text });
        client.notify("textDocument/didOpen", &json!({ "textDocument": document }));
        let mut found = 0;
        for version in 1..=150 {
            let mut changes = Vec::new();
            for _ in 0..=numbers.below(3) {
                let (a, b) = (boundary(&text, &mut numbers), boundary(&text, &mut numbers));
                let (start, end) = (a.min(b), a.max(b));
                let end = if numbers.below(4) == 0 { end } else { start };
                let new = if numbers.below(30) == 0 { numbers.pick(BREAKING) } else { numbers.pick(PIECES) };
                // Mostly whole lines, so that the text stays one that says something.
                let whole = numbers.below(4) > 0;
                let start = if whole { text[..start].rfind('\n').map_or(0, |n| n + 1) } else { start };
                let end = if whole { start } else { end };
                let range =
                    json!({ "start": place(&text, start, encoding), "end": place(&text, end, encoding) });
                changes.push(json!({ "range": range, "text": new }));
                text.replace_range(start..end, new);
            }
            // A lone carriage return is a line break of the protocol's and not of Python's.
            if version % 25 == 0 || text.replace("\r\n", "").contains('\r') {
                text = "x = 1\n".to_owned();
                changes = vec![json!({ "text": text })];
            }
            let params = json!({ "textDocument": { "uri": uri(&path), "version": version }, "contentChanges": changes });
            client.notify("textDocument/didChange", &params);
            if version % 5 != 0 {
                continue;
            }
            let answer =
                client.request("textDocument/diagnostic", &json!({ "textDocument": { "uri": uri(&path) } }));
            let items = answer["result"]["items"].as_array().unwrap();
            let findings: Vec<Value> = items.iter().map(|d| d["data"].clone()).collect();
            found += findings.len();
            let mut fresh = Workspace::new(options(&folder.0));
            fresh.overlay("a.py", Some(text.as_str().into()));
            fresh.refresh();
            let report = fresh.file("a.py").unwrap();
            let mut expected: Vec<Value> =
                report.problems.iter().map(|problem| json!({ "problem": problem })).collect();
            expected.extend(report.findings.iter().map(|finding| json!(finding)));
            assert_eq!(findings, expected, "{encoding}, version {version}: {text:?}");
        }
        assert!(found > 50, "{found} findings are too few to prove anything");
        client.end();
    }
}

/// A frame that is nearly a message.
fn noise(numbers: &mut Numbers, round: i32, uri: &str) -> Vec<u8> {
    let methods = [
        "initialize",
        "initialized",
        "textDocument/didOpen",
        "textDocument/didChange",
        "textDocument/didClose",
        "textDocument/didSave",
        "textDocument/hover",
        "textDocument/codeAction",
        "textDocument/diagnostic",
        "workspace/executeCommand",
        "workspace/didChangeWatchedFiles",
        "workspace/didChangeWorkspaceFolders",
        "workspace/didChangeConfiguration",
        "$/cancelRequest",
        "$/setTrace",
        "nonsense",
    ];
    let values = [
        json!(null),
        json!(-1),
        json!(4_294_967_296_u64),
        json!("file:///a%ff.py"),
        json!(uri),
        json!([]),
        json!({}),
        json!({ "line": 9, "character": 9 }),
        json!([{ "uri": uri, "type": 3 }]),
        json!(true),
    ];
    let keys = [
        "textDocument",
        "position",
        "range",
        "contentChanges",
        "context",
        "command",
        "arguments",
        "changes",
        "event",
        "id",
    ];
    let mut params = serde_json::Map::new();
    for _ in 0..numbers.below(4) {
        let value = values[numbers.below(values.len())].clone();
        let value = if numbers.below(2) == 0 { json!({ "uri": value, "version": 3 }) } else { value };
        params.insert(numbers.pick(&keys).to_owned(), value);
    }
    let mut message = json!({ "jsonrpc": "2.0", "method": numbers.pick(&methods), "params": params });
    if numbers.below(2) == 0 {
        message["id"] = if numbers.below(3) == 0 { json!(1.5) } else { json!(round) };
    }
    let mut bytes = message.to_string().into_bytes();
    if numbers.below(3) == 0 {
        let at = numbers.below(bytes.len());
        bytes[at] = u8::try_from(numbers.below(256)).unwrap();
    }
    let mut frame = format!("Content-Length: {}\r\n\r\n", bytes.len()).into_bytes();
    frame.extend(bytes);
    if numbers.below(20) == 0 {
        frame.splice(0..0, *b"\xff\x00 no header\r\n");
    }
    frame
}

#[test]
fn after_any_bytes_the_server_answers() {
    let folder = Folder::new();
    let path = folder.write("a.py", "from os import *\n");
    let mut numbers = Numbers(7);
    let mut client = Client::open(&folder.0, "utf-16");
    let document =
        json!({ "uri": uri(&path), "languageId": "python", "version": 0, "text": "from os import *\n" });
    client.notify("textDocument/didOpen", &json!({ "textDocument": document }));
    for round in 0..400 {
        let frame = noise(&mut numbers, round, &uri(&path));
        client.raw(&frame);
        if round % 20 == 0 {
            // Reading keeps the pipe from filling up.
            client.request("nonsense", &Value::Null);
        }
    }
    client.notify("textDocument/didOpen", &json!({ "textDocument": document }));
    let answer = client.request("textDocument/diagnostic", &json!({ "textDocument": { "uri": uri(&path) } }));
    assert_eq!(answer["result"]["items"][0]["code"], "star-import");
    client.end();
}
