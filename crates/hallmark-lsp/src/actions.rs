//! Code actions: mend one finding, all of a rule, or all; suppress with a reason; let a suppressed rule speak again.

use hallmark_diagnostics::{Applicability, Edit, Finding};
use hallmark_standards::{FileReport, rules};
use lsp_types::{CodeAction, CodeActionKind, CodeActionParams, Command, TextEdit};
use serde_json::json;

use crate::client::Client;
use crate::pages::Pages;
use crate::server::Document;
use crate::{diagnostics, edits, limits, suppression};

/// The kind of the action that mends all that is safe.
pub(crate) const FIX_ALL: &str = "source.fixAll.hallmark";

/// Which kinds the client asked for; a kind stands for those below it.
pub(crate) struct Wanted {
    pub(crate) quick_fix: bool,
    pub(crate) fix_all: bool,
}

impl Wanted {
    pub(crate) fn new(params: &CodeActionParams) -> Self {
        let only = params.context.only.as_deref();
        let wants = |kind: &str| {
            only.is_none_or(|only| {
                only.iter().any(|o| {
                    let o = o.as_str();
                    o.is_empty()
                        || kind == o
                        || kind.strip_prefix(o).is_some_and(|rest| rest.starts_with('.'))
                })
            })
        };
        Self { quick_fix: wants("quickfix"), fix_all: wants(FIX_ALL) }
    }
}

/// What actions are made of.
pub(crate) struct Scene<'s> {
    pub(crate) document: &'s Document,
    pub(crate) report: &'s FileReport,
    pub(crate) client: &'s Client,
    /// The text with every safe fix made, if that differs and was asked for.
    pub(crate) fixed: Option<&'s str>,
}

/// The actions for a range of a document.
pub(crate) fn of(scene: &Scene<'_>, params: &CodeActionParams, pages: &mut Pages) -> Vec<CodeAction> {
    let wanted = Wanted::new(params);
    let text = &scene.document.text;
    let (from, to) = text.bytes(params.range);
    let touched = |finding: &&Finding| {
        let (start, end) = diagnostics::bytes(finding, text);
        start <= to && from <= end
    };
    let mut actions = Vec::new();
    if wanted.quick_fix {
        let findings: Vec<&Finding> = scene.report.findings.iter().filter(touched).collect();
        actions.extend(findings.iter().filter_map(|f| scene.mend(f, pages)));
        let mut rules: Vec<&str> = findings.iter().map(|f| f.rule).collect();
        rules.sort_unstable();
        rules.dedup();
        actions.extend(rules.iter().filter_map(|rule| scene.mend_rule(rule)));
        // Each asks the scanner whether the comment would be taken; a selection of a whole file is not meant that way.
        actions.extend(findings.iter().take(limits::SUPPRESSIONS).filter_map(|f| scene.suppress(f, pages)));
        actions.extend(scene.enable(from, to));
    }
    if let (true, Some(fixed)) = (wanted.fix_all, scene.fixed) {
        let edits = edits::of_change(text, fixed);
        actions.extend(
            scene
                .action("Fix all that Hallmark can mend safely", &edits)
                .map(|action| CodeAction { kind: Some(CodeActionKind::new(FIX_ALL)), ..action }),
        );
    }
    actions
}

impl Scene<'_> {
    fn action(&self, title: &str, edits: &[TextEdit]) -> Option<CodeAction> {
        let edit = self.client.edit(&self.document.uri, Some(self.document.version), edits)?;
        Some(CodeAction {
            title: title.to_owned(),
            kind: Some(CodeActionKind::QUICKFIX),
            edit: Some(edit),
            ..CodeAction::default()
        })
    }

    fn of_bytes(&self, title: &str, changes: &[Edit]) -> Option<CodeAction> {
        self.action(title, &edits::of_bytes(changes, &self.document.text))
    }

    fn mend(&self, finding: &Finding, pages: &mut Pages) -> Option<CodeAction> {
        let fix = finding.fix.as_ref()?;
        let safe = fix.applicability == Applicability::Safe;
        let title = if safe { fix.title.clone() } else { format!("{} (may change what it does)", fix.title) };
        let action = self.of_bytes(&title, &fix.edits)?;
        let diagnostic = diagnostics::of_finding(finding, &self.document.text, pages);
        Some(CodeAction { diagnostics: Some(vec![diagnostic]), is_preferred: Some(safe), ..action })
    }

    /// Mends all of one rule, where there is more than one.
    fn mend_rule(&self, rule: &str) -> Option<CodeAction> {
        let of_rule = self.report.findings.iter().filter(|f| f.rule == rule).filter_map(|f| f.fix.as_ref());
        let fixes: Vec<&[Edit]> = of_rule
            .filter(|fix| fix.applicability == Applicability::Safe)
            .map(|fix| fix.edits.as_slice())
            .collect();
        if fixes.len() < 2 {
            return None;
        }
        let merged = hallmark_fix::edit::merge(self.document.text.content(), &fixes);
        self.of_bytes(&format!("Fix all {rule} in this file"), &merged.edits)
    }

    fn suppress(&self, finding: &Finding, pages: &mut Pages) -> Option<CodeAction> {
        if !rules::find(finding.rule).is_some_and(|rule| rule.suppressible) {
            return None;
        }
        let text = &self.document.text;
        let (at, _) = diagnostics::bytes(finding, text);
        let title = format!("Suppress {} here, with a reason", finding.rule);
        let edit = suppression::suppress(text.content(), at, finding.rule, "")?;
        let diagnostic = diagnostics::of_finding(finding, text, pages);
        let action = if self.client.can.asks_reason {
            let line = text.position(at).line;
            let argument = json!({ "uri": self.document.uri, "rule": finding.rule, "line": line });
            CodeAction {
                title: title.clone(),
                kind: Some(CodeActionKind::QUICKFIX),
                command: Some(Command {
                    title,
                    command: "hallmark.suppressWithReason".to_owned(),
                    arguments: Some(vec![argument]),
                }),
                ..CodeAction::default()
            }
        } else {
            // The comment speaks once the reason is written: until then the scanner asks for it at this very place.
            self.of_bytes(&title, &[edit])?
        };
        Some(CodeAction { diagnostics: Some(vec![diagnostic]), ..action })
    }

    /// Actions for the suppression comments in a range.
    fn enable(&self, from: usize, to: usize) -> Vec<CodeAction> {
        let text = self.document.text.content();
        let comments = suppression::comments(text);
        let touched =
            comments.iter().filter(|c| c.fact.span.start as usize <= to && from <= c.fact.span.end as usize);
        let mut actions = Vec::new();
        for comment in touched {
            for rule in &comment.fact.directive.rules {
                let edit = comment.without(Some(rule));
                actions.extend(
                    edit.and_then(|edit| self.of_bytes(&format!("Enable {rule} here again"), &[edit])),
                );
            }
            if comment.fact.directive.rules.len() > 1 {
                let edit = comment.without(None);
                actions.extend(
                    edit.and_then(|edit| self.of_bytes("Enable all of these rules here again", &[edit])),
                );
            }
        }
        actions
    }
}

/// The edit that suppresses a rule on a line of the client's.
pub(crate) fn suppress(document: &Document, line: u32, rule: &str, reason: &str) -> Option<TextEdit> {
    let text = &document.text;
    let start = text.offset(lsp_types::Position::new(line, 0));
    let edit = suppression::suppress(text.content(), start, rule, reason)?;
    edits::of_bytes(&[edit], text).into_iter().next()
}
