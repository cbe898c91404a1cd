//! Whether PostgreSQL is usable.

use std::time::Instant;

use hallmark_core::{Error, Result, Secret, clock};
use tokio_postgres::{Client, NoTls};
use tokio_util::task::AbortOnDropHandle;

use super::{PostgresConfig, error, tls};
use crate::recorder::{
    Recorder, Sample, Seen, Stopped, canary_lost, first_bytes, judge_wrong_password, nonce, tcp, wrong_server,
};
use crate::{ServiceKind, codes, limits};

/// The oldest version that Hallmark is tested on, as `server_version_num` counts.
const OLDEST: i32 = 150_000;

/// `SSLRequest`, which every PostgreSQL answers with one byte before it knows who asks.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

const IDENTITY: &str = "SELECT current_setting('server_version_num')::int4, current_setting('server_version'), \
    pg_is_in_recovery(), (extract(epoch FROM pg_postmaster_start_time()) * 1000)::int8, pg_backend_pid(), \
    current_setting('transaction_read_only') = 'on'";

/// A connection of its own; a probe does not borrow from the pool, which may be exhausted.
pub(super) struct Session {
    pub(super) client: Client,
    driver: AbortOnDropHandle<()>,
}

impl Session {
    /// Says goodbye, so that the log of the server need not tell of a client that vanished.
    pub(super) async fn close(self) {
        drop(self.client);
        let _ = tokio::time::timeout(limits::CONNECT_TIMEOUT, self.driver).await;
    }
}

struct Identity {
    version_number: i32,
    version: String,
    standby: bool,
    started_ms: i64,
    backend: i32,
    read_only: bool,
}

pub(crate) async fn probe(config: &PostgresConfig, recorder: &mut Recorder) -> Result<(), Stopped> {
    recorder.step("tcp", tcp(&config.host, config.port)).await?;
    recorder.step("handshake", handshake(config)).await?;
    let session = recorder
        .step("authentication", async {
            let session = open(config).await?;
            Ok((session, format!("{} may use the database {}", config.user, config.database)))
        })
        .await?;
    if recorder.verifies_authentication() {
        recorder.lesser_step("refuses_wrong_password", wrong_password(config)).await;
    }
    let found = recorder.step("identity", identity(&session)).await?;
    recorder.identify(started(found.started_ms), found.version);
    recorder.step("canary", canary(config, &session, found.backend)).await?;
    recorder.stable(|| sample(config)).await
}

async fn handshake(config: &PostgresConfig) -> Seen<()> {
    let answer = first_bytes(&config.host, config.port, &SSL_REQUEST, 1).await?;
    match answer.as_slice() {
        b"S" => Ok(((), "speaks PostgreSQL's protocol and offers TLS".to_owned())),
        b"N" if config.require_tls => {
            Err(Error::new(&codes::TLS_FAILED, "the address asks for TLS, and the server offers none"))
        }
        b"N" => Ok(((), "speaks PostgreSQL's protocol, without TLS".to_owned())),
        other => Err(wrong_server(ServiceKind::Postgres, other)),
    }
}

pub(super) async fn open(config: &PostgresConfig) -> Result<Session> {
    if config.require_tls {
        let (client, connection) = config.driver().connect(tls::connector(config)?).await.map_err(error)?;
        return Ok(session(client, connection));
    }
    let (client, connection) = config.driver().connect(NoTls).await.map_err(error)?;
    Ok(session(client, connection))
}

/// Drives a connection; its failure reaches whoever waits on the client.
fn session<F>(client: Client, connection: F) -> Session
where
    F: Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static,
{
    let driver = tokio::spawn(async move {
        let _ = connection.await;
    });
    Session { client, driver: AbortOnDropHandle::new(driver) }
}

async fn wrong_password(config: &PostgresConfig) -> Seen<()> {
    let wrong = PostgresConfig { password: Secret::new(nonce()?), ..config.clone() };
    judge_wrong_password(ServiceKind::Postgres, open(&wrong).await.map(drop))
}

