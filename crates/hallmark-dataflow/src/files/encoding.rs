//! The encodings of texts: those that are read byte by byte, and UTF-16, which becomes UTF-8 before lines are looked for.

use std::borrow::Cow;
use std::io::{BufRead, Read};

use hallmark_core::{Error, Result};

use crate::codes;

/// The encoding of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// UTF-8; anything else is refused with its place.
    Utf8,
    /// ISO 8859-1.
    Latin1,
    /// Windows-1252.
    Windows1252,
    /// UTF-16, in the order that its mark says, else little-endian.
    Utf16,
    /// UTF-16, little-endian.
    Utf16Le,
    /// UTF-16, big-endian.
    Utf16Be,
}

/// The names of all encodings, the default first.
pub(crate) const NAMES: [&str; 6] = ["utf-8", "latin-1", "windows-1252", "utf-16", "utf-16le", "utf-16be"];

/// What Windows-1252 has between 0x80 and 0x9F; NUL where it has nothing.
const WINDOWS: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘', '’', '“',
    '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

/// The order of the two bytes of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// As the mark in front says; without one, little-endian.
    Marked,
    Little,
    Big,
}

impl Encoding {
    /// The encoding of this name, one of [`NAMES`].
    pub(crate) fn named(name: Option<&str>) -> Self {
        match name {
            Some("latin-1") => Self::Latin1,
            Some("windows-1252") => Self::Windows1252,
            Some("utf-16") => Self::Utf16,
            Some("utf-16le") => Self::Utf16Le,
            Some("utf-16be") => Self::Utf16Be,
            _ => Self::Utf8,
        }
    }

    /// The order of units, if it consists of such.
    pub(super) fn units(self) -> Option<Order> {
        match self {
            Self::Utf16 => Some(Order::Marked),
            Self::Utf16Le => Some(Order::Little),
            Self::Utf16Be => Some(Order::Big),
            _ => None,
        }
    }

    /// The text of these bytes, which begin on this line of the file; of UTF-16, units have become UTF-8 by now.
    ///
    /// # Errors
    /// `HM-D052` with line and byte.
    pub(super) fn decode(self, bytes: &[u8], line: u64) -> Result<Cow<'_, str>> {
        match self {
            Self::Latin1 | Self::Windows1252 if bytes.is_ascii() => Ok(String::from_utf8_lossy(bytes)),
            Self::Latin1 => Ok(bytes.iter().map(|b| char::from(*b)).collect::<String>().into()),
            Self::Windows1252 => match bytes.iter().position(|b| windows(*b).is_none()) {
                None => Ok(bytes.iter().filter_map(|b| windows(*b)).collect::<String>().into()),
                Some(at) => Err(undecoded(bytes, at, line, "Windows-1252")),
            },
            _ => std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|e| {
                let error = undecoded(bytes, e.valid_up_to(), line, "UTF-8");
                if line == 1 && (bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF])) {
                    return error.next("the file begins as UTF-16 does: \"encoding\": \"utf-16\"");
                }
                error.next("if the file is Latin-1 or Windows-1252, say so: \"encoding\": \"windows-1252\"")
            }),
        }
    }

    /// How many of these bytes are of the encoding.
    pub(super) fn good(self, bytes: &[u8]) -> usize {
        match self {
            Self::Latin1 => bytes.len(),
            Self::Windows1252 => bytes.iter().take_while(|b| windows(**b).is_some()).count(),
            _ => std::str::from_utf8(bytes).map_or_else(|e| e.valid_up_to(), str::len),
        }
    }
}

fn windows(byte: u8) -> Option<char> {
    match byte {
        0x80..=0x9F => Some(WINDOWS[usize::from(byte - 0x80)]).filter(|c| *c != '\0'),
        _ => Some(char::from(byte)),
    }
}

fn undecoded(bytes: &[u8], at: usize, line: u64, name: &str) -> Error {
    let before = &bytes[..at];
    let line = line + memchr::memchr_iter(b'\n', before).count() as u64;
    let column = at - memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
    let byte = bytes.get(at).copied().unwrap_or_default();
    let message = format!("line {line}, byte {}: 0x{byte:02X} is not {name}", column + 1);
    Error::new(&codes::INPUT_UNREADABLE, message)
}

/// Units that are no UTF-16, as they travel through `std::io`.
#[derive(Debug)]
pub(super) struct Undecoded {
    /// The byte of the file where it begins, from 1.
    byte: u64,
    line: u64,
    what: &'static str,
}

impl std::fmt::Display for Undecoded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, byte {} of the file: {}", self.line, self.byte, self.what)
    }
}

