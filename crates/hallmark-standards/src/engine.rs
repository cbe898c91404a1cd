//! Runs the rules over one file: each rule sees the kinds of facts it declares, in source order of each kind.

use hallmark_diagnostics::Severity;
use hallmark_python::Module;
use hallmark_python::facts::Span;

use crate::context::{Context, Project, Raw};
use crate::rule::{Check, Rule};
use crate::tier::Tier;
use crate::{ScanOptions, limits};

/// The findings of one file, in the order of their places; and how many a comment suppressed.
pub(crate) fn check(
    module: &Module,
    project: &Project,
    options: &ScanOptions,
    file_tier: Tier,
    rules: &[&'static Rule],
) -> (Vec<Raw>, usize) {
    let mut all = Vec::new();
    for rule in rules {
        let mut context = Context { module, project, options, file_tier, rule, found: Vec::new() };
        for check in rule.checks {
            dispatch(*check, &mut context);
        }
        bounded(&mut context);
        all.append(&mut context.found);
    }
    all.sort_by(|a, b| (a.span, a.rule.name, &a.message).cmp(&(b.span, b.rule.name, &b.message)));
    all.dedup_by(|a, b| a.span == b.span && a.rule.name == b.rule.name);
    let before = all.len();
    all.retain(|raw| !is_suppressed(module, raw));
    let suppressed = before - all.len();
    (all, suppressed)
}

fn dispatch(check: Check, context: &mut Context<'_>) {
    let module = context.module;
    match check {
        Check::Import(run) => module.imports.iter().for_each(|fact| run(context, fact)),
        Check::Call(run) => module.calls.iter().for_each(|fact| run(context, fact)),
        Check::Class(run) => module.classes.iter().for_each(|fact| run(context, fact)),
        Check::Function(run) => module.functions.iter().for_each(|fact| run(context, fact)),
        Check::Handler(run) => module.handlers.iter().for_each(|fact| run(context, fact)),
        Check::Assign(run) => module.assigns.iter().for_each(|fact| run(context, fact)),
        Check::Url(run) => module.urls.iter().for_each(|fact| run(context, fact)),
        Check::Sql(run) => module.statements.iter().for_each(|fact| run(context, fact)),
        Check::Suppression(run) => module.suppressions.iter().for_each(|fact| run(context, fact)),
        Check::Module(run) => run(context, module),
    }
}

/// Keeps a generated file from drowning the report: what is over the bound becomes one finding that says how many.
fn bounded(context: &mut Context<'_>) {
    let over = context.found.len().saturating_sub(limits::FINDINGS_PER_RULE_AND_FILE);
    if over == 0 {
        return;
    }
    context.found.sort_by_key(|raw| raw.span);
    let worst = context.found.iter().map(|raw| raw.severity).max().unwrap_or(Severity::Info);
    context.found.truncate(limits::FINDINGS_PER_RULE_AND_FILE);
    let end = Span { start: context.module.length, end: context.module.length };
    let message = format!("{over} more findings of this rule in this file are not listed one by one");
    context.report(end, 0, message).severity(worst);
}

fn is_suppressed(module: &Module, raw: &Raw) -> bool {
    raw.rule.name != "suppression-without-reason"
        && module.suppressions.iter().any(|s| {
            !s.reason.is_empty()
                && (s.line_start..s.line_end).contains(&raw.span.start)
                && s.rules.iter().any(|rule| rule == raw.rule.name)
        })
}
