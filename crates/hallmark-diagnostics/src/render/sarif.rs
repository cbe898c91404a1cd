//! `--format sarif`: SARIF 2.1.0, the small subset that code-scanning services read.

use serde_json::{Value, json};

use crate::{Finding, Problem, RuleInfo, Severity, limits};

/// One run with the rules that fired, their results and, as tool notifications, the problems.
///
/// At most [`limits::SARIF_RESULTS`] results are written, errors first; what is left out is said in a notification.
#[must_use]
pub fn sarif(findings: &[Finding], problems: &[Problem], rules: &[RuleInfo], version: &str) -> String {
    let fired: Vec<&RuleInfo> = rules.iter().filter(|r| findings.iter().any(|f| f.rule == r.name)).collect();
    let mut order: Vec<&Finding> = findings.iter().collect();
    order.sort_by_key(|f| std::cmp::Reverse(f.severity));
    let results: Vec<Value> = order.iter().take(limits::SARIF_RESULTS).map(|f| result(f, &fired)).collect();
    let mut notifications: Vec<Value> = problems.iter().map(notification).collect();
    if order.len() > results.len() {
        let text = format!("{} more results were left out", order.len() - results.len());
        notifications.push(json!({ "level": "warning", "message": { "text": text } }));
    }
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "hallmark",
                "version": version,
                "rules": fired.iter().map(|r| json!({
                    "id": r.name,
                    "shortDescription": { "text": r.summary },
                    "help": { "text": r.page, "markdown": r.page },
                })).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
            "invocations": [{
                "executionSuccessful": problems.is_empty(),
                "toolExecutionNotifications": notifications,
            }],
        }],
    });
    super::json(&log)
}

fn result(finding: &Finding, fired: &[&RuleInfo]) -> Value {
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    };
    json!({
        "ruleId": finding.rule,
        "ruleIndex": fired.iter().position(|r| r.name == finding.rule),
        "level": level,
        "message": { "text": format!("{}. {}", finding.message, finding.action) },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(&finding.path) },
            "region": {
                "startLine": finding.start.line,
                "startColumn": finding.start.column,
                "endLine": finding.end.line,
                "endColumn": finding.end.column,
            },
        } }],
        "partialFingerprints": { "hallmark/1": finding.fingerprint },
        "properties": { "tier": finding.tier, "edition": finding.edition, "requirement": finding.requirement },
    })
}

fn notification(problem: &Problem) -> Value {
    json!({
        "level": "error",
        "descriptor": { "id": problem.code },
        "message": { "text": problem.message },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(&problem.path) },
            "region": { "startLine": problem.line.unwrap_or(1) },
        } }],
    })
}

/// A relative path as a URI reference: everything but unreserved characters and slashes is percent-encoded.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
