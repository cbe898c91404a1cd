//! What people said of real files: one line for each place where a standard is broken, never code.
//!
//! A label file begins with `# repository: owner/name` and `# commit: hash`; then one tab-separated line each: path, line, rule,
//! note. A line 0 with the rule `-` names a file that is labelled from its first to its last line; its note is the digest of
//! the file's bytes. A note that begins with `ambiguous` takes the place out of the count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::shell::{Failure, Outcome};

/// The labels of one repository at one commit.
#[derive(Default)]
pub(super) struct Labels {
    /// `owner/name`.
    pub(super) repository: String,
    /// The commit.
    pub(super) commit: String,
    /// Each file with the digest of its bytes.
    pub(super) files: BTreeMap<String, String>,
    /// Path, line and rule of each place where a standard is broken.
    pub(super) places: BTreeSet<Place>,
    /// Places on which reasonable readers differ.
    pub(super) ambiguous: BTreeSet<Place>,
}

/// Path, line from 1, rule.
pub(super) type Place = (String, u32, String);

/// Reads every label file of a folder.
pub(super) fn read(folder: &Path) -> Outcome<Vec<Labels>> {
    let mut paths: Vec<_> = std::fs::read_dir(folder)?.filter_map(|e| Some(e.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "tsv"));
    paths.sort();
    paths.iter().map(|path| parse(path)).collect()
}

fn parse(path: &Path) -> Outcome<Labels> {
    let text = std::fs::read_to_string(path)?;
    let mut labels = Labels::default();
    for (number, line) in text.lines().enumerate() {
        let bad = |what: &str| Failure(format!("{}:{}: {what}", path.display(), number + 1));
        if let Some(value) = line.strip_prefix("# repository: ") {
            value.clone_into(&mut labels.repository);
        } else if let Some(value) = line.strip_prefix("# commit: ") {
            value.clone_into(&mut labels.commit);
        } else if !line.starts_with('#') && !line.is_empty() {
            let mut fields = line.split('\t');
            let (Some(file), Some(at), Some(rule)) = (fields.next(), fields.next(), fields.next()) else {
                return Err(bad("path, line, rule and note, separated by tabs"));
            };
            let note = fields.next().unwrap_or_default();
            let at: u32 = at.parse().map_err(|_| bad("the line is no number"))?;
            if rule == "-" {
                labels.files.insert(file.to_owned(), note.to_owned());
                continue;
            }
            if hallmark_standards::rules::find(rule).is_none() {
                return Err(bad(&format!("there is no rule {rule}")));
            }
            let place = (file.to_owned(), at, rule.to_owned());
            if note.starts_with("ambiguous") { &mut labels.ambiguous } else { &mut labels.places }
                .insert(place);
        }
    }
    Ok(labels)
}
