//! JSON on its way in: a number that a double would round is not taken silently.

use crate::{Error, Result, codes};

/// The most digits that a writer of doubles needs to tell them apart.
const DIGITS_MAX: usize = 17;

/// Refuses a JSON text with a number that would be rounded ([`rounded`]).
///
/// # Errors
/// `HM-C021` at its line and column.
pub fn refuse_rounded(text: &[u8]) -> Result<()> {
    let Some(at) = rounded(text) else { return Ok(()) };
    let before = &text[..at];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = at - before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1) + 1;
    Err(Error::new(&codes::NUMBER_ROUNDED, "a number has more than 17 digits, and would be rounded")
        .at(format!("{line}:{column}"))
        .next("give it as a text: \"12345678901234567890.123\""))
}

/// Where a JSON text has the first number that would be rounded: one with more digits than any double needs, that is no integer of
/// 64 bits. Zeros at either end do not count. A text that is no JSON may be told anything of.
#[must_use]
pub fn rounded(text: &[u8]) -> Option<usize> {
    // Such a number is so long that one of its bytes is met in steps of this length: most of a text is not looked at.
    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.');
    let mut at = DIGITS_MAX;
    while let Some(byte) = text.get(at) {
        if is_part(byte) {
            let before = text[..at].iter().rev().take_while(|byte| is_part(byte)).count();
            let behind = text[at..].iter().take_while(|byte| is_part(byte)).count();
            if before + behind > DIGITS_MAX {
                return outside_texts(text);
            }
        }
        at += DIGITS_MAX + 1;
    }
    None
}

/// The same, byte by byte: what is inside a text is no number.
fn outside_texts(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => at = behind_text(text, at),
            b'-' | b'0'..=b'9' => {
                let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
                let length = text[at..].iter().take_while(|byte| is_part(byte)).count();
                if is_rounded(&text[at..at + length]) {
                    return Some(at);
                }
                at += length;
            }
            _ => at += 1,
        }
    }
    None
}

/// The place behind a text that begins here.
fn behind_text(text: &[u8], quote: usize) -> usize {
    let mut at = quote + 1;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

fn is_rounded(number: &[u8]) -> bool {
    let mantissa = number.split(|byte| matches!(byte, b'e' | b'E')).next().unwrap_or_default();
    let mut digits: Vec<u8> = mantissa.iter().copied().filter(u8::is_ascii_digit).collect();
    while digits.last() == Some(&b'0') {
        digits.pop();
    }
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    let is_integer = || {
        let text = std::str::from_utf8(number).unwrap_or_default();
        text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok()
    };
    digits.len() - zeros > DIGITS_MAX && !is_integer()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_that_would_be_rounded_are_refused() {
        let refused = [
            ("12345678901234567890.123", 0),
            ("1.10000000000000000000000000001", 0),
            (r#"{"a": [1, -0.123456789012345678]}"#, 10),
            (r#"{"a": "x\"", "b":123456789012345678901234567890}"#, 17),
            ("123456789012345678e-5", 0),
            ("36893488147419103233", 0),
        ];
        for (text, at) in refused {
            assert_eq!(rounded(text.as_bytes()), Some(at), "{text}");
        }
        let taken = [
            "0.30000000000000004",
            "1.7976931348623157e308",
            "5e-324",
            "18446744073709551615",
            "-9223372036854775808",
            "100000000000000000000000000000",
            "0.000000000000000000000000001",
            "1.0000000000000000000000000",
            r#"{"a": "12345678901234567890.123", "12345678901234567890.5": 1}"#,
            r#"["\\", "\"12345678901234567890.123"]"#,
            "\"12345678901234567890.123",
            "",
        ];
        for text in taken {
            assert_eq!(rounded(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_number_is_found_wherever_it_stands() {
        for before in 0..60 {
            let text = format!("[{}0.123456789012345678]", " ".repeat(before));
            assert_eq!(rounded(text.as_bytes()), Some(before + 1));
        }
        let told = refuse_rounded(b"{\n  \"a\": 0.123456789012345678}").unwrap_err();
        assert_eq!((told.code().id, told.place()), ("HM-C021", Some("2:8")));
    }
}
