//! What every process of a project says of its fallbacks: a small file of its own, which `status` and metrics read.
//!
//! A process that serves and one that looks at the stack are two. The file lies in `.hallmark/fallbacks`, names the process by pid and
//! start time, and counts only while that process lives.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use hallmark_core::{Project, Result, clock, fs};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use super::{Count, Tally};
use crate::stack::procfs::Identity;
use crate::{ServiceKind, limits};

/// The folder in the project's state folder.
const FOLDER: &str = "fallbacks";

/// What one living process says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Standing {
    /// The process.
    pub process: Identity,
    /// When it said so.
    pub at: String,
    /// Its counts.
    pub services: BTreeMap<ServiceKind, Count>,
}

/// Writes this process's file when something changed, as long as the value lives; the file goes with it.
#[derive(Debug)]
pub struct Report {
    task: JoinHandle<()>,
    file: Arc<File>,
}

impl Report {
    /// Begins to report.
    #[must_use]
    pub fn begin(project: &Project, tally: &Tally) -> Self {
        let (folder, id) = (project.state_path().join(FOLDER), std::process::id());
        let file = Arc::new(File { path: folder.join(format!("{id}.json")), gone: Mutex::new(false) });
        let task = tokio::spawn(keep(file.clone(), tally.clone()));
        Self { task, file }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        self.task.abort();
        self.file.remove();
    }
}

/// The file of this process. A write runs on a thread that no abort reaches: once the file is removed, none may bring it back.
#[derive(Debug)]
struct File {
    path: PathBuf,
    gone: Mutex<bool>,
}

impl File {
    fn write(&self, text: &[u8]) -> Result<()> {
        let gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        if *gone { Ok(()) } else { fs::write_atomic(&self.path, text, fs::Mode::Private) }
    }

    fn remove(&self) {
        *self.gone.lock().unwrap_or_else(PoisonError::into_inner) = true;
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn keep(file: Arc<File>, tally: Tally) {
    let Some(process) = Identity::of(std::process::id()) else { return };
    let mut written = 0;
    loop {
        tokio::time::sleep(limits::REPORT_EVERY).await;
        let changes = tally.changes();
        if changes == written {
            continue;
        }
        let standing = Standing { process: process.clone(), at: clock::now(), services: tally.all() };
        let file = file.clone();
        let write = move || file.write(&serde_json::to_vec(&standing).unwrap_or_default());
        match tokio::task::spawn_blocking(write).await {
            Ok(Ok(())) => written = changes,
            Ok(Err(error)) => tracing::warn!(%error, "what stands in could not be reported"),
            Err(_) => return,
        }
    }
}

/// What the living processes of a project say, the longest-lived first. Files of dead ones are removed.
#[must_use]
pub fn standing(project: &Project) -> Vec<Standing> {
    let folder = project.state_path().join(FOLDER);
    let files = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
    // What an atomic write has not renamed yet lies beside the file and ends otherwise.
    let whole = files.filter(|path| path.extension().is_some_and(|end| end == "json"));
    let mut all: Vec<Standing> = whole.filter_map(|path| read(&path)).collect();
    all.sort_by_key(|standing| standing.process.pid);
    all
}

/// A sentence for each living process in which something stands in for the service at this moment.
#[must_use]
pub fn sentences(all: &[Standing], service: ServiceKind) -> Vec<String> {
    let of = |standing: &Standing| {
        let count = standing.services.get(&service).filter(|count| count.stands_in())?;
        let age =
            count.last_fallback_age_ms.map_or("of unknown age".to_owned(), |ms| format!("up to {ms} ms old"));
        let reason =
            count.reason.as_deref().map(|r| format!("; the circuit is not closed: {r}")).unwrap_or_default();
        Some(format!(
            "{} answers for it in process {}: {} answers so far, the last one {age}{reason}",
            count.last_fallback.as_deref().unwrap_or("a fallback"),
            standing.process.pid,
            count.fallbacks(),
        ))
    };
    all.iter().filter_map(of).collect()
}

fn read(path: &Path) -> Option<Standing> {
    let standing: Standing = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    if standing.process.is_alive() {
        return Some(standing);
    }
    let _ = std::fs::remove_file(path);
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resilience::{Source, Stand};
    use std::time::Duration;

    #[tokio::test]
    async fn a_living_process_is_heard_and_a_dead_one_is_not() {
        let root = std::env::temp_dir().join(format!("hallmark-report-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir_all(&root).unwrap();
        fs::write_atomic(&root.join("hallmark.toml"), b"", fs::Mode::Default).unwrap();
        let project = Project::discover(&root).unwrap();
        let tally = Tally::default();
        let report = Report::begin(&project, &tally);
        let source = Source::Fallback { stand: Stand::Subgraph, age: Some(Duration::from_millis(9)) };
        tally.answered(ServiceKind::Neo4j, &source);
        let start = std::time::Instant::now();
        while standing(&project).is_empty() {
            assert!(start.elapsed() < Duration::from_secs(10), "nothing was reported");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let heard = standing(&project).remove(0);
        assert_eq!(heard.services[&ServiceKind::Neo4j].fallback["subgraph-cache"], 1);
        let mut dead = heard.clone();
        dead.process.start_ticks += 1;
        let folder = project.state_path().join(FOLDER);
        let half = folder.join(".1.json.a.tmp");
        fs::write_unsynced(&half, &serde_json::to_vec(&heard).unwrap()).unwrap();
        let path = folder.join("dead.json");
        fs::write_atomic(&path, &serde_json::to_vec(&dead).unwrap(), fs::Mode::Private).unwrap();
        assert_eq!(standing(&project).len(), 1);
        assert!(!path.exists());
        assert!(half.exists(), "a write under way was disturbed");
        let file = report.file.clone();
        drop(report);
        file.write(b"{}").unwrap();
        assert!(!file.path.exists() && standing(&project).is_empty(), "the file came back");
        std::fs::remove_dir_all(root).unwrap();
    }
}
