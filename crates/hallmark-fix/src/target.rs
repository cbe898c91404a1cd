//! Which file a path of the project stands for, and whether it may be written.

use std::path::{Component, Path, PathBuf};

use hallmark_core::{Error, Result};

use crate::codes;

/// The real place of a file of the project.
///
/// # Errors
/// `HM-F002` if it lies outside the root, by its name or through a link; `HM-F001` if it is gone; `HM-F003` if it is read-only.
pub(crate) fn resolve(root: &Path, path: &str) -> Result<PathBuf> {
    let plain = Path::new(path).components().all(|c| matches!(c, Component::Normal(_)));
    let root = hallmark_core::platform::canonicalize(root).unwrap_or_else(|_| root.to_path_buf());
    let real = hallmark_core::platform::canonicalize(&root.join(path)).map_err(|e| {
        Error::new(&codes::CHANGED, format!("{path} is not there any more"))
            .because(&e)
            .next("run the command again")
    })?;
    if !plain || !real.starts_with(&root) {
        let text = format!("{path} is a link to {}, outside the project", real.display());
        return Err(
            Error::new(&codes::OUTSIDE, text).next("run Hallmark in the project that the file belongs to")
        );
    }
    let metadata = std::fs::metadata(&real).map_err(|e| {
        Error::new(&hallmark_core::codes::READ_FAILED, format!("could not read {path}")).because(&e)
    })?;
    // Renaming a new file into place needs no permission on the old one: the owner's wish is asked for here.
    if metadata.permissions().readonly() {
        return Err(Error::new(&codes::READ_ONLY, format!("{path} is read-only"))
            .next(format!("make it writable first: chmod u+w {path}")));
    }
    Ok(real)
}

/// The bytes of a file of the project.
///
/// # Errors
/// `HM-C012` if it cannot be read.
pub(crate) fn read(real: &Path, path: &str) -> Result<Vec<u8>> {
    std::fs::read(real).map_err(|e| {
        Error::new(&hallmark_core::codes::READ_FAILED, format!("could not read {path}")).because(&e)
    })
}
