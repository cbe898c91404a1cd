//! Configurations in folders below the root.

use std::path::Path;

use hallmark_core::Result;
use hallmark_core::config::Config;

use crate::{Folder, Survey};

/// The folders below `root` whose configuration has a `[standards]` section, sorted. Folders that a scan does not enter are not
/// looked into, and what cannot be entered is left to the scan to report.
///
/// # Errors
/// The error of the first configuration, by path, that cannot be read: see [`Config::load`] and [`Config::section`].
pub fn nested(root: &Path) -> Result<Vec<Folder>> {
    nested_in(root, &Survey::of(root))
}

/// [`nested`], where the root was walked already.
///
/// # Errors
/// As [`nested`].
pub fn nested_in(root: &Path, survey: &Survey) -> Result<Vec<Folder>> {
    let mut found = Vec::new();
    for path in survey.configured.iter().cloned() {
        let config = Config::load(&root.join(&path))?;
        if config.sections().any(|name| name == "standards") {
            found.push(Folder { path, standards: config.section("standards")? });
        }
    }
    Ok(found)
}
