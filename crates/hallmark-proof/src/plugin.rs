//! The plugin in pytest. It works alone too: `pytest -p hallmark_pytest`.

use std::ffi::OsString;
use std::path::Path;

use hallmark_core::{Result, fs};
use tokio::process::Command;

const TEXT: &str = include_str!("../python/hallmark_pytest.py");
const MODULE: &str = "hallmark_pytest";

/// Puts the plugin into a folder of ours and makes this command, whose last arguments are those of pytest, load it from there.
///
/// # Errors
/// `HM-C010`, or `HM-C011` on a full disk, if it cannot be written.
pub fn load(command: &mut Command, folder: &Path) -> Result<()> {
    fs::write_atomic(&folder.join(format!("{MODULE}.py")), TEXT.as_bytes(), fs::Mode::Private)?;
    command.args(["-p", MODULE]).env("PYTHONPATH", python_path(folder));
    Ok(())
}

fn python_path(folder: &Path) -> OsString {
    let own = std::env::var_os("PYTHONPATH").filter(|p| !p.is_empty());
    let paths = std::iter::once(folder.to_path_buf()).chain(own.iter().flat_map(std::env::split_paths));
    std::env::join_paths(paths).unwrap_or_else(|_| folder.into())
}
