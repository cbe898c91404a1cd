//! What another program costs: its time, its processor's time, its memory.
//!
//! The system tells the peak memory of the largest of all children that were waited for. So each program is started by a process of
//! its own, `xtask measure`, which has no other child.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use serde_json::{Value, json};

use crate::shell::{self, Failure, Outcome};

/// What one run cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    /// From start to end, in seconds.
    pub(super) wall: f64,
    /// User and system time of all threads, in seconds.
    pub(super) cpu: f64,
    /// The peak of the resident memory, in megabytes.
    pub(super) rss: f64,
}

/// `xtask measure OUTPUT PROGRAM ARGUMENT…`: runs the program with its standard output in a file and prints what it cost.
pub(crate) fn measure(arguments: &[String]) -> Outcome {
    let [output, program, rest @ ..] = arguments else {
        return Err(Failure("measure takes a file, a program and its arguments".to_owned()));
    };
    let output = std::fs::File::create(output)?;
    let mut command = Command::new(program);
    command.args(rest).stdin(Stdio::null()).stdout(output).stderr(Stdio::null());
    let began = Instant::now();
    let status = command.status().map_err(|e| Failure(format!("{program} could not be started: {e}")))?;
    let wall = began.elapsed().as_secs_f64();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds = |time: nix::sys::time::TimeVal| {
        #[expect(clippy::cast_precision_loss, reason = "seconds of a short run")]
        let seconds = time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
        seconds
    };
    #[expect(clippy::cast_precision_loss, reason = "kilobytes of a program")]
    let rss = usage.max_rss() as f64 / 1024.0;
    let cpu = seconds(usage.user_time()) + seconds(usage.system_time());
    shell::say(&json!({ "wall": wall, "cpu": cpu, "rss": rss, "exit": status.code() }).to_string());
    Ok(())
}

/// Runs a program with its standard output in the file. Both tools end with 1 where they find something; more is a failure.
pub(super) fn run(output: &Path, command: &[String]) -> Outcome<Cost> {
    let mut measured = Command::new(std::env::current_exe()?);
    measured.arg("measure").arg(output).args(command);
    let said: Value = serde_json::from_str(&shell::output(&mut measured)?)?;
    if !matches!(said["exit"].as_i64(), Some(0 | 1 | 3)) {
        return Err(Failure(format!("{} ended with {}", command.join(" "), said["exit"])));
    }
    let figure = |name: &str| said[name].as_f64().ok_or(Failure(format!("no {name} was measured")));
    Ok(Cost { wall: figure("wall")?, cpu: figure("cpu")?, rss: figure("rss")? })
}
