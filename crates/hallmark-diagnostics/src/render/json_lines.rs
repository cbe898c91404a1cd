//! `--format json-lines`: one JSON object a line, for tools that read a stream.

use serde::Serialize;
use serde_json::Value;

use crate::{Finding, Problem};

/// A line for each problem and finding, with `"type"` saying which, and at the end one of type `summary` that holds the rest of
/// the report, its `schema` included.
///
/// A reader that saw no summary has not seen the whole report.
pub fn json_lines(findings: &[Finding], problems: &[Problem], summary: &impl Serialize) -> String {
    let mut out = String::new();
    for problem in problems {
        push(&mut out, "problem", problem);
    }
    for finding in findings {
        push(&mut out, "finding", finding);
    }
    push(&mut out, "summary", summary);
    out
}

fn push(out: &mut String, kind: &str, value: &impl Serialize) {
    // A report holds strings and numbers only, which cannot fail to serialise; the line still says so if it does.
    let value = match serde_json::to_value(value) {
        Ok(Value::Object(mut members)) => {
            members.remove("findings");
            members.remove("problems");
            members.remove("accepted");
            members.insert("type".to_owned(), kind.into());
            Value::Object(members)
        }
        Ok(other) => serde_json::json!({ "type": kind, "value": other }),
        Err(error) => serde_json::json!({ "type": kind, "error": error.to_string() }),
    };
    out.push_str(&value.to_string());
    out.push('\n');
}
