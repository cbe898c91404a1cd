//! Violations planted into clean real files: every one must be found where it stands, and nothing else.
//!
//! What is planted are the blocks under `## planted` of the rules' Markdown tests, as they are and under other names; where:
//! at the end of a file, before its first import, and inside a function.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use hallmark_standards::{Family, Profile, Rule, ScanOptions, Workspace, rules};

use crate::shell::{self, Outcome};

/// How many clean files each block is planted into.
const HOSTS: usize = 12;

/// What became of the mutants of one rule.
pub(super) struct Tally {
    pub(super) rule: &'static str,
    pub(super) planted: usize,
    /// Where a mutant was missed, or something else was found; with what was planted.
    pub(super) failures: Vec<String>,
}

/// A clean real file.
pub(super) struct Host {
    pub(super) path: String,
    pub(super) text: String,
}

/// A block with the lines, from 0, on which the rule must be found.
struct Block {
    text: String,
    marks: Vec<usize>,
}

/// Plants the violations of every rule.
pub(super) fn run(hosts: &[Host]) -> Outcome<Vec<Tally>> {
    let folder = shell::root().join("crates/hallmark-standards/resources/mdtest");
    let mut workspace = open(hosts);
    let mut tallies = Vec::new();
    for rule in rules::all() {
        let blocks = planted(&folder, rule)?;
        let mut tally = Tally { rule: rule.name, planted: 0, failures: Vec::new() };
        let in_tests = matches!(rule.family, Family::Mocking | Family::Testing);
        // What a package imports is there for others: none of it is unused, and all of it may be taken at once.
        let is_fit = |host: &&Host| {
            fits(&host.path, in_tests)
                && !(rule.family == Family::Imports && host.path.ends_with("__init__.py"))
        };
        let fitting: Vec<&Host> = hosts.iter().filter(is_fit).take(HOSTS).collect();
        for block in &blocks {
            for host in &fitting {
                // A file in which the rule finds something already is no clean host for it.
                if !lines_of(&workspace, &host.path, rule).is_empty() {
                    continue;
                }
                for (how, text, marks) in variants(host, block) {
                    tally.planted += marks.len();
                    workspace.overlay(&host.path, Some(Arc::from(text.as_str())));
                    workspace.refresh_file(&host.path);
                    let after = lines_of(&workspace, &host.path, rule);
                    if after != marks {
                        tally
                            .failures
                            .push(format!("{} ({how}): expected {marks:?}, found {after:?}", host.path));
                    }
                }
                workspace.overlay(&host.path, Some(Arc::from(host.text.as_str())));
                workspace.refresh_file(&host.path);
            }
        }
        tallies.push(tally);
    }
    Ok(tallies)
}

/// A project of the hosts alone, with every rule at work.
fn open(hosts: &[Host]) -> Workspace {
    let options = ScanOptions {
        root: shell::root().join("target/corpus/nothing-is-here"),
        profile: Profile::Strict,
        preview: true,
        governed: true,
        ..ScanOptions::default()
    };
    let mut workspace = Workspace::new(options);
    for host in hosts {
        workspace.overlay(&host.path, Some(Arc::from(host.text.as_str())));
    }
    workspace.refresh();
    workspace
}

fn lines_of(workspace: &Workspace, path: &str, rule: &Rule) -> BTreeSet<usize> {
    let report = workspace.file(path).unwrap_or_default();
    report.findings.iter().filter(|f| f.rule == rule.name).map(|f| f.start.line as usize - 1).collect()
}

/// Whether a file is one that the rule speaks of: a test, or production code. An example is neither: some rules spare it.
fn fits(path: &str, in_tests: bool) -> bool {
    is_test(path) == in_tests && (in_tests || !path.split('/').any(|s| matches!(s, "examples" | "scripts")))
}

pub(super) fn is_test(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    path.split('/').any(|s| s == "tests") && file.starts_with("test_")
}

/// The blocks under `## planted`.
fn planted(folder: &Path, rule: &Rule) -> Outcome<Vec<Block>> {
    let text = std::fs::read_to_string(folder.join(format!("{}.md", rule.name)))?;
    let Some((_, section)) = text.split_once("\n## planted\n") else { return Ok(Vec::new()) };
    let section = section.split("\n## ").next().unwrap_or(section);
    let blocks = section.split("```python\n").skip(1).filter_map(|rest| rest.split("\n```").next());
    let own = format!("[{}]", rule.name);
    Ok(blocks
        .map(|block| {
            let lines = block.lines().filter(|line| !line.starts_with("# file:"));
            let lines: Vec<&str> = lines.collect();
            let mut marks = Vec::new();
            for (at, line) in lines.iter().enumerate() {
                let marked = line.split_once("# ").is_some_and(|(_, mark)| mark.contains(&own));
                if marked {
                    marks.push(if line.contains("-above: [") { at - 1 } else { at });
                }
            }
            let plain: Vec<&str> = lines.iter().map(|line| without_mark(line)).collect();
            Block { text: plain.join("\n"), marks }
        })
        .filter(|block| !block.marks.is_empty())
        .collect())
}

