//! What systems do differently with processes, users, sockets, signals and disks.
//!
//! The one place outside of `hallmark_core::platform` (files) that asks which system this is; `cargo xtask tidy` holds the rest of
//! the tree to it. What a system cannot do is refused here with [`refuse_native`] and its like, never passed over.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::path::Path;

use hallmark_core::platform::WINDOWS;
use hallmark_core::{Error, Result};

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

pub use system::{
    Ends, LocalListener, LocalStream, connect_local, descendants, end_group, in_group_of_its_own, kill,
    listener, program_and_arguments, signal_of, socket_holder,
};
pub(crate) use system::{
    boot, detach, disk, exchange, give_to, is_superuser, kernel_says, may_pass, open_files, process, run_as,
    used, user_label,
};

use crate::stack::codes;

/// What a process is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// A person wants it to end (SIGINT).
    Interrupt,
    /// It is asked to end (SIGTERM).
    Terminate,
    /// It is ended (SIGKILL).
    Kill,
    /// It stands still (SIGSTOP).
    Pause,
    /// It goes on (SIGCONT).
    Resume,
}

/// Who asked this process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A person at the terminal.
    Interrupt,
    /// The system, another program, or the end of the terminal.
    Terminate,
}

/// A user of this machine, by number; systems that know users by name only have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// What the system says of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProcessFacts {
    /// As `/proc` writes it: `R`, `S`, `D`, `T` (stopped), `t` (traced), `Z`.
    pub(crate) state: char,
    pub(crate) dead: bool,
    pub(crate) parent: u32,
    /// When it was started, in units of this system since its boot or its epoch.
    pub(crate) start_ticks: u64,
}

/// What a process uses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used {
    pub(crate) resident_bytes: f64,
    pub(crate) cpu_s: f64,
}

/// The room on a disk, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) free: u64,
    pub(crate) total: u64,
}

/// Whether this system has the servers that the native provider runs, and what it needs to run them.
pub const HAS_NATIVE_PROVIDER: bool = system::HAS_NATIVE_PROVIDER;

/// Whether this system tells which process holds the other end of a connection.
pub const TELLS_OWNERS: bool = cfg!(target_os = "linux");

/// Whether a local socket is a file, whose path must be short.
pub(crate) const SOCKETS_ARE_FILES: bool = system::SOCKETS_ARE_FILES;

/// What is right on this system: advice for Unix, or for Windows.
pub(crate) const fn here<'a>(unix: &'a str, windows: &'a str) -> &'a str {
    if WINDOWS { windows } else { unix }
}

/// Fails where the native provider cannot run.
///
/// # Errors
/// `HM-S072` on a system that lacks the servers' packages, or the means to stop, pause and watch them.
pub fn refuse_native(what: &str) -> Result<()> {
    if HAS_NATIVE_PROVIDER {
        return Ok(());
    }
    Err(Error::new(
        &codes::NOT_ON_THIS_SYSTEM,
        format!("{what} needs the native provider, whose servers are packages of Linux; this is {}", std::env::consts::OS),
    )
    .next("set provider = \"docker\" in [stack] of hallmark.toml, give addresses in [services], or run hallmark in WSL 2"))
}

/// The process that listens on a TCP port, by the table that `netstat -ano` prints; words differ with the language, columns do not.
#[cfg_attr(not(any(windows, test)), expect(dead_code, reason = "the table is read where netstat is asked"))]
fn listener_in_netstat(table: &str, port: u16) -> Option<u32> {
    let suffix = format!(":{port}");
    table.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [kind, local, foreign, .., pid] = words.as_slice() else { return None };
        // Only a socket that listens has no other end.
        let listens = *kind == "TCP" && local.ends_with(&suffix) && foreign.ends_with(":0");
        listens.then(|| pid.parse().ok()).flatten()
    })
}

/// The kernel's release; empty where the system does not tell.
#[must_use]
pub fn kernel_release() -> String {
    sysinfo::System::kernel_version().unwrap_or_default()
}

/// The machine's memory in MiB; 0 where the system does not tell.
#[must_use]
pub fn memory_mib() -> u64 {
    sysinfo::System::new().map_or(0, |mut system| {
        system.refresh_memory();
        system.total_memory() / (1024 * 1024)
    })
}

/// The nearest folder above that exists.
fn existing(path: &Path) -> Option<&Path> {
    path.ancestors().find(|path| path.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn netstat_is_read_in_every_language() {
        let table = "\nAktive Verbindungen\n\n  Proto  Lokale Adresse  Remoteadresse  Status  PID\n  \
             TCP    127.0.0.1:54600   127.0.0.1:50123   HERGESTELLT   11\n  \
             TCP    127.0.0.1:54600   0.0.0.0:0         ABH\u{d6}REN      22\n  \
             TCP    [::1]:54601       [::]:0            ABH\u{d6}REN      33\n  \
             UDP    0.0.0.0:54602     *:*                             44\n";
        assert_eq!(listener_in_netstat(table, 54_600), Some(22));
        assert_eq!(listener_in_netstat(table, 54_601), Some(33));
        assert_eq!(listener_in_netstat(table, 54_602), None);
        assert_eq!(listener_in_netstat(table, 4_600), None);
    }

    #[test]
    fn a_system_without_servers_says_what_to_do_instead() {
        let refused = refuse_native("PostgreSQL").err();
        assert_eq!(refused.is_some(), !HAS_NATIVE_PROVIDER);
        if let Some(error) = refused {
            assert!(error.is(&codes::NOT_ON_THIS_SYSTEM) && error.next_step().unwrap().contains("docker"));
        }
    }

    #[test]
    fn this_disk_has_a_size_even_below_folders_that_are_not_there() {
        let room = disk(&std::env::temp_dir().join("not/there")).unwrap();
        assert!(room.total > 0 && room.free <= room.total);
    }
}
