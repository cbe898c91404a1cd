//! What `/proc` says about processes: a process is known by its pid and its start time, never by its pid alone.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

/// One process of one boot: the pid may be given to another, the start time then differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The process number.
    pub pid: u32,
    /// When it was started, in clock ticks since the machine started.
    pub start_ticks: u64,
    /// The machine's boot.
    pub boot: String,
}

impl Identity {
    /// The identity of the process that now has this number; `None` if there is none, or only a zombie.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        let stat = Stat::read(pid)?;
        (!stat.dead).then(|| Self { pid, start_ticks: stat.start_ticks, boot: boot() })
    }

    /// Whether that very process still runs; a zombie does not.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        Self::of(self.pid).is_some_and(|now| now == *self)
    }

    /// Sends the signal if that very process still runs.
    pub(crate) fn signal(&self, signal: Signal) -> bool {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        self.is_alive() && pid.is_some_and(|pid| kill_process(pid, signal).is_ok())
    }

    /// Waits until it is gone; `false` if it still runs after `patience`.
    pub(crate) async fn gone_within(&self, patience: Duration) -> bool {
        let start = Instant::now();
        while self.is_alive() {
            if start.elapsed() >= patience {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        true
    }
}

/// The state of a process as `/proc` writes it: `R`, `S`, `D`, `T` (stopped), `t` (traced), `Z`; `None` if there is none.
pub(crate) fn state(pid: u32) -> Option<char> {
    Stat::read(pid).map(|stat| stat.state)
}

/// The process that started this one, or took it over.
pub(crate) fn parent(pid: u32) -> Option<u32> {
    Stat::read(pid).map(|stat| stat.parent)
}

/// Whether a process in this state is kept from running: stopped by a signal, or held by a debugger.
pub(crate) const fn is_suspended(state: char) -> bool {
    matches!(state, 'T' | 't')
}

struct Stat {
    state: char,
    dead: bool,
    parent: u32,
    start_ticks: u64,
}

impl Stat {
    fn read(pid: u32) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The command stands in parentheses and may itself hold any byte, so fields are counted after the last one.
    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.rsplit_once(')')?.1.split_whitespace();
        let state = fields.next()?.chars().next()?;
        let dead = matches!(state, 'Z' | 'X' | 'x');
        let parent = fields.next()?.parse().ok()?;
        Some(Self { state, dead, parent, start_ticks: fields.nth(17)?.parse().ok()? })
    }
}

/// The command line of a process, for people; without arguments if it cannot be read.
pub(crate) fn command(pid: u32) -> String {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let text = bytes
        .split(|b| *b == 0)
        .filter(|part| !part.is_empty())
        .take(3)
        .map(String::from_utf8_lossy)
        .collect::<Vec<_>>()
        .join(" ");
    if text.is_empty() { "unknown command".to_owned() } else { text.chars().take(120).collect() }
}

/// The identifier of the machine's current boot.
fn boot() -> String {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_with_parentheses_does_not_shift_the_fields() {
        let line = "42 (a) b (c) S 1 42 42 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 98765 1 1 1";
        let stat = Stat::parse(line).unwrap();
        assert!(!stat.dead);
        assert_eq!(stat.start_ticks, 98_765);
    }

    #[test]
    fn this_process_is_alive_and_its_double_is_not() {
        let me = Identity::of(std::process::id()).unwrap();
        assert!(me.is_alive());
        assert!(!Identity { start_ticks: me.start_ticks + 1, ..me.clone() }.is_alive());
        assert!(!Identity { boot: "another".to_owned(), ..me }.is_alive());
    }

    #[test]
    fn a_zombie_is_dead() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        let start = Instant::now();
        while Identity::of(pid).is_some() {
            assert!(start.elapsed() < Duration::from_secs(5), "the child must have ended");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(std::path::Path::new(&format!("/proc/{pid}")).exists(), "it is a zombie now");
        child.wait().unwrap();
    }
}
