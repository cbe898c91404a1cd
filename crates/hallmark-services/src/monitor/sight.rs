//! What can be seen of a service without asking it: its processes, and the disk under its data.

use std::path::{Path, PathBuf};

use super::limits;
use super::machine::{Finding, Health};
use crate::ServiceKind;
use crate::platform::{self, Room};
use crate::stack::home::Home;
use crate::stack::limits::USABLE_TIMEOUT;
use crate::stack::process::Process;
use crate::stack::procfs;
use crate::stack::{Board, Phase, Record};

/// Where a monitor looks.
#[derive(Clone)]
pub(crate) enum Sight {
    /// The project's own processes, and its folder.
    Native(Board, Home),
    /// A server that others run: nothing can be seen from here.
    Foreign,
}

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Nothing speaks against asking it. `young`: it may still be starting.
    Runs { young: bool },
    /// It is not meant to run.
    Resting(String),
    /// A process is gone.
    Gone(String),
    /// A process is suspended.
    Suspended(String),
}

impl Sight {
    /// Looks at the processes of a service.
    pub(crate) fn look(&self, service: ServiceKind) -> Seen {
        match self {
            Self::Foreign => Seen::Runs { young: false },
            Self::Native(board, _) => {
                if let Some(process) =
                    Process::of(service).iter().find(|process| board.is_stopping(**process))
                {
                    return Seen::Resting(format!("{process} is being stopped"));
                }
                judge(&Process::of(service).iter().map(|p| board.get(*p)).collect::<Vec<_>>())
            }
        }
    }

    /// Waits until a process was started or ended; for ever, if none is looked at.
    pub(crate) async fn moved(&mut self) {
        match self {
            Self::Native(board, _) => board.moved().await,
            Self::Foreign => std::future::pending().await,
        }
    }

    /// Whether the disk under the service's data is full.
    pub(crate) fn disk(&self, service: ServiceKind) -> Option<Finding> {
        let Self::Native(_, home) = self else { return None };
        let full = Process::of(service)
            .iter()
            .find_map(|process| Disk::of(&home.data(*process)).filter(Disk::is_full));
        full.map(|disk| Finding { health: Health::Degraded, reason: disk.to_string() })
    }
}

fn judge(records: &[Record]) -> Seen {
    // Only an order makes a process stopped; of the two model servers one may be started a moment before the other.
    if let Some(record) = records.iter().find(|record| record.phase == Phase::Stopped) {
        let how = if record.last_exit.is_some() { "was stopped" } else { "was not started" };
        return Seen::Resting(format!("{} {how}", record.process));
    }
    for record in records {
        let name = record.process;
        match (record.phase, record.alive()) {
            (_, Some(identity)) => match procfs::state(identity.pid) {
                Some(state) if procfs::is_suspended(state) => {
                    return Seen::Suspended(format!(
                        "the process of {name} (pid {}) is suspended",
                        identity.pid
                    ));
                }
                _ => {}
            },
            (phase, None) => {
                let how = record.last_exit.as_deref().and_then(|text| text.lines().next());
                let how = how.filter(|_| phase != Phase::Running).unwrap_or("nobody saw how");
                let end =
                    if phase == Phase::Failed { "given up after it ended again and again" } else { "ended" };
                return Seen::Gone(format!("the process of {name} {end}: {how}"));
            }
        }
    }
    Seen::Runs { young: records.iter().any(|record| age_s(&record.since) < USABLE_TIMEOUT.as_secs()) }
}

/// The time since then, in milliseconds; without end if that is no time in RFC 3339.
#[must_use]
pub fn age_ms(since: &str) -> u64 {
    let then: Option<jiff::Timestamp> = since.parse().ok();
    let age = then.map_or(i64::MAX, |then| jiff::Timestamp::now().as_millisecond() - then.as_millisecond());
    u64::try_from(age).unwrap_or(0)
}

/// The age of a time as the records write it, in seconds.
pub(crate) fn age_s(since: &str) -> u64 {
    age_ms(since) / 1_000
}

/// The room on a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Disk {
    path: PathBuf,
    free: u64,
    total: u64,
}

impl Disk {
    /// The disk under the folder, or under the nearest one above it that exists.
    pub(crate) fn of(folder: &Path) -> Option<Self> {
        let path = folder.ancestors().find(|path| path.exists())?;
        let Room { free, total } = platform::disk(path).ok()?;
        Some(Self { path: path.to_path_buf(), free, total })
    }

    /// Free bytes.
    pub(crate) fn free(&self) -> u64 {
        self.free
    }

    /// Whether the next writes may fail.
    pub(crate) fn is_out(&self) -> bool {
        self.total > 0 && self.free < limits::DISK_OUT_BYTES.min(self.total / 50)
    }

    /// Whether there is too little room to go on.
    pub(crate) fn is_full(&self) -> bool {
        self.total > 0 && self.free < limits::DISK_LOW_BYTES.min(self.total / 20)
    }
}

impl std::fmt::Display for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mega = |bytes: u64| bytes / (1024 * 1024);
        write!(
            f,
            "the disk at {} is full: {} of {} MB are free",
            self.path.display(),
            mega(self.free),
            mega(self.total)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_is_relative_to_small_disks() {
        let disk = |free, total| Disk { path: PathBuf::from("/x"), free, total };
        let mega = 1024 * 1024;
        assert!(disk(63 * mega, 100_000 * mega).is_full());
        assert!(!disk(65 * mega, 100_000 * mega).is_full());
        assert!(disk(4 * mega, 100 * mega).is_full() && !disk(6 * mega, 100 * mega).is_full());
        assert!(disk(15 * mega, 100_000 * mega).is_out() && !disk(17 * mega, 100_000 * mega).is_out());
        assert!(disk(mega, 100 * mega).is_out() && !disk(3 * mega, 100 * mega).is_out());
        assert!(!disk(0, 0).is_full() && !disk(0, 0).is_out(), "a file system that tells no size");
        assert!(Disk::of(Path::new("/proc/self/nowhere")).is_some());
    }

    #[test]
    fn ages() {
        assert!(age_s(&hallmark_core::clock::now()) < 2);
        assert!(age_s("2020-01-01T00:00:00Z") > 100_000);
        assert_eq!(age_s("2999-01-01T00:00:00Z"), 0);
        assert!(age_s("nonsense") > 100_000);
    }
}
