//! `--format sarif`: SARIF 2.1.0 with fingerprints, suppressions and the rules' pages.

use serde_json::{Map, Value, json};

use crate::{
    Edit, Finding, Fix, Problem, Results, RuleInfo, Severity, Suppressed, limits, results::Acceptance,
};

/// The schema that the document meets; a test validates against a copy of it.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// What paths are relative to: code-scanning services know it by this name.
const BASE: &str = "%SRCROOT%";

/// One run with the rules that fired, their results, suppressed ones included, and, as tool notifications, the problems.
///
/// At most [`limits::SARIF_RESULTS`] results are written, errors first; what is left out is said in a notification.
#[must_use]
pub fn sarif(given: &Results<'_>) -> String {
    let fired = given.fired();
    let mut order: Vec<&Finding> = given.findings.iter().collect();
    order.sort_by_key(|f| std::cmp::Reverse(f.severity));
    // SARIF wants `suppressions` on every result of a run or on none.
    let with_suppressions = !given.suppressed.is_empty();
    let active = order.iter().map(|f| {
        let mut result = result(f, &fired);
        if with_suppressions {
            result.insert("suppressions".to_owned(), json!([]));
        }
        Value::Object(result)
    });
    let accepted = given.suppressed.iter().map(|s| suppressed(s, &fired));
    let results: Vec<Value> = active.chain(accepted).take(limits::SARIF_RESULTS).collect();
    let mut notifications: Vec<Value> = given.problems.iter().map(notification).collect();
    let over = (order.len() + given.suppressed.len()).saturating_sub(results.len());
    if over > 0 {
        let text = format!("{over} more results were left out");
        notifications.push(json!({ "level": "warning", "message": { "text": text } }));
    }
    super::json(&json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "hallmark",
                "version": given.version,
                "rules": fired.iter().map(|r| descriptor(r)).collect::<Vec<_>>(),
            } },
            "automationDetails": { "id": "hallmark/check/" },
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": { BASE: { "description": { "text": "The folder that was scanned." } } },
            "results": results,
            "invocations": [{
                "executionSuccessful": given.problems.is_empty(),
                "toolExecutionNotifications": notifications,
            }],
        }],
    }))
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn descriptor(rule: &RuleInfo) -> Value {
    json!({
        "id": rule.name,
        "shortDescription": { "text": rule.summary },
        "fullDescription": { "text": rule.why },
        "help": { "text": rule.page, "markdown": rule.page },
        "defaultConfiguration": { "level": level(rule.severity) },
        "properties": { "tags": [rule.family, rule.requirement], "problem.severity": level(rule.severity) },
    })
}

fn result(finding: &Finding, fired: &[&RuleInfo]) -> Map<String, Value> {
    let mut members = Map::new();
    let mut set = |name: &str, value: Value| members.insert(name.to_owned(), value);
    set("ruleId", finding.rule.into());
    if let Some(index) = fired.iter().position(|r| r.name == finding.rule) {
        set("ruleIndex", index.into());
    }
    set("level", level(finding.severity).into());
    set("message", json!({ "text": format!("{}. {}", finding.message, finding.action) }));
    set("locations", json!([{ "physicalLocation": location(&finding.path, &region(finding)) }]));
    // The second name is the one that GitHub compares results by.
    set(
        "partialFingerprints",
        json!({ "hallmark/v1": finding.fingerprint, "primaryLocationLineHash": finding.fingerprint }),
    );
    set(
        "properties",
        json!({
            "tier": finding.tier,
            "edition": finding.edition,
            "sdkVersion": finding.sdk_version,
            "family": finding.family,
            "requirement": finding.requirement,
        }),
    );
    if let Some(fix) = &finding.fix {
        set("fixes", json!([change(fix, &finding.path)]));
    }
    members
}

/// An edit, by bytes of the decoded text: SARIF counts them in the file, which is the same where the file is UTF-8.
fn change(fix: &Fix, path: &str) -> Value {
    let replacement = |edit: &Edit| {
        let region = json!({ "byteOffset": edit.start, "byteLength": edit.end.saturating_sub(edit.start) });
        json!({ "deletedRegion": region, "insertedContent": { "text": edit.content } })
    };
    json!({
        "description": { "text": fix.title },
        "artifactChanges": [{
            "artifactLocation": { "uri": uri(path), "uriBaseId": BASE },
            "replacements": fix.edits.iter().map(replacement).collect::<Vec<_>>(),
        }],
        "properties": { "applicability": fix.applicability },
    })
}

fn region(finding: &Finding) -> Value {
    let (start, end) = (finding.start, finding.end.max(finding.start));
    let mut region = json!({
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
    });
    if let (Some(members), false) = (region.as_object_mut(), finding.excerpt.text.is_empty()) {
        let text = finding.excerpt.text.get(finding.excerpt.start..finding.excerpt.end).unwrap_or_default();
        members.insert("snippet".to_owned(), json!({ "text": text }));
    }
    region
}

fn location(path: &str, region: &Value) -> Value {
    json!({ "artifactLocation": { "uri": uri(path), "uriBaseId": BASE }, "region": region })
}

fn suppressed(suppressed: &Suppressed, fired: &[&RuleInfo]) -> Value {
    let kind = match suppressed.by {
        Acceptance::InSource => "inSource",
        Acceptance::Baseline => "external",
    };
    let mut entry = json!({ "kind": kind, "status": "accepted" });
    if let Some(members) = entry.as_object_mut() {
        if !suppressed.reason.is_empty() {
            members.insert("justification".to_owned(), suppressed.reason.clone().into());
        }
        let mut properties = Map::new();
        for (name, value) in [("owner", &suppressed.owner), ("until", &suppressed.until)] {
            if !value.is_empty() {
                properties.insert(name.to_owned(), value.clone().into());
            }
        }
        if !properties.is_empty() {
            members.insert("properties".to_owned(), properties.into());
        }
    }
    let mut result = result(&suppressed.finding, fired);
    result.insert("suppressions".to_owned(), json!([entry]));
    Value::Object(result)
}

fn notification(problem: &Problem) -> Value {
    let region = json!({ "startLine": problem.line.unwrap_or(1) });
    json!({
        "level": "error",
        "descriptor": { "id": problem.code },
        "message": { "text": problem.message },
        "locations": [{ "physicalLocation": location(&problem.path, &region) }],
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
