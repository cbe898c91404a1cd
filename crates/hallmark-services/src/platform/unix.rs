//! Unix, and `/proc` where the system is Linux.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::ExitStatus;

use process_wrap::tokio::{CommandWrap, ProcessSession};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use rustix::process::{Pid, Resource};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use super::{End, ProcessFacts, Room, Signal, Used, User, existing};

pub(super) const HAS_NATIVE_PROVIDER: bool = true;
pub(super) const SOCKETS_ARE_FILES: bool = true;

/// A socket of this machine that other processes of its user reach by its path.
#[derive(Debug)]
pub struct LocalListener(tokio::net::UnixListener);

/// A connection over one.
pub type LocalStream = tokio::net::UnixStream;

impl LocalListener {
    /// Listens at this path; the folder's mode says who may connect.
    ///
    /// # Errors
    /// Those of the system.
    pub fn bind(path: &Path) -> io::Result<Self> {
        tokio::net::UnixListener::bind(path).map(Self)
    }

    /// Waits for a connection.
    ///
    /// # Errors
    /// Those of the system.
    pub async fn accept(&self) -> io::Result<LocalStream> {
        self.0.accept().await.map(|(stream, _)| stream)
    }
}

/// Connects to who listens at this path.
///
/// # Errors
/// Those of the system.
pub async fn connect_local(path: &Path) -> io::Result<LocalStream> {
    LocalStream::connect(path).await
}

/// The wishes that this process end, as they come.
#[derive(Debug)]
pub struct Ends {
    interrupts: tokio::signal::unix::Signal,
    terminations: tokio::signal::unix::Signal,
    hangups: Option<tokio::signal::unix::Signal>,
}

