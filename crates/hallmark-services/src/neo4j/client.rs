//! The handle on Neo4j.

use std::sync::Arc;
use std::time::Duration;

use hallmark_core::{Error, Result};
use neo4rs::{BoltType, ConfigBuilder, Graph, Neo4jClientErrorKind, Neo4jErrorKind, Query};
use serde_json::{Map, Value};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Neo4jConfig, convert};
use crate::limits::exhausted;
use crate::{ServiceKind, codes, http, limits, url};

/// A pool of Bolt connections to one database. Cheap to clone; clones share the pool.
#[derive(Clone)]
pub struct Neo4j {
    inner: Option<Arc<Inner>>,
    config: Option<Arc<Neo4jConfig>>,
}

struct Inner {
    graph: Graph,
    /// One permit for each connection of the driver's pool, which itself would let callers wait for ever.
    free: Arc<Semaphore>,
    size: usize,
    wait: Duration,
}

impl Inner {
    /// The right to use a connection.
    async fn permit(&self) -> Result<OwnedSemaphorePermit> {
        let free = Arc::clone(&self.free).acquire_owned();
        match tokio::time::timeout(self.wait, free).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(exhausted(ServiceKind::Neo4j, self.size, self.wait)),
        }
    }
}

/// A transaction that has a connection of the pool until it is dropped.
pub(super) struct Open {
    pub(super) txn: neo4rs::Txn,
    _permit: OwnedSemaphorePermit,
}

impl std::fmt::Debug for Neo4j {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Neo4j").field("configured", &self.inner.is_some()).finish_non_exhaustive()
    }
}

impl Neo4j {
    /// A handle on this server. Nothing is contacted yet.
    ///
    /// # Errors
    /// `HM-S002` if the driver does not take the address.
    pub fn new(config: &Neo4jConfig) -> Result<Self> {
        http::install_tls_provider();
        let mut builder = ConfigBuilder::default()
            .uri(&config.url)
            .user(&config.user)
            .password(config.password.expose())
            .max_connections(config.pool_size)
            .connection_timeout(limits::CYPHER_TIMEOUT);
        if let Some(database) = &config.database {
            builder = builder.db(database.as_str());
        }
        let graph = builder
            .build()
            .and_then(Graph::connect)
            .map_err(|e| url::invalid(ServiceKind::Neo4j, "the driver does not take it").because(&e))?;
        let free = Arc::new(Semaphore::new(config.pool_size));
        let inner = Inner { graph, free, size: config.pool_size, wait: config.pool_wait };
        Ok(Self { inner: Some(Arc::new(inner)), config: Some(Arc::new(config.clone())) })
    }

    pub(crate) fn unconfigured() -> Self {
        Self { inner: None, config: None }
    }

    pub(super) fn config(&self) -> Option<&Neo4jConfig> {
        self.config.as_deref()
    }

    /// Runs one query, reading or writing, in a transaction of its own, and returns its rows.
    ///
    /// A node becomes `{id, labels, properties}`, a relationship `{id, type, start, end, properties}`, a path
    /// `{nodes, relationships}`; dates and times become their ISO 8601 text. What the server calls transient (a
    /// deadlock, say) the driver repeats, since then nothing was done; all else fails at once.
    ///
    /// # Errors
    /// `HM-S001` without an address; `HM-S007` if no connection becomes free within [`Neo4jConfig::pool_wait`]; `HM-S003`,
    /// `HM-S004`, `HM-S005`, `HM-S022` if the server cannot be used; `HM-S014` if it refuses the query; `HM-S023` if a parameter cannot be sent; `HM-S009` beyond [`limits::CYPHER_ROWS`].
    pub async fn query(&self, cypher: &str, params: Map<String, Value>) -> Result<Vec<Map<String, Value>>> {
        self.query_within(cypher, params, limits::CYPHER_TIMEOUT).await
    }

    /// The same with another limit of time, for work on a whole graph.
    pub(crate) async fn query_within(
        &self,
        cypher: &str,
        params: Map<String, Value>,
        limit: std::time::Duration,
    ) -> Result<Vec<Map<String, Value>>> {
        let inner = self.inner()?;
        let mut query = Query::new(cypher.to_owned());
        for (name, value) in &params {
            let converted = convert::to_bolt(value).map_err(|e| e.at(format!("${name}")))?;
            query = query.param(name, converted);
        }
        let _permit = inner.permit().await?;
        // Boxed: the driver's futures are large, and whoever awaits a query would be as large.
        let work = Box::pin(rows(&inner.graph, query));
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
            Err(Error::new(
                &codes::TIMED_OUT,
                format!("Neo4j did not answer the query within {} s", limit.as_secs()),
            ))
        })
    }
}

