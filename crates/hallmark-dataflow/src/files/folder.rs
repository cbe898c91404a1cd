//! The allowed folder: names inside it only, no way out by `..`, an absolute path or a symbolic link.

use std::path::{Component, Path, PathBuf};

use hallmark_core::{Error, Result, random};
use tokio::io::AsyncWriteExt as _;

use crate::codes;

fn refused(name: &str, why: &str) -> Error {
    Error::new(&codes::PATH_REFUSED, format!("{name:?} {why}"))
        .next("give a plain relative name, for example `exports/products.csv`")
}

fn failed(path: &Path, what: &str, error: &std::io::Error) -> Error {
    Error::new(&codes::FILE_FAILED, format!("could not {what} {}", path.display())).because(error)
}

/// The path of this name inside the folder.
fn inside(folder: &Path, name: &str) -> Result<PathBuf> {
    let given = Path::new(name);
    let plain = !name.is_empty()
        && !name.contains('\0')
        && given.components().all(|c| matches!(c, Component::Normal(_)));
    if !plain {
        return Err(refused(name, "is no relative name without `..`"));
    }
    Ok(folder.join(given))
}

/// The real path of a file that is there, inside the folder.
///
/// # Errors
/// `HM-D050` if it is outside, `HM-D051` if it is not a readable file.
pub(crate) fn existing(folder: &Path, name: &str) -> Result<PathBuf> {
    let path = inside(folder, name)?;
    let real = hallmark_core::platform::canonicalize(&path).map_err(|e| failed(&path, "find", &e))?;
    let root = hallmark_core::platform::canonicalize(folder).map_err(|e| failed(folder, "find", &e))?;
    if !real.starts_with(&root) {
        return Err(refused(name, "leads out of the allowed folder"));
    }
    if !real.is_file() {
        return Err(Error::new(&codes::FILE_FAILED, format!("{name:?} is not a file")));
    }
    Ok(real)
}

/// A file that appears under its name only when it is whole.
pub(crate) struct NewFile {
    path: PathBuf,
    temporary: PathBuf,
    file: tokio::fs::File,
    done: bool,
}

impl NewFile {
    /// Begins a file of this name inside the folder; folders on the way are made.
    ///
    /// # Errors
    /// `HM-D050` if it would be outside, `HM-D051` if it cannot be made.
    pub(crate) async fn create(folder: &Path, name: &str) -> Result<Self> {
        let path = inside(folder, name)?;
        let parent = path.parent().unwrap_or(folder).to_path_buf();
        tokio::fs::create_dir_all(folder).await.map_err(|e| failed(folder, "make", &e))?;
        let root = hallmark_core::platform::canonicalize(folder).map_err(|e| failed(folder, "find", &e))?;
        // Looked at before anything is made: a folder behind a link must not come into being either.
        let there = parent.ancestors().find(|a| a.exists()).unwrap_or(folder);
        if !hallmark_core::platform::canonicalize(there)
            .map_err(|e| failed(there, "find", &e))?
            .starts_with(&root)
        {
            return Err(refused(name, "leads out of the allowed folder"));
        }
        tokio::fs::create_dir_all(&parent).await.map_err(|e| failed(&parent, "make", &e))?;
        let base = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let temporary = parent.join(format!(".{base}.{}.tmp", random::token(8)?));
        let mut options = tokio::fs::OpenOptions::new();
        options.write(true).create_new(true);
        let file = options.open(&temporary).await.map_err(|e| failed(&temporary, "make", &e))?;
        Ok(Self { path, temporary, file, done: false })
    }

    /// Appends bytes.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).await.map_err(|e| failed(&self.temporary, "write", &e))
    }

    /// Syncs the file and gives it its name.
    pub(crate) async fn finish(mut self) -> Result<PathBuf> {
        self.file.flush().await.map_err(|e| failed(&self.temporary, "write", &e))?;
        self.file.sync_all().await.map_err(|e| failed(&self.temporary, "write", &e))?;
        tokio::fs::rename(&self.temporary, &self.path).await.map_err(|e| failed(&self.path, "name", &e))?;
        self.done = true;
        Ok(self.path.clone())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.done {
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}