impl Ends {
    /// Hears SIGINT and SIGTERM from now on, and SIGHUP if the command lives as long as its terminal.
    ///
    /// # Errors
    /// Those of the system.
    pub fn hear(with_terminal: bool) -> io::Result<Self> {
        Ok(Self {
            interrupts: signal(SignalKind::interrupt())?,
            terminations: signal(SignalKind::terminate())?,
            hangups: if with_terminal { Some(signal(SignalKind::hangup())?) } else { None },
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) -> End {
        let hangup = async {
            match &mut self.hangups {
                Some(hangups) => hangups.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupts.recv() => End::Interrupt,
            _ = self.terminations.recv() => End::Terminate,
            _ = hangup => End::Terminate,
        }
    }
}

const fn number(signal: Signal) -> rustix::process::Signal {
    match signal {
        Signal::Interrupt => rustix::process::Signal::INT,
        Signal::Terminate => rustix::process::Signal::TERM,
        Signal::Kill => rustix::process::Signal::KILL,
        Signal::Pause => rustix::process::Signal::STOP,
        Signal::Resume => rustix::process::Signal::CONT,
    }
}

fn numbered(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// Sends the signal to the process of this number; `false` if there is none, or it may not be told.
#[must_use]
pub fn kill(pid: u32, signal: Signal) -> bool {
    numbered(pid).is_some_and(|pid| rustix::process::kill_process(pid, number(signal)).is_ok())
}

/// The number of the signal that ended a process.
#[must_use]
pub fn signal_of(status: ExitStatus) -> Option<i32> {
    status.signal()
}

/// Starts the command as the head of a group that [`end_group`] ends.
pub fn in_group_of_its_own(command: &mut Command) {
    command.process_group(0);
}

/// Ends the group of a child of [`in_group_of_its_own`].
pub fn end_group(child: &Child) {
    if let Some(pid) = child.id().and_then(numbered) {
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
    }
}

/// Starts the command in a session of its own: it outlives whatever happens to the one that starts it.
pub(crate) fn detach(command: &mut CommandWrap) {
    command.wrap(ProcessSession);
}

/// Runs the command as this user.
pub(crate) fn run_as(command: &mut Command, user: User) {
    command.uid(user.uid).gid(user.gid);
}

/// Gives a file or folder to this user.
pub(crate) fn give_to(path: &Path, user: User) -> io::Result<()> {
    std::os::unix::fs::chown(path, Some(user.uid), Some(user.gid))
}

/// Whether this process may do everything.
pub(crate) fn is_superuser() -> bool {
    rustix::process::geteuid().is_root()
}

/// Who runs this process, for people.
pub(crate) fn user_label() -> String {
    format!("user {}", rustix::process::geteuid().as_raw())
}

/// Whether the user may pass through a folder.
pub(crate) fn may_pass(folder: &std::fs::Metadata, user: User) -> bool {
    let bit = if folder.uid() == user.uid {
        0o100
    } else if folder.gid() == user.gid {
        0o010
    } else {
        0o001
    };
    folder.mode() & bit != 0
}

/// The limits on open files, soft and hard; without end is `None`.
pub(crate) fn open_files() -> Option<(Option<u64>, Option<u64>)> {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    Some((limit.current, limit.maximum))
}

/// The room on the disk under the path, or under the nearest folder above it that exists.
pub(crate) fn disk(path: &Path) -> io::Result<Room> {
    let path = existing(path).ok_or(io::ErrorKind::NotFound)?;
    let facts = rustix::fs::statvfs(path)?;
    let bytes = |blocks: u64| blocks.saturating_mul(facts.f_frsize);
    Ok(Room { free: bytes(facts.f_bavail), total: bytes(facts.f_blocks) })
}

/// Two folders change places in one step; there is no moment at which one of them is missing. `false` if the file system cannot.
pub(crate) fn exchange(a: &Path, b: &Path) -> io::Result<bool> {
    match renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// What the kernel tells in a file below `/proc`; `None` where it tells nothing.
pub(crate) fn kernel_says(name: &str) -> Option<String> {
    std::fs::read_to_string(Path::new("/proc").join(name)).ok()
}

/// What the system says of the process; `None` if there is none.
pub(crate) fn process(pid: u32) -> Option<ProcessFacts> {
    parse(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The command stands in parentheses and may itself hold any byte, so fields are counted after the last one.
fn parse(text: &str) -> Option<ProcessFacts> {
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let dead = matches!(state, 'Z' | 'X' | 'x');
    let parent = fields.next()?.parse().ok()?;
    Some(ProcessFacts { state, dead, parent, start_ticks: fields.nth(17)?.parse().ok()? })
}

/// The program and the arguments of a process; nothing if they cannot be read.
#[must_use]
pub fn program_and_arguments(pid: u32) -> Vec<String> {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words = bytes.split(|b| *b == 0).filter(|part| !part.is_empty());
    words.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// What names the machine's current boot.
pub(crate) fn boot() -> String {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    text.trim().to_owned()
}

/// What the process uses, its children left out.
pub(crate) fn used(pid: u32) -> Option<Used> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    // Fields 14 and 15 are ticks, 24 pages, counted from the process number as field 1.
    let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
    let ticks = rustix::param::clock_ticks_per_second() as f64;
    let page = rustix::param::page_size() as f64;
    Some(Used { cpu_s: (field(14)? + field(15)?) / ticks, resident_bytes: field(24)? * page })
}

/// All processes below this one, itself included.
#[must_use]
pub fn descendants(pid: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(child) = entry.file_name().to_str().and_then(|n| n.parse().ok()) else { continue };
        if let Some(facts) = process(child) {
            children.entry(facts.parent).or_default().push(child);
        }
    }
    let mut all = vec![pid];
    let mut at = 0;
    while at < all.len() {
        all.extend(children.remove(&all[at]).unwrap_or_default());
        at += 1;
    }
    all
}

/// The process that listens on the TCP port, as far as this user may see.
#[must_use]
pub fn listener(port: u16) -> Option<u32> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].iter();
    let tables = tables.filter_map(|table| std::fs::read_to_string(table).ok());
    let inodes: Vec<u64> = tables.flat_map(|table| listening_inodes(&table, port)).collect();
    socket_holder(&inodes, &[])
}

/// The process that holds one of these sockets, named by their inodes, as far as this user may see; `likely` are looked through first.
#[must_use]
pub fn socket_holder(inodes: &[u64], likely: &[u32]) -> Option<u32> {
    if inodes.is_empty() {
        return None;
    }
    let sockets: Vec<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    let holds = |pid: &u32| {
        let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let mut targets = files.filter_map(|file| std::fs::read_link(file.path()).ok());
        targets.any(|target| sockets.iter().any(|socket| target.as_os_str() == socket.as_str()))
    };
    likely.iter().copied().find(holds).or_else(|| {
        let all = std::fs::read_dir("/proc").ok()?.flatten();
        let mut pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        pids.find(|pid| !likely.contains(pid) && holds(pid))
    })
}

/// The inodes of the sockets that listen (state 0A) on the port, from a table of the kernel.
fn listening_inodes(table: &str, port: u16) -> Vec<u64> {
    let suffix = format!(":{port:04X}");
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row.get(3) == Some(&"0A") && row.get(1).is_some_and(|local| local.ends_with(&suffix)))
        .filter_map(|row| row.get(9)?.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_with_parentheses_does_not_shift_the_fields() {
        let line = "42 (a) b (c) S 1 42 42 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 98765 1 1 1";
        let facts = parse(line).unwrap();
        assert!(!facts.dead);
        assert_eq!((facts.parent, facts.start_ticks), (1, 98_765));
    }

    #[test]
    fn finds_the_listening_row() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:D548 00000000:0000 01 00000000:00000000 00:00000000 00000000  0 0 11 1\n\
             1: 0100007F:D548 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0 0 22 1\n";
        assert_eq!(listening_inodes(table, 54_600), [22]);
        assert!(listening_inodes(table, 54_601).is_empty());
    }
}
