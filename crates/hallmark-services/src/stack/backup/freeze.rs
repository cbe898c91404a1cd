//! A server that stands still for a moment, and what makes sure that it goes on.
//!
//! A stopped process writes nothing, so a copy of its files is what they were at one instant: what would be found after
//! a crash, which each of these servers recovers from. A guard, a process of its own, holds the other end of a pipe: if
//! this one dies, the pipe closes, and the guard lets the server go on.

use std::process::Stdio;
use std::time::{Duration, Instant};

use hallmark_core::{Error, Result};
use process_wrap::tokio::{ChildWrapper, CommandWrap};
use tokio::io::AsyncWriteExt as _;

use super::{codes, limits};
use crate::platform::{self, Signal};
use crate::stack::procfs::Identity;

/// Waits for a line, or for the end of the pipe; then signals the process if it is still the same one.
const SCRIPT: &str = r#"trap '' INT TERM HUP
read -r line && exit 0
[ "$(sed 's/.*) //' "/proc/$2/stat" 2>/dev/null | cut -d' ' -f20)" = "$3" ] && kill -s "$1" "$2""#;

/// Signals a process as soon as this program is gone, or the value is dropped.
pub(super) struct Guard {
    child: Box<dyn ChildWrapper>,
}

impl Guard {
    /// A guard that sends `signal` (`CONT`, `KILL`).
    pub(super) fn new(signal: &str, identity: &Identity) -> Result<Self> {
        let mut command = CommandWrap::with_new("/bin/sh", |command| {
            command.args(["-c", SCRIPT, "sh", signal]);
            command.args([identity.pid.to_string(), identity.start_ticks.to_string()]);
            command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        });
        platform::detach(&mut command);
        let child = command.spawn().map_err(|e| {
            Error::new(&codes::BACKUP_FAILED, "no guard for a server could be started").because(&e)
        })?;
        Ok(Self { child })
    }

    /// Ends the guard without a signal.
    pub(super) async fn release(mut self) {
        if let Some(stdin) = self.child.stdin() {
            let _ = stdin.write_all(b"done\n").await;
        }
        let _ = tokio::time::timeout(Duration::from_secs(2), self.child.inner_mut().wait()).await;
    }
}

/// A server that stands still. It goes on when the value is dropped, whatever happens.
pub(super) struct Frozen {
    identity: Identity,
    guard: Option<Guard>,
    since: Instant,
}

/// Stops the server and waits until every thread of it stands still.
pub(super) async fn freeze(identity: &Identity) -> Result<Frozen> {
    platform::refuse_native("a copy of a running server")?;
    let guard = Guard::new("CONT", identity)?;
    let frozen = Frozen { identity: identity.clone(), guard: Some(guard), since: Instant::now() };
    if !identity.signal(Signal::Pause) {
        return Err(Error::new(&codes::BACKUP_FAILED, "the server ended while it was being copied")
            .next("hallmark status"));
    }
    while !stands_still(identity.pid) {
        if frozen.since.elapsed() > limits::FREEZE_PATIENCE {
            return Err(
                Error::new(&codes::BACKUP_FAILED, "the server does not stand still").next("hallmark doctor")
            );
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(frozen)
}

impl Frozen {
    /// Lets the server go on; gives the time that it stood still.
    pub(super) async fn thaw(mut self) -> Duration {
        self.identity.signal(Signal::Resume);
        let paused = self.since.elapsed();
        if let Some(guard) = self.guard.take() {
            guard.release().await;
        }
        paused
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.identity.signal(Signal::Resume);
    }
}

/// Whether every thread of the process is stopped.
fn stands_still(pid: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    threads.flatten().all(|thread| {
        std::fs::read_to_string(thread.path().join("stat"))
            .ok()
            .and_then(|text| Some(text.rsplit_once(')')?.1.trim_start().starts_with('T')))
            // A thread that is gone does nothing any more.
            .unwrap_or(true)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper() -> (std::process::Child, Identity) {
        let child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let identity = Identity::of(child.id()).unwrap();
        (child, identity)
    }

    #[tokio::test]
    async fn a_frozen_process_goes_on() {
        let (mut child, identity) = sleeper();
        let frozen = freeze(&identity).await.unwrap();
        assert!(stands_still(identity.pid));
        frozen.thaw().await;
        assert!(!stands_still(identity.pid));
        let frozen = freeze(&identity).await.unwrap();
        drop(frozen);
        assert!(!stands_still(identity.pid));
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[tokio::test]
    async fn the_guard_lets_it_go_on_when_nobody_else_does() {
        let (mut child, identity) = sleeper();
        let mut frozen = freeze(&identity).await.unwrap();
        // What a killed program would leave: the pipe closes, and nothing else is done.
        drop(frozen.guard.take());
        let start = Instant::now();
        while stands_still(identity.pid) {
            assert!(start.elapsed() < Duration::from_secs(10), "the guard did nothing");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        drop(frozen);
        // Another process that has the same number is left alone.
        let other = Identity { start_ticks: identity.start_ticks + 1, ..identity.clone() };
        drop(Guard::new("KILL", &other).unwrap());
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(identity.is_alive());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
