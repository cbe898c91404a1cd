//! The grammar of the comments that accept findings: `# hallmark: allow[rule, rule] reason; owner=NAME; until=YYYY-MM-DD`.
//!
//! `allow-file` in the place of `allow` means the whole file. A comment may stand behind another one on the same line, and
//! another one behind it: `# noqa: E501  # hallmark: allow[rule] reason`.

use crate::facts::Span;

/// A comment `# hallmark: allow[rule] reason`.
#[derive(Clone, Debug)]
pub struct Suppression {
    /// The bytes that it speaks of: a finding that starts there may be accepted.
    pub covers: Span,
    /// The place of the comment.
    pub span: Span,
    /// What to delete to remove it: with the blanks before it, or its whole line if nothing else is on it.
    pub removal: Span,
    /// What it says.
    pub directive: Directive,
}

/// What a comment says, whether it may be followed or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directive {
    /// Whether it speaks of the whole file.
    pub is_file_wide: bool,
    /// Whether it names no rule, or all of them.
    pub is_blanket: bool,
    /// The word in the place of `allow`, if it is another that looks like it.
    pub misspelt: Option<String>,
    /// The rules it names.
    pub rules: Vec<String>,
    /// The reason given, or empty.
    pub reason: String,
    /// Who answers for it, or empty.
    pub owner: String,
    /// The last day on which it holds, as it is written, or empty.
    pub until: String,
    /// Whether `until=` stands there without a day.
    pub lacks_day: bool,
    /// Where in the comment the directive starts and ends, in bytes, its own `#` included.
    pub place: (usize, usize),
}

/// Reads a comment, its `#` included; `None` if it is no directive.
#[must_use]
pub fn parse(comment: &str) -> Option<Directive> {
    let start = find(comment)?;
    let end = comment[start + 1..].find(" #").map_or(comment.len(), |at| start + 1 + at);
    let whole = comment[start..end].trim_end();
    let text = whole.trim_start_matches('#').trim_start().strip_prefix("hallmark:")?.trim_start();
    let word = &text
        [..text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))).unwrap_or(text.len())];
    let mut directive = Directive { place: (start, start + whole.len()), ..Directive::default() };
    match word {
        "allow" => {}
        "allow-file" => directive.is_file_wide = true,
        other => {
            // A remark that happens to begin like a directive is a remark.
            let like = ["ignore", "disable", "suppress", "noqa", "skip"].contains(&other);
            if !like && hallmark_core::nearest(other, ["allow", "allow-file"]).is_none() {
                return None;
            }
            directive.misspelt = Some(other.to_owned());
        }
    }
    let rest = text[word.len()..].trim_start();
    let (rules, rest) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((rules, rest)) => (rules, rest),
        None => ("", rest),
    };
    directive.rules = rules.split(',').map(|r| r.trim().to_owned()).filter(|r| !r.is_empty()).collect();
    directive.is_blanket = directive.rules.is_empty()
        || directive.rules.iter().any(|r| r == "*" || r.eq_ignore_ascii_case("all"));
    let mut reason = rest.trim().trim_start_matches(['-', ':']).trim();
    while let Some((before, last)) = reason.rsplit_once(';').or(Some(("", reason))) {
        let Some((name, value)) = last.split_once('=') else { break };
        match name.trim() {
            "owner" => directive.owner = value.trim().to_owned(),
            "until" => {
                directive.until = value.trim().to_owned();
                directive.lacks_day |= directive.until.is_empty();
            }
            _ => break,
        }
        reason = before.trim();
    }
    directive.reason = reason.to_owned();
    Some(directive)
}

/// Where the `#` of the directive is.
fn find(comment: &str) -> Option<usize> {
    comment.match_indices("hallmark:").find_map(|(at, _)| {
        let before = comment[..at].trim_end();
        let hashes = before.len() - before.trim_end_matches('#').len();
        (hashes > 0).then(|| before.len() - hashes)
    })
}

/// Whether a text is a day of the calendar, as `YYYY-MM-DD`.
#[must_use]
pub fn is_day(text: &str) -> bool {
    let number = |range: std::ops::Range<usize>| {
        text.get(range).filter(|s| s.bytes().all(|b| b.is_ascii_digit())).and_then(|s| s.parse::<u32>().ok())
    };
    let separated = text.len() == 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
    let (Some(year), Some(month), Some(day)) = (number(0..4), number(5..7), number(8..10)) else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    separated && (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_grammar() {
        let read = parse(
            "# noqa: E501  # hallmark: allow[a, b] one; two = 2; until=2027-01-31; owner = team a  # more",
        )
        .unwrap();
        assert_eq!(
            (read.rules, read.reason.as_str()),
            (vec!["a".to_owned(), "b".to_owned()], "one; two = 2")
        );
        assert_eq!((read.owner.as_str(), read.until.as_str()), ("team a", "2027-01-31"));
        assert_eq!(read.place, (14, 84));
        assert!(parse("#hallmark:allow-file[a] why").unwrap().is_file_wide);
        assert_eq!(parse("# hallmark: allow[a] owner=x").unwrap().reason, "");
        assert!(parse("# hallmark: allow[a] why; until=").unwrap().lacks_day);
        assert!(!parse("# hallmark: allow[a] why").unwrap().lacks_day);
    }

    #[test]
    fn what_is_no_directive_and_what_is_a_bad_one() {
        assert_eq!(parse("# see hallmark: allow"), None);
        assert_eq!(parse("# hallmark: the mark of gold"), None);
        for blanket in [
            "# hallmark: allow",
            "# hallmark: allow[] x",
            "# hallmark: allow[*] x",
            "# hallmark: allow[ALL] x",
        ] {
            assert!(parse(blanket).unwrap().is_blanket, "{blanket}");
        }
        for wrong in ["# hallmark: alow[a] x", "# hallmark: ignore[a] x"] {
            assert!(parse(wrong).unwrap().misspelt.is_some(), "{wrong}");
        }
    }

    #[test]
    fn days_are_days() {
        assert!(is_day("2028-02-29") && is_day("2027-12-31"));
        assert!(!is_day("2027-02-29") && !is_day("2027-1-1") && !is_day("soon") && !is_day("2027-13-01"));
    }
}
