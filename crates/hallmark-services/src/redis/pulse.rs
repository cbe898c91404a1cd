//! The light check of Redis: `PING`, which Redis itself refuses while it loads, or cannot write to its disk.

use hallmark_core::Result;
use redis::AsyncTypedCommands as _;
use redis::aio::MultiplexedConnection;

use super::health::open;
use super::{RedisConfig, error};
use crate::monitor::pulse;

/// One connection.
pub(crate) struct Line(MultiplexedConnection);

impl pulse::Line for Line {
    type Config = RedisConfig;

    async fn open(config: &RedisConfig) -> Result<Self> {
        Ok(Self(open(config).await?))
    }

    async fn ask(&mut self) -> Result<()> {
        self.0.ping().await.map(drop).map_err(|e| error(&e))
    }
}
