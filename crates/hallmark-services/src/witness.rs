//! What a server itself says of a connection and of its work: evidence that does not rest on a client's word.
//!
//! PostgreSQL, Redis and Neo4j give account of their connections, PostgreSQL and Redis of their work too. ChromaDB and the OpenAI
//! API give none. Asking changes nothing on the server.

use std::collections::BTreeMap;

use hallmark_core::Result;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{Handles, ServiceKind, postgres, redis as own_redis};

/// A connection as its server shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sighting {
    /// What the server calls it: PostgreSQL's process, Redis's client number, Neo4j's connection.
    pub server: String,
    /// What the client calls itself there: the application's name, the client's name, the user agent.
    pub client: String,
    /// What it did last: PostgreSQL's query id, Redis's command; empty if the server does not say.
    pub last: String,
}

/// Whether a service gives account of its connections.
#[must_use]
pub const fn tells_connections(kind: ServiceKind) -> bool {
    matches!(kind, ServiceKind::Postgres | ServiceKind::Redis | ServiceKind::Neo4j)
}

/// The connections of these ports, as the server sees them, by port. A port that the server does not know is left out.
///
/// # Errors
/// Those of the handle.
pub async fn sightings(
    kind: ServiceKind,
    handles: &Handles,
    ports: &[u16],
) -> Result<BTreeMap<u16, Sighting>> {
    match kind {
        ServiceKind::Postgres => postgres_sightings(handles, ports).await,
        ServiceKind::Redis => redis_sightings(handles, ports).await,
        ServiceKind::Neo4j => neo4j_sightings(handles, ports).await,
        ServiceKind::Chroma | ServiceKind::OpenAi => Ok(BTreeMap::new()),
    }
}

/// The server's own counters of its work since it started, by name: for taking the difference of two readings. Empty where it
/// keeps none.
///
/// # Errors
/// Those of the handle.
pub async fn counters(kind: ServiceKind, handles: &Handles) -> Result<BTreeMap<String, u64>> {
    match kind {
        ServiceKind::Postgres => postgres_counters(handles).await,
        ServiceKind::Redis => redis_counters(handles).await,
        _ => Ok(BTreeMap::new()),
    }
}

async fn postgres_sightings(handles: &Handles, ports: &[u16]) -> Result<BTreeMap<u16, Sighting>> {
    let client = handles.postgres.client().await?;
    let ports: Vec<i32> = ports.iter().map(|p| i32::from(*p)).collect();
    // The row as JSON: servers before 14 have no query_id.
    let sql = "SELECT client_port, pid, application_name, to_jsonb(a)->>'query_id' FROM pg_stat_activity a \
               WHERE client_port = ANY($1)";
    let rows = client.query(sql, &[&ports]).await.map_err(postgres::error)?;
    let mut found = BTreeMap::new();
    for row in rows {
        let Ok(port) = u16::try_from(row.get::<_, i32>(0)) else { continue };
        let sighting = Sighting {
            server: row.get::<_, i32>(1).to_string(),
            client: row.get::<_, Option<String>>(2).unwrap_or_default(),
            last: row.get::<_, Option<String>>(3).unwrap_or_default(),
        };
        found.insert(port, sighting);
    }
    Ok(found)
}

async fn redis_sightings(handles: &Handles, ports: &[u16]) -> Result<BTreeMap<u16, Sighting>> {
    let mut connection = handles.redis.connection().await?;
    let text: String = redis::cmd("CLIENT")
        .arg("LIST")
        .query_async(&mut connection)
        .await
        .map_err(|e| own_redis::error(&e))?;
    let mut found = BTreeMap::new();
    for line in text.lines() {
        let fields: BTreeMap<&str, &str> =
            line.split(' ').filter_map(|field| field.split_once('=')).collect();
        let of = |name: &str| fields.get(name).copied().unwrap_or_default().to_owned();
        let port = of("addr").rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        if let Some(port) = port.filter(|port| ports.contains(port)) {
            found.insert(port, Sighting { server: of("id"), client: of("name"), last: of("cmd") });
        }
    }
    Ok(found)
}

async fn neo4j_sightings(handles: &Handles, ports: &[u16]) -> Result<BTreeMap<u16, Sighting>> {
    let cypher = "CALL dbms.listConnections() YIELD connectionId, clientAddress, userAgent \
                  RETURN connectionId, clientAddress, userAgent";
    let mut found = BTreeMap::new();
    for row in handles.neo4j.query(cypher, Map::new()).await? {
        let of = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let port = of("clientAddress").rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        if let Some(port) = port.filter(|port| ports.contains(port)) {
            let sighting =
                Sighting { server: of("connectionId"), client: of("userAgent"), last: String::new() };
            found.insert(port, sighting);
        }
    }
    Ok(found)
}

async fn postgres_counters(handles: &Handles) -> Result<BTreeMap<String, u64>> {
    let client = handles.postgres.client().await?;
    let sql = "SELECT name, value::bigint FROM (SELECT sum(xact_commit) AS commits, sum(xact_rollback) AS rollbacks, \
               sum(tup_returned) AS rows_read, sum(tup_inserted) AS rows_inserted, sum(tup_updated) AS rows_updated, \
               sum(tup_deleted) AS rows_deleted FROM pg_stat_database) s, \
               LATERAL (VALUES ('commits', commits), ('rollbacks', rollbacks), ('rows_read', rows_read), \
               ('rows_inserted', rows_inserted), ('rows_updated', rows_updated), ('rows_deleted', rows_deleted)) \
               AS v(name, value)";
    let rows = client.query(sql, &[]).await.map_err(postgres::error)?;
    let of = |row: &tokio_postgres::Row| {
        let value = row.get::<_, Option<i64>>(1).unwrap_or_default();
        (row.get::<_, String>(0), u64::try_from(value).unwrap_or_default())
    };
    Ok(rows.iter().map(of).collect())
}

async fn redis_counters(handles: &Handles) -> Result<BTreeMap<String, u64>> {
    let mut connection = handles.redis.connection().await?;
    let text: String = redis::cmd("INFO")
        .arg("commandstats")
        .query_async(&mut connection)
        .await
        .map_err(|e| own_redis::error(&e))?;
    let of = |line: &str| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(':')?;
        let calls = rest.strip_prefix("calls=")?.split(',').next()?.parse().ok()?;
        Some((name.to_ascii_lowercase(), calls))
    };
    Ok(text.lines().filter_map(of).collect())
}
