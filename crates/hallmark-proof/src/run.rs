//! One run of a project's tests on the stack.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hallmark_core::platform::make_private_folder;
use hallmark_core::{Error, Project, Result, clock, random};
use hallmark_services::platform::{self, End, Ends, Signal};
use hallmark_services::{Endpoints, Handles, Verification, verify};
use hallmark_standards::ScanOptions;
use hallmark_standards::tier::Tiers;
use tokio::process::{Child, Command};

use crate::channel::Channel;
use crate::ledger::Ledger;
use crate::limits::INTERRUPT_TIMEOUT;
use crate::relay::{Maker, Relays};
use crate::report::{Report, Source};
use crate::witness::Witness;
use crate::{Python, codes, plugin, template};

/// What to run.
pub struct Request {
    /// The project.
    pub project: Project,
    /// The interpreter.
    pub python: Python,
    /// Arguments for pytest.
    pub arguments: Vec<String>,
    /// The real addresses of the services.
    pub endpoints: Endpoints,
    /// More variables for the tests: names to templates (see [`template::fill`]).
    pub environment: BTreeMap<String, String>,
    /// The longest the run may take; without it as long as it takes.
    pub timeout: Option<Duration>,
    /// The configuration that says which tests belong to which tier.
    pub scan: ScanOptions,
    /// Whether a person at a terminal may end the run: a terminal sends its interrupt to pytest too, so that it is not passed on.
    pub at_terminal: bool,
}

/// How the process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// By itself.
    ByItself,
    /// It was interrupted.
    Interrupted,
    /// At its time limit.
    AtLimit,
}

/// Runs the tests with relays before every service, and reports what reached what. What pytest writes goes to standard error.
///
/// # Errors
/// `HM-T006` on a system that does not tell whose a connection is; `HM-T003` if pytest does not start; `HM-T004` if a template cannot be filled; `HM-T005` if no relay can be opened. That tests
/// fail, or that pytest dies, is no error but stands in the report.
pub async fn run(request: &Request, progress: &(dyn Fn(&str) + Sync)) -> Result<Report> {
    refuse_elsewhere()?;
    let began = Instant::now();
    let at = clock::now();
    let folder = Private::make()?;
    let token = random::token(24)?;
    let ledger = Arc::new(Ledger::default());
    let witness = Arc::new(Witness::new(Handles::connect(&request.endpoints)?));
    let make =
        Maker { ledger: Arc::clone(&ledger), witness: Arc::clone(&witness), token: token.as_str().into() };
    let relays = Relays::start(&request.endpoints, &make).await?;
    let channel = Channel::listen(&folder.socket(), Arc::clone(&ledger), Arc::clone(&witness))?;
    let services: Vec<_> = relays.services();
    let before = witness.counters(&services).await;
    let mut command = command(request, &relays.endpoints, &folder, &token)?;
    let mut child = command.spawn().map_err(|e| {
        Error::new(&codes::NOT_STARTED, format!("{} could not be started", request.python.program.display()))
            .because(&e)
    })?;
    let (status, ended) = wait(&mut child, request).await?;
    channel.drain().await;
    let after = witness.counters(&services).await;
    let inner = ledger.lock().clone();
    let verified = verified(&request.endpoints, &inner, progress).await;
    let tiers = Tiers::new(&request.scan);
    let source = Source {
        request,
        at,
        took: began.elapsed(),
        status,
        ended,
        inner: &inner,
        tiers: &tiers,
        left_out: &relays.left_out,
        targets: &relays.targets,
        relayed: &relays.ports,
        counters: (&before, &after),
        verified: &verified,
    };
    Ok(Report::new(&source))
}

/// Fails where nothing could be proven: a test is tied to its connections by what `/proc` says of them.
///
/// # Errors
/// `HM-T006` on a system that does not tell.
pub fn refuse_elsewhere() -> Result<()> {
    if platform::TELLS_OWNERS {
        return Ok(());
    }
    let what = "the kernel does not tell which process a connection belongs to";
    Err(Error::new(&codes::NOT_ON_THIS_SYSTEM, format!("{what} on {}", std::env::consts::OS))
        .next("run the same command on Linux, on Windows in WSL 2"))
}

