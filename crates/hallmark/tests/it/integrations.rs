//! The pre-commit hooks, the GitHub Action and the extension name commands and options that exist.

use std::path::Path;
use std::process::Command;

use yaml_rust2::{Yaml, YamlLoader};

fn text(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)).unwrap()
}

fn yaml(name: &str) -> Yaml {
    let mut documents = YamlLoader::load_from_str(&text(name)).unwrap();
    assert_eq!(documents.len(), 1, "{name}");
    documents.remove(0)
}

/// Every option of a command line is one that the command has.
fn exists(line: &str) {
    let words: Vec<&str> = line.split_whitespace().map(|w| w.trim_matches(['"', '\''])).collect();
    let command = words[1];
    let help = Command::new(env!("CARGO_BIN_EXE_hallmark")).args([command, "--help"]).output().unwrap();
    assert!(help.status.success(), "no command {command:?} in {line:?}");
    let help = String::from_utf8(help.stdout).unwrap();
    for option in words.iter().filter(|w| w.starts_with("--") && w.len() > 2) {
        let known = help.split_whitespace().any(|w| w.trim_matches(',') == *option);
        assert!(known, "hallmark {command} has no {option}: {line}");
    }
    if let Some(at) = words.iter().position(|w| *w == "--format") {
        assert!(help.contains(words[at + 1]), "no format {:?}: {line}", words[at + 1]);
    }
}

#[test]
fn hooks_name_commands_that_exist() {
    let hooks = yaml(".pre-commit-hooks.yaml");
    let hooks = hooks.as_vec().unwrap();
    assert!(hooks.len() >= 2);
    for hook in hooks {
        for field in ["id", "name", "description", "entry", "language"] {
            assert!(hook[field].as_str().is_some_and(|t| !t.is_empty()), "{field}: {hook:?}");
        }
        assert_eq!(hook["language"].as_str(), Some("system"));
        let entry = hook["entry"].as_str().unwrap();
        assert!(entry.starts_with("hallmark "), "{entry}");
        exists(entry);
    }
}

#[test]
fn the_action_names_commands_that_exist() {
    let action = yaml("action.yml");
    assert_eq!(action["runs"]["using"].as_str(), Some("composite"));
    let steps = action["runs"]["steps"].as_vec().unwrap();
    let lines: Vec<&str> = steps.iter().filter_map(|s| s["run"].as_str()).collect();
    for step in steps.iter().filter(|s| !s["run"].is_badvalue()) {
        assert_eq!(step["shell"].as_str(), Some("bash"), "a composite step needs a shell: {step:?}");
    }
    let ours: Vec<&&str> = lines.iter().filter(|l| l.starts_with("\"$HALLMARK\" ")).collect();
    assert!(ours.len() == 2 && lines.iter().any(|l| l.starts_with("cargo install --path crates/hallmark ")));
    ours.iter().for_each(|line| exists(line));
    let source = text("action.yml");
    for input in action["inputs"].as_hash().unwrap().keys().filter_map(Yaml::as_str) {
        assert!(source.contains(&format!("inputs.{input}")), "the input {input} is never used");
    }
    assert!(!lines.iter().any(|l| l.contains("${{")), "an input in a shell line could be a command");
}

#[test]
fn the_extension_asks_for_commands_that_the_server_has() {
    let server = text("crates/hallmark-lsp/src/requests.rs");
    let package: serde_json::Value = serde_json::from_str(&text("editors/vscode/package.json")).unwrap();
    let own: Vec<&str> = package["contributes"]["commands"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["command"].as_str().unwrap())
        .collect();
    let mut sources = String::new();
    for name in ["commands.ts", "extension.ts", "pages.ts", "score.ts"] {
        sources.push_str(&text(&format!("editors/vscode/src/{name}")));
    }
    for command in &own {
        assert!(sources.contains(&format!("\"{command}\"")), "{command} is declared and not registered");
        // The client library registers the server's commands under their own names.
        assert!(!server.contains(&format!("\"{command}\",")), "{command} is the server's too");
    }
    for part in sources.split("\"hallmark.").skip(1) {
        let name = format!("hallmark.{}", part.split('"').next().unwrap());
        let setting = package["contributes"]["configuration"]["properties"].get(&name).is_some();
        let known = own.contains(&name.as_str()) || server.contains(&format!("\"{name}\"")) || setting;
        assert!(known || name == "hallmark.score", "{name} is nobody's");
    }
}
