//! The real services that the environment names, and processes of a test's own.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hallmark_services::{Endpoints, ProbeReport, ServiceKind, State, Step};

/// The five services of the environment. A missing one fails the test: a skipped test would look green.
pub(crate) fn endpoints() -> Endpoints {
    let endpoints = Endpoints::from_env().expect("the HALLMARK_* variables hold addresses");
    for kind in ServiceKind::ALL {
        let name = kind.variable();
        assert!(endpoints.has(kind), "set {name}: run `hallmark up` and `eval $(hallmark env)`");
    }
    endpoints
}

/// A port on which nothing listens: bound once, then given back.
pub(crate) fn closed_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port()
}

/// The last step, which is the one that failed if the service is down.
pub(crate) fn last(report: &ProbeReport) -> &Step {
    report.steps.last().unwrap_or_else(|| panic!("no step was made: {report:#?}"))
}

/// Fails unless the probe went down at this step with this code.
pub(crate) fn assert_down_at(report: &ProbeReport, step: &str, code: &str) {
    let last = last(report);
    assert_eq!((last.name, last.code), (step, Some(code)), "{report:#?}");
    assert_eq!(report.state, State::Down, "{report:#?}");
    assert!(report.reason.as_ref().is_some_and(|r| r.starts_with(step)), "{report:#?}");
    assert!(report.next.as_ref().is_some_and(|n| !n.is_empty()), "{report:#?}");
}

/// A real Redis server of the test's own, with the password `own`; ends with the value.
pub(crate) struct OwnRedis {
    process: Child,
    folder: PathBuf,
    port: u16,
}

impl OwnRedis {
    pub(crate) fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("hallmark-redis-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir_all(&folder).expect("a folder for Redis");
        let port = closed_port();
        let process = spawn(port, &folder);
        let own = Self { process, folder, port };
        own.wait();
        own
    }

    pub(crate) fn endpoints(&self) -> Endpoints {
        let url = format!("redis://:own@127.0.0.1:{}/0", self.port);
        Endpoints {
            redis: Some(hallmark_services::RedisConfig::from_url(&url).expect("an address")),
            ..Endpoints::default()
        }
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, signal).expect("the process lives");
    }

    pub(crate) fn restart(&mut self) {
        self.process.kill().expect("the process lives");
        self.process.wait().expect("the process ends");
        self.process = spawn(self.port, &self.folder);
        self.wait();
    }

    /// Ends the server and keeps its port, so that nobody answers there: a server of another test could be given it.
    pub(crate) fn end(self) -> tokio::net::TcpSocket {
        let port = self.port;
        drop(self);
        let held = tokio::net::TcpSocket::new_v4().expect("a socket");
        held.set_reuseaddr(true).expect("connections of the server linger");
        held.bind(([127, 0, 0, 1], port).into()).expect("the port is free");
        held
    }

    fn wait(&self) {
        let start = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(10), "redis-server did not start");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn spawn(port: u16, folder: &std::path::Path) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--requirepass", "own", "--save", ""])
        .arg("--dir")
        .arg(folder)
        .stdout(Stdio::null())
        .spawn()
        .expect("install redis-server: this test needs a server of its own to stop")
}

impl Drop for OwnRedis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
