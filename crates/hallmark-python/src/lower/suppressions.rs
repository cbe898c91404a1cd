//! The comments that accept findings, and what each of them speaks of.

use ruff_python_ast::token::{TokenKind, Tokens};
use ruff_text_size::{Ranged as _, TextRange};

use super::{Lowerer, span};
use crate::facts::{Span, Suppression};
use crate::suppression;

/// A logical line: from its first token to its last, over all its physical lines.
struct Logical {
    range: TextRange,
}

/// What stands below a run of comments.
#[derive(Default)]
struct Below {
    /// The end of its first line.
    from: usize,
    /// The byte behind the end of its last line.
    to: usize,
    /// The line of code below it.
    code: Option<Span>,
}

impl Lowerer<'_> {
    /// Collects the suppression comments; looking for the word first keeps the scan of all tokens to the files that have one.
    ///
    /// A comment speaks of its own physical line. On the first or the last line of a statement that goes over more lines, it speaks
    /// of all of the statement; on a line of its own, of the statement below it, or inside a statement of the line below.
    pub(super) fn comments(&mut self, tokens: &Tokens) {
        if memchr::memmem::find(self.text.as_bytes(), b"hallmark:").is_none() {
            return;
        }
        let logical = logical_lines(tokens);
        let mut below = Below::default();
        for token in tokens.iter().filter(|t| t.kind().is_comment()) {
            let range = token.range();
            let comment = &self.text[range.start().to_usize()..range.end().to_usize()];
            let Some(directive) = suppression::parse(comment) else { continue };
            let covers = if directive.is_file_wide {
                Span { start: 0, end: u32::MAX }
            } else {
                self.covers(range, &logical, &mut below)
            };
            let start = range.start().to_u32();
            let offset = |at: usize| start + u32::try_from(at).unwrap_or(0);
            let span = match directive.place {
                (0, end) if end == comment.len() => span(range),
                (from, to) => Span { start: offset(from), end: offset(to) },
            };
            let removal = self.removal(span);
            self.module.suppressions.push(Suppression { covers, span, removal, directive });
        }
    }

    fn covers(&self, comment: TextRange, logical: &[Logical], below: &mut Below) -> Span {
        let line = self.physical_line(comment.start().to_usize());
        let around = |at: u32| {
            let index = logical.partition_point(|l| l.range.end().to_u32() <= at);
            logical.get(index).filter(|l| l.range.start().to_u32() <= at)
        };
        let alone = self.text[line.start as usize..comment.start().to_usize()].trim().is_empty();
        if !alone {
            // The statement that this line ends, or begins.
            let inside = around(comment.start().to_u32());
            let count = logical.partition_point(|l| l.range.end() <= comment.start());
            let ended = count.checked_sub(1).and_then(|last| logical.get(last));
            let ended = ended.filter(|l| l.range.end().to_u32() >= line.start);
            let first = inside.filter(|l| l.range.start().to_u32() >= line.start);
            return first.or(ended).map_or(line, |l| self.whole_lines(l.range));
        }
        let Some(next) = self.next_code_line(line.end as usize, below) else { return line };
        match around(comment.start().to_u32()) {
            // Inside brackets: the line below, not all of the statement.
            Some(_) => Span { start: line.start, end: next.end },
            None => {
                let first = logical.partition_point(|l| l.range.start().to_u32() < next.start);
                let below = logical.get(first).filter(|l| l.range.start().to_u32() < next.end);
                let end = below.map_or(next.end, |l| self.whole_lines(l.range).end);
                Span { start: line.start, end }
            }
        }
    }

    fn removal(&self, comment: Span) -> Span {
        let line = self.physical_line(comment.start as usize);
        let before = &self.text[line.start as usize..comment.start as usize];
        let after = &self.text[comment.end as usize..line.end as usize];
        let kept = before.trim_end().len();
        if kept == 0 && after.trim().is_empty() {
            // The line with its break, if it has one.
            let has_break = (line.end as usize) < self.text.len();
            return Span { start: line.start, end: line.end + u32::from(has_break) };
        }
        Span { start: line.start + u32::try_from(kept).unwrap_or(0), end: comment.end }
    }

    /// The next line that is not only a comment; none if an empty line or the end comes first. Comments come in order: one below
    /// another finds what that one found.
    fn next_code_line(&self, from: usize, below: &mut Below) -> Option<Span> {
        if !(below.from..below.to).contains(&from) {
            let (code, to) = self.look_below(from);
            *below = Below { from, to, code };
        }
        below.code
    }

    /// [`Lowerer::next_code_line`], and where the comments end.
    fn look_below(&self, mut at: usize) -> (Option<Span>, usize) {
        while at < self.text.len() {
            let line = self.physical_line(at + 1);
            let text = self.text[line.start as usize..line.end as usize].trim();
            if text.is_empty() || !text.starts_with('#') {
                return (Some(line).filter(|_| !text.is_empty()), at + 1);
            }
            at = line.end as usize;
        }
        (None, at + 1)
    }

    /// The physical line of a byte, without its line break.
    fn physical_line(&self, at: usize) -> Span {
        let bytes = self.text.as_bytes();
        let at = at.min(bytes.len());
        let start = memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |at| at + 1);
        let end = memchr::memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |length| start + length);
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Span { start: number(start), end: number(end) }
    }

    fn whole_lines(&self, range: TextRange) -> Span {
        let start = self.physical_line(range.start().to_usize()).start;
        Span { start, end: self.physical_line(range.end().to_usize()).end }
    }
}

fn logical_lines(tokens: &Tokens) -> Vec<Logical> {
    let mut out = Vec::new();
    let mut open: Option<TextRange> = None;
    for token in tokens {
        match token.kind() {
            TokenKind::Newline | TokenKind::EndOfFile => {
                out.extend(open.take().map(|range| Logical { range }));
            }
            TokenKind::NonLogicalNewline | TokenKind::Comment | TokenKind::Indent | TokenKind::Dedent => {}
            _ => open = Some(open.map_or(token.range(), |range| range.cover(token.range()))),
        }
    }
    out.extend(open.map(|range| Logical { range }));
    out
}
