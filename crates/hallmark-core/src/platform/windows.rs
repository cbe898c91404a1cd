//! Windows: access is a matter of lists that are inherited, and paths have two spellings.

use std::fs::Metadata;
use std::path::{Component, Path, PathBuf, Prefix};

use super::FileFacts;

/// The facts of a file: none, because the time of any change is not told, and a file whose time of writing was set back would be
/// taken for unchanged. Who asks reads the bytes instead.
#[must_use]
pub fn facts(_: &Metadata) -> Option<FileFacts> {
    None
}

/// The file's number in its file system: not told here without opening the file.
#[must_use]
pub fn file_number(_: &Metadata) -> Option<u64> {
    None
}

/// The bits of permissions: none here.
#[must_use]
pub fn mode(_: &Metadata) -> Option<u32> {
    None
}

/// Permissions are lists that a file inherits from its folder: there is nothing to be done.
///
/// # Errors
/// Never; other systems may fail.
pub fn set_mode(_: &Path, _: u32) -> std::io::Result<()> {
    Ok(())
}

/// Makes what is opened or built the user's alone by leaving it the access list of its folder: a user's profile gives no one
/// else access.
pub fn private<T>(options: &mut T) -> &mut T {
    options
}

/// A new file belongs to who makes it.
///
/// # Errors
/// Never; other systems may fail.
pub fn keep_owner(_: &Metadata, _: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Whether this is a file that may be run: its name says so (see [`program_names`]).
#[must_use]
pub fn is_executable(file: &Path) -> bool {
    file.is_file()
}

/// The names of files that a program of this name may have.
#[must_use]
pub fn program_names(name: &str) -> Vec<String> {
    if Path::new(name).extension().is_some() {
        return vec![name.to_owned()];
    }
    ["exe", "cmd", "bat", "com"].map(|ending| format!("{name}.{ending}")).into()
}

/// The path with links followed, as this system's programs write it: the spelling with `\\?\` that the system answers is understood
/// by few of them, and compares unequal with what people type. The standard library restores it for paths that are too long
/// for the other spelling.
///
/// # Errors
/// Those of [`std::fs::canonicalize`].
pub fn canonicalize(path: &Path) -> std::io::Result<PathBuf> {
    path.canonicalize().map(|path| plain(&path))
}

fn plain(path: &Path) -> PathBuf {
    let mut parts = path.components();
    let Some(Component::Prefix(prefix)) = parts.next() else { return path.to_path_buf() };
    let start = match prefix.kind() {
        Prefix::VerbatimDisk(letter) => format!("{}:\\", char::from(letter)),
        Prefix::VerbatimUNC(server, share) => {
            format!(r"\\{}\{}\", server.to_string_lossy(), share.to_string_lossy())
        }
        _ => return path.to_path_buf(),
    };
    let mut plain = PathBuf::from(start);
    plain.extend(parts.filter(|part| matches!(part, Component::Normal(_))));
    plain
}

/// The text as one word of this system's usual shell (`sh`; on Windows PowerShell), whatever it holds.
#[must_use]
pub fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbatim_paths_are_written_plainly() {
        assert_eq!(plain(Path::new(r"\\?\C:\a\b")), Path::new(r"C:\a\b"));
        assert_eq!(plain(Path::new(r"\\?\UNC\host\share\b")), Path::new(r"\\host\share\b"));
        assert_eq!(plain(Path::new(r"D:\a")), Path::new(r"D:\a"));
    }
}
