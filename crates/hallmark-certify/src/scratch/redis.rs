//! A Redis server of our own that controls may kill.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use hallmark_core::{Error, Result, Secret, fs, random};
use hallmark_services::{Endpoints, RedisConfig};
use tokio::process::{Child, Command};

use super::closed_port;
use crate::codes;

/// How long the server may take to accept connections.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// How often that is tried.
const START_POLL: Duration = Duration::from_millis(25);

/// A running scratch server; it ends with its value.
pub(crate) struct ScratchRedis {
    child: Child,
    address: SocketAddr,
    config: RedisConfig,
}

impl ScratchRedis {
    /// Whether a server program is there to be started.
    pub(crate) fn is_installed(program: Option<&Path>) -> bool {
        find(program).is_some()
    }

    /// Starts one on a free port of the loopback interface, with a password and without any file of its own.
    pub(crate) async fn start(program: Option<&Path>, folder: &Path) -> Result<Self> {
        let failed =
            |what: &str| Error::new(&codes::SCRATCH, format!("a scratch Redis could not be started: {what}"));
        let program = find(program).ok_or_else(|| failed("redis-server is not installed"))?;
        let address = closed_port().await?;
        let password = random::secret()?;
        // The password stays out of the process list.
        let settings = folder.join("scratch-redis.conf");
        let text = format!(
            "bind 127.0.0.1\nport {}\nrequirepass {}\nsave \"\"\nappendonly no\ndir {}\nlogfile \"\"\n",
            address.port(),
            password.expose(),
            folder.display()
        );
        fs::write_atomic(&settings, text.as_bytes(), fs::Mode::Private)?;
        let mut command = Command::new(program);
        command
            .arg(&settings)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(|e| failed("it does not run").because(&e))?;
        let deadline = tokio::time::Instant::now() + START_TIMEOUT;
        while tokio::net::TcpStream::connect(address).await.is_err() {
            if tokio::time::Instant::now() > deadline || child.try_wait().is_ok_and(|s| s.is_some()) {
                return Err(failed("it does not accept connections"));
            }
            tokio::time::sleep(START_POLL).await;
        }
        let config = configuration(address, &password)?;
        Ok(Self { child, address, config })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it is, or was.
    pub(crate) fn endpoints(&self) -> Endpoints {
        Endpoints { redis: Some(self.config.clone()), ..Endpoints::default() }
    }

    /// Kills it as a crash would.
    pub(crate) async fn kill(&mut self) {
        let _ = self.child.kill().await;
    }
}

fn configuration(address: SocketAddr, password: &Secret) -> Result<RedisConfig> {
    RedisConfig::from_url(&format!("redis://:{}@{address}/0", password.expose()))
}

fn find(program: Option<&Path>) -> Option<PathBuf> {
    if let Some(program) = program {
        return program.is_file().then(|| program.to_path_buf());
    }
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths).map(|folder| folder.join("redis-server")).find(|p| p.is_file())
}
