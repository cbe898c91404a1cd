//! Programs that are asked or run to their end, with a time limit and their output kept.

use std::process::Stdio;
use std::time::Duration;

use hallmark_core::{Error, Result, platform};
use tokio::process::Command;

use super::{codes, limits};

/// What a program that ended with success wrote to its standard output.
///
/// # Errors
/// `HM-S056` with the end of its output if it fails, cannot be started or takes longer than `limit`.
pub(crate) async fn run(command: &mut Command, limit: Duration) -> Result<String> {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(limit, command.output())
        .await
        .map_err(|_| {
            Error::new(&codes::COMMAND_FAILED, format!("{name} took longer than {} s", limit.as_secs()))
        })?
        .map_err(|e| {
            Error::new(&codes::COMMAND_FAILED, format!("{name} could not be started")).because(&e)
        })?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let said = if errors.trim().is_empty() { tail(&text) } else { tail(&errors) };
    Err(Error::new(&codes::COMMAND_FAILED, format!("{name} ended with {}", output.status)).because_text(said))
}

/// The answer of a program to a short question; `None` if it does not answer.
pub(crate) async fn ask(program: &std::path::Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(limits::ASK_TIMEOUT, command.output()).await.ok()?.ok()?;
    let text = [output.stdout, output.stderr].concat();
    output.status.success().then(|| String::from_utf8_lossy(&text).into_owned())
}

/// The program of this name on `PATH`, or in the folders of the system that an ordinary `PATH` leaves out.
pub(crate) fn find(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/bin", "/usr/sbin", "/usr/local/bin"].map(std::path::PathBuf::from))
        .flat_map(|folder| platform::program_names(name).into_iter().map(move |name| folder.join(name)))
        .find(|file| is_executable(file))
}

/// Whether this is a file that may be run.
pub(crate) fn is_executable(file: &std::path::Path) -> bool {
    platform::is_executable(file)
}

/// The end of a program's output, on one line for each of its own.
pub(crate) fn tail(text: &str) -> String {
    let text = text.trim();
    let start = text.len().saturating_sub(limits::OUTPUT_BYTES);
    let start = (start..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text[start..].to_owned()
}
