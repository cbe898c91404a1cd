//! The pages of the rules that fired, so that the report is read without Hallmark at hand.

use std::fmt::Write as _;

use super::escape;
use crate::RuleInfo;
use crate::markdown::{Block, Span, blocks, spans};

/// One closed part for each rule.
pub(super) fn section(out: &mut String, rules: &[&RuleInfo]) {
    if rules.is_empty() {
        return;
    }
    out.push_str("<h2>Rules</h2>\n");
    for rule in rules {
        let _ = writeln!(
            out,
            "<details class=\"card page\" id=\"rule-{}\">\n<summary><span class=\"mono\">{}</span> <span class=\"soft\">{}</span></summary>",
            rule.name,
            rule.name,
            line(&rule.summary)
        );
        page(out, &rule.page);
        out.push_str("</details>\n");
    }
}

/// A page of Markdown as HTML, its title left out; headings start at the third level, below those of the report.
fn page(out: &mut String, markdown: &str) {
    let blocks = blocks(markdown);
    let mut blocks = blocks.iter().peekable();
    while let Some(block) = blocks.next() {
        match block {
            Block::Heading(1, _) => {}
            Block::Heading(level, title) => {
                let level = (level + 1).min(6);
                let _ = writeln!(out, "<h{level}>{}</h{level}>", line(title));
            }
            Block::Paragraph(text) => {
                let _ = writeln!(out, "<p>{}</p>", line(text));
            }
            Block::Item(marker, text) => {
                let list = if *marker == "-" { "ul" } else { "ol" };
                let _ = writeln!(out, "<{list}>\n<li>{}</li>", line(text));
                while let Some(Block::Item(_, text)) = blocks.next_if(|b| matches!(b, Block::Item(..))) {
                    let _ = writeln!(out, "<li>{}</li>", line(text));
                }
                let _ = writeln!(out, "</{list}>");
            }
            Block::Code(_, lines) => {
                let _ = writeln!(out, "<pre><code>{}</code></pre>", escape(&lines.join("\n")));
            }
            Block::Table(rows) => {
                out.push_str("<div class=\"scroll\"><table>\n");
                for (index, row) in rows.iter().enumerate() {
                    let tag = if index == 0 { "th" } else { "td" };
                    let cells: String = row.iter().map(|c| format!("<{tag}>{}</{tag}>", line(c))).collect();
                    let _ = writeln!(out, "<tr>{cells}</tr>");
                }
                out.push_str("</table></div>\n");
            }
        }
    }
}

/// One line of text with its code and emphasis.
pub(super) fn line(text: &str) -> String {
    let piece = |span: Span<'_>| match span {
        Span::Plain(text) => escape(text),
        Span::Code(text) => format!("<code>{}</code>", escape(text)),
        Span::Strong(text) => format!("<strong>{}</strong>", escape(text)),
    };
    spans(text).into_iter().map(piece).collect()
}
