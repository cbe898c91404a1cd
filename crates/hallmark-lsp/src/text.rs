//! A text that changes, and places in it: bytes, and what the client counts in.

use std::sync::Arc;

use hallmark_diagnostics::Position as Place;
use lsp_types::{Position, PositionEncodingKind, Range, TextDocumentContentChangeEvent};

/// What a client counts columns in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Bytes.
    Utf8,
    /// Code units of two bytes: what every client takes.
    #[default]
    Utf16,
    /// Characters.
    Utf32,
}

impl Encoding {
    /// The one to use with a client that takes these: bytes where possible, as nothing is to be counted then.
    pub(crate) fn negotiate(offered: Option<&[PositionEncodingKind]>) -> Self {
        let takes = |kind: &PositionEncodingKind| offered.is_some_and(|o| o.contains(kind));
        if takes(&PositionEncodingKind::UTF8) {
            Self::Utf8
        } else if takes(&PositionEncodingKind::UTF16) || !takes(&PositionEncodingKind::UTF32) {
            Self::Utf16
        } else {
            Self::Utf32
        }
    }

    pub(crate) fn kind(self) -> PositionEncodingKind {
        match self {
            Self::Utf8 => PositionEncodingKind::UTF8,
            Self::Utf16 => PositionEncodingKind::UTF16,
            Self::Utf32 => PositionEncodingKind::UTF32,
        }
    }

    fn width(self, c: char) -> usize {
        match self {
            Self::Utf8 => c.len_utf8(),
            Self::Utf16 => c.len_utf16(),
            Self::Utf32 => 1,
        }
    }
}

/// A text with its lines.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    content: Arc<str>,
    encoding: Encoding,
    /// Where each line starts, as the protocol breaks lines: at `\n`, `\r\n` and `\r`.
    lines: Vec<usize>,
}

