//! The light check of ChromaDB: its heartbeat.

use hallmark_core::Result;

use super::ChromaConfig;
use super::health::{client, heartbeat};
use crate::monitor::pulse;

/// A client that keeps its connection.
pub(crate) struct Line {
    http: reqwest::Client,
    config: ChromaConfig,
}

impl pulse::Line for Line {
    type Config = ChromaConfig;

    async fn open(config: &ChromaConfig) -> Result<Self> {
        Ok(Self { http: client()?, config: config.clone() })
    }

    /// Over HTTP a new connection is as good as the old one once it is taken.
    async fn again(&mut self, config: &ChromaConfig) -> Result<()> {
        pulse::accepts(vec![(config.host.clone(), config.port)]).await
    }

    async fn ask(&mut self) -> Result<Option<i64>> {
        let nanoseconds = heartbeat(&self.http, &self.config).await?;
        Ok(i64::try_from(nanoseconds / 1_000_000).ok())
    }
}
