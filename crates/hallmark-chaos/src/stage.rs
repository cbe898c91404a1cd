//! The project under test: a real stack in a folder of its own, each server's data on a small disk of its own.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use hallmark_core::Project;
use hallmark_core::fs::{Mode, write_atomic};
use hallmark_services::stack::{Process, Record};
use hallmark_services::{Endpoints, Handles, ServiceKind, Stack};
use serde_json::Value;
use tokio::process::Command;

use crate::failure::{Failure, Outcome, say};
use crate::options::Options;

/// The size of each server's disk, in MB.
const DISK_MB: u64 = 512;

/// Where Debian's package `faketime` puts the library for programs with threads.
const FAKETIME: &str = "faketime/libfaketimeMT.so.1";
const LIBRARIES: [&str; 4] =
    ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];

/// The servers that keep data, and so have a disk.
const WITH_DISK: [Process; 4] = [Process::Postgres, Process::Neo4j, Process::Chroma, Process::Redis];

/// The project and what can be done to it.
pub(crate) struct Stage {
    pub(crate) root: PathBuf,
    pub(crate) out: PathBuf,
    pub(crate) home: PathBuf,
    stack: Stack,
    binary: PathBuf,
    /// Why nothing of the network can be cut; `None` if it can.
    pub(crate) no_network: Option<String>,
    /// Why no disk can be filled.
    pub(crate) no_disks: Option<String>,
    /// Why no clock can be turned.
    pub(crate) no_clock: Option<String>,
}

/// Writes the project's folder: all five services native, Redis with `appendfsync always`, every clock to be turned. The
/// monotonic clock stays as it is, as it does when an administrator sets the time: libfaketime's own remedy for it would make
/// the waits of Java's threads return at once.
pub(crate) fn make(root: &Path) -> Outcome {
    std::fs::create_dir_all(root.join("clock"))?;
    let mut text = String::from(
        "[stack]\nprovider = \"native\"\nassume-yes = true\n\n[stack.redis]\nappendfsync = \"always\"\n",
    );
    for service in ServiceKind::ALL {
        write_atomic(&clock(root, service), b"+0\n", Mode::Default)?;
        // The model API tells no time: nothing could notice.
        let Some(library) = faketime().filter(|_| service != ServiceKind::OpenAi) else { continue };
        text.push_str(&format!(
            "\n[stack.environment.{service}]\nLD_PRELOAD = \"{}\"\nFAKETIME_TIMESTAMP_FILE = \"{}\"\n\
             FAKETIME_CACHE_DURATION = \"1\"\nFAKETIME_DONT_FAKE_MONOTONIC = \"1\"\n\
             FAKETIME_FORCE_MONOTONIC_FIX = \"0\"\n",
            preloaded(service, &library),
            clock(root, service).display()
        ));
    }
    write_atomic(&root.join("hallmark.toml"), text.as_bytes(), Mode::Default)?;
    Ok(())
}

/// The file by which a service's clock is turned.
pub(crate) fn clock(root: &Path, service: ServiceKind) -> PathBuf {
    root.join("clock").join(service.name())
}

/// What is loaded into a service's processes. jemalloc, which Debian's Redis takes its memory from, and libfaketime each ask
/// the other while they begin, for ever: there the C library's own allocator comes first.
fn preloaded(service: ServiceKind, library: &Path) -> String {
    let libc = library.ancestors().nth(2).map(|folder| folder.join("libc.so.6"));
    match libc.filter(|path| service == ServiceKind::Redis && path.is_file()) {
        Some(libc) => format!("{}:{}", library.display(), libc.display()),
        None => library.display().to_string(),
    }
}

fn faketime() -> Option<PathBuf> {
    LIBRARIES.iter().map(|folder| Path::new(folder).join(FAKETIME)).find(|path| path.is_file())
}

impl Stage {
    /// The project at this folder, which was up once.
    pub(crate) async fn open(root: &Path, options: &Options, no_network: Option<String>) -> Outcome<Self> {
        let project = Project::discover(root)?;
        let mut stage = Self {
            root: root.to_path_buf(),
            out: options.out.clone(),
            home: PathBuf::new(),
            stack: Stack::load(&project)?,
            binary: options.binary.clone(),
            no_network,
            no_disks: None,
            no_clock: faketime()
                .is_none()
                .then(|| "libfaketime is not installed (Debian: faketime)".to_owned()),
        };
        std::fs::create_dir_all(&stage.out)?;
        let status = stage.json(&["status", "--format", "json"]).await?;
        stage.home = status["home"].as_str().map(PathBuf::from).unwrap_or_default();
        Ok(stage)
    }

    /// A command of the program under test, in the project.
    pub(crate) fn hallmark(&self, arguments: &[&str]) -> Command {
        hallmark(&self.binary, &self.root, arguments)
    }

    /// What it prints as JSON. Its exit code tells of the services, not of the command.
    pub(crate) async fn json(&self, arguments: &[&str]) -> Outcome<Value> {
        let output = self.hallmark(arguments).stderr(Stdio::piped()).output().await?;
        serde_json::from_slice(&output.stdout).map_err(|e| {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Failure(format!("hallmark {}: {e}: {said}", arguments.join(" ")))
        })
    }

