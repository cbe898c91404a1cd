//! The Markdown tests: every fenced `python` block is a file, every mark a finding that must be there, and every finding must
//! have its mark.
//!
//! - A heading `## ...` starts a new project; the text before the first one is a project too.
//! - `# file: path` on the first line of a block names the file; blocks without it get names of their own.
//! - Only the rule of the page and the rules that a section marks are applied in it (all, on pages of the family meta), so that rules do not disturb each
//!   other's tests.
//! - In a section `## planted` the files of rules about tests are integration tests; `cargo xtask corpus` plants these blocks
//!   into real files.
//! - A ```toml block before the files is the project's `hallmark.toml`; its `[standards]` section applies.
//! - A block that opens with ```text and has `# file: path` on its first line is a file beside the Python files: the
//!   configuration of pytest, declared dependencies.
//! - A block that opens with ```python fixed is the text of the file of the same name after all of its fixes.
//! - `# error: [rule]` (or `warning`, `info`) at the end of a line expects a finding of that rule on that line, of any severity
//!   from its word upwards; `# error-above: [rule]` on a line of its own means the line above.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use hallmark_diagnostics::{Edit, Finding};
use hallmark_standards::{Family, ScanOptions, rules};

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
            let rule = rules::find(name.trim_end_matches(".md")).unwrap();
            let tests = title == "planted" && matches!(rule.family, Family::Mocking | Family::Testing);
            check(&format!("{name} ({title})"), section, (rule.name, tests), &mut failures);
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

fn check(name: &str, section: &str, (rule, tests): (&str, bool), failures: &mut String) {
    let workspace = Workspace::new();
    let mut expected: BTreeSet<Place> = BTreeSet::new();
    let blocks: Vec<&str> =
        section.split("```python\n").skip(1).map(|b| b.split("\n```").next().unwrap()).collect();
    for (index, block) in blocks.iter().enumerate() {
        let file = match block.lines().next().and_then(|l| l.strip_prefix("# file: ")) {
            Some(path) => path.trim().to_owned(),
            None if tests => format!("tests/integration/test_sample_{index}.py"),
            None => format!("sample_{index}.py"),
        };
        for (line, text) in block.lines().enumerate() {
            expect(&file, u32::try_from(line + 1).unwrap(), text, &mut expected);
        }
        workspace.write(&file, format!("{block}\n"));
    }
    for block in section.split("```text\n").skip(1).map(|b| b.split("\n```").next().unwrap()) {
        let path = block.lines().next().and_then(|l| l.strip_prefix("# file: ")).unwrap();
        workspace.write(path, format!("{block}\n"));
    }
    let config = section.split_once("```toml\n").map(|(_, rest)| rest.split("\n```").next().unwrap());
    let mut options = options(config.unwrap_or_default());
    // Rules about suppressions need the rules that are suppressed.
    let about_rules = rules::find(rule).is_some_and(|rule| rule.family == Family::Meta);
    let marked = expected.iter().map(|(_, _, rule)| rule.clone()).chain([rule.to_owned()]);
    options.select = if about_rules { Vec::new() } else { marked.collect() };
    let report = workspace.scan(options);
    let found: BTreeSet<Place> =
        report.findings.iter().map(|f| (f.path.to_string(), f.start.line, f.rule.to_owned())).collect();
    for (file, line, rule) in expected.difference(&found) {
        writeln!(failures, "{name}: {file}:{line}: [{rule}] was expected and not found").unwrap();
    }
    for (file, line, rule) in found.difference(&expected) {
        writeln!(failures, "{name}: {file}:{line}: [{rule}] was found and not expected").unwrap();
    }
    for block in section.split("```python fixed\n").skip(1).map(|b| b.split("\n```").next().unwrap()) {
        let (file, text) = block.split_once('\n').unwrap();
        let file = file.strip_prefix("# file: ").unwrap();
        let (before, text) = (workspace.read(file), format!("# file: {file}\n{text}\n"));
        let after = fixed(&before, report.findings.iter().filter(|f| *f.path == *file));
        // The marks stand in the text that was mended, not in what is expected of it.
        let after: String = after.lines().map(|line| format!("{}\n", unmarked(line))).collect();
        if after != text {
            writeln!(failures, "{name}: {file}: after its fixes it should be\n{text}but is\n{after}")
                .unwrap();
        }
    }
    for problem in &report.problems {
        writeln!(failures, "{name}: {}: {}", problem.path, problem.message).unwrap();
    }
}

/// The options that a configuration text asks for.
fn options(config: &str) -> ScanOptions {
    let config = hallmark_core::config::Config::parse("hallmark.toml".into(), config.to_owned()).unwrap();
    let options = ScanOptions::new(std::path::PathBuf::new(), &config.section("standards").unwrap());
    ScanOptions { today: Some("2026-01-15".to_owned()), ..options }
}

/// The text after the fixes of these findings; of two that overlap the first is applied.
fn fixed<'f>(text: &str, findings: impl Iterator<Item = &'f Finding>) -> String {
    let mut edits: Vec<&Edit> = findings.filter_map(|f| f.fix.as_ref()).flat_map(|f| &f.edits).collect();
    edits.sort();
    edits.dedup();
    let (mut out, mut at) = (String::new(), 0);
    for edit in edits {
        let (start, end) = (edit.start as usize, edit.end as usize);
        if start >= at {
            out.push_str(&text[at..start]);
            out.push_str(&edit.content);
            at = end;
        }
    }
    out + &text[at..]
}

/// The line without its mark.
fn unmarked(line: &str) -> &str {
    let marks = ["error", "warning", "info"].map(|word| format!("# {word}: ["));
    let at = marks.iter().find_map(|mark| line.find(mark.as_str()));
    at.map_or(line, |at| line[..at].trim_end())
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
