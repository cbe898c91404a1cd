//! ## What it does
//!
//! Finds what a runtime gives back, a pair of results and run id, used as if it were the results: `outcome["node"]`.
//!
//! ## Why
//!
//! `LocalRuntime.execute` gives a pair. A text is no index of a pair, so the program fails after the workflow has run.
//!
//! ## Example
//!
//! ```python
//! results = runtime.execute(workflow.build())
//! print(results["reader"])
//! ```
//!
//! ## Use instead
//!
//! ```python
//! results, run_id = runtime.execute(workflow.build())
//! print(results["reader"])
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. 2026: `SKILL.md`, core pattern.
//!
//! ## How to mend
//!
//! Unpack the pair.

use hallmark_diagnostics::Severity;
use hallmark_python::Module;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::sdk;

pub(crate) static RULE: Rule = Rule {
    name: "result-not-unpacked",
    family: Family::Workflow,
    severity: Severity::Error,
    why: "`LocalRuntime.execute` gives a pair. A text is no index of a pair, so the program fails after the workflow has run.",
    action: "write results, run_id = runtime.execute(...)",
    source: include_str!("result_not_unpacked.rs"),
    checks: &[Check::Module(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, module: &Module) {
    for pair in &module.pair_subscripts {
        let path = context.canonical(&pair.text);
        let of_async = path.strip_suffix("().execute_workflow_async()");
        if path.strip_suffix("().execute()").is_some_and(sdk::is_sync_runtime)
            || of_async.is_some_and(sdk::is_runtime)
        {
            context.report(pair.span, pair.scope, "a pair of results and run id is used as the results");
        }
    }
}
