//! Child processes with an end: a time limit, a bounded output, and nothing left behind.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use hallmark_core::{Error, Result};
use hallmark_services::platform;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};

use crate::codes;
use crate::limits::OUTPUT_BYTES_MAX;

/// How a child ended.
#[derive(Debug)]
pub(crate) struct Finished {
    /// Its status; `None` if it was ended at its time limit.
    pub(crate) status: Option<ExitStatus>,
    /// The end of its standard output.
    pub(crate) stdout: Vec<u8>,
    /// The end of its standard error.
    pub(crate) stderr: Vec<u8>,
}

impl Finished {
    /// Whether it ended by itself with status 0.
    pub(crate) fn succeeded(&self) -> bool {
        self.status.is_some_and(|s| s.success())
    }

    /// The last lines that say something, for a reason.
    pub(crate) fn last_words(&self) -> String {
        let text = if self.stderr.iter().all(u8::is_ascii_whitespace) { &self.stdout } else { &self.stderr };
        let text = String::from_utf8_lossy(text);
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
        lines[lines.len().saturating_sub(3)..].join("; ")
    }
}

/// Runs the command in a process group of its own and ends the group at the time limit.
pub(crate) async fn run(command: &mut Command, limit: Duration) -> Result<Finished> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    platform::in_group_of_its_own(command);
    let mut child = command
        .spawn()
        .map_err(|e| Error::new(&codes::SCRATCH, format!("{program} could not be started")).because(&e))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let work = async { tokio::join!(child.wait(), read_end(stdout), read_end(stderr)) };
    let finished = tokio::time::timeout(limit, work).await;
    if let Ok((status, stdout, stderr)) = finished {
        return Ok(Finished { status: status.ok(), stdout, stderr });
    }
    end_group(&mut child).await;
    Ok(Finished {
        status: None,
        stdout: Vec::new(),
        stderr: format!("ended after {} s", limit.as_secs()).into_bytes(),
    })
}

/// Ends a child that was started with a process group of its own, and all it started.
pub(crate) async fn end_group(child: &mut Child) {
    platform::end_group(child);
    let _ = child.kill().await;
}

/// Reads to the end and keeps the last [`OUTPUT_BYTES_MAX`] bytes: a child that writes much must not be stopped by a full pipe.
async fn read_end(stream: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut kept = Vec::new();
    let Some(mut stream) = stream else { return kept };
    let mut buffer = vec![0_u8; 8192];
    while let Ok(count) = stream.read(&mut buffer).await {
        if count == 0 {
            break;
        }
        kept.extend_from_slice(&buffer[..count]);
        if kept.len() > 2 * OUTPUT_BYTES_MAX {
            kept.drain(..kept.len() - OUTPUT_BYTES_MAX);
        }
    }
    kept.drain(..kept.len().saturating_sub(OUTPUT_BYTES_MAX));
    kept
}
