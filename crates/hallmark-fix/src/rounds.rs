//! The fixes of one file, round after round, until the scan finds nothing more to fix. All in memory.

use hallmark_core::{Error, Result};
use hallmark_diagnostics::Edit;
use hallmark_python::edit::Source;

use crate::transaction::{Change, Note};
use crate::{codes, document, edit, limits};

/// A fix that may be applied, with the rule it belongs to.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The rule's name.
    pub rule: &'static str,
    /// What the fix does.
    pub title: String,
    /// The edits, in bytes of the decoded text.
    pub edits: Vec<Edit>,
}

/// What became of a file.
#[derive(Debug)]
pub struct Fixed {
    /// The change to write; `None` if nothing was fixed.
    pub change: Option<Change>,
    /// The text before.
    pub before: String,
    /// The text after.
    pub after: String,
    /// Fixes that were left, because they overlap others to the end or because they would break the file.
    pub left: usize,
    /// Why fixes were left, when it is not a mere overlap.
    pub refused: Option<Error>,
}

/// Applies the candidates to the file, asks `scan` for those of the result, and so on, at most [`limits::ROUNDS`] times.
///
/// # Errors
/// `HM-F005` if the bytes cannot be decoded.
pub fn fix(
    path: &str,
    bytes: Vec<u8>,
    first: Vec<Candidate>,
    scan: &mut dyn FnMut(&str) -> Vec<Candidate>,
) -> Result<Fixed> {
    let before = decode(path, &bytes)?;
    let mut state = State { bytes: bytes.clone(), text: before.clone(), notes: Vec::new() };
    let mut candidates = first;
    let mut refused = None;
    for _ in 0..limits::ROUNDS {
        if candidates.is_empty() {
            break;
        }
        match state.round(path, &before, &candidates) {
            Ok(true) => candidates = scan(&state.text),
            Ok(false) => break,
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    let change = (state.bytes != bytes).then(|| Change {
        path: path.to_owned(),
        before: bytes,
        after: state.bytes,
        notes: state.notes,
    });
    Ok(Fixed { change, before, after: state.text, left: candidates.len(), refused })
}

struct State {
    bytes: Vec<u8>,
    text: String,
    notes: Vec<Note>,
}

impl State {
    /// Applies what fits; says whether anything changed. On an error the state is as it was.
    fn round(&mut self, path: &str, original: &str, candidates: &[Candidate]) -> Result<bool> {
        let edits: Vec<&[Edit]> = candidates.iter().map(|c| c.edits.as_slice()).collect();
        let merged = edit::merge(&self.text, &edits);
        let text = edit::apply(&self.text, &merged.edits);
        if text == self.text {
            return Ok(false);
        }
        document::check_syntax(path, original, &text)?;
        self.bytes = document::rewrite(path, &self.bytes, &merged.edits)?;
        self.text = text;
        for at in merged.applied {
            let Some(candidate) = candidates.get(at) else { continue };
            self.notes.push(Note { rule: candidate.rule.to_owned(), title: candidate.title.clone() });
        }
        Ok(true)
    }
}

fn decode(path: &str, bytes: &[u8]) -> Result<String> {
    match Source::new(bytes) {
        Ok(source) => Ok(source.text().to_owned()),
        Err(_) => Err(Error::new(&codes::NOT_ENCODABLE, format!("{path} is not text in its encoding"))
            .next("hallmark explain HM-P002")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(text: &str, old: &str, new: &str) -> Vec<Candidate> {
        let found = text.find(old).map(|start| Candidate {
            rule: "test-rule",
            title: format!("Replace {old}"),
            edits: vec![Edit {
                start: u32::try_from(start).unwrap(),
                end: u32::try_from(start + old.len()).unwrap(),
                content: new.to_owned(),
            }],
        });
        found.into_iter().collect()
    }

    #[test]
    fn rounds_go_on_until_nothing_is_left() {
        let text = "a = 1\na = 2\na = 3\n";
        let fixed =
            fix("a.py", text.into(), candidate(text, "a", "b"), &mut |t| candidate(t, "a", "b")).unwrap();
        assert_eq!(fixed.after, "b = 1\nb = 2\nb = 3\n");
        let change = fixed.change.unwrap();
        assert_eq!((change.notes.len(), fixed.left), (3, 0));
        assert_eq!(change.after, fixed.after.as_bytes());
    }

    #[test]
    fn rounds_are_bounded() {
        let fixed =
            fix("a.py", "a\n".into(), candidate("a\n", "a", "aa"), &mut |t| candidate(t, "a", "aa")).unwrap();
        assert_eq!((fixed.after.len(), fixed.left), (limits::ROUNDS + 2, 1));
    }

    #[test]
    fn a_fix_that_breaks_the_file_is_left_and_what_was_good_stays() {
        let scan = |t: &str| candidate(t, "2", "(");
        let text = "x = 1\ny = 2\n";
        let fixed = fix("a.py", text.into(), candidate(text, "1", "3"), &mut { scan }).unwrap();
        assert_eq!(fixed.after, "x = 3\ny = 2\n");
        assert!(fixed.refused.unwrap().is(&codes::WOULD_BREAK));
        assert_eq!(fixed.left, 1);
    }
}
