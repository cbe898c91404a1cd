//! Windows. Processes and disks are asked of it through `sysinfo`; what only the native provider needs is refused.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use process_wrap::tokio::CommandWrap;
use sysinfo::{Pid, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System, UpdateKind};
use tokio::process::{Child, Command};
use tokio::signal::windows::{
    CtrlBreak, CtrlC, CtrlClose, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown,
};

use super::{End, ProcessFacts, Room, Signal, Used, User, existing};

pub(super) const HAS_NATIVE_PROVIDER: bool = false;
pub(super) const SOCKETS_ARE_FILES: bool = false;

/// What `CreateProcess` is told: no console of the starting program, and none of its interrupts.
const DETACHED_PROCESS: u32 = 0x0000_0008;
const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;

/// A socket of this machine that other processes of its user reach by its path. Only the supervisor of native servers and the
/// plugin in pytest use one, and both are refused here: there is none to be made.
#[derive(Debug)]
pub struct LocalListener(std::convert::Infallible);

/// A connection over one.
pub type LocalStream = tokio::io::DuplexStream;

impl LocalListener {
    /// Always fails here.
    ///
    /// # Errors
    /// `Unsupported`.
    pub fn bind(_: &Path) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Waits for a connection.
    ///
    /// # Errors
    /// Never: there is no listener.
    pub async fn accept(&self) -> io::Result<LocalStream> {
        match self.0 {}
    }
}

/// Always fails here: nobody listens.
///
/// # Errors
/// `Unsupported`.
pub async fn connect_local(_: &Path) -> io::Result<LocalStream> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The wishes that this process end, as they come.
#[derive(Debug)]
pub struct Ends {
    interrupts: CtrlC,
    breaks: CtrlBreak,
    closes: CtrlClose,
    shutdowns: CtrlShutdown,
}

