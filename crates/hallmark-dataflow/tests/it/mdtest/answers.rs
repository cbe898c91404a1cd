//! Calls with names filled in, and answers held against what a page says.

use std::collections::BTreeMap;

use hallmark_core::Error;
use serde_json::{Map, Value};

/// Values that a page named.
#[derive(Default)]
pub(super) struct Names(BTreeMap<String, Value>);

fn mark(text: &str) -> Option<&str> {
    text.strip_prefix('<')?.strip_suffix('>')
}

impl Names {
    /// Node, tenant and input of a call.
    pub(super) fn call(&self, text: &str) -> Result<(String, Option<String>, Value), String> {
        let Value::Object(mut members) = serde_json::from_str(text).map_err(|e| format!("no JSON: {e}"))?
        else {
            return Err("a call is an object".to_owned());
        };
        let mut text = |name: &str| members.remove(name).and_then(|v| v.as_str().map(str::to_owned));
        let (node, tenant) = (text("node").ok_or("a call names its node")?, text("tenant"));
        Ok((node, tenant, self.filled(Value::Object(members))))
    }

    fn filled(&self, value: Value) -> Value {
        match value {
            Value::String(text) => match mark(&text) {
                Some(name) if self.0.contains_key(name) => self.0[name].clone(),
                Some(name) => match name.strip_prefix("text of ").and_then(|n| n.parse().ok()) {
                    Some(bytes) => Value::from("x".repeat(bytes)),
                    None => Value::String(text),
                },
                None => Value::String(text),
            },
            Value::Array(items) => items.into_iter().map(|v| self.filled(v)).collect(),
            Value::Object(members) => {
                members.into_iter().map(|(k, v)| (k, self.filled(v))).collect::<Map<_, _>>().into()
            }
            other => other,
        }
    }

    /// Holds an answer against the text of a page, and keeps what that gives a name to.
    pub(super) fn compare(&mut self, expected: &str, answer: &Value) -> Result<(), String> {
        let expected: Value =
            serde_json::from_str(expected).map_err(|e| format!("no JSON: {e}; it is {answer}"))?;
        self.same("", &expected, answer).map_err(|why| format!("{why}\nit is {answer}"))
    }

    fn same(&mut self, place: &str, expected: &Value, found: &Value) -> Result<(), String> {
        match (expected, found) {
            (Value::Object(expected), Value::Object(found)) => {
                let open = expected.contains_key("...");
                for (name, value) in expected.iter().filter(|(n, _)| *n != "...") {
                    let found = found.get(name).ok_or_else(|| format!("{place}.{name} is missing"))?;
                    self.same(&format!("{place}.{name}"), value, found)?;
                }
                match found.keys().find(|n| !open && !expected.contains_key(*n)) {
                    Some(more) => Err(format!("{place}.{more} is not on the page")),
                    None => Ok(()),
                }
            }
            (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => expected
                .iter()
                .zip(found)
                .enumerate()
                .try_for_each(|(i, (e, f))| self.same(&format!("{place}[{i}]"), e, f)),
            (Value::String(text), found) if self.is(text, found) => Ok(()),
            _ if expected == found => Ok(()),
            _ => Err(format!("{place} is not {expected}")),
        }
    }

    /// Whether a placeholder stands for this value.
    fn is(&mut self, text: &str, found: &Value) -> bool {
        let said = found.as_str().unwrap_or_default();
        match mark(text) {
            Some("any") => true,
            Some("time") => said.len() >= 20 && said.ends_with('Z') && said.contains('T'),
            Some("uuid") => said.len() == 36 && said.matches('-').count() == 4,
            Some("text") => found.is_string(),
            Some("number") => found.is_number(),
            Some(other) => match other.strip_prefix("name: ") {
                Some(name) if !found.is_null() => {
                    self.0.insert(name.to_owned(), found.clone());
                    true
                }
                _ => false,
            },
            None => false,
        }
    }
}

/// Holds an error against a page: code, place, and what is said.
pub(super) fn error(expected: &str, error: &Error) -> Result<(), String> {
    let (head, rest) = expected.split_once('\n').unwrap_or((expected, ""));
    let (code, place) = head.split_once(" at ").map_or((head, None), |(c, p)| (c, Some(p)));
    let next: String = error.next_step().unwrap_or_default().to_owned();
    let said = format!("{}\n{next}", error.message());
    let missing = rest.lines().find(|line| !said.contains(line.trim()));
    if error.code().id == code.trim()
        && place.is_none_or(|p| error.place() == Some(p.trim()))
        && missing.is_none()
    {
        return Ok(());
    }
    Err(format!("the error is\n{} at {}\n{said}", error.code().id, error.place().unwrap_or("-")))
}
