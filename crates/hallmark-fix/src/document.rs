//! From edits of the text to the file's new bytes: whatever the edits do not touch stays byte for byte.

use std::thread;

use hallmark_core::{Error, Result};
use hallmark_diagnostics::Edit;
use hallmark_python::edit::{Source, syntax_errors};
use hallmark_python::limits::PARSER_STACK_BYTES;

use crate::{codes, edit};

/// The bytes of the file with the edits made; they must be sorted and disjoint, as [`edit::merge`] gives them.
///
/// # Errors
/// `HM-F005` if the file's encoding lacks a character of a new text, or if the bytes do not decode to what was meant.
pub fn rewrite(path: &str, bytes: &[u8], edits: &[Edit]) -> Result<Vec<u8>> {
    let source = Source::new(bytes).map_err(|_| not_encodable(path))?;
    let crlf = edit::uses_crlf(source.text());
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    for edit in edits {
        let (start, end) = edit::range(edit);
        let (Some(start), Some(end)) = (source.byte_offset(start), source.byte_offset(end)) else {
            return Err(not_encodable(path));
        };
        out.extend_from_slice(bytes.get(at..start).unwrap_or_default());
        let text = edit::line_breaks(&edit.content, crlf);
        out.extend(source.encode(&text).ok_or_else(|| not_encodable(path))?);
        at = end;
    }
    out.extend_from_slice(bytes.get(at..).unwrap_or_default());
    // An edit of the line with the encoding's name would make other characters of the same bytes.
    let meant = edit::apply(source.text(), edits);
    match Source::new(&out) {
        Ok(result) if result.text() == meant => Ok(out),
        _ => Err(not_encodable(path)),
    }
}

/// Refuses a text that has more syntax errors than the one it comes from.
///
/// # Errors
/// `HM-F004` if it has, or if it is nested too deeply to be judged.
pub fn check_syntax(path: &str, before: &str, after: &str) -> Result<()> {
    let counts = thread::scope(|scope| {
        thread::Builder::new()
            .stack_size(PARSER_STACK_BYTES)
            .spawn_scoped(scope, || (syntax_errors(before), syntax_errors(after)))
            .ok()
            .and_then(|worker| worker.join().ok())
    });
    match counts {
        Some((Some(old), Some(new))) if new <= old => Ok(()),
        _ => {
            Err(Error::new(&codes::WOULD_BREAK, format!("the fixes would leave {path} with a syntax error"))
                .next("mend it by hand, and report the fix: it is a defect of Hallmark"))
        }
    }
}

fn not_encodable(path: &str) -> Error {
    Error::new(&codes::NOT_ENCODABLE, format!("{path} cannot hold the fix in its encoding"))
        .next("mend it by hand, or keep the file in UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replace(bytes: &[u8], old: &str, new: &str) -> Result<Vec<u8>> {
        let text = hallmark_python::source::decode(bytes).unwrap();
        let start = text.find(old).unwrap();
        let edit = Edit {
            start: u32::try_from(start).unwrap(),
            end: u32::try_from(start + old.len()).unwrap(),
            content: new.to_owned(),
        };
        rewrite("a.py", bytes, &[edit])
    }

    #[test]
    fn mark_encoding_line_breaks_and_the_missing_last_one_stay() {
        let marked = b"\xef\xbb\xbfa = 1\r\nb = 2\nc = '\xc3\xa9'";
        let wanted = b"\xef\xbb\xbfa = 1\r\nb = 2\nd\r\ne = '\xc3\xa9'";
        assert_eq!(replace(marked, "c", "d\ne").unwrap(), wanted);
        let latin = b"# coding: latin-1\nname = '\xe9\xff'; other = 1";
        let wanted = b"# coding: latin-1\nname = '\xe9\xff'; k\xe9y = 1";
        assert_eq!(replace(latin, "other", "kéy").unwrap(), wanted);
        assert!(replace(latin, "other", "€").unwrap_err().is(&codes::NOT_ENCODABLE));
    }

    #[test]
    fn an_edit_that_changes_the_encoding_is_refused() {
        let latin = b"# coding: latin-1\nname = '\xe9'";
        assert!(replace(latin, "latin-1", "cp437").unwrap_err().is(&codes::NOT_ENCODABLE));
    }

    #[test]
    fn a_result_that_parses_worse_is_refused() {
        assert!(check_syntax("a.py", "x = 1\n", "x = 2\n").is_ok());
        assert!(check_syntax("a.py", "x = (\n", "x = (\n").is_ok(), "no worse than before");
        assert!(check_syntax("a.py", "x = 1\n", "x = \n").unwrap_err().is(&codes::WOULD_BREAK));
    }
}
