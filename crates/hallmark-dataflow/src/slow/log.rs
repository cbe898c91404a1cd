//! The file of slow statements: one JSON object a line, bounded, written by whoever runs nodes of the project.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use hallmark_core::log_file::LogFile;

use super::Slow;
use crate::limits;

/// The file in the project's state folder.
const FILE: &str = "slow.jsonl";

/// Where slow statements are written down. The thread that writes begins with the first of them, and ends with this value.
#[derive(Debug)]
pub struct SlowLog {
    threshold: Duration,
    folder: PathBuf,
    writer: OnceLock<Option<Writer>>,
    lost: AtomicU64,
}

#[derive(Debug)]
struct Writer {
    /// Taken when the log ends, so that the thread does.
    sender: Option<SyncSender<Slow>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.sender.take());
        if let Some(thread) = self.thread.take() {
            // What was handed over is written before the process ends.
            let _ = thread.join();
        }
    }
}

impl SlowLog {
    /// A log in the project's state folder of statements that take this long or longer; `None` if the threshold is zero.
    #[must_use]
    pub fn new(folder: &Path, threshold: Duration) -> Option<Arc<Self>> {
        (!threshold.is_zero()).then(|| {
            Arc::new(Self {
                threshold,
                folder: folder.to_owned(),
                writer: OnceLock::new(),
                lost: AtomicU64::new(0),
            })
        })
    }

    /// From when on a statement is slow.
    #[must_use]
    pub fn threshold(&self) -> Duration {
        self.threshold
    }

    /// Hands a statement to the thread that writes. Nobody waits for a disk: what it has no room for is counted.
    pub(super) fn note(&self, mut slow: Slow) {
        let writer = self.writer.get_or_init(|| Writer::begin(self.folder.clone()));
        let Some(sender) = writer.as_ref().and_then(|writer| writer.sender.as_ref()) else { return };
        let lost = self.lost.swap(0, Ordering::Relaxed);
        slow.lost = lost;
        if sender.try_send(slow).is_err() {
            self.lost.fetch_add(lost + 1, Ordering::Relaxed);
        }
    }
}

impl Writer {
    fn begin(folder: PathBuf) -> Option<Self> {
        let (sender, receiver) = sync_channel(limits::SLOW_WAITING_MAX);
        let thread = std::thread::Builder::new().name("slow-log".to_owned());
        match thread.spawn(move || keep(&folder, &receiver)) {
            Ok(thread) => Some(Self { sender: Some(sender), thread: Some(thread) }),
            Err(error) => {
                tracing::warn!(%error, "slow statements are not written down");
                None
            }
        }
    }
}

/// The lines in a project's state folder.
pub(super) fn log_file(folder: &Path) -> LogFile {
    LogFile::new(folder.join(FILE), limits::SLOW_FILE_BYTES)
}

/// Writes what it is told until nobody tells it any more. That something cannot be written is told once.
fn keep(folder: &Path, receiver: &Receiver<Slow>) {
    let (log_file, mut complained) = (log_file(folder), false);
    while let Ok(first) = receiver.recv() {
        let mut lines = Vec::new();
        for slow in std::iter::once(first).chain(receiver.try_iter().take(limits::SLOW_WAITING_MAX)) {
            if serde_json::to_writer(&mut lines, &slow).is_ok() {
                lines.push(b'\n');
            }
        }
        match log_file.append(lines) {
            Ok(()) => complained = false,
            Err(error) if !complained => {
                complained = true;
                tracing::warn!(%error, "slow statements could not be written down");
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Kept;
    use super::*;

    fn slow(number: u64) -> Slow {
        Slow {
            at: hallmark_core::clock::now(),
            node: "PartSearchNode".to_owned(),
            operation: "search".to_owned(),
            sql: format!("SELECT {number} FROM parts"),
            parameters: vec!["text".to_owned()],
            ms: 700.0,
            rows: Some(number),
            error: None,
            lost: 0,
        }
    }

    fn folder() -> PathBuf {
        std::env::temp_dir().join(format!("hallmark-slow-{}", hallmark_core::random::token(8).unwrap()))
    }

    #[test]
    fn it_is_bounded_and_keeps_the_newest() {
        let folder = folder();
        let line = serde_json::to_vec(&slow(0)).unwrap().len() as u64 + 1;
        let many = limits::SLOW_FILE_BYTES / line * 3;
        for part in 0..many / 1_000 {
            let mut lines = Vec::new();
            for number in 0..1_000 {
                serde_json::to_writer(&mut lines, &slow(part * 1_000 + number)).unwrap();
                lines.push(b'\n');
            }
            log_file(&folder).append(lines).unwrap();
        }
        let sizes: Vec<u64> =
            log_file(&folder).files().iter().map(|f| std::fs::metadata(f).unwrap().len()).collect();
        assert!(sizes.iter().all(|size| *size <= limits::SLOW_FILE_BYTES), "{sizes:?}");
        let kept = Kept::read(&folder).unwrap();
        let last = many / 1_000 * 1_000 - 1;
        assert_eq!((kept.entries.last().unwrap().rows, kept.unreadable), (Some(last), 0));
        let rows: Vec<u64> = kept.entries.iter().filter_map(|e| e.rows).collect();
        assert!(rows.windows(2).all(|pair| pair[0] + 1 == pair[1]), "a line is missing or doubled");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn several_writers_and_a_cut_line_lose_nothing_whole() {
        let folder = folder();
        std::fs::create_dir_all(&folder).unwrap();
        let half = &serde_json::to_vec(&slow(0)).unwrap()[..40];
        hallmark_core::fs::write_atomic(
            &log_file(&folder).files()[1],
            half,
            hallmark_core::fs::Mode::Private,
        )
        .unwrap();
        std::thread::scope(|scope| {
            for writer in 0..4_u64 {
                let log = SlowLog::new(&folder, Duration::from_millis(1)).unwrap();
                scope.spawn(move || (0..500).for_each(|n| log.note(slow(writer * 1_000 + n))));
            }
        });
        let kept = Kept::read(&folder).unwrap();
        assert_eq!(kept.unreadable, 1);
        let told: u64 = kept.entries.iter().map(|e| e.lost).sum();
        // What was lost after the last line that was written is told by nobody.
        assert!(kept.entries.len() as u64 + told <= 2_000 && kept.entries.len() > 500);
        let mut rows: Vec<u64> = kept.entries.iter().filter_map(|e| e.rows).collect();
        rows.sort_unstable();
        assert!(rows.windows(2).all(|pair| pair[0] < pair[1]), "a line is doubled");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_threshold_of_zero_keeps_nothing() {
        assert!(SlowLog::new(Path::new("/nowhere"), Duration::ZERO).is_none());
    }
}