async fn identity(session: &Session) -> Seen<Identity> {
    let found = read_identity(session).await?;
    if found.version_number < OLDEST {
        return Err(Error::new(&codes::VERSION, format!("PostgreSQL {} is older than 15", found.version)));
    }
    if found.standby || found.read_only {
        return Err(Error::new(
            &codes::VERSION,
            "the server is a standby or read-only: nothing can be written",
        ));
    }
    let detail = format!("PostgreSQL {}, started {}", found.version, started(found.started_ms));
    Ok((found, detail))
}

async fn read_identity(session: &Session) -> Result<Identity> {
    let row = session.client.query_one(IDENTITY, &[]).await.map_err(error)?;
    Ok(Identity {
        version_number: row.try_get(0).map_err(error)?,
        version: row.try_get(1).map_err(error)?,
        standby: row.try_get(2).map_err(error)?,
        started_ms: row.try_get(3).map_err(error)?,
        backend: row.try_get(4).map_err(error)?,
        read_only: row.try_get(5).map_err(error)?,
    })
}

fn started(started_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(started_ms).map_or_else(|_| clock::now(), |t| t.to_string())
}

/// Writes on one connection and reads on another, in a schema of this probe's own.
async fn canary(config: &PostgresConfig, writer: &Session, backend: i32) -> Seen<()> {
    let reader = open(config).await?;
    if read_identity(&reader).await?.backend == backend {
        return Err(canary_lost(
            "two connections are served by one backend process: no PostgreSQL works like this",
        ));
    }
    sweep(writer).await?;
    // The name is made of digits and lower-case letters only, so it needs no quoting; a name cannot be a parameter.
    let schema = format!("hallmark_canary_{}_{}", seconds(), nonce()?);
    let token = nonce()?;
    let outcome = round_trip(writer, &reader, &schema, &token).await.map_err(|e| {
        e.next(format!(
            "GRANT CREATE ON DATABASE {} TO {}, if that is what is missing",
            config.database, config.user
        ))
    });
    let removed =
        writer.client.batch_execute(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE")).await.map_err(error);
    outcome?;
    removed?;
    Ok(((), "a row written on one connection was read on another, and removed".to_owned()))
}

async fn round_trip(writer: &Session, reader: &Session, schema: &str, token: &str) -> Result<()> {
    let create = format!("CREATE SCHEMA {schema}; CREATE TABLE {schema}.canary (token text PRIMARY KEY)");
    writer.client.batch_execute(&create).await.map_err(error)?;
    let insert = format!("INSERT INTO {schema}.canary VALUES ($1)");
    writer.client.execute(&insert, &[&token]).await.map_err(error)?;
    let select = format!("SELECT token FROM {schema}.canary");
    let rows = reader.client.query(&select, &[]).await.map_err(error)?;
    match rows.as_slice() {
        [row] if row.try_get::<_, &str>(0).map_err(error)? == token => Ok(()),
        rows => Err(canary_lost(format!("a row was written, and {} other rows were read", rows.len()))),
    }
}

/// Removes what probes left that were killed. Only names that this function's own kind makes are touched.
pub(super) async fn sweep(session: &Session) -> Result<()> {
    let find = r"SELECT nspname::text FROM pg_namespace WHERE nspname ~ '^hallmark_canary_[0-9]+_[a-z0-9]{12}$'
        AND split_part(nspname, '_', 3)::int8 < $1";
    let horizon = seconds() - i64::try_from(limits::CANARY_TTL_S).unwrap_or(i64::MAX);
    for row in session.client.query(find, &[&horizon]).await.map_err(error)? {
        let schema: String = row.try_get(0).map_err(error)?;
        session
            .client
            .batch_execute(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE"))
            .await
            .map_err(error)?;
    }
    Ok(())
}

pub(super) fn seconds() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// A new connection each time: the temporary server of a first start answers on no port, and goes away.
async fn sample(config: &PostgresConfig) -> Result<Sample> {
    let session = open(config).await?;
    let identity = started(read_identity(&session).await?.started_ms);
    let start = Instant::now();
    session.client.query_one("SELECT 1", &[]).await.map_err(error)?;
    Ok(Sample { identity, round_trip: start.elapsed() })
}
