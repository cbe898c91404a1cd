//! What happened to each service, kept on disk: one JSON object a line, bounded, readable without a supervisor.

use std::path::PathBuf;

use hallmark_core::log_file::LogFile;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::bulletin::Turn;
use super::{Counts, Health, News, limits};
use crate::ServiceKind;
use crate::stack::Cause;
use crate::stack::home::{Home, make_folder};

/// One line of the history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// The state changed.
    Change {
        /// When.
        at: String,
        /// The state before.
        from: Health,
        /// The state now.
        to: Health,
        /// How long the state before had lasted, in milliseconds.
        lasted_ms: u64,
        /// What was seen.
        reason: String,
        /// What the evidence said.
        cause: Option<Cause>,
    },
    /// The checks of some time, condensed.
    Samples {
        /// The end of that time.
        at: String,
        /// The state at its end.
        health: Health,
        /// How long that time was, in milliseconds.
        over_ms: u64,
        /// How the checks went.
        #[serde(flatten)]
        counts: Counts,
        /// The median answer, in milliseconds; `None` if nothing answered.
        p50_ms: Option<f64>,
        /// The slowest answer, in milliseconds.
        max_ms: Option<f64>,
    },
    /// Something else worth knowing: a full probe, another address, a monitor that began.
    Note {
        /// When.
        at: String,
        /// What.
        text: String,
    },
}

impl Entry {
    /// When it was written.
    #[must_use]
    pub fn at(&self) -> &str {
        match self {
            Self::Change { at, .. } | Self::Samples { at, .. } | Self::Note { at, .. } => at,
        }
    }
}

impl From<&Turn> for Entry {
    fn from(turn: &Turn) -> Self {
        Self::Change {
            at: turn.at.clone(),
            from: turn.from,
            to: turn.to,
            lasted_ms: turn.lasted_ms,
            reason: turn.reason.clone(),
            cause: turn.cause.clone(),
        }
    }
}

/// The histories of one project.
#[derive(Clone, Debug)]
pub(crate) struct History {
    folder: PathBuf,
}

impl History {
    /// The histories under the stack's home.
    pub(crate) fn of(home: &Home) -> Self {
        Self { folder: home.root().join("health") }
    }

    fn log_file(&self, service: ServiceKind) -> LogFile {
        LogFile::new(self.folder.join(format!("{service}.jsonl")), limits::HISTORY_BYTES)
    }

    fn append(&self, service: ServiceKind, entry: &Entry) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        self.log_file(service).append(line)
    }

    /// The entries of a service, oldest first; lines that cannot be read are left out.
    pub(crate) fn read(&self, service: ServiceKind) -> Vec<Entry> {
        let files = self.log_file(service).files();
        files
            .iter()
            .filter_map(|path| std::fs::read(path).ok())
            .flat_map(|bytes| {
                let lines = bytes.split(|byte| *byte == b'\n');
                lines.filter_map(|line| serde_json::from_slice(line).ok()).collect::<Vec<Entry>>()
            })
            .collect()
    }

    /// Writes what it is told until nobody tells it any more. What cannot be written is told once, and then left.
    pub(crate) async fn keep(self, mut news: mpsc::Receiver<News>) {
        let mut complained = false;
        if let Err(error) = make_folder(&self.folder, 0o700) {
            tracing::warn!(%error, "no history of the services' health is kept");
        }
        while let Some(news) = news.recv().await {
            let (service, entry) = match news {
                News::Turned(turn) => (turn.service, Entry::from(&*turn)),
                News::Noted(service, entry) => (service, entry),
                News::Failed { .. } | News::Probed { .. } => continue,
            };
            let own = self.clone();
            let written = tokio::task::spawn_blocking(move || own.append(service, &entry)).await;
            match written {
                Ok(Ok(())) => complained = false,
                Ok(Err(error)) if !complained => {
                    complained = true;
                    tracing::warn!(%service, %error, "the history could not be written");
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(number: u64) -> Entry {
        Entry::Note { at: hallmark_core::clock::now(), text: format!("number {number}") }
    }

    fn own() -> History {
        let name = format!("hallmark-history-{}", hallmark_core::random::token(8).unwrap());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        History { folder }
    }

    #[test]
    fn it_is_bounded_and_keeps_the_newest() {
        let history = own();
        for number in 0..12_000 {
            history.append(ServiceKind::Redis, &note(number)).unwrap();
        }
        let read = history.read(ServiceKind::Redis);
        assert_eq!(
            read.last(),
            Some(&Entry::Note { at: read.last().unwrap().at().to_owned(), text: "number 11999".to_owned() })
        );
        assert!(read.len() > 3_000, "{}", read.len());
        let bytes: u64 =
            std::fs::read_dir(&history.folder).unwrap().map(|f| f.unwrap().metadata().unwrap().len()).sum();
        assert!(bytes < 2 * limits::HISTORY_BYTES + 1_000, "{bytes}");
        assert!(history.read(ServiceKind::Neo4j).is_empty());
        std::fs::remove_dir_all(&history.folder).unwrap();
    }

    #[test]
    fn a_line_cut_off_in_the_middle_costs_only_itself() {
        let history = own();
        history.append(ServiceKind::Redis, &note(1)).unwrap();
        let [_, newer] = history.log_file(ServiceKind::Redis).files();
        let mut file = std::fs::OpenOptions::new().append(true).open(newer).unwrap();
        std::io::Write::write_all(&mut file, b"{\"kind\":\"note\",\"at\":\"20").unwrap();
        history.append(ServiceKind::Redis, &note(2)).unwrap();
        let texts: Vec<String> = history.read(ServiceKind::Redis).iter().map(|e| format!("{e:?}")).collect();
        assert!(texts.len() == 2 && texts[1].contains("number 2"), "{texts:?}");
        std::fs::remove_dir_all(&history.folder).unwrap();
    }
}
