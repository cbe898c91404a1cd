//! A page, cut into its blocks.

use std::path::Path;

/// What a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Python,
    Toml,
    Sql,
    File,
    Call,
    Answer,
    Error,
    Text,
}

/// A fenced block.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) kind: Kind,
    pub(super) text: String,
    /// The line of its fence, from 1.
    pub(super) line: usize,
}

impl Block {
    pub(super) fn is_setup(&self) -> bool {
        matches!(self.kind, Kind::Sql | Kind::File)
    }

    pub(super) fn is_call(&self) -> bool {
        self.kind == Kind::Call
    }

    pub(super) fn is_expectation(&self) -> bool {
        matches!(self.kind, Kind::Answer | Kind::Error | Kind::Text)
    }
}

/// A page: what stands before the first heading of the second level, and the sections.
pub(super) struct Page {
    pub(super) name: String,
    pub(super) sections: Vec<Vec<Block>>,
}

impl Page {
    pub(super) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let mut sections: Vec<Vec<Block>> = vec![Vec::new()];
        let mut lines = text.lines().enumerate();
        while let Some((n, line)) = lines.next() {
            if line.starts_with("## ") {
                sections.push(Vec::new());
            }
            let Some(word) = line.strip_prefix("```") else { continue };
            let body: Vec<&str> = lines.by_ref().map(|(_, l)| l).take_while(|l| *l != "```").collect();
            let section = sections.last_mut().unwrap();
            let body = body.join("\n");
            let kind = kind(word, &body, section)
                .unwrap_or_else(|| panic!("{}:{}: ```{word}", path.display(), n + 1));
            section.push(Block { kind, text: body, line: n + 1 });
        }
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        Self { name, sections }
    }
}

/// JSON after a call is its answer, unless it names a node itself.
fn kind(word: &str, body: &str, before: &[Block]) -> Option<Kind> {
    let calls = || {
        let read: Option<serde_json::Value> = serde_json::from_str(body).ok();
        read.is_some_and(|v| v.get("node").is_some())
    };
    Some(match word {
        "python" => Kind::Python,
        "toml" => Kind::Toml,
        "sql" => Kind::Sql,
        "csv" | "jsonl" => Kind::File,
        "json" if before.last().is_some_and(Block::is_call) && !calls() => Kind::Answer,
        "json" => Kind::Call,
        "error" => Kind::Error,
        "text" => Kind::Text,
        _ => return None,
    })
}
