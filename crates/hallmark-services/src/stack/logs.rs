//! The servers' logs: opened for appending, read from their end, secrets masked.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use hallmark_core::{Error, Result, platform};
use serde::Serialize;

use super::process::Process;
use super::{codes, limits};

/// The end of one log.
#[derive(Clone, Debug, Serialize)]
pub struct LogTail {
    /// Whose.
    pub process: Process,
    /// The file.
    pub path: PathBuf,
    /// Its last lines, oldest first, with the stack's secrets masked.
    pub lines: Vec<String>,
}

/// Opens a log for appending; one that has grown long is put aside first.
pub(crate) fn open(path: &Path) -> Result<File> {
    if std::fs::metadata(path).is_ok_and(|facts| facts.len() > limits::LOG_ROTATE_BYTES) {
        let mut aside = path.as_os_str().to_owned();
        aside.push(".1");
        let _ = std::fs::rename(path, aside);
    }
    platform::private(File::options().create(true).append(true)).open(path).map_err(|e| {
        Error::new(&codes::FOLDER, format!("the log {} could not be opened", path.display())).because(&e)
    })
}

/// The last lines of a log; none if there is no such log.
pub(crate) fn tail(path: &Path, lines: usize) -> Vec<String> {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(limits::LOG_TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(limits::LOG_TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].iter().map(|line| (*line).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_in_their_order() {
        let path =
            std::env::temp_dir().join(format!("hallmark-log-{}", hallmark_core::random::token(8).unwrap()));
        hallmark_core::fs::write_atomic(&path, b"a\nb\nc\n", hallmark_core::fs::Mode::Default).unwrap();
        assert_eq!(tail(&path, 2), ["b", "c"]);
        assert!(tail(Path::new("/nowhere"), 2).is_empty());
        std::fs::remove_file(path).unwrap();
    }
}
