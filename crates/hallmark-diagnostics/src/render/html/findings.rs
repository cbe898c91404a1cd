//! The findings of the page, by file, with the form that filters them; and the accepted ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::pages::line;
use super::{escape, left_out};
use crate::results::Acceptance;
use crate::{Finding, Results, Severity, Suppressed, limits};

/// The form and one part for each file.
pub(super) fn section(out: &mut String, given: &Results<'_>) {
    out.push_str("<h2>Findings</h2>\n");
    if given.findings.is_empty() {
        out.push_str("<p class=\"card\">Nothing breaks a gold standard in what was judged.</p>\n");
        return;
    }
    let mut kept: Vec<&Finding> = given.findings.iter().collect();
    if kept.len() > limits::HTML_FINDINGS {
        kept.sort_by_key(|f| std::cmp::Reverse(f.severity));
        kept.truncate(limits::HTML_FINDINGS);
    }
    form(out, &kept);
    let mut files: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in kept {
        files.entry(&finding.path).or_default().push(finding);
    }
    for (path, mut findings) in files {
        findings.sort_by_key(|f| (f.start, f.rule));
        let path = escape(path);
        let lower = path.to_lowercase();
        let _ = writeln!(
            out,
            "<details class=\"card file\" open data-path=\"{lower}\">\n<summary><span class=\"mono\">{path}</span>\
             <span class=\"soft\"><span class=\"left\">{}</span> here</span></summary>",
            findings.len()
        );
        for finding in findings {
            article(out, finding);
        }
        out.push_str("</details>\n");
    }
    left_out(out, given.findings.len(), "finding");
}

fn form(out: &mut String, findings: &[&Finding]) {
    let names = |of: fn(&Finding) -> &'static str| {
        findings.iter().map(|f| of(f)).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    };
    let severities = [Severity::Error, Severity::Warning, Severity::Info].map(Severity::name);
    out.push_str("<form hidden aria-label=\"Filter\">\n");
    select(out, "severity", "Severity", &severities);
    select(out, "family", "Family", &names(|f| f.family));
    select(out, "rule", "Rule", &names(|f| f.rule));
    select(out, "tier", "Tier", &names(|f| f.tier));
    out.push_str(
        "<label>Text or path<input type=\"search\" name=\"text\"></label>\n<button type=\"reset\">Show all</button>\n\
         <output aria-live=\"polite\"></output>\n</form>\n",
    );
}

fn select(out: &mut String, name: &str, label: &str, values: &[&str]) {
    let _ = write!(out, "<label>{label}<select name=\"{name}\"><option value=\"\">any</option>");
    for value in values {
        let _ = write!(out, "<option>{}</option>", escape(value));
    }
    out.push_str("</select></label>\n");
}

fn article(out: &mut String, finding: &Finding) {
    let Finding { rule, severity, family, tier, start, .. } = finding;
    let _ = writeln!(
        out,
        "<article class=\"finding {severity}\" data-rule=\"{rule}\" data-family=\"{family}\" data-severity=\"{severity}\" \
         data-tier=\"{tier}\">\n<p><span class=\"pill {severity}\">{severity}</span> <a class=\"mono\" href=\"#rule-{rule}\">{rule}</a> \
         <span class=\"soft\">line {}, column {} &middot; {tier}</span></p>\n<p class=\"what\">{}</p>",
        start.line,
        start.column,
        line(&finding.message)
    );
    let excerpt = &finding.excerpt;
    if !excerpt.text.is_empty() {
        let (before, rest) = excerpt.text.split_at_checked(excerpt.start).unwrap_or((&excerpt.text, ""));
        let (marked, after) =
            rest.split_at_checked(excerpt.end.saturating_sub(excerpt.start)).unwrap_or((rest, ""));
        let _ = writeln!(
            out,
            "<pre><code><span class=\"no\">{} </span>{}<mark>{}</mark>{}</code></pre>",
            start.line,
            escape(before),
            escape(marked),
            escape(after)
        );
    }
    let auto = finding.fix.as_ref().map_or(String::new(), |fix| {
        format!("<dt>auto</dt><dd><code>hallmark check --fix</code>: {}</dd>", line(&fix.title))
    });
    let _ = writeln!(
        out,
        "<dl><dt>why</dt><dd>{}</dd><dt>fix</dt><dd>{}</dd>{auto}</dl>\n</article>",
        line(finding.why),
        line(&finding.action)
    );
}

/// What was accepted, with the reasons: an exception is never out of sight.
pub(super) fn accepted(out: &mut String, suppressed: &[Suppressed]) {
    if suppressed.is_empty() {
        return;
    }
    out.push_str(
        "<h2>Accepted</h2>\n<div class=\"card scroll\"><table>\n<thead><tr><th>Place</th><th>Rule</th><th>By</th>\
         <th>Reason</th><th>Owner</th><th>Until</th></tr></thead>\n<tbody>\n",
    );
    for one in suppressed.iter().take(limits::HTML_FINDINGS) {
        let by = match one.by {
            Acceptance::InSource => "comment",
            Acceptance::Baseline => "baseline",
        };
        let _ = writeln!(
            out,
            "<tr><td class=\"mono\">{}:{}</td><td>{}</td><td>{by}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(&one.finding.path),
            one.finding.start.line,
            one.finding.rule,
            escape(&one.reason),
            escape(&one.owner),
            escape(&one.until)
        );
    }
    out.push_str("</tbody>\n</table></div>\n");
    left_out(out, suppressed.len(), "accepted finding");
}
