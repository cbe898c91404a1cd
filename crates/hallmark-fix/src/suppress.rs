//! Where a suppression comment is written so that the scanner takes it for what it is meant for.

use std::thread;

use hallmark_diagnostics::Edit;
use hallmark_python::limits::PARSER_STACK_BYTES;
use hallmark_python::suppression::Suppression;

use crate::edit;

/// The longest line that a comment is written behind; beyond it, the comment goes above.
const LINE_COLUMNS_MAX: usize = 100;

/// Rules to accept at a byte of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place<'r> {
    /// The byte.
    pub at: usize,
    /// The rules.
    pub rules: Vec<&'r str>,
}

/// The edit that accepts these rules at a byte of the text, `tail` being the reason with owner and last day. `None` where no
/// comment can do that, as inside a string of more lines.
///
/// The ways to write one are tried in turn, and the scanner's own reading of the result decides which is taken.
#[must_use]
pub fn accept(text: &str, at: usize, rules: &[&str], tail: &str) -> Option<Edit> {
    let place = Place { at, rules: rules.to_vec() };
    let (_, errors) = read(text);
    ways(text, &place, tail).into_iter().find(|way| taken(text, &[(&place, way)], errors) == Some(vec![true]))
}

/// [`accept`] for many places of one text, on lines of their own: the edit of each. They are written at once and read once; only
/// where that does not do is each one tried by itself.
#[must_use]
pub fn accept_all(text: &str, places: &[Place<'_>], tail: &str) -> Vec<Option<Edit>> {
    let (_, errors) = read(text);
    let first: Vec<Option<Edit>> =
        places.iter().map(|place| ways(text, place, tail).into_iter().next()).collect();
    let pairs: Vec<(&Place<'_>, &Edit)> =
        places.iter().zip(&first).filter_map(|(place, edit)| Some((place, edit.as_ref()?))).collect();
    let mut good = taken(text, &pairs, errors).unwrap_or_default().into_iter();
    let one = |(place, edit): (&Place<'_>, Option<Edit>)| match edit {
        Some(edit) if good.next().unwrap_or(false) => Some(edit),
        _ => accept(text, place.at, &place.rules, tail),
    };
    places.iter().zip(first).map(one).collect()
}

/// The ways to write the comment, best first.
fn ways(text: &str, place: &Place<'_>, tail: &str) -> Vec<Edit> {
    let (Some(before), Some(after)) = (text.get(..place.at), text.get(place.at..)) else { return Vec::new() };
    let start = before.rfind('\n').map_or(0, |n| n + 1);
    let end = after.find('\n').map_or(text.len(), |n| place.at + n);
    let line = text[start..end].trim_end_matches('\r');
    let indent = &line[..line.len() - line.trim_start().len()];
    let comment = format!("# hallmark: allow[{}] {tail}", place.rules.join(", "));
    let body = line.trim_end().len();
    let behind = insert(start + body, format!("  {comment}"));
    let above = insert(start, format!("{indent}{comment}\n"));
    let short = line.trim_end().chars().count() + 2 + comment.chars().count() <= LINE_COLUMNS_MAX;
    let ways = if short { [behind, above] } else { [above, behind] };
    ways.into_iter().flatten().collect()
}

fn insert(at: usize, content: String) -> Option<Edit> {
    let at = u32::try_from(at).ok()?;
    Some(Edit { start: at, end: at, content })
}

/// For each of these edits, made at once, whether the text then has a comment that covers what was at its place, for all of its
/// rules. `None` if there are more syntax errors than before: behind a backslash a comment is one.
fn taken(text: &str, pairs: &[(&Place<'_>, &Edit)], errors: usize) -> Option<Vec<bool>> {
    let mut edits: Vec<Edit> = pairs.iter().map(|(_, edit)| (*edit).clone()).collect();
    edits.sort();
    let (suppressions, errors_after) = read(&edit::apply(text, &edits));
    if errors_after > errors {
        return None;
    }
    let crlf = edit::uses_crlf(text);
    let grown = |at: usize| -> usize {
        let before = edits.iter().filter(|edit| edit.start as usize <= at);
        before.map(|edit| edit::line_breaks(&edit.content, crlf).len()).sum()
    };
    let is_taken = |place: &Place<'_>| {
        let Ok(at) = u32::try_from(place.at + grown(place.at)) else { return false };
        let covers = |s: &&Suppression| (s.covers.start..s.covers.end).contains(&at);
        let named =
            |s: &Suppression| place.rules.iter().all(|rule| s.directive.rules.iter().any(|r| r == rule));
        suppressions.iter().filter(covers).any(named)
    };
    Some(pairs.iter().map(|(place, _)| is_taken(place)).collect())
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
    fn many_places_are_written_as_each_would_be_alone() {
        let text =
            "from a import *\r\nx = 1 + \\\r\n    2\r\ns = '''\r\nfrom b\r\n'''\r\nfrom c import *\r\n";
        let at = |what: &str| Place { at: text.find(what).unwrap(), rules: vec!["star-import"] };
        let places = [at("from a"), at("x = 1"), at("from b"), at("from c")];
        let edits = accept_all(text, &places, "why");
        let alone: Vec<_> = places.iter().map(|p| accept(text, p.at, &p.rules, "why")).collect();
        assert_eq!(edits, alone);
        assert_eq!(edits.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, false, true]);
    }

    #[test]
    fn inside_a_string_nothing_can_be_written() {
        assert_eq!(written("x = '''\nfrom y\nz'''\n", "from", "why"), None);
    }
}
