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

    async fn ask(&mut self) -> Result<Option<i64>> {
        self.0.ping().await.map_err(|e| error(&e))?;
        // A user who may not ask for the time is none the worse for it.
        let time: Option<(i64, i64)> = redis::cmd("TIME").query_async(&mut self.0).await.ok();
        Ok(time.map(|(seconds, micros)| seconds * 1_000 + micros / 1_000))
    }
}
