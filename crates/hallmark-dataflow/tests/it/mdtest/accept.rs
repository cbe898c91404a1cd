//! Writing answers into the pages.

use std::path::Path;

use serde_json::Value;

/// Puts each answer into the block that opens on its line, with placeholders for what differs from run to run.
pub(super) fn write(path: &Path, answers: &[(usize, Value)]) {
    let text = std::fs::read_to_string(path).unwrap();
    let mut out = String::new();
    let mut lines = text.lines().enumerate();
    while let Some((n, line)) = lines.next() {
        out.push_str(line);
        out.push('\n');
        let Some((_, answer)) = answers.iter().find(|(at, _)| *at == n + 1) else { continue };
        let old: Vec<&str> = lines.by_ref().map(|(_, l)| l).take_while(|l| *l != "```").collect();
        let old = old.join("\n");
        let known: Value = serde_json::from_str(&old).unwrap_or_default();
        let mut names = super::Names::default();
        if names.compare(&old, answer).is_ok() {
            out.push_str(&old);
            out.push_str("\n```\n");
            continue;
        }
        out.push_str(&shown(&placed("", answer, &known), 0));
        out.push_str("\n```\n");
    }
    hallmark_core::fs::write_unsynced(path, out.as_bytes()).unwrap();
}

/// The answer with the placeholders that the page had, and new ones where a value is made.
fn placed(name: &str, answer: &Value, known: &Value) -> Value {
    if let Some(text) = known.as_str().filter(|t| t.starts_with('<') && t.ends_with('>')) {
        return Value::from(text);
    }
    match answer {
        Value::String(_) if name == "next_cursor" => Value::from("<name: cursor>"),
        Value::String(_) if matches!(name, "created_at" | "updated_at" | "deleted_at") => {
            Value::from("<time>")
        }
        Value::Array(items) => items.iter().enumerate().map(|(i, v)| placed(name, v, &known[i])).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(k, v)| (k.clone(), placed(k, v, &known[k])))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

/// As people write JSON: what fits on a line stands on one.
fn shown(value: &Value, indent: usize) -> String {
    let flat = spaced(value);
    if indent + flat.chars().count() <= 110 || !(value.is_array() || value.is_object()) {
        return flat;
    }
    let pad = " ".repeat(indent + 2);
    let (open, close, parts): (&str, &str, Vec<String>) = match value {
        Value::Object(members) => {
            let part = |(k, v): (&String, &Value)| {
                format!("{pad}{}: {}", Value::from(k.as_str()), shown(v, indent + 2))
            };
            ("{", "}", members.iter().map(part).collect())
        }
        _ => {
            let items = value.as_array().into_iter().flatten();
            ("[", "]", items.map(|v| format!("{pad}{}", shown(v, indent + 2))).collect())
        }
    };
    format!("{open}\n{}\n{}{close}", parts.join(",\n"), " ".repeat(indent))
}

fn spaced(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(spaced).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let parts: Vec<String> =
                members.iter().map(|(k, v)| format!("{}: {}", Value::from(k.as_str()), spaced(v))).collect();
            format!("{{{}}}", parts.join(", "))
        }
        other => other.to_string(),
    }
}
