//! Certificates, their reports and their tampering; gates on real services.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod certify;
mod report;
mod sample;
mod schema;
mod services;
mod tamper;

use std::path::{Path, PathBuf};

/// A new empty folder, removed with the value.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir()
            .join(format!("hallmark-certify-{}", hallmark_core::random::token(12).unwrap()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Writes a file under a folder, making the folders between.
pub(crate) fn write(folder: &Path, name: &str, text: &str) {
    hallmark_core::fs::write_atomic(&folder.join(name), text.as_bytes(), hallmark_core::fs::Mode::Default)
        .unwrap();
}
