//! Where a suppression comment is written so that the scanner takes it for what it is meant for.

use std::thread;

use hallmark_diagnostics::Edit;
use hallmark_python::limits::PARSER_STACK_BYTES;
use hallmark_python::suppression::Suppression;

use crate::edit;

/// The longest line that a comment is written behind; beyond it, the comment goes above.
const LINE_COLUMNS_MAX: usize = 100;

/// The edit that accepts these rules at a byte of the text, `tail` being the reason with owner and last day. `None` where no
/// comment can do that, as inside a string of more lines.
///
/// The ways to write one are tried in turn, and the scanner's own reading of the result decides which is taken.
#[must_use]
pub fn accept(text: &str, at: usize, rules: &[&str], tail: &str) -> Option<Edit> {
    let start = text.get(..at)?.rfind('\n').map_or(0, |n| n + 1);
    let end = text.get(at..)?.find('\n').map_or(text.len(), |n| at + n);
    let line = text.get(start..end)?.trim_end_matches('\r');
    let indent = &line[..line.len() - line.trim_start().len()];
    let comment = format!("# hallmark: allow[{}] {tail}", rules.join(", "));
    let body = line.trim_end().len();
    let behind = insert(start + body, format!("  {comment}"));
    let above = insert(start, format!("{indent}{comment}\n"));
    let short = line.trim_end().chars().count() + 2 + comment.chars().count() <= LINE_COLUMNS_MAX;
    let ways = if short { [behind, above] } else { [above, behind] };
    let (_, errors) = read(text);
    ways.into_iter().flatten().find(|way| is_taken(text, way, at, rules, errors))
}

fn insert(at: usize, content: String) -> Option<Edit> {
    let at = u32::try_from(at).ok()?;
    Some(Edit { start: at, end: at, content })
}

/// Whether the text after the edit has a comment that covers what was at this byte, for all of the rules, and no more syntax
/// errors than before: behind a backslash a comment is one.
fn is_taken(text: &str, way: &Edit, at: usize, rules: &[&str], errors: usize) -> bool {
    let after = edit::apply(text, std::slice::from_ref(way));
    let moved = if (way.start as usize) <= at { after.len() - text.len() } else { 0 };
    let Ok(at) = u32::try_from(at + moved) else { return false };
    let covers = |s: &Suppression| (s.covers.start..s.covers.end).contains(&at);
    let named = |s: &Suppression| rules.iter().all(|rule| s.directive.rules.iter().any(|r| r == rule));
    let (suppressions, errors_after) = read(&after);
    errors_after <= errors && suppressions.iter().any(|s| covers(s) && named(s))
}

/// The suppression comments of a text and the number of its errors, read on a stack that is large enough for any source.
fn read(text: &str) -> (Vec<Suppression>, usize) {
    thread::scope(|scope| {
        let read = || {
            let module = hallmark_python::read("buffer.py", "buffer", text);
            (module.suppressions, module.errors.len())
        };
        let worker = thread::Builder::new().stack_size(PARSER_STACK_BYTES).spawn_scoped(scope, read);
        worker.ok().and_then(|worker| worker.join().ok()).unwrap_or((Vec::new(), usize::MAX))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str, what: &str, tail: &str) -> Option<String> {
        let edit = accept(text, text.find(what).unwrap(), &["star-import"], tail)?;
        Some(edit::apply(text, &[edit]))
    }

    #[test]
    fn behind_where_there_is_room_and_above_where_there_is_not() {
        assert_eq!(
            written("from x import *\r\n", "from", "why; owner=a").unwrap(),
            "from x import *  # hallmark: allow[star-import] why; owner=a\r\n"
        );
        let long = format!("if y:\r\n    from {} import *\r\n", "x".repeat(90));
        assert!(
            written(&long, "from", "why")
                .unwrap()
                .contains("if y:\r\n    # hallmark: allow[star-import] why\r\n    from x")
        );
    }

    #[test]
    fn a_line_that_goes_on_is_accepted_from_above() {
        let text = "x = 1 + \\\n    2\n";
        assert_eq!(written(text, "x", "why").unwrap(), format!("# hallmark: allow[star-import] why\n{text}"));
    }

    #[test]
    fn inside_a_string_nothing_can_be_written() {
        assert_eq!(written("x = '''\nfrom y\nz'''\n", "from", "why"), None);
    }
}
