//! The digest of a certified tree: which bytes a certificate speaks of.

use std::path::{Path, PathBuf};

use hallmark_core::{Error, Result, digest};
use serde::{Deserialize, Serialize};

use crate::codes;
use crate::limits::TREE_FILES_MAX;

/// Folders that hold no source of the project: state, history, environments, caches.
const LEFT_OUT: &[&str] = &[
    ".git",
    ".hallmark",
    ".hg",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".tox",
    ".venv",
    "__pycache__",
    "node_modules",
    "target",
    "venv",
];

/// What was certified, byte by byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeDigest {
    /// SHA-256 over one line a file, in order of path: `<sha256 of content>  <path with slashes>`.
    pub digest: String,
    /// Files in it.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// The digest of the files under `root`, without the folders that hold no source. Symbolic links count by their target's
/// name and are not followed.
///
/// # Errors
/// `HM-C012` if a file cannot be read, `HM-Z005` if there are too many.
pub fn digest_of(root: &Path) -> Result<TreeDigest> {
    let paths = files(root)?;
    let mut lines = String::new();
    let mut bytes = 0;
    for (name, path) in &paths {
        let content = content_of(path)?;
        bytes += content.len() as u64;
        lines.push_str(&digest::sha256(&content));
        lines.push_str("  ");
        lines.push_str(name);
        lines.push('\n');
    }
    Ok(TreeDigest { digest: digest::sha256(lines.as_bytes()), files: paths.len(), bytes })
}

/// The files of a tree, by name with slashes and in its order, with their paths.
///
/// # Errors
/// As [`digest_of`].
pub(crate) fn files(root: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut paths = Vec::new();
    collect(root, &mut paths)?;
    paths.sort();
    Ok(paths)
}

fn content_of(path: &Path) -> Result<Vec<u8>> {
    let failed = |e: std::io::Error| unreadable(path, &e);
    if path.is_symlink() {
        return Ok(std::fs::read_link(path).map_err(failed)?.as_os_str().as_encoded_bytes().to_vec());
    }
    std::fs::read(path).map_err(failed)
}

fn collect(root: &Path, paths: &mut Vec<(String, PathBuf)>) -> Result<()> {
    // The walk keeps its own stack: a folder nested deeper than a thread's stack allows is still only data.
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|e| unreadable(&folder, &e))? {
            let entry = entry.map_err(|e| unreadable(&folder, &e))?;
            let kind = entry.file_type().map_err(|e| unreadable(&entry.path(), &e))?;
            let path = entry.path();
            if kind.is_dir() {
                if !LEFT_OUT.iter().any(|name| entry.file_name() == *name) {
                    folders.push(path);
                }
            } else if kind.is_file() || kind.is_symlink() {
                let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
                paths.push((name, path));
            }
            if paths.len() > TREE_FILES_MAX {
                return Err(Error::new(&codes::TREE_TOO_LARGE, format!("more than {TREE_FILES_MAX} files"))
                    .at(root.display().to_string()));
            }
        }
    }
    Ok(())
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::new(&hallmark_core::codes::READ_FAILED, format!("could not read {}", path.display()))
        .because(error)
}