impl Ends {
    /// Hears Ctrl-C, Ctrl-Break, the end of the console and of the system from now on.
    ///
    /// # Errors
    /// Those of the system.
    pub fn hear(_with_terminal: bool) -> io::Result<Self> {
        Ok(Self {
            interrupts: ctrl_c()?,
            breaks: ctrl_break()?,
            closes: ctrl_close()?,
            shutdowns: ctrl_shutdown()?,
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) -> End {
        tokio::select! {
            _ = self.interrupts.recv() => End::Interrupt,
            _ = self.breaks.recv() => End::Terminate,
            _ = self.closes.recv() => End::Terminate,
            _ = self.shutdowns.recv() => End::Terminate,
        }
    }
}

/// Looks at one process, or at all, and hands what was seen to `look`.
fn seen<T>(
    pids: ProcessesToUpdate<'_>,
    kind: ProcessRefreshKind,
    look: impl FnOnce(&System) -> Option<T>,
) -> Option<T> {
    let mut system = System::new().ok()?;
    system.refresh_processes_specifics(pids, true, kind);
    look(&system)
}

fn one<T>(
    pid: u32,
    kind: ProcessRefreshKind,
    look: impl FnOnce(&sysinfo::Process) -> Option<T>,
) -> Option<T> {
    let pid = Pid::from_u32(pid);
    seen(ProcessesToUpdate::Some(&[pid]), kind, |system| look(system.process(pid)?))
}

/// Ends the process of this number where it is to end: Windows knows no gentler way for a program without a window. A process cannot be
/// paused here, nor interrupted without interrupting all on its console: `false`.
#[must_use]
pub fn kill(pid: u32, signal: Signal) -> bool {
    match signal {
        Signal::Terminate | Signal::Kill => {
            one(pid, ProcessRefreshKind::nothing(), |process| Some(process.kill())).unwrap_or(false)
        }
        Signal::Interrupt | Signal::Pause | Signal::Resume => false,
    }
}

/// No signal ends a process here.
#[must_use]
pub fn signal_of(_: ExitStatus) -> Option<i32> {
    None
}

/// Starts the command as the head of a group that [`end_group`] ends.
pub fn in_group_of_its_own(command: &mut Command) {
    command.creation_flags(CREATE_NEW_PROCESS_GROUP);
}

/// Ends a child of [`in_group_of_its_own`] and all that it started and that still belongs to it.
pub fn end_group(child: &Child) {
    for pid in child.id().map(descendants).unwrap_or_default() {
        let _ = kill(pid, Signal::Kill);
    }
}

/// Starts the command apart from this console: it outlives whatever happens to the one that starts it.
pub(crate) fn detach(command: &mut CommandWrap) {
    command.command_mut().creation_flags(DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP);
}

/// Nothing runs as another user here: [`is_superuser`] is never so.
pub(crate) fn run_as(_: &mut Command, _: User) {}

/// Nothing belongs to another user here.
pub(crate) fn give_to(_: &Path, _: User) -> io::Result<()> {
    Ok(())
}

/// Whether this process may do everything; servers refuse nobody here.
pub(crate) fn is_superuser() -> bool {
    false
}

/// Who runs this process, for people.
pub(crate) fn user_label() -> String {
    format!("user {}", std::env::var("USERNAME").unwrap_or_else(|_| "unknown".to_owned()))
}

/// Access is inherited: a folder that this user made can be passed by who runs as this user.
pub(crate) fn may_pass(_: &std::fs::Metadata, _: User) -> bool {
    true
}

/// There is no limit to be asked for.
pub(crate) fn open_files() -> Option<(Option<u64>, Option<u64>)> {
    None
}

/// The room on the disk under the path, or under the nearest folder above it that exists.
pub(crate) fn disk(path: &Path) -> io::Result<Room> {
    let path = existing(path).ok_or(io::ErrorKind::NotFound)?;
    // Mapped drives and folders on other disks, too: the system is asked for the path itself.
    let room = fs4::statvfs(path)?;
    Ok(Room { free: room.available_space(), total: room.total_space() })
}

/// Folders cannot change places in one step here.
pub(crate) fn exchange(_: &Path, _: &Path) -> io::Result<bool> {
    Ok(false)
}

/// There is no `/proc` here, and a folder of this name is none.
pub(crate) fn kernel_says(_: &str) -> Option<String> {
    None
}

/// What the system says of the process; `None` if there is none.
pub(crate) fn process(pid: u32) -> Option<ProcessFacts> {
    one(pid, ProcessRefreshKind::nothing(), |process| {
        let status = process.status();
        Some(ProcessFacts {
            state: if status == ProcessStatus::Run { 'R' } else { 'S' },
            dead: matches!(status, ProcessStatus::Dead | ProcessStatus::Zombie),
            parent: process.parent().map_or(0, Pid::as_u32),
            start_ticks: process.start_time(),
        })
    })
}

/// The program and the arguments of a process; nothing if they cannot be read.
#[must_use]
pub fn program_and_arguments(pid: u32) -> Vec<String> {
    let kind = ProcessRefreshKind::nothing().with_cmd(UpdateKind::Always);
    let words = one(pid, kind, |process| {
        let words = process.cmd().iter().map(|word| word.to_string_lossy().into_owned());
        let words: Vec<String> = words.collect();
        Some(if words.is_empty() { vec![process.name().to_string_lossy().into_owned()] } else { words })
    });
    words.unwrap_or_default()
}

/// What names the machine's current boot: when it was, in seconds.
pub(crate) fn boot() -> String {
    System::boot_time().map(|seconds| seconds.to_string()).unwrap_or_default()
}

/// What the process uses, its children left out.
pub(crate) fn used(pid: u32) -> Option<Used> {
    one(pid, ProcessRefreshKind::nothing().with_memory().with_cpu(), |process| {
        let cpu_s = process.accumulated_cpu_time() as f64 / 1_000.0;
        Some(Used { resident_bytes: process.memory() as f64, cpu_s })
    })
}

/// All processes below this one, itself included.
#[must_use]
pub fn descendants(pid: u32) -> Vec<u32> {
    let mut all = vec![pid];
    let found = seen(ProcessesToUpdate::All, ProcessRefreshKind::nothing(), |system| {
        let pairs = system.processes().iter();
        Some(pairs.filter_map(|(pid, p)| Some((pid.as_u32(), p.parent()?.as_u32()))).collect::<Vec<_>>())
    });
    let pairs = found.unwrap_or_default();
    let mut at = 0;
    while at < all.len() {
        let below: Vec<u32> = pairs
            .iter()
            .filter(|(child, parent)| *parent == all[at] && !all.contains(child))
            .map(|(child, _)| *child)
            .collect();
        all.extend(below);
        at += 1;
    }
    all
}

/// The process that holds one of these sockets: this system names no sockets by inodes.
#[must_use]
pub fn socket_holder(_: &[u64], _: &[u32]) -> Option<u32> {
    None
}

/// The process that listens on the TCP port, by the system's own `netstat`.
#[must_use]
pub fn listener(port: u16) -> Option<u32> {
    let mut command = std::process::Command::new("netstat");
    let output = command.args(["-ano", "-p", "TCP"]).stdin(Stdio::null()).output().ok()?;
    super::listener_in_netstat(&String::from_utf8_lossy(&output.stdout), port)
}
