//! A PostgreSQL server of a test's own; it ends with the value.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use hallmark_services::{Endpoints, Guarded, Handles, PostgresConfig};
use tokio_postgres::NoTls;

use crate::support::{World, parse};

/// A folder that goes when it is dropped.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new(what: &str) -> Self {
        let token = hallmark_core::random::token(10).unwrap();
        let path = std::env::temp_dir().join(format!("hallmark-{what}-{token}"));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The programs of the newest server that the system has.
pub(crate) fn of_the_system() -> Option<PathBuf> {
    let found = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut programs: Vec<PathBuf> =
        found.map(|e| e.path().join("bin")).filter(|p| p.join("initdb").exists()).collect();
    programs.sort();
    programs.pop()
}

/// The programs of a server that brings pgvector, copied into this folder: of the package `pgserver` of the tests' Python.
pub(crate) fn with_pgvector(into: &Path) -> Option<PathBuf> {
    let python = std::env::var_os("HALLMARK_TEST_PYTHON")?;
    let place = "import importlib.util as u; print(u.find_spec('pgserver').submodule_search_locations[0])";
    let output = Command::new(python).args(["-c", place]).output().ok()?;
    let package = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    if !output.status.success() || !package.join("pginstall/bin/initdb").exists() {
        return None;
    }
    // The user whom the server runs as need not be allowed to read where it was installed. Its libraries lie beside it.
    for folder in [package.clone(), package.with_extension("libs")] {
        let copied = Command::new("cp").arg("-r").arg(&folder).arg(into).status();
        assert!(copied.is_ok_and(|status| status.success()), "{} cannot be copied", folder.display());
    }
    Some(into.join("pgserver/pginstall/bin"))
}

/// What a server is made with.
pub(crate) struct Plan<'a> {
    pub(crate) programs: PathBuf,
    /// The folder that the server may write into; what it says is written there, too.
    pub(crate) root: &'a Path,
    /// Where its data lie, below that.
    pub(crate) data: PathBuf,
    /// More arguments for `initdb`.
    pub(crate) initdb: &'a [String],
    /// More arguments for the server.
    pub(crate) settings: &'a str,
}

pub(crate) struct OwnPostgres {
    programs: PathBuf,
    root: PathBuf,
    data: PathBuf,
    settings: String,
    port: u16,
    is_root: bool,
}

impl OwnPostgres {
    /// Makes a server and starts it.
    pub(crate) fn start(plan: &Plan<'_>) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let id = Command::new("id").arg("-u").output().unwrap();
        let settings = format!(
            "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off {}",
            plan.settings
        );
        let (programs, root, data) = (plan.programs.clone(), plan.root.to_path_buf(), plan.data.clone());
        let server = Self { programs, root, data, settings, port, is_root: id.stdout == b"0\n" };
        if server.is_root {
            // The server refuses to be.
            let root = server.root.display().to_string();
            server.run("chown", &["-R".into(), "postgres".into(), root]);
        }
        let data = server.data.display().to_string();
        let make = ["-D", &data, "-U", "postgres", "-A", "trust", "--no-sync", "--encoding=UTF8"];
        let make: Vec<String> = make.into_iter().map(str::to_owned).chain(plan.initdb.to_vec()).collect();
        server.program("initdb", &make);
        server.go_on();
        server
    }

    pub(crate) fn run(&self, program: &str, arguments: &[String]) {
        let output = Command::new(program).args(arguments).current_dir(&self.root).output().unwrap();
        assert!(
            output.status.success(),
            "{program} {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    fn as_its_user(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = if self.is_root {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(&self.root);
        command
    }

    fn program(&self, name: &str, arguments: &[String]) {
        let output = self.as_its_user(name).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name} {arguments:?}: {said}");
    }

    /// Starts it, if it does not run.
    pub(crate) fn go_on(&self) {
        let pid = std::fs::read_to_string(self.data.join("postmaster.pid")).unwrap_or_default();
        let lives = pid.lines().next().is_some_and(|pid| Path::new("/proc").join(pid).exists());
        if lives {
            return;
        }
        let (data, log) = (self.data.display().to_string(), self.root.join("server.log"));
        // Into a file: what the server inherits it keeps open.
        let mut start = ["-D", &data, "-w", "-s", "-l"].map(str::to_owned).to_vec();
        start.extend([log.display().to_string(), "-o".into(), self.settings.clone(), "start".into()]);
        self.program("pg_ctl", &start);
    }

    pub(crate) fn config(&self) -> PostgresConfig {
        PostgresConfig::from_url(&format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)).unwrap()
    }

    /// A connection that knows nothing of the nodes; it waits until the server has recovered.
    pub(crate) async fn witness(&self) -> tokio_postgres::Client {
        let url = format!("host=127.0.0.1 port={} user=postgres dbname=postgres", self.port);
        for _ in 0..600 {
            if let Ok((client, connection)) = tokio_postgres::connect(&url, NoTls).await {
                drop(tokio::spawn(connection));
                return client;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!(
            "the server does not come back: {}",
            std::fs::read_to_string(self.root.join("server.log")).unwrap()
        );
    }

    /// The models of a text on this server, in a schema with their tables.
    pub(crate) async fn world(&self, models: &str) -> World {
        let given = Endpoints { postgres: Some(self.config()), ..Endpoints::from_env().unwrap() };
        let handles = Handles::connect(&given).unwrap();
        let guarded = Guarded::bare(&handles);
        let schema = format!("it_dataflow_{}", hallmark_core::random::token(10).unwrap());
        let world = World::guarded(parse(models), &schema, self.witness().await, (handles, guarded), 0);
        world.dataflow.apply_schema().await.unwrap();
        world
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        let mut stop = self.as_its_user("pg_ctl");
        let _ = stop.arg("-D").arg(&self.data).args(["-m", "immediate", "-w", "stop"]).output();
    }
}
