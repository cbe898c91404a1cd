//! A private PostgreSQL: its cluster is made once, and it runs as its package's user where Hallmark runs as root.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use hallmark_core::{Error, Result, fs};
use tokio::process::Command;

use crate::platform;
use crate::stack::home::make_folder;
use crate::stack::ports::{self, PortName};
use crate::stack::process::{Launch, Process, Site};
use crate::stack::users::{self, User};
use crate::stack::{codes, exec, limits};

/// The major version that made the data, if there are any.
pub(super) fn data_version(data: &Path) -> Option<u32> {
    std::fs::read_to_string(data.join("PG_VERSION")).ok()?.trim().parse().ok()
}

pub(crate) async fn prepare(site: &Site) -> Result<()> {
    let folder = site.home.data(Process::Postgres);
    let data = folder.join("data");
    if data_version(&data).is_some() {
        return Ok(());
    }
    let user = server_user()?;
    make_folder(&folder, 0o700)?;
    own(&folder, user)?;
    // What an initialisation that was killed left behind is no cluster, and initdb refuses a folder that is not empty.
    let _ = std::fs::remove_dir_all(&data);
    let password = folder.join("initial-password");
    fs::write_atomic(&password, site.credentials.postgres.expose().as_bytes(), fs::Mode::Private)?;
    own(&password, user)?;
    let made = initialise(site, &data, &password, user).await;
    let _ = std::fs::remove_file(&password);
    made
}

async fn initialise(site: &Site, data: &Path, password: &Path, user: Option<User>) -> Result<()> {
    let mut command = Command::new(site.tools.postgres(None)?.join("initdb"));
    command
        .arg("-D")
        .arg(data)
        .args([
            "-U",
            "postgres",
            "-A",
            "scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-instructions",
        ])
        .arg(format!("--pwfile={}", password.display()))
        .current_dir(site.home.data(Process::Postgres));
    if let Some(user) = user {
        platform::run_as(&mut command, user);
    }
    exec::run(&mut command, limits::INSTALL_TIMEOUT).await.map(drop)
}

pub(crate) fn launch(site: &Site) -> Result<Launch> {
    let folder = site.home.data(Process::Postgres);
    let data = folder.join("data");
    let port = ports::get(&site.ports, PortName::Postgres)?;
    server(site, folder, &data, settings(port))
}

/// The command that serves these data with these settings; `folder` is where its process works.
pub(super) fn server(
    site: &Site,
    folder: PathBuf,
    data: &Path,
    settings: impl IntoIterator<Item = String>,
) -> Result<Launch> {
    let mut arguments: Vec<OsString> = vec!["-D".into(), data.into()];
    for setting in settings {
        arguments.extend(["-c".into(), setting.into()]);
    }
    Ok(Launch {
        program: site.tools.postgres(data_version(data))?.join("postgres"),
        arguments,
        environment: vec![("LC_ALL", "C.UTF-8".into())],
        folder,
        user: server_user()?,
    })
}

/// What every server of the stack is told.
pub(super) fn settings(port: u16) -> Vec<String> {
    // Loopback TCP is all it needs: without a socket there is no path that could be too long.
    vec![
        format!("port={port}"),
        "listen_addresses=127.0.0.1".to_owned(),
        "unix_socket_directories=".to_owned(),
        "logging_collector=off".to_owned(),
        // Each statement gets the number by which the server's own account names it.
        "compute_query_id=on".to_owned(),
    ]
}

/// Whom it runs as: nobody else for an ordinary user; for root the package's user, because it refuses root.
pub(super) fn server_user() -> Result<Option<User>> {
    if !users::is_root() {
        return Ok(None);
    }
    users::postgres().map(Some).ok_or_else(|| {
        Error::new(&codes::NO_SERVER_USER, "PostgreSQL refuses to run as root and there is no user postgres")
            .next("useradd --system postgres, or run hallmark as an ordinary user")
    })
}

pub(super) fn own(path: &Path, user: Option<User>) -> Result<()> {
    let Some(user) = user else { return Ok(()) };
    platform::give_to(path, user).map_err(|e| {
        Error::new(&codes::FOLDER, format!("{} could not be given to the user postgres", path.display()))
            .because(&e)
    })
}
