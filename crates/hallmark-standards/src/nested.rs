//! Configurations in folders below the root.

use std::path::Path;
use std::sync::Mutex;

use hallmark_core::Result;
use hallmark_core::config::{Config, FILE_NAME, PYPROJECT};
use ignore::{WalkBuilder, WalkState};

use crate::{Folder, walk};

/// The folders below `root` whose configuration has a `[standards]` section, sorted. Folders that a scan does not enter are not
/// looked into, and what cannot be entered is left to the scan to report.
///
/// # Errors
/// The error of the first configuration, by path, that cannot be read: see [`Config::load`] and [`Config::section`].
pub fn nested(root: &Path) -> Result<Vec<Folder>> {
    let mut found = Vec::new();
    for path in folders(root) {
        let config = Config::load(&root.join(&path))?;
        if config.sections().any(|name| name == "standards") {
            found.push(Folder { path, standards: config.section("standards")? });
        }
    }
    Ok(found)
}

/// The folders below the root that hold a file which may be a configuration.
fn folders(root: &Path) -> Vec<String> {
    let found = Mutex::new(Vec::new());
    let walk = WalkBuilder::new(root)
        .hidden(false)
        .require_git(false)
        .git_global(false)
        .filter_entry(|entry| !walk::is_skipped(entry))
        .build_parallel();
    walk.run(|| {
        Box::new(|entry| {
            if let Ok(entry) = entry
                && (entry.file_name() == FILE_NAME || entry.file_name() == PYPROJECT)
                && entry.depth() > 1
                && let Some(folder) = entry.path().parent()
                && let Ok(mut found) = found.lock()
            {
                found.push(walk::relative(root, folder));
            }
            WalkState::Continue
        })
    });
    let mut found = found.into_inner().unwrap_or_default();
    found.sort_unstable();
    found.dedup();
    found
}
