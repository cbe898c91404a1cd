//! The log and the keys on a real file system.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod keys;
mod log;

use std::path::PathBuf;

/// A new empty folder, removed with the value.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir()
            .join(format!("hallmark-evidence-{}", hallmark_core::random::token(12).unwrap()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
