//! From bytes to text: byte-order marks and PEP 263 cookies are honoured, nothing is guessed.

use std::borrow::Cow;

use encoding_rs::Encoding;

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
        "utf-8" | "utf8" | "u8" | "utf-8-sig" | "ascii" | "us-ascii" => match std::str::from_utf8(bytes) {
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
        _ => match other(encoding) {
            Some(known) => decode_other(bytes, known, encoding).map(Cow::Owned),
            None => Err(Undecodable::Unknown { encoding: encoding.to_owned() }),
        },
    }
}

/// The text in one of the encodings that are not read here by hand; `None` if the encoding lacks one of its characters, or
/// if what stands before a text decides on its bytes.
pub(crate) fn encode_as(text: &str, encoding: &str) -> Option<Vec<u8>> {
    let known = other(encoding).filter(|known| *known != encoding_rs::ISO_2022_JP)?;
    let (bytes, _, lacks) = known.encode(text);
    (!lacks).then(|| bytes.into_owned())
}

/// Whether an encoding is one of those that are not read here by hand.
pub(crate) fn is_other(encoding: &str) -> bool {
    other(encoding).is_some()
}

/// The encoding that Python calls so, as the web knows it. ASCII is a part of each.
fn other(name: &str) -> Option<&'static Encoding> {
    let label = match name {
        "sjis" | "s-jis" | "shiftjis" | "shift-jis" | "csshiftjis" | "cp932" | "932" | "ms932"
        | "mskanji" | "ms-kanji" => "shift_jis",
        "gb2312" | "chinese" | "euc-cn" | "euccn" | "eucgb2312-cn" | "gb2312-80" | "gb2312-1980"
        | "iso-ir-58" | "gbk" | "cp936" | "936" | "ms936" => "gbk",
        "gb18030" | "gb18030-2000" => "gb18030",
        "big5" | "big5-tw" | "csbig5" | "big5-hkscs" | "big5hkscs" | "hkscs" | "cp950" | "950" | "ms950" => {
            "big5"
        }
        "euc-jp" | "eucjp" | "ujis" | "u-jis" => "euc-jp",
        "euc-kr" | "euckr" | "korean" | "ksc5601" | "ks-c-5601" | "ksx1001" | "cp949" | "949" | "ms949"
        | "uhc" => "euc-kr",
        "iso2022-jp" | "iso-2022-jp" | "iso2022jp" | "csiso2022jp" => "iso-2022-jp",
        "koi8-r" | "cskoi8r" => "koi8-r",
        "koi8-u" => "koi8-u",
        "mac-roman" | "macroman" | "macintosh" => "macintosh",
        "mac-cyrillic" | "maccyrillic" => "x-mac-cyrillic",
        "cp866" | "866" | "ibm866" => "ibm866",
        "cp874" | "iso8859-11" | "iso-8859-11" | "tis-620" | "tis620" | "thai" => "windows-874",
        _ => return other_by_number(name),
    };
    Encoding::for_label(label.as_bytes())
}

/// The encoding with a number in its name: `cp1250`, `windows-1250`, `1250`, `iso8859-2`, `iso-8859-2`, `latin2`.
fn other_by_number(name: &str) -> Option<&'static Encoding> {
    let page = name.strip_prefix("cp").or_else(|| name.strip_prefix("windows-")).unwrap_or(name);
    let part = name
        .strip_prefix("iso-8859-")
        .or_else(|| name.strip_prefix("iso8859-"))
        .or_else(|| name.strip_prefix("8859-"));
    let label = match (page, part, name) {
        ("1250" | "1251" | "1253" | "1254" | "1255" | "1256" | "1257" | "1258", ..) => {
            format!("windows-{page}")
        }
        (_, Some(part), _) => format!("iso-8859-{part}"),
        (_, _, "cyrillic") => "iso-8859-5".to_owned(),
        (_, _, "arabic") => "iso-8859-6".to_owned(),
        (_, _, "greek" | "greek8") => "iso-8859-7".to_owned(),
        (_, _, "hebrew") => "iso-8859-8".to_owned(),
        (_, _, "latin-2" | "latin2" | "l2") => "iso-8859-2".to_owned(),
        (_, _, "latin-3" | "latin3" | "l3") => "iso-8859-3".to_owned(),
        (_, _, "latin-4" | "latin4" | "l4") => "iso-8859-4".to_owned(),
        (_, _, "latin-5" | "latin5" | "l5") => "iso-8859-9".to_owned(),
        (_, _, "latin-6" | "latin6" | "l6") => "iso-8859-10".to_owned(),
        (_, _, "latin-7" | "latin7" | "l7") => "iso-8859-13".to_owned(),
        (_, _, "latin-8" | "latin8" | "l8") => "iso-8859-14".to_owned(),
        (_, _, "latin-10" | "latin10" | "l10") => "iso-8859-16".to_owned(),
        _ => return None,
    };
    Encoding::for_label(label.as_bytes())
}

fn decode_other(bytes: &[u8], known: &'static Encoding, name: &str) -> Result<String, Undecodable> {
    if let Some(text) = known.decode_without_bom_handling_and_without_replacement(bytes) {
        return Ok(text.into_owned());
    }
    let (text, _) = known.decode_without_bom_handling(bytes);
    let before = text.split('\u{fffd}').next().unwrap_or_default();
    let line = u32::try_from(before.matches('\n').count() + 1).unwrap_or(u32::MAX);
    Err(Undecodable::Invalid { encoding: name.to_owned(), line })
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
        let unknown = Undecodable::Unknown { encoding: "rot13".to_owned() };
        assert_eq!(decode(b"# coding: rot13\n"), Err(unknown));
    }

    #[test]
    fn what_python_reads_is_read_under_the_names_that_python_has_for_it() {
        for (name, bytes, text) in [
            ("shift_jis", b"\x93\xfa".as_slice(), "日"),
            ("SJIS", b"\x93\xfa", "日"),
            ("euc_jp", b"\xc6\xfc", "日"),
            ("gbk", b"\xc8\xd5", "日"),
            ("gb2312", b"\xc8\xd5", "日"),
            ("gb18030", b"\xc8\xd5", "日"),
            ("big5", b"\xa4\xe9", "日"),
            ("euc-kr", b"\xc7\xd1", "한"),
            ("cp949", b"\xc7\xd1", "한"),
            ("cp1250", b"\x9a", "š"),
            ("windows-1251", b"\xe9", "й"),
            ("koi8-r", b"\xca", "й"),
            ("iso8859_2", b"\xb9", "š"),
            ("iso-8859-5", b"\xd9", "й"),
            ("latin2", b"\xb9", "š"),
            ("iso8859-9", b"\xfe", "ş"),
            ("mac_roman", b"\x8e", "é"),
        ] {
            let source = [b"# coding: ", name.as_bytes(), b"\n'", bytes, b"'\n"].concat();
            assert_eq!(decode(&source).unwrap(), format!("# coding: {name}\n'{text}'\n"), "{name}");
        }
        let expected = Undecodable::Invalid { encoding: "shift-jis".to_owned(), line: 3 };
        assert_eq!(decode(b"# coding: shift_jis\nx = '\x93\xfa'\ny = '\x93'\n"), Err(expected));
    }
}
