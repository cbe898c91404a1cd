//! `--format html`: one self-contained page, light and dark, printable, that loads nothing and reads without JavaScript.

mod findings;
mod pages;

use std::fmt::Write as _;

use crate::{FamilyLine, Overview, Results, Severity, limits, render::text};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("filter.js");

/// The SHA-256 of [`SCRIPT`] in base64: the only script that the page's policy lets run. A test keeps it current.
const SCRIPT_DIGEST: &str = "jYt4t2i55ABlE695hCmExi60s6xEcf1LgT+C7dNn7xs=";

/// The page: score and families, a filter, the findings by file, what was accepted and why, and the page of every rule that
/// fired.
///
/// At most [`limits::HTML_FINDINGS`] findings are written, the gravest first; what is left out is said.
#[must_use]
pub fn html(given: &Results<'_>, overview: &Overview) -> String {
    let mut out = String::with_capacity(64 * 1024);
    let title = escape(&overview.title);
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         script-src 'sha256-{SCRIPT_DIGEST}'\">\n<title>{title}: gold standards</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
    );
    band(&mut out, &title, overview);
    out.push_str("<main>\n");
    tiles(&mut out, given);
    families(&mut out, &overview.families);
    problems(&mut out, given);
    findings::section(&mut out, given);
    findings::accepted(&mut out, given.suppressed);
    pages::section(&mut out, &given.fired());
    let _ = write!(
        out,
        "<footer>Hallmark {}. <code>hallmark check</code> prints the same findings; <code>hallmark explain score</code> says how \
         the score is made.</footer>\n</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
        escape(given.version)
    );
    out
}

fn band(out: &mut String, title: &str, overview: &Overview) {
    let score = overview.score.map_or("n/m".to_owned(), |s| format!("{s:.3}"));
    let words = if overview.score.is_some() { "compliance" } else { "not measured" };
    let _ = write!(
        out,
        "<header class=\"band\"><div class=\"band-in\">\n<div class=\"figure\"><b>{score}</b>{words}</div>\n<div>\n\
         <p class=\"over\">Hallmark gold standards</p>\n<h1>{title}</h1>\n<dl>\n"
    );
    for (label, value) in &overview.facts {
        let _ = writeln!(out, "<div><dt>{}</dt><dd>{}</dd></div>", escape(label), escape(value));
    }
    out.push_str("</dl>\n</div>\n</div></header>\n");
}

fn tiles(out: &mut String, given: &Results<'_>) {
    let of = |severity| given.findings.iter().filter(|f| f.severity == severity).count();
    let tiles = [
        ("error", of(Severity::Error), "violation"),
        ("warning", of(Severity::Warning), "warning"),
        ("info", of(Severity::Info), "note"),
        ("open", given.suppressed.len(), "accepted finding"),
        ("open", given.problems.len(), "file problem"),
    ];
    out.push_str("<section class=\"tiles\" aria-label=\"Findings by severity\">\n");
    for (class, number, noun) in tiles {
        let words = text::count(number, noun);
        let (number, noun) = words.split_once(' ').unwrap_or((&words, ""));
        let _ = writeln!(out, "<div class=\"tile {class}\"><b>{number}</b>{noun}</div>");
    }
    out.push_str("</section>\n");
}

fn families(out: &mut String, families: &[FamilyLine]) {
    if families.is_empty() {
        return;
    }
    out.push_str(
        "<h2>Families</h2>\n<div class=\"card scroll\"><table>\n<thead><tr><th>Family</th><th>Requirement</th>\
         <th class=\"num\">Weight</th><th class=\"num\">Score</th><th></th><th class=\"num\">Violations</th>\
         <th class=\"num\">Warnings</th></tr></thead>\n<tbody>\n",
    );
    for family in families {
        let (score, bar) = match family.score {
            Some(score) => (format!("{score:.3}"), bar(score)),
            None => ("not measured".to_owned(), String::new()),
        };
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td class=\"soft\">{}</td><td class=\"num\">{:.2}</td><td class=\"num\">{score}</td><td>{bar}</td>\
             <td class=\"num\">{}</td><td class=\"num\">{}</td></tr>",
            family.name, family.requirement, family.weight, family.errors, family.warnings
        );
    }
    out.push_str("</tbody>\n</table></div>\n");
}

/// A bar of this share of its width; it prints, and needs no script.
fn bar(share: f64) -> String {
    let width = share.clamp(0.0, 1.0) * 100.0;
    format!(
        "<svg class=\"bar\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <rect width=\"{width:.2}\" height=\"10\"/></svg>"
    )
}

fn problems(out: &mut String, given: &Results<'_>) {
    if given.problems.is_empty() {
        return;
    }
    out.push_str(
        "<h2>Could not be judged</h2>\n<div class=\"card scroll\"><table>\n<thead><tr><th>Place</th><th>Code</th>\
         <th>What happened</th></tr></thead>\n<tbody>\n",
    );
    for problem in given.problems.iter().take(limits::HTML_FINDINGS) {
        let line = problem.line.map(|n| format!(":{n}")).unwrap_or_default();
        let (path, message) = (escape(&problem.path), pages::line(&problem.message));
        let _ = writeln!(
            out,
            "<tr><td class=\"mono\">{path}{line}</td><td>{}</td><td>{message}</td></tr>",
            problem.code
        );
    }
    out.push_str("</tbody>\n</table></div>\n");
    left_out(out, given.problems.len(), "problem");
}

/// Says how many of `all` were over the bound.
fn left_out(out: &mut String, all: usize, noun: &str) {
    let over = all.saturating_sub(limits::HTML_FINDINGS);
    if over > 0 {
        let words = text::count(over, &format!("more {noun}"));
        let _ = writeln!(
            out,
            "<p class=\"soft\">{words} not on this page: <code>--format json</code> has all.</p>"
        );
    }
}

/// Escapes for text and quoted attributes; other control characters become `?`.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() => out.push('?'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Base64 with padding, for the one digest that the policy names.
    fn base64(bytes: &[u8]) -> String {
        let table = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut out = String::new();
        for chunk in bytes.chunks(3) {
            let word = chunk.iter().fold(0_u32, |w, b| w << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
            for i in 0..4 {
                let index = (word >> (18 - 6 * i) & 63) as usize;
                out.push(if i > chunk.len() { '=' } else { char::from(table[index]) });
            }
        }
        out
    }

    #[test]
    fn the_policy_names_the_script() {
        let digest = hallmark_core::digest::sha256(SCRIPT.as_bytes());
        assert_eq!(SCRIPT_DIGEST, base64(&hallmark_core::digest::from_hex(&digest).unwrap()));
    }

    #[test]
    fn nothing_of_a_project_is_markup() {
        assert_eq!(escape("<script>'\"&\u{1b}"), "&lt;script&gt;&#39;&quot;&amp;?");
    }
}
