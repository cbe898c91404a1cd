//! Edits of a text: many fixes are merged where they leave each other alone, and applied in one pass.

use hallmark_diagnostics::Edit;

/// What became of the fixes of one text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// The edits to make: sorted, disjoint, each once.
    pub edits: Vec<Edit>,
    /// The fixes that are part of them, as indices into what was handed in.
    pub applied: Vec<usize>,
    /// The fixes left out whole, because an edit of theirs overlaps one of an earlier fix or is out of bounds.
    pub dropped: Vec<usize>,
}

/// Merges fixes in the order given: a fix is taken whole or not at all. Two fixes that want the very same edit share it, as
/// two unused names of one import line do.
#[must_use]
pub fn merge(text: &str, fixes: &[&[Edit]]) -> Merged {
    let mut merged = Merged::default();
    for (at, fix) in fixes.iter().enumerate() {
        let new: Vec<&Edit> = fix.iter().filter(|e| !merged.edits.contains(e)).collect();
        let fits = !fix.is_empty()
            && fix.iter().all(|e| is_within(text, e))
            && new.iter().enumerate().all(|(i, e)| !new[..i].iter().any(|other| overlap(e, other)))
            && new.iter().all(|e| !merged.edits.iter().any(|other| overlap(e, other)));
        if fits {
            merged.edits.extend(new.into_iter().cloned());
            merged.applied.push(at);
        } else {
            merged.dropped.push(at);
        }
    }
    merged.edits.sort_by_key(|e| (e.start, e.end));
    merged
}

/// The text with the edits made; they must be sorted and disjoint, as [`merge`] gives them. A line break in a new text becomes the
/// one that the text around it uses.
#[must_use]
pub fn apply(text: &str, edits: &[Edit]) -> String {
    let crlf = uses_crlf(text);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        let (start, end) = range(edit);
        out.push_str(text.get(at..start).unwrap_or_default());
        out.push_str(&line_breaks(&edit.content, crlf));
        at = end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// The edit's range as indices.
pub(crate) fn range(edit: &Edit) -> (usize, usize) {
    (edit.start as usize, edit.end as usize)
}

/// Whether the first line break of the text is a Windows one.
#[must_use]
pub fn uses_crlf(text: &str) -> bool {
    text.find('\n').is_some_and(|at| text[..at].ends_with('\r'))
}

/// The text with the line breaks asked for.
#[must_use]
pub fn line_breaks(text: &str, crlf: bool) -> String {
    let plain = text.replace("\r\n", "\n");
    if crlf { plain.replace('\n', "\r\n") } else { plain }
}

fn is_within(text: &str, edit: &Edit) -> bool {
    let (start, end) = range(edit);
    text.get(start..end).is_some()
}

/// Whether two different edits touch the same text. Two insertions at one place do: which comes first would be a guess.
fn overlap(a: &Edit, b: &Edit) -> bool {
    if a.start == a.end || b.start == b.end {
        let (insertion, other) = if a.start == a.end { (a, b) } else { (b, a) };
        return insertion.start == other.start
            || (other.start < insertion.start && insertion.start < other.end);
    }
    a.start < b.end && b.start < a.end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(start: u32, end: u32, text: &str) -> Edit {
        Edit { start, end, content: text.to_owned() }
    }

    #[test]
    fn a_fix_is_taken_whole_or_not_at_all() {
        let text = "abcdef";
        let first = [edit(0, 1, "A"), edit(4, 5, "E")];
        let second = [edit(2, 3, "C"), edit(4, 6, "!")];
        let third = [edit(4, 5, "E"), edit(5, 6, "F")];
        let merged = merge(text, &[&first, &second, &third]);
        assert_eq!((merged.applied, merged.dropped), (vec![0, 2], vec![1]));
        assert_eq!(apply(text, &merged.edits), "AbcdEF");
    }

    #[test]
    fn edits_out_of_bounds_or_inside_a_character_are_dropped() {
        let merged = merge("é", &[&[edit(1, 2, "")], &[edit(0, 9, "")], &[]]);
        assert_eq!(merged.dropped, [0, 1, 2]);
    }

    #[test]
    fn insertions_meet_only_at_their_own_place() {
        assert!(overlap(&edit(3, 3, "a"), &edit(3, 3, "b")));
        assert!(overlap(&edit(3, 3, "a"), &edit(3, 5, "b")));
        assert!(!overlap(&edit(5, 5, "a"), &edit(3, 5, "b")));
        assert!(overlap(&edit(4, 4, "a"), &edit(3, 5, "b")));
    }

    #[test]
    fn line_breaks_are_those_of_the_text() {
        assert_eq!(apply("a\r\nb", &[edit(3, 3, "x\n")]), "a\r\nx\r\nb");
        assert_eq!(apply("a\nb", &[edit(2, 2, "x\r\n")]), "a\nx\nb");
    }
}
