//! ## What it does
//!
//! Finds a class in a test file whose name begins or ends with Fake, Mock, Stub, Dummy, Spy or InMemory. Exceptions,
//! enumerations and pytest classes are left alone. Outside tests nothing is: `InMemory…` there is a product.
//!
//! ## Why
//!
//! A stand-in written by hand answers as its author believed the service does, and goes on answering so when the service
//! changes.
//!
//! ## Example
//!
//! ```python
//! class FakeRedis:
//!     def get(self, key):
//!         return self.data.get(key)
//! ```
//!
//! ## Use instead
//!
//! ```python
//! @pytest.fixture
//! def cache():
//!     return redis.Redis.from_url(os.environ["REDIS_URL"])
//! ```
//!
//! ## Gold standard
//!
//! NO-MOCKING. 2025: test creation guide, "no mocking in tiers 2 and 3"; 2026: `gold-mocking-policy` and `rules/testing`.
//! Under `--profile strict` the requirements' reading applies: no double in any tier. Exempt is a class that satisfies a
//! `typing.Protocol` with deterministic output; say so with `# hallmark: allow[hand-written-fake] reason`.
//!
//! ## How to mend
//!
//! Use the running stack (`hallmark up`), or move the test to the unit tier.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Class;
use hallmark_python::names::double_word;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::sdk;

pub(crate) static RULE: Rule = Rule {
    name: "hand-written-fake",
    family: Family::Mocking,
    severity: Severity::Error,
    why: "A stand-in written by hand answers as its author believed the service does, and goes on answering so when the service changes.",
    action: "use the running stack (hallmark up), or move the test to the unit tier",
    source: include_str!("hand_written_fake.rs"),
    checks: &[Check::Class(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, class: &Class) {
    if !context.is_test_file() || class.name.starts_with("Test") {
        return;
    }
    let in_memory =
        || class.name.trim_start_matches('_').starts_with("InMemory").then_some("in-memory double");
    let Some(word) = double_word(&class.name).or_else(in_memory) else { return };
    let other_kind = class.bases.iter().flatten().any(|base| {
        let base = context.canonical(base);
        let last = base.rsplit('.').next().unwrap_or_default();
        // A class that derives from a mock is reported as one.
        base.starts_with("unittest.mock.")
            || ["Error", "Exception", "Warning", "Enum"].iter().any(|end| last.ends_with(end))
    });
    if !other_kind {
        let message = format!("`{}` is a hand-written {}", class.name, word.to_ascii_lowercase());
        let label =
            sdk::service_of(&split_words(&class.name)).map(|service| format!("stands in for {service}"));
        context.report_double(class.span, class.scope, message).label(label.unwrap_or_default());
    }
}

/// `FakeRedisClient` as `Fake.Redis.Client`, so that its words can be looked up.
fn split_words(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('.');
        }
        out.push(c);
    }
    out
}
