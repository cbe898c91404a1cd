//! Read replicas of the stack's own PostgreSQL: copied from the primary once, streaming from it as long as they live.
//!
//! A replica follows through a replication slot, so that the primary keeps what it has not seen yet; how much is bounded, so that
//! a replica that is gone cannot fill the disk. One that cannot follow any more is copied anew.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hallmark_core::{Error, Result, fs};
use tokio::process::Command;
use tokio_postgres::Client;

use super::health::open;
use super::process::{data_version, own, server, server_user, settings};
use super::{PostgresConfig, error};
use crate::stack::home::make_folder;
use crate::stack::ports::{self, PortName};
use crate::stack::process::{Launch, Process, Site};
use crate::stack::{codes, exec, limits};

/// The role with which replicas come to the primary; it may stream, and read no table.
const ROLE: &str = "hallmark_replication";

/// How much of its log the primary keeps for a replica that is away.
const KEPT_FOR_AWAY: &str = "1GB";

/// What the primary says of a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Its name, as [`Process::name`].
    pub(crate) name: String,
    /// How many bytes of the log it has not replayed.
    pub(crate) behind_bytes: i64,
}

fn slot(process: Process) -> String {
    process.name().replace('-', "_")
}

fn data(site: &Site, process: Process) -> PathBuf {
    site.home.data(process).join("data")
}

fn passwords(folder: &Path) -> PathBuf {
    folder.join("pgpass")
}

/// The command that starts a replica.
pub(crate) fn launch(process: Process, name: PortName, site: &Site) -> Result<Launch> {
    let (folder, data) = (site.home.data(process), data(site, process));
    let primary = ports::get(&site.ports, PortName::Postgres)?;
    // The password stands in a file: an argument can be read by others.
    let follows = format!(
        "primary_conninfo=host=127.0.0.1 port={primary} user={ROLE} passfile='{}' application_name={} connect_timeout=5",
        passwords(&folder).display(),
        process.name()
    );
    let own = [follows, format!("primary_slot_name={}", slot(process)), "hot_standby=on".to_owned()];
    server(site, folder, &data, settings(ports::get(&site.ports, name)?).into_iter().chain(own))
}

/// Makes a replica's data if they are not those of this primary. The primary must answer.
pub(crate) async fn prepare(process: Process, site: &Site, primary: &PostgresConfig) -> Result<()> {
    let session = open(primary).await?;
    let made = prepare_with(&session.client, process, site, primary).await;
    session.close().await;
    made
}

async fn prepare_with(
    client: &Client,
    process: Process,
    site: &Site,
    primary: &PostgresConfig,
) -> Result<()> {
    let (folder, data, user) = (site.home.data(process), data(site, process), server_user()?);
    make_folder(&folder, 0o700)?;
    own(&folder, user)?;
    let password = &site.credentials.replication;
    role(client, password.expose()).await?;
    let file = passwords(&folder);
    let line = format!("127.0.0.1:*:*:{ROLE}:{}\n", password.expose());
    fs::write_atomic(&file, line.as_bytes(), fs::Mode::Private)?;
    own(&file, user)?;
    let lost = slot_is_lost(client, process).await?;
    if !lost && is_of(client, site, &data).await? {
        make_slot(client, process).await?;
        return Ok(());
    }
    drop_slot(client, process).await?;
    make_slot(client, process).await?;
    copy(process, site, primary).await
}

/// Forgets the data, so that the next [`prepare`] copies them.
pub(crate) fn forget(process: Process, site: &Site) {
    let _ = std::fs::remove_dir_all(data(site, process));
}

async fn role(client: &Client, password: &str) -> Result<()> {
    let there =
        client.query_opt("SELECT 1 FROM pg_roles WHERE rolname = $1", &[&ROLE]).await.map_err(error)?;
    let verb = if there.is_some() { "ALTER" } else { "CREATE" };
    // The password is one that the stack made, of letters and digits; doubled quotes all the same.
    let statement =
        format!("{verb} ROLE {ROLE} WITH LOGIN REPLICATION PASSWORD '{}'", password.replace('\'', "''"));
    client.batch_execute(&statement).await.map_err(error)?;
    let bound: String = client.query_one("SHOW max_slot_wal_keep_size", &[]).await.map_err(error)?.get(0);
    if bound == "-1" {
        let bounded = format!("ALTER SYSTEM SET max_slot_wal_keep_size = '{KEPT_FOR_AWAY}'");
        client.batch_execute(&bounded).await.map_err(error)?;
        client.batch_execute("SELECT pg_reload_conf()").await.map_err(error)?;
    }
    Ok(())
}

