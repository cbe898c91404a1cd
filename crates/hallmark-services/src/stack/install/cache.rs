//! The machine's cache: what projects share. Each entry appears whole or not at all.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hallmark_core::{Error, Result, platform, random};

use crate::stack::home::make_folder;
use crate::stack::{codes, limits};

/// The format of the cache; another format is another folder.
const FORMAT: &str = "v1";

/// The cache folder of the machine's user.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    root: PathBuf,
}

impl Cache {
    /// `HALLMARK_CACHE`, else `hallmark` in the user's folder of caches.
    pub(crate) fn locate() -> Result<Self> {
        let set = std::env::var_os("HALLMARK_CACHE").map(PathBuf::from).filter(|path| path.is_absolute());
        let base =
            set.or_else(|| platform::cache_folder().map(|path| path.join("hallmark"))).ok_or_else(|| {
                Error::new(
                    &codes::FOLDER,
                    "none of HALLMARK_CACHE, XDG_CACHE_HOME and HOME is an absolute path",
                )
                .next("export HALLMARK_CACHE=/path/to/a/folder")
            })?;
        Ok(Self { root: base.join(FORMAT) })
    }

    /// The folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The entry of this name if it is there, whole.
    pub(crate) fn find(&self, key: &str) -> Option<PathBuf> {
        Some(self.root.join(key)).filter(|path| path.is_dir())
    }

    /// As [`Cache::find`], for an entry with a virtual environment, which lives only as long as its base interpreter.
    pub(crate) fn find_python(&self, key: &str) -> Option<PathBuf> {
        self.find(key).filter(|path| path.join("venv/bin/python").exists())
    }

    /// Waits for the machine-wide lock of this name and holds it until the file is dropped.
    pub(crate) async fn lock(&self, name: &str) -> Result<File> {
        make_folder(&self.root, 0o755)?;
        let path = self.root.join(format!("{name}.lock"));
        lock_file(&path, limits::INSTALL_LOCK_WAIT).await
    }

    /// A fresh folder beside the entries, to be filled and then renamed by [`Cache::place`].
    pub(crate) fn workspace(&self, key: &str) -> Result<PathBuf> {
        let path = self.root.join(format!(".{key}.{}.tmp", random::token(8)?));
        make_folder(&path, 0o755)?;
        Ok(path)
    }

    /// Makes the filled folder the entry of this name.
    pub(crate) fn place(&self, workspace: &Path, key: &str) -> Result<()> {
        let target = self.root.join(key);
        // Only an entry that no longer works is ever replaced.
        let _ = std::fs::remove_dir_all(&target);
        std::fs::rename(workspace, target).map_err(|e| {
            Error::new(&codes::FOLDER, format!("{key} could not be put into the cache")).because(&e)
        })
    }

    /// Removes the whole cache.
    pub(crate) fn remove(&self) -> Result<()> {
        match std::fs::remove_dir_all(&self.root) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::new(&codes::FOLDER, format!("{} could not be removed", self.root.display()))
                    .because(&e))
            }
            _ => Ok(()),
        }
    }
}

/// Opens the file and waits until its lock is free.
pub(crate) async fn lock_file(path: &Path, patience: Duration) -> Result<File> {
    let failed = |e: &std::io::Error| {
        Error::new(&codes::FOLDER, format!("the lock {} could not be opened", path.display())).because(e)
    };
    let file = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)
        .map_err(|e| failed(&e))?;
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if start.elapsed() < patience => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(TryLockError::WouldBlock) => {
                return Err(Error::new(
                    &codes::LOCKED,
                    format!("another hallmark has held {} for {} s", path.display(), patience.as_secs()),
                )
                .next("wait until it ends, then run the command again"));
            }
            Err(TryLockError::Error(e)) => return Err(failed(&e)),
        }
    }
}
