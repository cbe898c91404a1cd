//! Atomic writes: a reader sees the old bytes or the new ones, never half of either, whatever kills the process.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use crate::{Error, Result, codes, platform, random};

/// The characters that tell files which are being written from others.
const TOKEN: usize = 8;

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As the process's file mode mask says.
    Default,
    /// The owner only (0600 on Unix).
    Private,
    /// Those who may read the file that is replaced, and its owner where the process may say so; [`Mode::Default`] if there is none.
    Keep,
}

/// Writes the bytes beside `path`, syncs them, and renames them into place; folders on the way are made.
///
/// # Errors
/// `HM-C011` on a full disk or quota, `HM-C010` otherwise; the file at `path` is then as it was.
pub fn write_atomic(path: &Path, bytes: &[u8], mode: Mode) -> Result<()> {
    write(path, bytes, mode, true)
}

/// [`write_atomic`] without the sync: for what can be made again and tells by itself whether it is whole. A reader sees the old
/// bytes or the new ones, but a loss of power may leave neither.
///
/// # Errors
/// As [`write_atomic`].
pub fn write_unsynced(path: &Path, bytes: &[u8]) -> Result<()> {
    write(path, bytes, Mode::Default, false)
}

fn write(path: &Path, bytes: &[u8], mode: Mode, sync: bool) -> Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|e| failed(path, &e))?;
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let temporary = folder.join(format!(".{name}.{}.tmp", random::token(TOKEN)?));
    let written = write_new(&temporary, bytes, mode, sync)
        .and_then(|()| if mode == Mode::Keep { keep_access(path, &temporary) } else { Ok(()) })
        .and_then(|()| std::fs::rename(&temporary, path));
    if let Err(error) = written {
        let _ = std::fs::remove_file(&temporary);
        return Err(failed(path, &error));
    }
    Ok(())
}

/// The files beside this one that writes of it have left which were killed before they were done.
#[must_use]
pub fn left_over(path: &Path) -> Vec<PathBuf> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Vec::new();
    };
    let is_ours = |other: &str| {
        let token = other.strip_prefix('.').and_then(|rest| rest.strip_prefix(name));
        let token = token.and_then(|rest| rest.strip_prefix('.')?.strip_suffix(".tmp"));
        token.is_some_and(random::is_token_of::<TOKEN>)
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| {
        entry.file_name().to_str().is_some_and(is_ours) && entry.file_type().is_ok_and(|kind| kind.is_file())
    });
    ours.map(|entry| entry.path()).collect()
}

fn write_new(path: &Path, bytes: &[u8], mode: Mode, sync: bool) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    if mode == Mode::Private {
        platform::private(&mut options);
    }
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    if sync { file.sync_all() } else { Ok(()) }
}

/// Gives the new file the permissions of the old one, and its owner if the process is allowed to.
fn keep_access(old: &Path, new: &Path) -> std::io::Result<()> {
    let metadata = match std::fs::metadata(old) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    platform::keep_owner(&metadata, new)?;
    std::fs::set_permissions(new, metadata.permissions())
}

/// Makes the names in a folder durable: what was created or renamed there before survives a loss of power.
///
/// # Errors
/// `HM-C010` if the folder cannot be synced.
pub fn sync_folder(folder: &Path) -> Result<()> {
    // Elsewhere a folder cannot be opened as a file; the file system's own journal has to do.
    if !platform::WINDOWS {
        std::fs::File::open(folder).and_then(|f| f.sync_all()).map_err(|e| failed(folder, &e))?;
    }
    Ok(())
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    write_failed(&path.display().to_string(), error)
}

/// The error of something that could not be written: `HM-C011` on a full disk or quota, `HM-C010` otherwise.
#[must_use]
pub fn write_failed(what: &str, error: &std::io::Error) -> Error {
    let full = matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
    let (code, next) = if full {
        (&codes::DISK_FULL, "free some space, then run the command again: nothing was changed")
    } else {
        (&codes::WRITE_FAILED, "check that the folder exists and may be written")
    };
    Error::new(code, format!("could not write {what}")).because(error).next(next)
}

/// Reads a whole text file.
///
/// # Errors
/// `HM-C012` if it cannot be read or is not UTF-8.
pub fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|e| {
        Error::new(&codes::READ_FAILED, format!("could not read {}", path.display())).because(&e)
    })
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn permissions_are_kept_when_asked_for() {
        let folder = std::env::temp_dir().join(format!("hallmark-fs-{}", random::token(8).unwrap()));
        let path = folder.join("a.py");
        write_atomic(&path, b"1", Mode::Keep).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o751)).unwrap();
        write_atomic(&path, b"2", Mode::Keep).unwrap();
        sync_folder(&folder).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o751);
        assert_eq!(std::fs::read(&path).unwrap(), b"2");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
