//! A copy of the corpus that may be edited and have a cache.

use std::path::{Path, PathBuf};

use hallmark_core::fs::write_unsynced;

use crate::shell::{Failure, Outcome};

/// The case in which nothing is edited.
pub(super) const UNCHANGED: &str = "again, nothing changed";

/// The case in which a body is edited.
pub(super) const BODY: &str = "again, a body changed";

/// The case in which a signature is edited.
pub(super) const SIGNATURE: &str = "again, a signature changed";

/// The case in which a function gets another name, which any file may ask for: no limit is set for that.
pub(super) const NAME: &str = "again, a name changed";

/// The copy, with one file that is edited.
pub(super) struct Copy {
    root: PathBuf,
    file: PathBuf,
    text: String,
    body: usize,
    signature: usize,
    name: usize,
}

impl Copy {
    /// Copies all that the corpus holds, but for the state that a check left there. The file of median length is the one to edit.
    pub(super) fn new(corpus: &Path, root: PathBuf) -> Outcome<Self> {
        let mut sources = Vec::new();
        copy(corpus, &root, &mut sources)?;
        sources.sort();
        let (_, file) = sources.get(sources.len() / 2).ok_or(Failure("no Python file there".to_owned()))?;
        let text = std::fs::read_to_string(file)?;
        Ok(Self { file: file.clone(), root, text, body: 0, signature: 0, name: 0 })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Makes the edit that a case begins with.
    pub(super) fn prepare(&mut self, case: &str) -> Outcome {
        match case {
            BODY => self.body += 1,
            SIGNATURE => self.signature += 1,
            NAME => self.name += 1,
            _ => return Ok(()),
        }
        let Self { text, body, signature, name, .. } = self;
        let edited =
            format!("{text}\n\ndef edited_{name}(value, other_{signature}):\n    return value + {body}\n");
        write_unsynced(&self.file, edited.as_bytes()).map_err(|e| Failure(e.to_string()))
    }
}

/// Copies a folder; notes the Python files of the copy with their lengths.
fn copy(from: &Path, to: &Path, sources: &mut Vec<(u64, PathBuf)>) -> Outcome {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            if !matches!(entry.file_name().to_str(), Some(".git" | ".hallmark")) {
                copy(&entry.path(), &target, sources)?;
            }
        } else if kind.is_file() {
            let length = std::fs::copy(entry.path(), &target)?;
            if target.extension().is_some_and(|e| e == "py") {
                sources.push((length, target));
            }
        } else if let Ok(destination) = std::fs::read_link(entry.path()) {
            std::os::unix::fs::symlink(destination, &target)?;
        }
    }
    Ok(())
}