impl std::error::Error for Undecoded {}

impl Undecoded {
    /// The error that it is.
    pub(super) fn error(&self) -> Error {
        Error::new(&codes::INPUT_UNREADABLE, self.to_string())
    }
}

/// UTF-16 as UTF-8.
pub(super) struct Units<R> {
    input: R,
    order: Order,
    /// Bytes of the file that were taken.
    taken: u64,
    line: u64,
    /// UTF-8 that was not handed over yet.
    ready: Vec<u8>,
    given: usize,
}

/// Characters that are decoded at once.
const AT_ONCE: usize = 16 * 1024;

impl<R: BufRead> Units<R> {
    pub(super) fn new(input: R, order: Order) -> Self {
        Self { input, order, taken: 0, line: 1, ready: Vec::new(), given: 0 }
    }

    /// The next unit; `None` at the end.
    fn unit(&mut self) -> std::io::Result<Option<u16>> {
        let mut pair = [0_u8; 2];
        let mut have = 0;
        while have < 2 {
            match self.input.read(&mut pair[have..]) {
                Ok(0) if have == 0 => return Ok(None),
                Ok(0) => return Err(self.bad("half a unit at the end of UTF-16: the file looks cut off")),
                Ok(count) => have += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.order == Order::Marked {
            self.order = if pair == [0xFE, 0xFF] { Order::Big } else { Order::Little };
        }
        self.taken += 2;
        Ok(Some(if self.order == Order::Big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }))
    }

    fn bad(&self, what: &'static str) -> std::io::Error {
        let undecoded = Undecoded { byte: self.taken.saturating_sub(1).max(1), line: self.line, what };
        std::io::Error::new(std::io::ErrorKind::InvalidData, undecoded)
    }

    fn fill(&mut self) -> std::io::Result<()> {
        (self.given, self.ready) = (0, Vec::with_capacity(AT_ONCE));
        for _ in 0..AT_ONCE {
            let Some(first) = self.unit()? else { return Ok(()) };
            let letter = match first {
                0xD800..=0xDBFF => {
                    let second = self.unit()?.filter(|u| (0xDC00..=0xDFFF).contains(u));
                    let Some(second) = second else { return Err(self.bad("half a pair of UTF-16")) };
                    let code = 0x1_0000 + ((u32::from(first) - 0xD800) << 10) + (u32::from(second) - 0xDC00);
                    char::from_u32(code)
                }
                other => char::from_u32(u32::from(other)),
            };
            let Some(letter) = letter else { return Err(self.bad("half a pair of UTF-16")) };
            self.line += u64::from(letter == '\n');
            self.ready.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Units<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.given == self.ready.len() {
            self.fill()?;
        }
        let rest = &self.ready[self.given..];
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(bytes: &[u8], order: Order) -> std::io::Result<String> {
        let mut text = String::new();
        Units::new(bytes, order).read_to_string(&mut text).map(|_| text)
    }

    #[test]
    fn utf16_is_read_in_both_orders_with_and_without_mark() {
        let units: Vec<u16> = "ü, 工 🦀\n".encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|u| u.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|u| u.to_be_bytes()).collect();
        assert_eq!(utf16(&little, Order::Little).unwrap(), "ü, 工 🦀\n");
        assert_eq!(utf16(&little, Order::Marked).unwrap(), "ü, 工 🦀\n");
        assert_eq!(utf16(&big, Order::Big).unwrap(), "ü, 工 🦀\n");
        let marked = [&[0xFE, 0xFF], big.as_slice()].concat();
        assert_eq!(utf16(&marked, Order::Marked).unwrap(), "\u{FEFF}ü, 工 🦀\n");
        let cut = utf16(&little[..little.len() - 1], Order::Little).unwrap_err().to_string();
        assert!(cut.contains("half a unit"), "{cut}");
        let alone = utf16(&[0x0A, 0x00, 0x00, 0xD8, 0x41, 0x00], Order::Little).unwrap_err().to_string();
        assert!(alone.starts_with("line 2, byte 5 of the file: half a pair"), "{alone}");
    }

    #[test]
    fn windows_has_holes() {
        let decode = |bytes: &'static [u8]| Encoding::Windows1252.decode(bytes, 1);
        assert_eq!(decode(b"\x80 caf\xe9 \x93x\x94").unwrap(), "€ café “x”");
        let hole = decode(b"a\x81").unwrap_err();
        assert!(hole.message().starts_with("line 1, byte 2: 0x81"), "{}", hole.message());
    }
}
