//! Where a project's servers live: under `.hallmark/stack`, or in a folder of their own where that path cannot serve.

use std::path::{Path, PathBuf};

use hallmark_core::{Error, Project, Result, platform};

use super::process::Process;
use super::users::{self, User};
use super::{codes, limits};

/// The folder of a project's servers: data, logs, secrets and what runs.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    root: PathBuf,
}

/// The file that says which project a folder outside of it belongs to.
const OWNER_FILE: &str = "project";

impl Home {
    /// The folder at this path.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The data of a process; the two model servers have none of their own.
    pub(crate) fn data(&self, process: Process) -> PathBuf {
        self.root.join(process.name())
    }

    /// The folder of the logs.
    pub(crate) fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// The log of a process.
    pub(crate) fn log(&self, process: Process) -> PathBuf {
        self.logs().join(format!("{}.log", process.name()))
    }

    /// Every log that a process writes: what it prints, and the file that Neo4j keeps besides.
    pub(crate) fn written_logs(&self, process: Process) -> Vec<PathBuf> {
        let own = (process == Process::Neo4j).then(|| self.data(process).join("logs/neo4j.log"));
        [self.log(process)].into_iter().chain(own).collect()
    }

    /// The folder of the secrets.
    pub(crate) fn secrets(&self) -> PathBuf {
        self.root.join("secrets")
    }

    /// The folder of sockets, locks and process records.
    pub(crate) fn run(&self) -> PathBuf {
        self.root.join("run")
    }

    /// The supervisor's control socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.run().join("control.sock")
    }

    /// The lock that lives as long as the process does: it is the process's standard input.
    pub(crate) fn lock(&self, process: Process) -> PathBuf {
        self.run().join(format!("{}.lock", process.name()))
    }

    /// Makes the folders; only folders that are made here get their mode here.
    pub(crate) fn create(&self, project: &Path) -> Result<()> {
        // Servers that run as another user pass through, and see nothing: each folder below is private.
        let mode = if users::is_root() { 0o711 } else { 0o700 };
        make_folder(&self.root, mode)?;
        for folder in [self.logs(), self.secrets(), self.run()] {
            make_folder(&folder, 0o700)?;
        }
        let owner = self.root.join(OWNER_FILE);
        let text = project.to_string_lossy();
        hallmark_core::fs::write_atomic(&owner, text.as_bytes(), hallmark_core::fs::Mode::Default)
    }
}

/// Makes the folder with exactly this mode if it is not there, whatever the file mode mask says.
pub(crate) fn make_folder(path: &Path, mode: u32) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let failed = |e: &std::io::Error| {
        Error::new(&codes::FOLDER, format!("the folder {} could not be made", path.display())).because(e)
    };
    if let Some(parent) = path.parent().filter(|p| !p.is_dir()) {
        make_folder(parent, 0o755)?;
    }
    // Made for the user alone, and then opened as far as it may be: never the other way round.
    match platform::make_private_folder(path, false) {
        Ok(()) => platform::set_mode(path, mode).map_err(|e| failed(&e)),
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(failed(&e)),
    }
}

/// The folder inside the project.
pub(crate) fn inside(project: &Project) -> PathBuf {
    project.state_path().join("stack")
}

/// A folder outside the project where the inner path cannot serve; `None` where it can.
pub(crate) fn outside(project: &Project) -> Result<Option<PathBuf>> {
    let local = inside(project);
    // Until the package is there, the strictest user stands for PostgreSQL's.
    let server = users::is_root().then(|| users::postgres().unwrap_or(User { uid: 65_534, gid: 65_534 }));
    let impassable = server.is_some_and(|user| users::first_impassable(&local, user).is_some());
    if !impassable && fits_socket(&local) {
        return Ok(None);
    }
    let base = if users::is_root() { PathBuf::from("/var/lib") } else { state_home()? };
    let folder = base.join("hallmark").join(project.id());
    if fits_socket(&folder) {
        return Ok(Some(folder));
    }
    Err(Error::new(
        &codes::PATH_TOO_LONG,
        format!(
            "no path for the control socket is short enough: {} is longer than a socket may be",
            folder.display()
        ),
    )
    .next("set XDG_STATE_HOME to a shorter folder"))
}

fn fits_socket(home: &Path) -> bool {
    !crate::platform::SOCKETS_ARE_FILES
        || Home::new(home.to_path_buf()).socket().as_os_str().len() <= limits::SOCKET_PATH_BYTES
}

fn state_home() -> Result<PathBuf> {
    platform::state_folder().ok_or_else(|| {
        Error::new(&codes::FOLDER, "neither XDG_STATE_HOME nor HOME is set")
            .next("export HOME to your home folder")
    })
}
