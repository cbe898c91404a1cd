//! From edits of bytes, and from whole new texts, to edits as clients take them.

use hallmark_diagnostics::Edit;
use lsp_types::TextEdit;
use similar::{Algorithm, DiffTag, TextDiff};

use crate::text::Text;

/// The client's form of edits of bytes. Line breaks are those of the text.
pub(crate) fn of_bytes(edits: &[Edit], text: &Text) -> Vec<TextEdit> {
    let crlf = hallmark_fix::edit::uses_crlf(text.content());
    let convert = |edit: &Edit| TextEdit {
        range: text.range(edit.start as usize, edit.end as usize),
        new_text: hallmark_fix::edit::line_breaks(&edit.content, crlf),
    };
    edits.iter().map(convert).collect()
}

/// The edits of whole lines that make the new text of the old one.
pub(crate) fn of_change(text: &Text, after: &str) -> Vec<TextEdit> {
    let before: &str = text.content();
    let (old_lines, new_lines): (Vec<&str>, Vec<&str>) =
        (before.split_inclusive('\n').collect(), after.split_inclusive('\n').collect());
    let diff = TextDiff::configure().algorithm(Algorithm::Patience).diff_slices(&old_lines, &new_lines);
    let starts = |lines: &[&str]| -> Vec<usize> {
        std::iter::once(0)
            .chain(lines.iter().scan(0, |at, line| {
                *at += line.len();
                Some(*at)
            }))
            .collect()
    };
    let (old, new) = (starts(&old_lines), starts(&new_lines));
    let byte = |starts: &[usize], line: usize| starts.get(line).or(starts.last()).copied().unwrap_or(0);
    diff.ops()
        .iter()
        .filter(|op| op.tag() != DiffTag::Equal)
        .map(|op| TextEdit {
            range: text.range(byte(&old, op.old_range().start), byte(&old, op.old_range().end)),
            new_text: after
                .get(byte(&new, op.new_range().start)..byte(&new, op.new_range().end))
                .unwrap_or_default()
                .to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Encoding;

    #[test]
    fn line_edits_make_the_new_text() {
        for (before, after) in [
            ("a\nb\nc\n", "a\nx\ny\nc\n"),
            ("a\nb", "a\nb\nc\n"),
            ("", "a\n"),
            ("a\r\nb\r\n", "b\r\n"),
            ("a\rb\nc\n", "a\rb\nd\n"),
        ] {
            let text = Text::new(before.into(), Encoding::Utf16);
            let mut edits = of_change(&text, after);
            edits.reverse();
            let result = edits.into_iter().fold(text.clone(), |text, edit| {
                text.changed(vec![lsp_types::TextDocumentContentChangeEvent {
                    range: Some(edit.range),
                    range_length: None,
                    text: edit.new_text,
                }])
            });
            assert_eq!(&**result.content(), after);
        }
    }
}
