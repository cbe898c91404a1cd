//! `--format json`: the report itself, versioned by its `schema` member.

use serde::Serialize;

/// The value as indented JSON with a final line break.
///
/// The order of members is the order of the type's fields, so equal reports give equal bytes.
pub fn json(report: &impl Serialize) -> String {
    // A report holds strings and numbers only, which cannot fail to serialise; the error text still says so if it does.
    let mut out = serde_json::to_string_pretty(report).unwrap_or_else(|e| format!("{{\"error\": \"{e}\"}}"));
    out.push('\n');
    out
}
