//! The handle on Redis.

use std::sync::Arc;

use hallmark_core::{Error, Result};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{ErrorKind, IntoConnectionInfo as _, RedisError, ServerErrorKind};
use tokio::sync::OnceCell;

use super::RedisConfig;
use crate::{ServiceKind, codes, limits, url};

/// A multiplexed connection to one database, made on first use. Cheap to clone; clones share the connection.
#[derive(Clone)]
pub struct Redis {
    inner: Option<Arc<Inner>>,
}

struct Inner {
    client: redis::Client,
    manager: OnceCell<ConnectionManager>,
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis").field("configured", &self.inner.is_some()).finish_non_exhaustive()
    }
}

impl Redis {
    /// A handle on this database. Nothing is contacted yet.
    ///
    /// # Errors
    /// `HM-S002` if the driver does not take the address.
    pub fn new(config: &RedisConfig) -> Result<Self> {
        Ok(Self { inner: Some(Arc::new(Inner { client: driver(config)?, manager: OnceCell::new() })) })
    }

    pub(crate) fn unconfigured() -> Self {
        Self { inner: None }
    }

    /// The number of the database that the address names.
    pub(crate) fn database(&self) -> i64 {
        self.inner.as_ref().map_or(0, |inner| inner.client.get_connection_info().redis_settings().db())
    }

    /// The connection. A command on it fails after [`limits::REDIS_RESPONSE`]; if the connection broke, it is made anew
    /// for the next command (at most [`limits::REDIS_RECONNECTS`] attempts), and the command that met it fails.
    ///
    /// # Errors
    /// `HM-S001` without an address; `HM-S003`, `HM-S004`, `HM-S005` if no connection can be made.
    pub async fn connection(&self) -> Result<ConnectionManager> {
        let inner = self.inner.as_ref().ok_or_else(|| url::not_configured(ServiceKind::Redis))?;
        let made = inner.manager.get_or_try_init(|| async {
            let settings = ConnectionManagerConfig::new()
                .set_connection_timeout(Some(limits::CONNECT_TIMEOUT))
                .set_response_timeout(Some(limits::REDIS_RESPONSE))
                .set_number_of_retries(limits::REDIS_RECONNECTS);
            ConnectionManager::new_with_config(inner.client.clone(), settings).await
        });
        made.await.cloned().map_err(|e| error(&e))
    }
}

pub(super) fn driver(config: &RedisConfig) -> Result<redis::Client> {
    config
        .url()
        .expose()
        .into_connection_info()
        .and_then(redis::Client::open)
        .map_err(|_| url::invalid(ServiceKind::Redis, "the driver does not take it"))
}

/// The coded form of the driver's error.
#[must_use]
pub fn error(error: &RedisError) -> Error {
    let refused = matches!(error.code(), Some("WRONGPASS" | "NOAUTH"));
    let (code, sentence) = match error.kind() {
        ErrorKind::AuthenticationFailed => (&codes::AUTHENTICATION, "Redis refused the credentials"),
        _ if refused => (&codes::AUTHENTICATION, "Redis refused the credentials"),
        ErrorKind::Server(ServerErrorKind::BusyLoading) => {
            (&codes::STARTING, "Redis is still loading its data")
        }
        ErrorKind::Parse | ErrorKind::RESP3NotSupported => {
            (&codes::WRONG_SERVER, "the answer is not Redis's protocol")
        }
        _ if error.is_timeout() => (&codes::TIMED_OUT, "Redis did not answer in time"),
        _ if error.is_connection_refusal() => (&codes::UNREACHABLE, "Redis does not accept connections"),
        ErrorKind::Io => (&codes::CONNECTION_LOST, "the connection to Redis broke"),
        ErrorKind::UnexpectedReturnType => {
            (&codes::ANSWER_INVALID, "Redis's answer has another type than expected")
        }
        _ => (&codes::REDIS_COMMAND, "Redis refused the command"),
    };
    Error::new(code, sentence).because(error)
}
