//! The handle on PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{
    Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime, TimeoutType,
};
use hallmark_core::{Error, Result};
use tokio_postgres::NoTls;

use super::driven::Driven;
use super::{PostgresConfig, error, tls};
use crate::limits::exhausted;
use crate::{ServiceKind, codes, limits, url};

/// A bounded pool of connections to one database. Cheap to clone; clones share the pool.
#[derive(Clone)]
pub struct Postgres {
    pool: Pool,
    /// How long a caller waits for a free connection.
    wait: Duration,
    /// `host:port`.
    place: Arc<str>,
    config: Option<Arc<PostgresConfig>>,
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Postgres").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Postgres {
    /// A pool on this database. Nothing is contacted yet.
    ///
    /// # Errors
    /// `HM-S031` if the address asks for TLS and the authorities to trust cannot be read.
    pub fn new(config: &PostgresConfig) -> Result<Self> {
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = if config.require_tls {
            Manager::from_config(config.driver(), tls::connector(config)?, recycling)
        } else {
            Manager::from_config(config.driver(), NoTls, recycling)
        };
        let pool = pool(manager, config.pool_size, config.pool_wait)?;
        let place = crate::url::authority(&config.host, config.port).into();
        Ok(Self { pool, wait: config.pool_wait, place, config: Some(Arc::new(config.clone())) })
    }

    pub(crate) fn unconfigured() -> Result<Self> {
        let manager = Manager::new(tokio_postgres::Config::new(), NoTls);
        let wait = limits::POOL_WAIT;
        Ok(Self { pool: pool(manager, 1, wait)?, wait, place: "".into(), config: None })
    }

    /// The pool itself; its own errors are not coded, so prefer [`Postgres::client`].
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Where the server is, `host:port`; empty without an address.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    pub(crate) fn config(&self) -> Option<&PostgresConfig> {
        self.config.as_deref()
    }

    /// A connection of the pool, which goes back when it is dropped.
    ///
    /// # Errors
    /// `HM-S001` without an address; `HM-S007` if none becomes free within [`PostgresConfig::pool_wait`]; `HM-S003`,
    /// `HM-S004`, `HM-S005`, `HM-S029` if no connection can be made.
    pub async fn client(&self) -> Result<Object> {
        if self.config.is_none() {
            return Err(url::not_configured(ServiceKind::Postgres));
        }
        self.pool.get().await.map_err(|e| self.pool_error(e))
    }

    pub(super) fn shared_config(&self) -> Option<Arc<PostgresConfig>> {
        self.config.clone()
    }

    /// A connection beside the pool, for those who share one and drive it.
    ///
    /// # Errors
    /// As [`Postgres::client`], without `HM-S007`.
    pub(super) async fn connect(&self) -> Result<Driven> {
        let Some(config) = self.config() else { return Err(url::not_configured(ServiceKind::Postgres)) };
        let driver = config.driver();
        let connected = async {
            if config.require_tls {
                let (client, connection) = driver.connect(tls::connector(config)?).await.map_err(error)?;
                Ok(Driven::new(client, connection))
            } else {
                let (client, connection) = driver.connect(NoTls).await.map_err(error)?;
                Ok(Driven::new(client, connection))
            }
        };
        tokio::time::timeout(limits::CONNECT_TIMEOUT, connected).await.unwrap_or_else(|_| Err(late()))
    }

    fn pool_error(&self, failure: PoolError) -> Error {
        match failure {
            PoolError::Timeout(TimeoutType::Wait) => {
                exhausted(ServiceKind::Postgres, self.pool.status().max_size, self.wait)
            }
            PoolError::Timeout(_) => late(),
            PoolError::Backend(e) => error(e),
            other => Error::new(&codes::CONNECTION_LOST, "the pool gave no connection").because(&other),
        }
    }
}

fn late() -> Error {
    Error::new(&codes::TIMED_OUT, "PostgreSQL did not accept the connection in time")
}

fn pool(manager: Manager, size: usize, wait: Duration) -> Result<Pool> {
    Pool::builder(manager)
        .max_size(size)
        .wait_timeout(Some(wait))
        .create_timeout(Some(limits::CONNECT_TIMEOUT))
        .recycle_timeout(Some(limits::CONNECT_TIMEOUT))
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|e| {
            Error::new(&hallmark_core::codes::INTERNAL, "no connection pool could be made").because(&e)
        })
}