impl Text {
    pub(crate) fn new(content: Arc<str>, encoding: Encoding) -> Self {
        let bytes = content.as_bytes();
        let ends =
            |at: usize| bytes[at] == b'\n' || (bytes[at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
        let lines =
            std::iter::once(0).chain((0..bytes.len()).filter(|at| ends(*at)).map(|at| at + 1)).collect();
        Self { content, encoding, lines }
    }

    pub(crate) fn content(&self) -> &Arc<str> {
        &self.content
    }

    /// The byte at a place of the client's; a place behind the end of its line or of the text means that end.
    pub(crate) fn offset(&self, position: Position) -> usize {
        let line = position.line as usize;
        let Some(start) = self.lines.get(line) else { return self.content.len() };
        let end = self.lines.get(line + 1).copied().unwrap_or(self.content.len());
        let text = self.content[*start..end].trim_end_matches(['\r', '\n']);
        let mut units = position.character as usize;
        for (at, c) in text.char_indices() {
            let width = self.encoding.width(c);
            if units < width {
                return start + at;
            }
            units -= width;
        }
        start + text.len()
    }

    /// The bytes of a range of the client's; one that ends before it starts is empty.
    pub(crate) fn bytes(&self, range: Range) -> (usize, usize) {
        let start = self.offset(range.start);
        (start, self.offset(range.end).max(start))
    }

    /// The client's place of a byte.
    pub(crate) fn position(&self, at: usize) -> Position {
        let at =
            (0..=at.min(self.content.len())).rev().find(|at| self.content.is_char_boundary(*at)).unwrap_or(0);
        let line = self.lines.partition_point(|start| *start <= at).saturating_sub(1);
        let start = self.lines.get(line).copied().unwrap_or(0);
        let units: usize = match self.encoding {
            Encoding::Utf8 => at - start,
            _ => self.content[start..at].chars().map(|c| self.encoding.width(c)).sum(),
        };
        Position::new(number(line), number(units))
    }

    /// The client's range of bytes.
    pub(crate) fn range(&self, start: usize, end: usize) -> Range {
        Range::new(self.position(start), self.position(end))
    }

    /// The byte of a place of a finding: lines break at `\n` only, columns count characters, both from 1.
    pub(crate) fn byte_of(&self, place: Place) -> usize {
        // The two ways of breaking lines differ in files with lone carriage returns only.
        let bytes = self.content.as_bytes();
        let is_feed = |start: &&usize| **start == 0 || bytes.get(**start - 1) == Some(&b'\n');
        let line = place.line.saturating_sub(1) as usize;
        let Some(start) = self.lines.iter().filter(is_feed).nth(line).copied() else {
            return self.content.len();
        };
        let column = place.column.saturating_sub(1) as usize;
        self.content[start..].char_indices().nth(column).map_or(self.content.len(), |(at, _)| start + at)
    }

    /// The line that a byte is on, without its break: where it starts, where it ends.
    pub(crate) fn line_at(&self, at: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|start| *start <= at).saturating_sub(1);
        let start = self.lines.get(line).copied().unwrap_or(0);
        let end = self.lines.get(line + 1).copied().unwrap_or(self.content.len());
        (start, start + self.content[start..end].trim_end_matches(['\r', '\n']).len())
    }

    /// The text after the client's changes, made one after the other.
    pub(crate) fn changed(self, changes: Vec<TextDocumentContentChangeEvent>) -> Self {
        changes.into_iter().fold(self, |text, change| match change.range {
            None => Self::new(change.text.into(), text.encoding),
            Some(range) => {
                let (start, end) = text.bytes(range);
                let content = [&text.content[..start], &change.text, &text.content[end..]].concat();
                Self::new(content.into(), text.encoding)
            }
        })
    }
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(content: &str, encoding: Encoding) -> Text {
        Text::new(content.into(), encoding)
    }

    #[test]
    fn places_go_both_ways_in_every_encoding() {
        let content = "a = '\u{1f600}é'\r\nb\rc\n\nd";
        for encoding in [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32] {
            let text = text(content, encoding);
            for (at, c) in content.char_indices().filter(|(_, c)| !matches!(c, '\r' | '\n')) {
                assert_eq!(text.offset(text.position(at)), at, "{c:?} in {encoding:?}");
            }
            assert_eq!(text.position(content.len()).line, 4);
        }
        let wide = content.find('é').unwrap();
        let column = |encoding| text(content, encoding).position(wide).character;
        assert_eq!((column(Encoding::Utf8), column(Encoding::Utf16), column(Encoding::Utf32)), (9, 7, 6));
    }

    #[test]
    fn places_out_of_bounds_mean_the_end() {
        let text = text("ab\ncd", Encoding::Utf16);
        assert_eq!(text.offset(Position::new(0, 99)), 2);
        assert_eq!(text.offset(Position::new(99, 0)), 5);
        assert_eq!(text.bytes(Range::new(Position::new(1, 1), Position::new(0, 0))), (4, 4));
        assert_eq!(text.position(99), Position::new(1, 2));
    }

    #[test]
    fn findings_count_lines_by_line_feeds() {
        let text = text("a\rb\nc\u{e9}d", Encoding::Utf16);
        assert_eq!(text.byte_of(Place { line: 1, column: 3 }), 2);
        assert_eq!(text.byte_of(Place { line: 2, column: 3 }), 7);
        assert_eq!(text.byte_of(Place { line: 9, column: 1 }), 8);
    }

    #[test]
    fn changes_are_made_one_after_the_other() {
        let change = |range: Option<(u32, u32, u32, u32)>, new: &str| TextDocumentContentChangeEvent {
            range: range.map(|(a, b, c, d)| Range::new(Position::new(a, b), Position::new(c, d))),
            range_length: None,
            text: new.to_owned(),
        };
        let start = text("one\ntwo\n", Encoding::Utf16);
        let end = start.changed(vec![
            change(Some((1, 0, 1, 3)), "\u{1f600}"),
            change(Some((1, 2, 1, 2)), "!"),
            change(Some((0, 0, 1, 0)), ""),
        ]);
        assert_eq!(&**end.content(), "\u{1f600}!\n");
        assert_eq!(&**end.changed(vec![change(None, "x")]).content(), "x");
    }
}
