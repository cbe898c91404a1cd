//! What an editor of sources needs to know of them: how new text is encoded, and whether the result still parses.

use std::borrow::Cow;

use ruff_python_ast::PySourceType;

use crate::{codes, read, source};

/// A source file between its bytes and its text, so that an edit of the text becomes one of the bytes.
pub struct Source<'b> {
    bytes: &'b [u8],
    text: Cow<'b, str>,
    encoding: String,
}

impl<'b> Source<'b> {
    /// Decodes the bytes of a file.
    ///
    /// # Errors
    /// Says which encoding failed, and where.
    pub fn new(bytes: &'b [u8]) -> Result<Self, source::Undecodable> {
        Ok(Self { bytes, text: source::decode(bytes)?, encoding: source::encoding(bytes) })
    }

    /// The text that offsets count in: bytes of UTF-8, without a byte-order mark.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where an offset of the text lies in the bytes; `None` if it is no boundary of a character or past the end.
    #[must_use]
    pub fn byte_offset(&self, offset: usize) -> Option<usize> {
        let before = self.text.get(..offset)?;
        let mark = if self.bytes.starts_with(source::MARK) { source::MARK.len() } else { 0 };
        match &self.text {
            Cow::Borrowed(_) => Some(mark + before.len()),
            Cow::Owned(_) => self.encode(before).map(|bytes| mark + bytes.len()),
        }
    }

    /// The text in the file's encoding; `None` if the encoding lacks one of its characters.
    #[must_use]
    pub fn encode(&self, text: &str) -> Option<Vec<u8>> {
        if matches!(self.text, Cow::Borrowed(_)) || text.is_ascii() {
            return Some(text.as_bytes().to_vec());
        }
        if source::is_other(&self.encoding) {
            return source::encode_as(text, &self.encoding);
        }
        // The others with an owned text have one byte a character: the decoder, asked for each, gives the table.
        let high: Vec<Option<char>> = (0x80..=u8::MAX)
            .map(|byte| source::decode_as(&[byte], &self.encoding).ok()?.chars().next())
            .collect();
        let encode = |c: char| match u8::try_from(c) {
            Ok(byte) if byte.is_ascii() => Some(byte),
            _ => u8::try_from(high.iter().position(|h| *h == Some(c))? + 0x80).ok(),
        };
        text.chars().map(encode).collect()
    }
}

/// How many syntax errors the text has; `None` if it is nested too deeply to be judged.
///
/// Call this on a thread with a stack of [`crate::limits::PARSER_STACK_BYTES`].
#[must_use]
pub fn syntax_errors(text: &str) -> Option<usize> {
    // This reading alone knows how to let go of a tree that is too deep.
    if read("", "", text).errors.iter().any(|e| e.code == &codes::NESTING) {
        return None;
    }
    Some(ruff_python_parser::parse_unchecked_source(text, PySourceType::Python).errors().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_and_characters_go_both_ways() {
        let marked = Source::new(b"\xef\xbb\xbfx = '\xc3\xa9'\n").unwrap();
        assert_eq!(marked.byte_offset(7), Some(10));
        assert_eq!(marked.byte_offset(6), None, "inside a character");
        let latin = b"# coding: latin-1\nx = '\xe9'  # y\n";
        let latin = Source::new(latin).unwrap();
        let at = latin.text().find('#').unwrap();
        assert_eq!(latin.byte_offset(at), Some(at));
        let after = latin.text().rfind('#').unwrap();
        assert_eq!(latin.byte_offset(after), Some(after - 1));
        assert_eq!(latin.encode("é"), Some(vec![0xe9]));
        assert_eq!(latin.encode("€"), None);
        assert_eq!(Source::new(b"# coding: cp1252\n'\xe9'\n").unwrap().encode("€"), Some(vec![0x80]));
    }

    #[test]
    fn characters_of_more_bytes_go_both_ways() {
        let source = Source::new(b"# coding: shift_jis\nx = '\x93\xfa\xb1'  # y\n").unwrap();
        let at = source.text().rfind('#').unwrap();
        // The first character has three bytes in UTF-8 and two in the file, the second three and one.
        assert_eq!(source.byte_offset(at), Some(at - 3));
        assert_eq!(source.encode("日"), Some(vec![0x93, 0xfa]));
        assert_eq!(source.encode("é"), None);
        let stateful = Source::new(b"# coding: iso-2022-jp\nx = '\x1b$BF|\x1b(B'\n").unwrap();
        assert_eq!(stateful.encode("日"), None);
    }

    #[test]
    fn syntax_errors_are_counted() {
        assert_eq!(syntax_errors("x = 1\n"), Some(0));
        assert!(syntax_errors("x = = 1\ny = )\n").unwrap() > 1);
    }
}
