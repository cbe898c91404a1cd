//! From bytes to text: byte-order marks and PEP 263 cookies are honoured, nothing is guessed.

use std::borrow::Cow;

/// Why bytes are no Python source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undecodable {
    /// The bytes are not valid in the encoding that the file is in; the line is the first that is not.
    Invalid {
        /// The encoding tried.
        encoding: String,
        /// The line, from 1.
        line: u32,
    },
    /// The cookie names an encoding that Hallmark does not read.
    Unknown {
        /// The name in the cookie.
        encoding: String,
    },
}

/// The text of a source file. UTF-8 (the default) borrows from the bytes.
///
/// # Errors
/// Says which encoding failed, and where.
pub fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, Undecodable> {
    let encoding = encoding(bytes);
    decode_as(bytes.strip_prefix(MARK).unwrap_or(bytes), &encoding)
}

/// The UTF-8 byte-order mark.
pub(crate) const MARK: &[u8] = b"\xef\xbb\xbf";

/// The encoding that a file is in: what its mark or its cookie says, else UTF-8.
pub(crate) fn encoding(bytes: &[u8]) -> String {
    let cookie = if bytes.starts_with(MARK) { None } else { cookie(bytes) };
    cookie.as_deref().map_or_else(|| "utf-8".to_owned(), normalise)
}

/// Decodes bytes without a mark.
pub(crate) fn decode_as<'b>(bytes: &'b [u8], encoding: &str) -> Result<Cow<'b, str>, Undecodable> {
    match encoding {
        "utf-8" | "utf8" | "u8" | "ascii" | "us-ascii" => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Cow::Borrowed(text)),
            Err(error) => {
                let line = bytes[..error.valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
                Err(Undecodable::Invalid {
                    encoding: "utf-8".to_owned(),
                    line: u32::try_from(line).unwrap_or(0),
                })
            }
        },
        "latin-1" | "latin1" | "iso-8859-1" | "iso8859-1" | "l1" | "8859" | "cp819" => {
            Ok(Cow::Owned(bytes.iter().map(|b| char::from(*b)).collect()))
        }
        "cp1252" | "windows-1252" | "1252" => windows_1252(bytes).map(Cow::Owned),
        "iso-8859-15" | "latin-9" | "iso8859-15" => {
            Ok(Cow::Owned(bytes.iter().map(|b| latin_9(*b)).collect()))
        }
        _ => Err(Undecodable::Unknown { encoding: encoding.to_owned() }),
    }
}

/// The encoding that a PEP 263 comment in the first two lines names.
fn cookie(bytes: &[u8]) -> Option<String> {
    for line in bytes.split(|b| *b == b'\n').take(2) {
        let line = String::from_utf8_lossy(line);
        let trimmed = line.trim_start_matches([' ', '\t', '\u{c}']);
        let Some(comment) = trimmed.strip_prefix('#') else {
            if trimmed.trim().is_empty() {
                continue;
            }
            return None;
        };
        if let Some(at) = comment.find("coding") {
            let rest = &comment[at + "coding".len()..];
            let Some(rest) = rest.strip_prefix(':').or_else(|| rest.strip_prefix('=')) else { continue };
            let name: String = rest
                .trim_start_matches([' ', '\t'])
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
                .collect();
            if !name.is_empty() {
                return Some(name);
            }
        }
    }
    None
}

fn normalise(name: &str) -> String {
    let name = name.to_ascii_lowercase().replace('_', "-");
    match name.strip_suffix("-unix").or_else(|| name.strip_suffix("-dos")) {
        Some(stem) => stem.to_owned(),
        None => name,
    }
}

fn windows_1252(bytes: &[u8]) -> Result<String, Undecodable> {
    const HIGH: [u16; 32] = [
        0x20ac, 0, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0,
        0x017d, 0, 0, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a,
        0x0153, 0, 0x017e, 0x0178,
    ];
    let mut out = String::with_capacity(bytes.len());
    let mut line = 1;
    for byte in bytes {
        let point =
            if (0x80..0xa0).contains(byte) { HIGH[usize::from(byte - 0x80)] } else { u16::from(*byte) };
        if point == 0 && *byte != 0 {
            return Err(Undecodable::Invalid { encoding: "cp1252".to_owned(), line });
        }
        line += u32::from(*byte == b'\n');
        out.push(char::from_u32(u32::from(point)).unwrap_or('\u{fffd}'));
    }
    Ok(out)
}

fn latin_9(byte: u8) -> char {
    match byte {
        0xa4 => '\u{20ac}',
        0xa6 => '\u{160}',
        0xa8 => '\u{161}',
        0xb4 => '\u{17d}',
        0xb8 => '\u{17e}',
        0xbc => '\u{152}',
        0xbd => '\u{153}',
        0xbe => '\u{178}',
        other => char::from(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_decides_and_a_mark_is_cut() {
        assert_eq!(decode(b"\xef\xbb\xbfx = 1").unwrap(), "x = 1");
        assert_eq!(
            decode(b"# -*- coding: latin-1 -*-\nx = '\xe9'").unwrap(),
            "# -*- coding: latin-1 -*-\nx = 'é'"
        );
        assert_eq!(
            decode(b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n'\x80'")
                .unwrap()
                .trim_matches('\'')
                .chars()
                .last(),
            Some('€')
        );
    }

    #[test]
    fn latin_1_without_a_cookie_is_refused_with_its_line() {
        let expected = Undecodable::Invalid { encoding: "utf-8".to_owned(), line: 2 };
        assert_eq!(decode(b"x = 1\ny = '\xe9'\n"), Err(expected));
    }

    #[test]
    fn a_cookie_after_code_is_no_cookie() {
        assert!(decode(b"x = 1\n# coding: latin-1\n\xe9").is_err());
        let unknown = Undecodable::Unknown { encoding: "big5".to_owned() };
        assert_eq!(decode(b"# coding: big5\n"), Err(unknown));
    }
}
