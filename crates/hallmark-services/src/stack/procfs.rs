//! Which process is which: a process is known by its pid and its start time, never by its pid alone.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::platform::{self, Signal};

/// One process of one boot: the pid may be given to another, the start time then differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The process number.
    pub pid: u32,
    /// When it was started: clock ticks since the machine started, on Windows seconds since 1970.
    pub start_ticks: u64,
    /// The machine's boot.
    pub boot: String,
}

impl Identity {
    /// The identity of the process that now has this number; `None` if there is none, or only a zombie.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        let facts = platform::process(pid)?;
        (!facts.dead).then(|| Self { pid, start_ticks: facts.start_ticks, boot: platform::boot() })
    }

    /// Whether that very process still runs; a zombie does not.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        Self::of(self.pid).is_some_and(|now| now == *self)
    }

    /// Sends the signal if that very process still runs.
    pub(crate) fn signal(&self, signal: Signal) -> bool {
        self.is_alive() && platform::kill(self.pid, signal)
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
    platform::process(pid).map(|facts| facts.state)
}

/// The process that started this one, or took it over.
pub(crate) fn parent(pid: u32) -> Option<u32> {
    platform::process(pid).map(|facts| facts.parent)
}

/// Whether a process in this state is kept from running: stopped by a signal, or held by a debugger.
pub(crate) const fn is_suspended(state: char) -> bool {
    matches!(state, 'T' | 't')
}

/// The command line of a process, for people; without arguments if it cannot be read.
pub(crate) fn command(pid: u32) -> String {
    let words = platform::program_and_arguments(pid);
    let text = words[..words.len().min(3)].join(" ");
    if text.is_empty() { "unknown command".to_owned() } else { text.chars().take(120).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

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
