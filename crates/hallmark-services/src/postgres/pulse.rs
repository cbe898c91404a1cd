//! The light check of PostgreSQL: one row, which also tells whether the server may still be written to.

use hallmark_core::{Error, Result};
use tokio_postgres::SimpleQueryMessage;

use super::health::{Session, open};
use super::{PostgresConfig, error};
use crate::codes;
use crate::monitor::pulse;

/// Whether it is a standby, and its clock in milliseconds since 1970.
const QUESTION: &str = "SELECT pg_is_in_recovery(), (extract(epoch FROM clock_timestamp()) * 1000)::bigint";

/// One connection.
pub(crate) struct Line(Session);

impl pulse::Line for Line {
    type Config = PostgresConfig;

    async fn open(config: &PostgresConfig) -> Result<Self> {
        Ok(Self(open(config).await?))
    }

    async fn again(&mut self, config: &PostgresConfig) -> Result<()> {
        let mut fresh = <Self as pulse::Line>::open(config).await?;
        fresh.ask().await?;
        std::mem::replace(self, fresh).0.close().await;
        Ok(())
    }

    async fn ask(&mut self) -> Result<Option<i64>> {
        let answer = self.0.client.simple_query(QUESTION).await.map_err(error)?;
        let row = answer.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        match row.and_then(|row| row.get(0)) {
            Some("f") => Ok(row.and_then(|row| row.get(1)?.parse().ok())),
            Some("t") => Err(Error::new(&codes::VERSION, "the server is a standby: nothing can be written")),
            _ => Err(Error::new(&codes::ANSWER_INVALID, "PostgreSQL did not say whether it is a standby")),
        }
    }
}