    /// Starts all services, or one.
    pub(crate) async fn up(&self, only: Option<ServiceKind>) -> Outcome {
        let mut arguments = vec!["up", "--yes"];
        if let Some(service) = only {
            arguments.extend(["--only", service.name()]);
        }
        run(&mut self.hallmark(&arguments)).await
    }

    /// `hallmark status --why SERVICE`.
    pub(crate) async fn why(&self, service: ServiceKind) -> Outcome<Value> {
        self.json(&["status", "--why", service.name(), "--format", "json"]).await
    }

    /// What the supervisor's monitors say at this moment, asked over its socket as every command does.
    pub(crate) async fn health(&self) -> Option<Vec<hallmark_services::monitor::Snapshot>> {
        self.stack.health().await.ok().flatten()
    }

    /// The addresses with the credentials as the project keeps them now.
    pub(crate) fn endpoints(&self) -> Outcome<Endpoints> {
        Ok(self.stack.endpoints()?)
    }

    /// New handles on them.
    pub(crate) fn handles(&self) -> Outcome<Handles> {
        Ok(Handles::connect(&self.endpoints()?)?)
    }

    /// What the supervisor wrote down of its processes.
    pub(crate) fn records(&self) -> BTreeMap<Process, Record> {
        let text = std::fs::read_to_string(self.home.join("run/processes.json")).unwrap_or_default();
        let rows: Vec<Record> = serde_json::from_str(&text).unwrap_or_default();
        rows.into_iter().map(|record| (record.process, record)).collect()
    }

    /// The number of a process that runs.
    pub(crate) fn pid(&self, process: Process) -> Outcome<u32> {
        let records = self.records();
        let alive = records.get(&process).and_then(Record::alive).map(|identity| identity.pid);
        alive.ok_or_else(|| Failure(format!("{process} does not run")))
    }

    /// The ports of the service's listeners, of each of its processes in turn.
    pub(crate) fn ports(&self, service: ServiceKind) -> Outcome<Vec<u16>> {
        let endpoints = self.endpoints()?;
        let of_url = |url: &str| url.rsplit(':').next()?.split('/').next()?.parse::<u16>().ok();
        let ports: Option<Vec<u16>> = match service {
            ServiceKind::Postgres => endpoints.postgres.map(|c| vec![c.port]),
            ServiceKind::Neo4j => endpoints.neo4j.and_then(|c| Some(vec![of_url(&c.url)?])),
            ServiceKind::Chroma => endpoints.chroma.map(|c| vec![c.port]),
            ServiceKind::Redis => endpoints.redis.map(|c| vec![c.port]),
            ServiceKind::OpenAi => {
                endpoints.openai.and_then(|c| Some(vec![of_url(&c.base_url)?, of_url(c.embeddings_url())?]))
            }
        };
        ports.ok_or_else(|| Failure(format!("{service} has no port")))
    }

    /// The folder of a process's data.
    pub(crate) fn data(&self, process: Process) -> PathBuf {
        self.home.join(process.name())
    }

    /// Puts each server's data on a file system of its own; nothing runs meanwhile. They go with the mount namespace.
    pub(crate) async fn mount_disks(&mut self) {
        for process in WITH_DISK {
            if let Err(Failure(reason)) = self.mount_disk(process).await {
                self.no_disks = Some(format!("no disk of its own: {reason}"));
                return;
            }
        }
        say(&format!("each server's data lie on a file system of {DISK_MB} MB of their own"));
    }

    async fn mount_disk(&self, process: Process) -> Outcome {
        let (data, image) = (self.data(process), self.root.join(format!("{process}.ext4")));
        let way = self.root.join("moving");
        std::fs::create_dir_all(&way)?;
        std::fs::File::create(&image)?.set_len(DISK_MB * 1024 * 1024)?;
        let (data, image, way) = (data.as_os_str(), image.as_os_str(), way.as_os_str());
        let os = OsStr::new;
        program("mkfs.ext4", &[os("-q"), os("-m"), os("0"), image]).await?;
        program("mount", &[os("-o"), os("loop"), image, way]).await?;
        let mut all = data.to_owned();
        all.push("/.");
        let copied = program("cp", &[os("-a"), &all, way]).await;
        program("umount", &[way]).await?;
        copied?;
        program("mount", &[os("-o"), os("loop"), image, data]).await
    }
}

/// A command of the program under test. Addresses of other stacks stay out of it.
pub(crate) fn hallmark(binary: &Path, root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary);
    command.args(arguments).current_dir(root).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("HALLMARK_") && name != "HALLMARK_CACHE" {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a program; what it says counts only if it fails.
pub(crate) async fn program(name: &str, arguments: &[&OsStr]) -> Outcome {
    run(Command::new(name).args(arguments)).await
}

/// Runs a command, quietly unless it fails.
pub(crate) async fn run(command: &mut Command) -> Outcome {
    let output = command.stdin(Stdio::null()).output().await?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    let words = format!("{:?}", command.as_std());
    Err(Failure(format!("{words} ended with {}: {}", output.status, said.join(" "))))
}