/// Whether the servers that answered tests are real: a relay proves that a server answered, not which.
async fn verified(
    endpoints: &Endpoints,
    inner: &crate::ledger::Inner,
    progress: &(dyn Fn(&str) + Sync),
) -> Vec<Verification> {
    let mut kinds: Vec<_> = inner.connections.iter().map(|c| c.service).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let mut all = Vec::new();
    for kind in kinds {
        progress(&format!("verifying that {kind} is real"));
        all.push(verify(kind, endpoints).await);
    }
    all
}

fn command(request: &Request, endpoints: &Endpoints, folder: &Private, token: &str) -> Result<Command> {
    let mut command = Command::new(&request.python.program);
    command.args(["-m", "pytest"]);
    plugin::load(&mut command, &folder.0)?;
    command
        .arg("--continue-on-collection-errors")
        .args(&request.arguments)
        .current_dir(request.project.root());
    for (name, value) in activated(&request.python.program) {
        command.env(name, value);
    }
    for variable in endpoints.to_env() {
        command.env(variable.name, variable.value.expose());
    }
    for (name, text) in &request.environment {
        command.env(name, template::fill(text, endpoints).map_err(|e| e.at(name.clone()))?.expose());
    }
    command
        .env("HALLMARK_PYTEST_SOCKET", folder.socket())
        .env("HALLMARK_TEST_RUN", token)
        // Standard output is for the report.
        .stdout(Stdio::from(std::io::stderr()))
        .kill_on_drop(true);
    Ok(command)
}

/// What activating the interpreter's environment would set: tests start the programs that are installed beside it.
fn activated(program: &Path) -> Vec<(&'static str, std::ffi::OsString)> {
    let Some(programs) = program.parent().filter(|p| p.is_absolute()) else { return Vec::new() };
    let Some(environment) = programs.parent().filter(|p| p.join("pyvenv.cfg").is_file()) else {
        return Vec::new();
    };
    let own = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(programs.to_path_buf()).chain(std::env::split_paths(&own));
    let mut all = vec![("VIRTUAL_ENV", environment.as_os_str().to_owned())];
    all.extend(std::env::join_paths(paths).ok().map(|paths| ("PATH", paths)));
    all
}

/// Waits for pytest; passes an interrupt on, and lets nothing live on past a second one.
async fn wait(child: &mut Child, request: &Request) -> Result<(Option<ExitStatus>, Ended)> {
    let mut ends = Ends::hear(false)
        .map_err(|e| Error::new(&hallmark_core::codes::INTERNAL, "no signal can be heard").because(&e))?;
    let limit = async {
        match request.timeout {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    let ended = tokio::select! {
        status = child.wait() => return Ok((status.ok(), Ended::ByItself)),
        end = ends.next() => {
            if end == End::Terminate || !request.at_terminal {
                interrupt(child);
            }
            Ended::Interrupted
        }
        () = limit => {
            interrupt(child);
            Ended::AtLimit
        }
    };
    tokio::select! {
        status = child.wait() => return Ok((status.ok(), ended)),
        _ = ends.next() => {}
        () = tokio::time::sleep(INTERRUPT_TIMEOUT) => {}
    }
    end_all(child);
    Ok((child.wait().await.ok(), ended))
}

fn interrupt(child: &Child) {
    if let Some(pid) = child.id() {
        let _ = platform::kill(pid, Signal::Interrupt);
    }
}

/// Kills pytest and all that it started and that still belongs to it.
fn end_all(child: &Child) {
    for pid in child.id().map(platform::descendants).unwrap_or_default() {
        let _ = platform::kill(pid, Signal::Kill);
    }
}

/// A folder of the run's own with the plugin and the socket, outside the project; it goes with the run.
struct Private(PathBuf);

impl Private {
    fn make() -> Result<Self> {
        // The path of a socket must be short: this is why it is not in the project.
        let path = std::env::temp_dir().join(format!("hallmark-test-{}", random::token(10)?));
        make_private_folder(&path, false).map_err(|e| {
            Error::new(&codes::RELAY, format!("{} could not be made", path.display())).because(&e)
        })?;
        Ok(Self(path))
    }

    fn socket(&self) -> PathBuf {
        self.0.join("s")
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
