//! What systems do differently with files: who may read them, what tells one from another, how paths are written.
//!
//! The one place of the foundations that asks which system this is; what concerns processes, users and sockets is in
//! `hallmark_services::platform`. `cargo xtask tidy` holds the rest of the tree to it.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::path::{Path, PathBuf};

#[cfg(unix)]
pub use unix::{
    canonicalize, facts, file_number, is_executable, keep_owner, mode, private, program_names, set_mode,
    shell_word,
};
#[cfg(windows)]
pub use windows::{
    canonicalize, facts, file_number, is_executable, keep_owner, mode, private, program_names, set_mode,
    shell_word,
};

/// Whether this is Windows.
pub const WINDOWS: bool = cfg!(windows);

/// What tells a file and its state from others without its bytes being read; times in seconds and nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// The file system.
    pub device: u64,
    /// The file's number in it.
    pub inode: u64,
    /// When it was written to.
    pub modified: (i64, i64),
    /// When it was changed in any way.
    pub changed: (i64, i64),
}

/// The user's home folder: `HOME`, on Windows `USERPROFILE`; `None` where that is no absolute path.
#[must_use]
pub fn home_folder() -> Option<PathBuf> {
    let name = if WINDOWS { "USERPROFILE" } else { "HOME" };
    absolute_variable(name)
}

/// The folder for what can be made again: `XDG_CACHE_HOME` or `~/.cache`; on Windows `LOCALAPPDATA`.
#[must_use]
pub fn cache_folder() -> Option<PathBuf> {
    if WINDOWS {
        return absolute_variable("LOCALAPPDATA").or_else(|| home_folder().map(|h| h.join("AppData/Local")));
    }
    absolute_variable("XDG_CACHE_HOME").or_else(|| home_folder().map(|home| home.join(".cache")))
}

/// The folder for what is kept between runs: `XDG_STATE_HOME` or `~/.local/state`; on Windows `LOCALAPPDATA`.
#[must_use]
pub fn state_folder() -> Option<PathBuf> {
    if WINDOWS {
        return cache_folder();
    }
    absolute_variable("XDG_STATE_HOME").or_else(|| home_folder().map(|home| home.join(".local/state")))
}

fn absolute_variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// Makes a folder, and those above it if `recursive`, which the user alone may enter (0700). On Windows it has the access list of the
/// folder it is made in: in a user's profile that is the user's own.
///
/// # Errors
/// Those of the system.
pub fn make_private_folder(path: &Path, recursive: bool) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(recursive);
    private(&mut builder);
    builder.create(path)
}
