//! Lines, and the comments that suppress findings.

use ruff_python_ast::token::Tokens;
use ruff_text_size::Ranged as _;

use super::{Lowerer, span};
use crate::facts::Suppression;

/// The line of this byte, from 1.
pub(super) fn line_of(text: &str, at: usize) -> u32 {
    let before = &text.as_bytes()[..at.min(text.len())];
    u32::try_from(memchr::memchr_iter(b'\n', before).count() + 1).unwrap_or(u32::MAX)
}

/// At most this many bytes of the text, cut at a character.
pub(super) fn cut(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let end = (0..=bytes).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    &text[..end]
}

impl Lowerer<'_> {
    /// Collects the suppression comments; looking for the word first keeps the scan of all tokens to the files that have one.
    pub(super) fn comments(&mut self, tokens: &Tokens) {
        if memchr::memmem::find(self.text.as_bytes(), b"hallmark:").is_none() {
            return;
        }
        for token in tokens.iter().filter(|t| t.kind().is_comment()) {
            let range = token.range();
            let comment = &self.text[range.start().to_usize()..range.end().to_usize()];
            let Some((rules, reason)) = parse(comment) else { continue };
            let bytes = self.text.as_bytes();
            let start = memchr::memrchr(b'\n', &bytes[..range.start().to_usize()]).map_or(0, |at| at + 1);
            self.module.suppressions.push(Suppression {
                line_start: u32::try_from(start).unwrap_or(u32::MAX),
                line_end: range.end().to_u32(),
                span: span(range),
                rules,
                reason,
            });
        }
    }
}

/// Reads `# hallmark: allow[rule, rule] reason`.
fn parse(comment: &str) -> Option<(Vec<String>, String)> {
    let rest = comment.trim_start_matches('#').trim_start().strip_prefix("hallmark:")?.trim_start();
    let (rules, reason) = rest.strip_prefix("allow[")?.split_once(']')?;
    let rules = rules.split(',').map(|r| r.trim().to_owned()).filter(|r| !r.is_empty()).collect();
    Some((rules, reason.trim().trim_start_matches(['-', ':']).trim().to_owned()))
}