impl Neo4j {
    /// A transaction of its own connection, for work that needs two at a time.
    pub(super) async fn begin(&self) -> Result<Open> {
        let inner = self.inner()?;
        let permit = inner.permit().await?;
        let txn = Box::pin(inner.graph.start_txn()).await.map_err(|e| error(&e))?;
        Ok(Open { txn, _permit: permit })
    }

    fn inner(&self) -> Result<&Inner> {
        self.inner.as_deref().ok_or_else(|| url::not_configured(ServiceKind::Neo4j))
    }
}

async fn rows(graph: &Graph, query: Query) -> Result<Vec<Map<String, Value>>> {
    let mut stream = graph.execute(query).await.map_err(|e| error(&e))?;
    let mut rows = Vec::new();
    while let Some(row) = stream.next().await.map_err(|e| error(&e))? {
        if rows.len() == limits::CYPHER_ROWS {
            return Err(Error::new(
                &codes::ANSWER_TOO_LARGE,
                format!("the query returns more than {} rows", limits::CYPHER_ROWS),
            )
            .next("add a LIMIT to the query"));
        }
        let mut members = Map::new();
        for key in row.keys() {
            let value: BoltType = row.get(&key.value).map_err(|e| {
                Error::new(&codes::ANSWER_INVALID, format!("the column {} was not understood", key.value))
                    .because(&e)
            })?;
            members.insert(key.value.clone(), convert::to_json(&value));
        }
        rows.push(members);
    }
    Ok(rows)
}

/// Whether a refusal says only that the user is locked out for some seconds: who comes then is refused whatever the password. The driver
/// gives the server's code or its sentence alone, as the moment has it.
pub(crate) fn is_locked_out(error: &Error) -> bool {
    let marks = ["AuthenticationRateLimit", "incorrect authentication details too many times"];
    error.causes().iter().any(|cause| marks.iter().any(|mark| cause.contains(mark)))
}

/// The coded form of the driver's error.
#[must_use]
pub fn error(error: &neo4rs::Error) -> Error {
    use neo4rs::Error as Driver;
    use std::io::ErrorKind;

    let (code, sentence) = match error {
        Driver::Neo4j(server) => {
            let code = match server.kind() {
                Neo4jErrorKind::Client(Neo4jClientErrorKind::Security(_)) => &codes::AUTHENTICATION,
                _ if server.code().contains("DatabaseUnavailable") => &codes::STARTING,
                _ => &codes::CYPHER,
            };
            return Error::new(code, server.message().to_owned()).because_text(server.code());
        }
        Driver::AuthenticationError(_) => (&codes::AUTHENTICATION, "Neo4j refused the credentials"),
        Driver::ProtocolMismatch(_) | Driver::UnsupportedVersion(..) => {
            (&codes::WRONG_SERVER, "the answer is not Bolt as spoken here")
        }
        Driver::ConnectionTimedOut => (&codes::TIMED_OUT, "Neo4j did not answer in time"),
        Driver::IOError { detail } if detail.kind() == ErrorKind::ConnectionRefused => {
            (&codes::UNREACHABLE, "Neo4j does not accept connections")
        }
        Driver::ConnectionError => (&codes::UNREACHABLE, "Neo4j cannot be reached"),
        Driver::DeserializationError(_) | Driver::UnknownType(_) | Driver::UnknownMessage(_) => {
            (&codes::ANSWER_INVALID, "the answer was not understood")
        }
        _ => (&codes::CONNECTION_LOST, "the work with Neo4j broke off"),
    };
    Error::new(code, sentence).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_out_is_no_wrong_password() {
        let said = "The client has provided incorrect authentication details too many times in a row.";
        assert!(is_locked_out(&error(&neo4rs::Error::AuthenticationError(said.to_owned()))));
        let said = "The client is unauthorized due to authentication failure.";
        assert!(!is_locked_out(&error(&neo4rs::Error::AuthenticationError(said.to_owned()))));
    }
}
