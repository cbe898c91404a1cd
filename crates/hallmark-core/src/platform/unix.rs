//! Unix: modes, inodes, owners.

use std::fs::{DirBuilder, Metadata, OpenOptions, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::FileFacts;

/// The facts of a file; `None` where the system tells too little to rely on.
#[must_use]
pub fn facts(data: &Metadata) -> Option<FileFacts> {
    Some(FileFacts {
        device: data.dev(),
        inode: data.ino(),
        modified: (data.mtime(), data.mtime_nsec()),
        changed: (data.ctime(), data.ctime_nsec()),
    })
}

/// The file's number in its file system; `None` where the system tells none.
#[must_use]
pub fn file_number(data: &Metadata) -> Option<u64> {
    Some(data.ino())
}

/// The bits of permissions (0o7777); `None` where the system has none.
#[must_use]
pub fn mode(data: &Metadata) -> Option<u32> {
    Some(data.permissions().mode() & 0o7777)
}

/// Gives a file or folder exactly these permissions; where the system has none, nothing is done.
///
/// # Errors
/// Those of the system.
pub fn set_mode(path: &Path, mode: u32) -> std::io::Result<()> {
    std::fs::set_permissions(path, Permissions::from_mode(mode))
}

/// What can be made for the user alone.
pub trait Private {
    /// Asks for it.
    fn make_private(&mut self);
}

impl Private for OpenOptions {
    fn make_private(&mut self) {
        self.mode(0o600);
    }
}

impl Private for DirBuilder {
    fn make_private(&mut self) {
        self.mode(0o700);
    }
}

/// Makes what is opened or built the user's alone: 0600 for a file, 0700 for a folder.
pub fn private<T: Private>(options: &mut T) -> &mut T {
    options.make_private();
    options
}

/// Gives the new file the owner of the old one, where this process may.
///
/// # Errors
/// Those of reading the new one.
pub fn keep_owner(old: &Metadata, new: &Path) -> std::io::Result<()> {
    let ours = std::fs::metadata(new)?;
    if (ours.uid(), ours.gid()) != (old.uid(), old.gid()) {
        // Only the superuser may give files away; for everybody else the file is theirs from now on, as with any editor.
        let _ = std::os::unix::fs::chown(new, Some(old.uid()), Some(old.gid()));
    }
    Ok(())
}

/// Whether this is a file that may be run.
#[must_use]
pub fn is_executable(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
}

/// The names of files that a program of this name may have.
#[must_use]
pub fn program_names(name: &str) -> Vec<String> {
    vec![name.to_owned()]
}

/// The path with links followed, as this system's programs write it.
///
/// # Errors
/// Those of [`std::fs::canonicalize`].
pub fn canonicalize(path: &Path) -> std::io::Result<PathBuf> {
    path.canonicalize()
}

/// The text as one word of this system's usual shell (`sh`; on Windows PowerShell), whatever it holds.
#[must_use]
pub fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
