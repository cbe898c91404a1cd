//! The file of refused rows.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use hallmark_core::{Error, Result};
use serde_json::Value;

use crate::codes;
use crate::files;

/// How much of a file is looked at.
const LOOKED_AT_BYTES: u64 = 64 * 1024;

/// Refuses to write refused rows over a file that is no list of such: the one that is imported, or one of somebody else.
///
/// # Errors
/// `HM-D050`.
pub(super) async fn refuse_other(folder: &Path, name: &str) -> Result<()> {
    let Ok(path) = files::existing(folder, name) else { return Ok(()) };
    let is_list = tokio::task::spawn_blocking(move || is_list(&path)).await.unwrap_or(false);
    if is_list {
        return Ok(());
    }
    let message = format!("{name:?} is there, and no list of refused rows: it would be lost");
    Err(Error::new(&codes::PATH_REFUSED, message).at("error_path").next("give another name"))
}

/// Whether a file is empty or begins with a refused row.
fn is_list(path: &Path) -> bool {
    let Ok(file) = std::fs::File::open(path) else { return false };
    let mut line = String::new();
    if BufReader::new(file.take(LOOKED_AT_BYTES)).read_line(&mut line).is_err() {
        return false;
    }
    let is_refusal =
        |row: Value| ["row", "line", "code", "message"].iter().all(|name| row.get(name).is_some());
    line.is_empty() || serde_json::from_str(&line).is_ok_and(is_refusal)
}
