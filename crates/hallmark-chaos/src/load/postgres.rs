//! Records as rows: both parts and the register in one transaction.

use std::collections::BTreeMap;
use std::time::Duration;

use hallmark_core::Result;
use hallmark_services::{Handles, postgres::error};

use super::records::{HELD, Store};
use crate::ledger::{PARTS, Stored};

const TABLES: &str = "\
CREATE TABLE IF NOT EXISTS chaos_record (number bigint, part smallint, content text NOT NULL, PRIMARY KEY (number, part));
CREATE TABLE IF NOT EXISTS chaos_register (only_row boolean PRIMARY KEY, number bigint NOT NULL)";

const INSERT: &str = "INSERT INTO chaos_record (number, part, content) VALUES ($1, $2, $3)";

const REGISTER: &str =
    "INSERT INTO chaos_register VALUES (true, $1) ON CONFLICT (only_row) DO UPDATE SET number = $1";

/// Two tables.
pub(super) struct Table;

impl Store for Table {
    const WHOLE: bool = true;
    const PAUSES: (Duration, Duration) = (Duration::from_millis(60), Duration::from_millis(100));

    async fn prepare(&self, handles: &Handles) -> Result<()> {
        handles.postgres.client().await?.batch_execute(TABLES).await.map_err(error)
    }

    async fn write(&self, handles: &Handles, number: u64, parts: [String; PARTS as usize]) -> Result<()> {
        let mut client = handles.postgres.client().await?;
        let transaction = client.transaction().await.map_err(error)?;
        let row = signed(number);
        for (part, content) in (0_i16..).zip(&parts) {
            transaction.execute(INSERT, &[&row, &part, content]).await.map_err(error)?;
            if part == 0 {
                tokio::time::sleep(HELD).await;
            }
        }
        transaction.execute(REGISTER, &[&row]).await.map_err(error)?;
        transaction.commit().await.map_err(error)
    }

    async fn record(&self, handles: &Handles, number: u64) -> Result<BTreeMap<u8, String>> {
        let client = handles.postgres.client().await?;
        let question = "SELECT part, content FROM chaos_record WHERE number = $1";
        let rows = client.query(question, &[&signed(number)]).await.map_err(error)?;
        Ok(rows.iter().map(|row| (part(row.get(0)), row.get(1))).collect())
    }

    async fn register(&self, handles: &Handles) -> Result<Option<u64>> {
        let client = handles.postgres.client().await?;
        let row = client.query_opt("SELECT number FROM chaos_register", &[]).await.map_err(error)?;
        Ok(row.map(|row| row.get::<_, i64>(0).unsigned_abs()))
    }

    async fn all(&self, handles: &Handles, _begun: u64) -> Result<Stored> {
        let client = handles.postgres.client().await?;
        let rows =
            client.query("SELECT number, part, content FROM chaos_record", &[]).await.map_err(error)?;
        let mut stored = Stored::new();
        for row in rows {
            let number = row.get::<_, i64>(0).unsigned_abs();
            stored.entry(number).or_default().insert(part(row.get(1)), row.get(2));
        }
        Ok(stored)
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn part(stored: i16) -> u8 {
    u8::try_from(stored).unwrap_or(u8::MAX)
}
