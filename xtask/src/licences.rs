//! Every dependency's licence against an allow-list of permissive ones.

use serde_json::Value;

use crate::shell::{self, Failure, Outcome};

/// Permissive licences that we accept (SPDX identifiers).
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Zlib",
];

pub(crate) fn run() -> Outcome {
    let mut command = shell::cargo();
    command.args([
        "metadata",
        "--locked",
        "--format-version",
        "1",
        "--filter-platform",
        "x86_64-unknown-linux-gnu",
    ]);
    let metadata: Value = serde_json::from_str(&shell::output(&mut command)?)?;
    let packages =
        metadata["packages"].as_array().ok_or(Failure("cargo metadata gives no packages".into()))?;
    let refused: Vec<String> = packages
        .iter()
        .filter(|p| !p["license"].as_str().is_some_and(|l| Expression(l).is_allowed()))
        .map(|p| format!("{} {}: {}", text(&p["name"]), text(&p["version"]), text(&p["license"])))
        .collect();
    if refused.is_empty() {
        shell::say(&format!("licences: {} packages, all on the allow-list\n", packages.len()));
        return Ok(());
    }
    Err(Failure(format!("licences not on the allow-list:\n  {}", refused.join("\n  "))))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("none")
}

/// An SPDX expression: `AND` binds tighter than `OR`; the old `MIT/Apache-2.0` reads as `OR`.
struct Expression<'a>(&'a str);

impl Expression<'_> {
    fn is_allowed(&self) -> bool {
        let text = self.0.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
        let mut words = text.split_whitespace().peekable();
        any_of(&mut words) && words.next().is_none()
    }
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any_of(words: &mut Words<'_>) -> bool {
    let mut allowed = all_of(words);
    while words.next_if_eq(&"OR").is_some() {
        allowed |= all_of(words);
    }
    allowed
}

fn all_of(words: &mut Words<'_>) -> bool {
    let mut allowed = one(words);
    while words.next_if_eq(&"AND").is_some() {
        allowed &= one(words);
    }
    allowed
}

fn one(words: &mut Words<'_>) -> bool {
    match words.next() {
        Some("(") => {
            let allowed = any_of(words);
            words.next_if_eq(&")").is_some() && allowed
        }
        Some(name) if words.next_if_eq(&"WITH").is_some() => {
            let exception = words.next().unwrap_or_default();
            ALLOWED.contains(&format!("{name} WITH {exception}").as_str())
        }
        Some(name) => ALLOWED.contains(&name),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::Expression;

    #[test]
    fn expressions_are_read_by_the_rules_of_spdx() {
        let allowed = |text| Expression(text).is_allowed();
        assert!(allowed("MIT"));
        assert!(allowed("MIT/Apache-2.0"));
        assert!(allowed("GPL-3.0 OR MIT"));
        assert!(allowed("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(allowed("Apache-2.0 WITH LLVM-exception"));
        assert!(!allowed("GPL-3.0"));
        assert!(!allowed("MIT AND GPL-3.0"));
        assert!(!allowed("(MIT OR Apache-2.0"));
        assert!(!allowed(""));
    }
}
