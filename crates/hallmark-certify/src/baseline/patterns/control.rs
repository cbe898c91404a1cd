//! The scan must find a node whose registration is not called and a workflow that is not built, and nothing in their clean twin.

use std::time::Instant;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hallmark_core::Result;
use hallmark_diagnostics::Severity;
use hallmark_standards::Report;

use super::FOUNDATIONS;
use crate::context::Context;
use crate::gates::gold_standards::scanned;
use crate::section::Control;

const PLANTED: &str = include_str!("planted.py");
const CLEAN: &str = include_str!("clean.py");

/// Scans both with the rules that the project is judged by.
pub(super) fn run(context: &Context) -> BoxFuture<'_, Vec<Control>> {
    async move {
        let started = Instant::now();
        let outcome = compare(context).unwrap_or_else(|e| (false, e.to_string()));
        let planted =
            "a node whose registration is not called and a workflow executed without build(), beside a clean twin";
        vec![Control::new("patterns.planted_node", planted, started, outcome)]
    }
    .boxed()
}

fn compare(context: &Context) -> Result<(bool, String)> {
    let errors = |report: &Report, requirement: &str| {
        report
            .findings
            .iter()
            .filter(|f| f.requirement == requirement && f.severity == Severity::Error)
            .count()
    };
    let (planted, clean) =
        (scanned(context, "app/nodes.py", PLANTED)?, scanned(context, "app/nodes.py", CLEAN)?);
    let found = FOUNDATIONS.map(|r| errors(&planted, r));
    let twin: usize = FOUNDATIONS.iter().map(|r| errors(&clean, r)).sum();
    let each: Vec<String> = FOUNDATIONS.iter().zip(found).map(|(r, n)| format!("{r}: {n}")).collect();
    Ok((
        found.iter().all(|n| *n > 0) && twin == 0,
        format!("found {}; {twin} in the clean twin", each.join(", ")),
    ))
}
