//! The Markdown tests: every fenced `python` block is a file, every mark a finding that must be there, and every finding must
//! have its mark.
//!
//! - A heading `## ...` starts a new project; the text before the first one is a project too.
//! - `# file: path` on the first line of a block names the file; blocks without it get names of their own.
//! - `# error: [rule]` (or `warning`, `info`) at the end of a line expects a finding of that rule on that line, of any severity
//!   from its word upwards; `# error-above: [rule]` on a line of its own means the line above.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use hallmark_standards::ScanOptions;

use crate::workspace::Workspace;

/// `(file, line, rule)`.
type Place = (String, u32, String);

#[test]
fn every_markdown_test_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("resources/mdtest");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let mut failures = String::new();
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy();
        for (title, section) in sections(&text) {
            check(&format!("{name} ({title})"), section, &mut failures);
        }
    }
    assert!(!files.is_empty());
    assert!(failures.is_empty(), "\n{failures}");
}

/// The parts between `## ` headings, with their titles.
fn sections(text: &str) -> Vec<(&str, &str)> {
    let mut out = Vec::new();
    for (index, part) in text.split("\n## ").enumerate() {
        let (title, body) = part.split_once('\n').unwrap_or((part, ""));
        out.push((if index == 0 { "main" } else { title }, body));
    }
    out
}

fn check(name: &str, section: &str, failures: &mut String) {
    let workspace = Workspace::new();
    let mut expected: BTreeSet<Place> = BTreeSet::new();
    let blocks: Vec<&str> =
        section.split("```python\n").skip(1).map(|b| b.split("\n```").next().unwrap()).collect();
    for (index, block) in blocks.iter().enumerate() {
        let file = match block.lines().next().and_then(|l| l.strip_prefix("# file: ")) {
            Some(path) => path.trim().to_owned(),
            None => format!("sample_{index}.py"),
        };
        for (line, text) in block.lines().enumerate() {
            expect(&file, u32::try_from(line + 1).unwrap(), text, &mut expected);
        }
        workspace.write(&file, format!("{block}\n"));
    }
    let report = workspace.scan(ScanOptions::default());
    let found: BTreeSet<Place> =
        report.findings.iter().map(|f| (f.path.clone(), f.start.line, f.rule.to_owned())).collect();
    for (file, line, rule) in expected.difference(&found) {
        writeln!(failures, "{name}: {file}:{line}: [{rule}] was expected and not found").unwrap();
    }
    for (file, line, rule) in found.difference(&expected) {
        writeln!(failures, "{name}: {file}:{line}: [{rule}] was found and not expected").unwrap();
    }
    for problem in &report.problems {
        writeln!(failures, "{name}: {}: {}", problem.path, problem.message).unwrap();
    }
}

fn expect(file: &str, line: u32, text: &str, expected: &mut BTreeSet<Place>) {
    for word in ["error", "warning", "info"] {
        for (mark, line) in [(format!("# {word}: "), line), (format!("# {word}-above: "), line - 1)] {
            let Some((_, rules)) = text.split_once(&mark) else { continue };
            for rule in rules.split(['[', ']', ' ']).filter(|r| !r.is_empty()) {
                expected.insert((file.to_owned(), line, rule.to_owned()));
            }
        }
    }
}
