//! ## What it does
//!
//! Finds a test that uses SQLite in memory while the project itself talks to PostgreSQL. In unit tests, and where packages of
//! the product keep data in SQLite too, it is information only: there it may be the real thing.
//!
//! ## Why
//!
//! SQLite has other types, locks, constraints and SQL. What passes there can fail in production, and the other way round.
//!
//! ## Example
//!
//! ```python
//! engine = create_engine("sqlite:///:memory:")
//! ```
//!
//! ## Use instead
//!
//! ```python
//! engine = create_engine(os.environ["DATABASE_URL"])
//! ```
//!
//! ## Gold standard
//!
//! NO-MOCKING. 2025: test creation guide; 2026: `gold-mocking-policy` and `rules/testing`. Under `--profile strict` no
//! double is allowed in any tier.
//!
//! ## How to mend
//!
//! Connect to the running PostgreSQL, in a schema of the test's own.

use hallmark_diagnostics::Severity;
use hallmark_python::Module;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::tier::Tier;

pub(crate) static RULE: Rule = Rule {
    name: "in-memory-database",
    family: Family::Mocking,
    severity: Severity::Error,
    why: "SQLite has other types, locks, constraints and SQL. What passes there can fail in production, and the other way round.",
    action: "use the PostgreSQL of the running stack (hallmark up)",
    source: include_str!("in_memory_database.rs"),
    checks: &[Check::Module(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, module: &Module) {
    if !context.is_test_file() || !context.project_uses_postgresql() {
        return;
    }
    let supported = context.project_uses_sqlite();
    for url in &module.memory_databases {
        let is_unit = context.tier(url.scope) == Tier::Unit;
        let raw = context.report_double(url.span, url.scope, "SQLite in memory stands in for PostgreSQL");
        raw.label("replaces PostgreSQL");
        if supported {
            raw.severity(Severity::Info).action("nothing, if the test is about SQLite itself");
        } else if is_unit {
            raw.severity(Severity::Info);
        }
    }
}
