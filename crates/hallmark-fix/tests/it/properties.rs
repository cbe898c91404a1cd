//! For any edits of real files: what they do not touch stays, and undoing gives back every byte.

use hallmark_diagnostics::Edit;
use hallmark_fix::{Transaction, document, edit, journal, undo};
use hallmark_python::source::decode;

use crate::support::{Folder, Numbers, change, sources, variants};

const TEXTS: &[&str] = &["", "x", "import os\n", "caf\u{e9}", "\n\n", "  # note"];

fn edits(numbers: &mut Numbers, text: &str) -> Vec<Vec<Edit>> {
    let mut place =
        || (0..4).map(|n| numbers.below(text.len() + 1) + n).find(|at| text.is_char_boundary(*at));
    let mut fixes = Vec::new();
    for n in 0..8 {
        let mut fix = Vec::new();
        for _ in 0..=n % 3 {
            let (Some(a), Some(b)) = (place(), place()) else { continue };
            let (start, end) = (a.min(b), a.max(b));
            // Short ranges, so that many fixes fit beside each other.
            let end = (start..end.min(start + 30)).rev().find(|e| text.is_char_boundary(*e)).unwrap_or(start);
            let content = TEXTS[(a + b) % TEXTS.len()].to_owned();
            fix.push(Edit {
                start: u32::try_from(start).unwrap(),
                end: u32::try_from(end).unwrap(),
                content,
            });
        }
        fixes.push(fix);
    }
    fixes
}

#[test]
fn every_byte_outside_the_edits_stays_and_undo_gives_all_back() {
    let folder = Folder::new();
    let mut numbers = Numbers::new(20_261_127);
    let (mut changes, mut before, mut applied) = (Vec::new(), Vec::new(), 0);
    for (at, source) in sources().iter().enumerate() {
        for (kind, bytes) in variants(&std::fs::read(source).unwrap()) {
            let Ok(text) = decode(&bytes) else { continue };
            let fixes = edits(&mut numbers, &text);
            let merged = edit::merge(&text, &fixes.iter().map(Vec::as_slice).collect::<Vec<_>>());
            let name = format!("{at}/{kind}.py");
            // A random edit may hit the declaration of the encoding: that one is refused.
            let Ok(after) = document::rewrite(&name, &bytes, &merged.edits) else { continue };
            assert_eq!(decode(&after).unwrap(), edit::apply(&text, &merged.edits), "{name}");
            applied += merged.applied.len();
            let first = merged.edits.first().map_or(text.len(), |e| e.start as usize);
            assert!(after.starts_with(&bytes[..first]), "{name}: before the first edit");
            if let Some(last) = merged.edits.last() {
                let rest = text.len() - last.end as usize;
                let rest = if kind == "latin" { text[text.len() - rest..].chars().count() } else { rest };
                assert!(after.ends_with(&bytes[bytes.len() - rest..]), "{name}: behind the last edit");
            }
            folder.write(&name, &bytes);
            changes.push(change(&name, &bytes, &after));
            before.push((name, bytes, after));
        }
    }
    assert!(before.len() > 100 && applied > 300, "{} files, {applied} fixes", before.len());
    let project = folder.project();
    let written = Transaction::new(&project, changes).commit(&mut |_| {}).unwrap();
    assert_eq!((written.files.len(), written.refused.len()), (before.len(), 0));
    for (name, _, after) in &before {
        assert_eq!(&folder.read(name), after, "{name}");
    }
    let restored = undo::undo(&project, None).unwrap();
    assert_eq!(Some(restored.run), written.run);
    for (name, bytes, _) in &before {
        assert_eq!(&folder.read(name), bytes, "{name}");
    }
    assert_eq!(journal::runs(&project).unwrap()[0].state(), journal::State::Undone);
    assert_eq!(undo::undo(&project, None).unwrap_err().code().id, "HM-F010");
}
