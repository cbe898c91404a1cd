//! One running server: started here, or adopted from an earlier supervisor.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use hallmark_core::{Error, Result};
use process_wrap::tokio::{ChildWrapper, CommandWrap};

use crate::platform::{self, Signal};
use crate::stack::process::{self, Process, Site};
use crate::stack::procfs::Identity;
use crate::stack::{codes, exec, limits, logs};

/// Variables that servers see; everything else stays out, secrets of the caller's environment above all.
const PASSED_ON: [&str; 5] = ["PATH", "HOME", "LANG", "TZ", "TMPDIR"];

/// A server that runs.
pub(crate) enum Running {
    /// Our own child: its end is waited for, so that it never stays a zombie.
    Child(Box<dyn ChildWrapper>, Identity),
    /// Started by an earlier supervisor: its end is seen in `/proc`.
    Adopted(Identity),
}

impl Running {
    pub(crate) fn identity(&self) -> &Identity {
        match self {
            Self::Child(_, identity) | Self::Adopted(identity) => identity,
        }
    }

    /// Waits for its end and says how it was.
    pub(super) async fn ended(&mut self) -> String {
        match self {
            // The wrapper's own wait would wait for the whole process group; the server is what counts.
            Self::Child(child, _) => match child.inner_mut().wait().await {
                Ok(status) => status.to_string(),
                Err(error) => format!("its end was missed: {error}"),
            },
            Self::Adopted(identity) => {
                while identity.is_alive() {
                    tokio::time::sleep(limits::ADOPTED_PAUSE).await;
                }
                "ended while adopted: its exit code is not known".to_owned()
            }
        }
    }

    /// Asks it to stop, and kills it if it takes longer than it may.
    pub(crate) async fn stop(&mut self, process: Process) -> String {
        let stop = process.stop();
        self.identity().signal(stop.signal);
        if let Some(end) = self.ended_within(stop.patience).await {
            return format!("stopped: {end}");
        }
        self.identity().signal(Signal::Kill);
        let end = self.ended_within(limits::KILL_PATIENCE).await;
        format!(
            "killed after {} s: {}",
            stop.patience.as_secs(),
            end.unwrap_or_else(|| "it is still there".to_owned())
        )
    }

    async fn ended_within(&mut self, patience: Duration) -> Option<String> {
        tokio::time::timeout(patience, self.ended()).await.ok()
    }
}

/// Starts the process in a session of its own, so that it outlives whatever happens to its supervisor.
pub(crate) fn spawn(process: Process, site: &Site) -> Result<Running> {
    let launch = process::launch(process, site)?;
    let lock = data_lock(process, &site.home.lock(process))?;
    let log = logs::open(&site.home.log(process))?;
    let failed = |e: &std::io::Error| {
        Error::new(&codes::START_FAILED, format!("{process} could not be started")).because(e)
    };
    let second = log.try_clone().map_err(|e| failed(&e))?;
    let mut command = CommandWrap::with_new(&launch.program, |command| {
        command.args(&launch.arguments).env_clear();
        for name in PASSED_ON {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        let added = site.config.environment.get(&process.service());
        command.envs(added.into_iter().flatten());
        command.envs(launch.environment.iter().map(|(name, value)| (*name, value)));
        command.current_dir(&launch.folder).stdin(Stdio::from(lock)).stdout(log).stderr(second);
        if let Some(user) = launch.user {
            platform::run_as(command, user);
        }
    });
    platform::detach(&mut command);
    let child = command.spawn().map_err(|e| failed(&e))?;
    let identity = child.id().and_then(Identity::of).ok_or_else(|| {
        let said = logs::tail(&site.home.log(process), limits::REASON_LINES).join("\n");
        Error::new(&codes::START_FAILED, format!("{process} ended at once")).because_text(exec::tail(&said))
    })?;
    Ok(Running::Child(child, identity))
}

/// The lock on a server's data. It becomes the server's standard input, so it is held exactly as long as the server
/// lives, whoever watches it. ChromaDB itself would let a second server write into the same folder.
fn data_lock(process: Process, path: &Path) -> Result<File> {
    let file =
        File::options().create(true).truncate(false).read(true).write(true).open(path).map_err(|e| {
            Error::new(&codes::FOLDER, format!("the lock {} could not be opened", path.display())).because(&e)
        })?;
    file.try_lock().map_err(|_| {
        Error::new(&codes::DATA_IN_USE, format!("another server still uses the data of {process}"))
            .next("hallmark down, then: hallmark doctor")
    })?;
    Ok(file)
}
