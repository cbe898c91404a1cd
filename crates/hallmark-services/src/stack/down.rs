//! `down`: ends what this project started, and nothing else.

use std::path::Path;
use std::time::Instant;

use hallmark_core::{Error, Result};
use serde::Serialize;

use super::home::Home;
use super::install::Cache;
use super::ports::Register;
use super::process::Process;
use super::state::StackState;
use super::supervisor::{Request, connect, records, stop_directly};
use super::{Stack, codes, docker, limits};
use crate::ServiceKind;

/// What `down --purge` removes besides stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purge {
    /// Data, logs, passwords, ports: all of this project's.
    Project,
    /// That, and the downloads that all projects of this user share.
    ProjectAndCache,
}

/// What `down` did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct DownReport {
    /// The processes that ran and are stopped now.
    pub stopped: Vec<Process>,
    /// The folders that were removed.
    pub removed: Vec<String>,
    /// How long it took.
    pub duration_ms: u64,
}

impl Stack {
    /// Stops every process that this project started, known by pid and start time; data stay unless purged. A service
    /// at a given address is left alone.
    ///
    /// # Errors
    /// `HM-S070` if a process does not go away; `HM-S050` if a folder cannot be removed; `HM-S061` if another command
    /// works on the project.
    pub async fn down(&self, purge: Option<Purge>) -> Result<DownReport> {
        let begin = Instant::now();
        let mut report = DownReport::default();
        let Some(state) = StackState::load(&self.project)? else {
            if purge == Some(Purge::ProjectAndCache) {
                remove_cache(&mut report)?;
            }
            return Ok(report);
        };
        let lock = self.lock().await?;
        let home = state.home(&self.project);
        let before = records(&home);
        report.stopped = before.values().filter(|r| r.alive().is_some()).map(|r| r.process).collect();
        stop_all(&home).await?;
        docker::down(&self.project, &home, purge.is_some()).await?;
        if let Some(left) = before.values().find(|record| record.alive().is_some()) {
            let pid = left.identity.as_ref().map_or(0, |identity| identity.pid);
            return Err(Error::new(
                &codes::STOP_FAILED,
                format!("{} (pid {pid}) does not stop", left.process),
            )
            .next(format!("kill -9 {pid}, then: hallmark down")));
        }
        if let Some(purge) = purge {
            self.remove(&home, &mut report).await?;
            if purge == Purge::ProjectAndCache {
                remove_cache(&mut report)?;
            }
        }
        drop(lock);
        report.duration_ms = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(report)
    }

    /// Stops one service and leaves it stopped until the next `up`.
    ///
    /// # Errors
    /// `HM-S069` if the stack does not run it; `HM-S062` if the supervisor does not answer.
    pub async fn stop(&self, service: ServiceKind) -> Result<()> {
        let Some(state) = StackState::load(&self.project)? else {
            return Err(
                Error::new(&codes::NOT_PROVIDED, "this project has started nothing").next("hallmark up")
            );
        };
        let home = state.home(&self.project);
        let Some(mut link) = connect(&home).await else {
            return stop_directly(&home, &Process::all_of(service).collect::<Vec<_>>()).await;
        };
        let known = records(&home);
        // Those that follow stop after what they follow, so that they miss nothing.
        let all = Process::all_of(service);
        for process in all.filter(|p| Process::of(service).contains(p) || known.contains_key(p)) {
            if let Some(reason) = link.ask(&Request::Stop { process }).await?.error {
                return Err(Error::new(&codes::STOP_FAILED, reason));
            }
        }
        Ok(())
    }

    async fn remove(&self, home: &Home, report: &mut DownReport) -> Result<()> {
        let cache = Cache::locate()?;
        let _lock = cache.lock("ports").await?;
        let mut register = Register::open(cache.root());
        register.release(self.project.root());
        register.save()?;
        remove_folder(home.root(), report)?;
        let _ = std::fs::remove_file(docker::file(&self.project));
        StackState::remove(&self.project);
        Ok(())
    }
}

/// Through the supervisor where one answers; else, or if it hangs, directly.
async fn stop_all(home: &Home) -> Result<()> {
    if let Some(mut link) = connect(home).await {
        let asked = link.ask(&Request::StopAll).await;
        if let Ok(answer) = asked
            && let Some(supervisor) = answer.supervisor
        {
            supervisor.gone_within(limits::STOP_PATIENCE).await;
        }
    }
    stop_directly(home, &Process::ALL).await
}

fn remove_cache(report: &mut DownReport) -> Result<()> {
    let cache = Cache::locate()?;
    cache.remove()?;
    report.removed.push(cache.root().display().to_string());
    Ok(())
}

fn remove_folder(folder: &Path, report: &mut DownReport) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Ok(()) => {
            report.removed.push(folder.display().to_string());
            Ok(())
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => {
            Err(Error::new(&codes::FOLDER, format!("{} could not be removed", folder.display())).because(&e))
        }
    }
}
