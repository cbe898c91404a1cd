//! Files that grow by whole lines and are bounded: the newest half is kept, the older half in a file beside it.

use std::fs::File;
use std::io::{Read as _, Result, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::platform;

/// A private file of lines, and the one before it, whose name ends in `.1`. Together they have at most twice `limit` bytes.
#[derive(Clone, Debug)]
pub struct LogFile {
    newer: PathBuf,
    limit: u64,
}

impl LogFile {
    /// The log at this path; nothing is made yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, limit: u64) -> Self {
        Self { newer: path.into(), limit }
    }

    /// Its files, the older one first; either may be missing.
    #[must_use]
    pub fn files(&self) -> [PathBuf; 2] {
        [self.beside(".1"), self.newer.clone()]
    }

    /// Adds whole lines, each with its end. A file that would grow beyond the limit becomes the older one, and the older one goes;
    /// processes do that one after the other.
    ///
    /// # Errors
    /// The system's, on a full disk for example; what was written before stays readable.
    pub fn append(&self, mut lines: Vec<u8>) -> Result<()> {
        if let Some(folder) = self.newer.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let [older, newer] = self.files();
        let lock = open(&self.beside(".lock"))?;
        lock.lock()?;
        let length = std::fs::metadata(&newer).map_or(0, |facts| facts.len());
        if length > 0 && length + lines.len() as u64 > self.limit {
            std::fs::rename(&newer, &older)?;
        }
        let mut file = open(&newer)?;
        // A line that was cut off by a full disk or a kill must not swallow the next one.
        if file.seek(SeekFrom::End(-1)).is_ok() {
            let mut last = [0_u8];
            if file.read_exact(&mut last).is_ok() && last != [b'\n'] {
                lines.insert(0, b'\n');
            }
        }
        file.write_all(&lines)
    }

    fn beside(&self, end: &str) -> PathBuf {
        let mut name = self.newer.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    }
}

fn open(path: &Path) -> Result<File> {
    platform::private(File::options().create(true).append(true).read(true)).open(path)
}
