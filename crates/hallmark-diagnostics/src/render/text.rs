//! What the text formats share: wrapping and the ASCII twin of a text.

use std::borrow::Cow;

/// Wraps at spaces so that the first line has at most `first` columns and the others `rest`; longer words stay whole.
pub(super) fn wrap(text: &str, first: usize, rest: usize) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut width = first;
    let mut used = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            out.push('\n');
            width = rest;
            used = 0;
        } else if used > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += length;
    }
    out
}

/// The text with every character outside ASCII replaced by one that every console can show, column for column.
pub(super) fn ascii(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            _ if c.is_ascii() => c,
            '\u{2018}' | '\u{2019}' => '\'',
            '\u{201c}' | '\u{201d}' => '"',
            '\u{2013}' | '\u{2014}' => '-',
            _ => '?',
        })
        .collect()
}

/// The text with `?` in the place of each control character but the tabulator, so that no file name can steer a terminal.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    // Nearly every text is plain.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t')) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace(|c: char| c.is_control() && c != '\t', "?"))
}

/// `1 thing`, `2 things`, with thousands separated by commas.
pub(super) fn count(number: usize, noun: &str) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped} {noun}{}", if number == 1 { "" } else { "s" })
}

/// The sentence that says what a text output left out, or nothing.
pub(super) fn left_out(over_limit: usize, below: usize) -> String {
    let mut out = String::new();
    if over_limit > 0 {
        out.push_str(&format!("... {} not shown (--limit 0 shows all)\n", count(over_limit, "more finding")));
    }
    if below > 0 {
        out.push_str(&format!(
            "{} not shown (--show-info shows them)\n",
            count(below, "informational finding")
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_at_spaces_only() {
        assert_eq!(wrap("aa bb cc", 5, 3), "aa bb\ncc");
        assert_eq!(wrap("a-very-long-word b", 4, 4), "a-very-long-word\nb");
    }

    #[test]
    fn counts_read_well() {
        assert_eq!(count(1, "finding"), "1 finding");
        assert_eq!(count(12_345, "finding"), "12,345 findings");
    }
}