/// The line without its mark: a real violation is not announced by a comment.
fn without_mark(line: &str) -> &str {
    let at = ["# error: [", "# warning: [", "# info: ["].iter().filter_map(|mark| line.find(mark)).min();
    at.map_or(line, |at| line[..at].trim_end())
}

/// The host with the block in it, in every way that makes sense.
fn variants(host: &Host, block: &Block) -> Vec<(&'static str, String, BTreeSet<usize>)> {
    let mut out = Vec::new();
    let base = host.text.trim_end_matches('\n');
    let end = base.lines().count() + 2;
    let at = |offset: usize| block.marks.iter().map(|mark| mark + offset).collect();
    out.push(("at the end", format!("{base}\n\n\n{}\n", block.text), at(end)));
    let renamed = renamed(&block.text);
    if renamed != block.text {
        out.push(("under other names", format!("{base}\n\n\n{renamed}\n"), at(end)));
    }
    if let Some(first) = first_import(base) {
        let (head, tail): (Vec<&str>, Vec<&str>) =
            (base.lines().take(first).collect(), base.lines().skip(first).collect());
        let text = format!("{}\n{}\n\n{}\n", head.join("\n"), block.text, tail.join("\n"));
        let text = if head.is_empty() { text.trim_start_matches('\n').to_owned() } else { text };
        out.push(("before the imports", text, at(first)));
    }
    let defines = block.text.lines().any(|line| {
        ["@", "class ", "def ", "async def ", "from planted_shop"].iter().any(|start| line.starts_with(start))
            || line.contains("import *")
    });
    if !defines {
        let indented: Vec<String> = block
            .text
            .lines()
            .map(|line| if line.is_empty() { String::new() } else { format!("    {line}") })
            .collect();
        out.push((
            "in a function",
            format!("{base}\n\n\ndef planted_host():\n{}\n", indented.join("\n")),
            at(end + 1),
        ));
        let deeper: Vec<String> = indented
            .iter()
            .map(|line| if line.is_empty() { String::new() } else { format!("    {line}") })
            .collect();
        out.push((
            "in a method",
            format!("{base}\n\n\nclass PlantedHost:\n    def method(self):\n{}\n", deeper.join("\n")),
            at(end + 2),
        ));
    }
    out
}

/// The line of the first import at the left margin that is not one from `__future__`.
fn first_import(text: &str) -> Option<usize> {
    text.lines().position(|line| {
        (line.starts_with("import ") || line.starts_with("from ")) && !line.starts_with("from __future__")
    })
}

/// The block with every imported name bound to another one.
fn renamed(block: &str) -> String {
    let mut names: Vec<(String, String)> = Vec::new();
    let mut lines: Vec<String> = Vec::new();
    for line in block.lines() {
        let bare = line.trim_start();
        let indent = &line[..line.len() - bare.len()];
        if let Some(rest) = bare.strip_prefix("from ")
            && let Some((module, imported)) = rest.split_once(" import ")
            && !imported.contains(['(', '*', ')'])
        {
            let items: Vec<String> = imported
                .split(',')
                .map(|item| {
                    let item = item.trim();
                    if item.contains(" as ") {
                        return item.to_owned();
                    }
                    names.push((item.to_owned(), format!("other_{item}")));
                    format!("{item} as other_{item}")
                })
                .collect();
            lines.push(format!("{indent}from {module} import {}", items.join(", ")));
        } else if let Some(module) = bare.strip_prefix("import ").filter(|m| !m.contains([',', ' ', '.'])) {
            names.push((module.to_owned(), format!("other_{module}")));
            lines.push(format!("{indent}import {module} as other_{module}"));
        } else {
            lines.push(names.iter().fold(line.to_owned(), |line, (from, to)| replaced(&line, from, to)));
        }
    }
    lines.join("\n")
}

/// The line with a name replaced where it stands by itself, outside texts and not as an attribute or keyword.
fn replaced(line: &str, from: &str, to: &str) -> String {
    let (mut out, mut quote, mut word) = (String::new(), None, String::new());
    let flush = |word: &mut String, out: &mut String, next: Option<char>| {
        let attribute = out.trim_end().ends_with('.');
        let keyword = next == Some('=');
        out.push_str(if word == from && !attribute && !keyword { to } else { word });
        word.clear();
    };
    for c in line.chars() {
        match quote {
            Some(open) => {
                out.push(c);
                if c == open {
                    quote = None;
                }
            }
            None if c.is_alphanumeric() || c == '_' => word.push(c),
            None => {
                flush(&mut word, &mut out, Some(c));
                if c == '"' || c == '\'' {
                    quote = Some(c);
                }
                out.push(c);
            }
        }
    }
    flush(&mut word, &mut out, None);
    out
}
