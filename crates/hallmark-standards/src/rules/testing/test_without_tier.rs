//! ## What it does
//!
//! Finds a test file whose tier neither its path, nor a marker, nor the configuration says. A folder `regression` is left
//! alone: the policy keeps tests of mended bugs there whatever they reach (and judges their doubles as strictly as can be).
//!
//! ## Why
//!
//! The policy on test doubles differs by tier. A test without a tier is judged as the strictest one, and nobody can run
//! the tiers apart.
//!
//! ## Example
//!
//! ```python
//! # tests/test_prices.py
//! def test_price():
//!     assert price() == 1
//! ```
//!
//! ## Use instead
//!
//! ```python
//! # tests/unit/test_prices.py
//! def test_price():
//!     assert price() == 1
//! ```
//!
//! ## Gold standard
//!
//! NO-MOCKING. 2026: `rules/testing`, the three tiers.
//!
//! ## How to mend
//!
//! Move the file into a tier folder, set `pytestmark = pytest.mark.integration`, or give the path a tier in
//! `hallmark.toml`.

use hallmark_diagnostics::Severity;
use hallmark_python::Module;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::tier::Tier;

pub(crate) static RULE: Rule = Rule {
    name: "test-without-tier",
    family: Family::Testing,
    severity: Severity::Warning,
    why: "The policy on test doubles differs by tier. A test without a tier is judged as the strictest one, and nobody can run the tiers apart.",
    action: "move it below unit, integration or e2e, mark it, or name its tier in [standards.tiers]",
    source: include_str!("test_without_tier.rs"),
    checks: &[Check::Module(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, module: &Module) {
    let mut tests = module.functions.iter().filter(|f| f.name.starts_with("test"));
    let file = module.path.rsplit('/').next().unwrap_or_default();
    let is_test_file = file.starts_with("test_") || file.ends_with("_test.py");
    let untold = |scope| context.tier(scope) == Tier::Other;
    let kept_for_good = module.path.split('/').any(|folder| folder == "regression");
    if !is_test_file || !context.is_test_file() || kept_for_good {
        return;
    }
    if let Some(first) = tests.find(|f| untold(f.opens)) {
        let (span, scope) = (first.span, first.scope);
        context.report(span, scope, "the file says nowhere which tier its tests belong to");
    }
}