async fn make_slot(client: &Client, process: Process) -> Result<()> {
    // The function's parameter is a name; text goes through a cast.
    const MAKE: &str = "SELECT pg_create_physical_replication_slot($1::text::name, true) \
        WHERE NOT EXISTS (SELECT 1 FROM pg_replication_slots WHERE slot_name = $1::text::name)";
    client.query(MAKE, &[&slot(process)]).await.map(drop).map_err(error)
}

/// Removes the slot of a replica that is not wanted, or not running, any more.
pub(crate) async fn drop_slot(client: &Client, process: Process) -> Result<()> {
    const DROP: &str = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots \
        WHERE slot_name = $1::text::name AND NOT active";
    client.query(DROP, &[&slot(process)]).await.map(drop).map_err(error)
}

async fn slot_is_lost(client: &Client, process: Process) -> Result<bool> {
    const LOST: &str =
        "SELECT wal_status = 'lost' FROM pg_replication_slots WHERE slot_name = $1::text::name";
    let row = client.query_opt(LOST, &[&slot(process)]).await.map_err(error)?;
    Ok(row.and_then(|row| row.get::<_, Option<bool>>(0)).unwrap_or(false))
}

/// Whether the data are a standby's copy of this very cluster.
async fn is_of(client: &Client, site: &Site, data: &Path) -> Result<bool> {
    if data_version(data).is_none() || !data.join("standby.signal").exists() {
        return Ok(false);
    }
    let row = client.query_one("SELECT system_identifier::text FROM pg_control_system()", &[]).await;
    let wanted: String = row.map_err(error)?.get(0);
    let program = site.tools.postgres(data_version(data))?.join("pg_controldata");
    let text = exec::ask(&program, &["-D", &data.to_string_lossy()]).await.unwrap_or_default();
    let held = text.lines().find_map(|line| line.strip_prefix("Database system identifier:"));
    Ok(held.is_some_and(|held| held.trim() == wanted))
}

/// Copies the primary. What a killed copy left behind is removed first; the copy takes its name when it is whole.
async fn copy(process: Process, site: &Site, primary: &PostgresConfig) -> Result<()> {
    let (folder, data, user) = (site.home.data(process), data(site, process), server_user()?);
    let fresh = folder.join("data.new");
    for old in [&fresh, &data] {
        if old.exists() {
            std::fs::remove_dir_all(old).map_err(|e| {
                Error::new(&codes::FOLDER, format!("{} could not be removed", old.display())).because(&e)
            })?;
        }
    }
    let mut command = Command::new(site.tools.postgres(None)?.join("pg_basebackup"));
    command
        .args(["-h", &primary.host, "-p", &primary.port.to_string(), "-U", ROLE, "--no-password"])
        .args(["--wal-method=stream", "--checkpoint=fast", "--slot", &slot(process), "-D"])
        .arg(&fresh)
        .env("PGPASSFILE", passwords(&folder))
        .current_dir(&folder);
    if let Some(user) = user {
        crate::platform::run_as(&mut command, user);
    }
    exec::run(&mut command, limits::INSTALL_TIMEOUT).await?;
    let signal = fresh.join("standby.signal");
    fs::write_atomic(&signal, b"", fs::Mode::Private)?;
    own(&signal, user)?;
    std::fs::rename(&fresh, &data).map_err(|e| {
        Error::new(&codes::FOLDER, format!("{} could not be put in place", data.display())).because(&e)
    })
}

/// The replicas that stream from this primary now.
pub(crate) async fn seen(primary: &PostgresConfig) -> Result<Vec<Seen>> {
    const SEEN: &str = "SELECT application_name, coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn), 0)::bigint \
        FROM pg_stat_replication WHERE state = 'streaming' ORDER BY 1";
    let session = open(primary).await?;
    let rows = session.client.query(SEEN, &[]).await.map_err(error);
    session.close().await;
    Ok(rows?.iter().map(|row| Seen { name: row.get(0), behind_bytes: row.get(1) }).collect())
}

/// Waits until the replica streams; whether it did in time.
pub(crate) async fn streams(process: Process, primary: &PostgresConfig, patience: Duration) -> bool {
    let begin = Instant::now();
    loop {
        let all = seen(primary).await.unwrap_or_default();
        if all.iter().any(|seen| seen.name == process.name()) {
            return true;
        }
        if begin.elapsed() > patience {
            return false;
        }
        tokio::time::sleep(limits::USABLE_PAUSE).await;
    }
}

/// Drops the slots of replicas that are not wanted: an unused slot keeps the primary's log.
pub(crate) async fn drop_slots(primary: &PostgresConfig, unwanted: &[Process]) -> Result<()> {
    let session = open(primary).await?;
    let mut done = Ok(());
    for process in unwanted {
        done = done.and(drop_slot(&session.client, *process).await);
    }
    session.close().await;
    done
}
