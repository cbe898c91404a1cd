//! A folder of files that is removed when the test is over.

use std::path::{Path, PathBuf};

use hallmark_core::fs::{Mode, write_atomic};
use hallmark_standards::{Report, ScanOptions, scan};

/// A scratch project.
pub(crate) struct Workspace(PathBuf);

impl Workspace {
    /// An empty folder of its own.
    pub(crate) fn new() -> Self {
        let name = format!("hallmark-standards-{}", hallmark_core::random::token(12).unwrap());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    /// Writes a file with these bytes.
    pub(crate) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        write_atomic(&self.0.join(path), bytes.as_ref(), Mode::Default).unwrap();
    }

    /// Writes a file, or removes it.
    pub(crate) fn put(&self, path: &str, text: Option<&str>) {
        match text {
            Some(text) => self.write(path, text),
            None => drop(std::fs::remove_file(self.0.join(path))),
        }
    }

    /// The text of a file.
    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.0.join(path)).unwrap()
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Scans it with these options; the root is set.
    pub(crate) fn scan(&self, options: ScanOptions) -> Report {
        scan(&ScanOptions { root: self.0.clone(), ..options })
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
