//! Rows whose commit was acknowledged before the server ended.

use std::collections::BTreeSet;

use hallmark_core::Result;

use super::{Postgres, error};

const SCHEMA: &str = "hallmark_survival";

pub(crate) async fn begin(postgres: &Postgres) -> Result<()> {
    end(postgres).await?;
    let sql = format!(
        "CREATE SCHEMA {SCHEMA}; CREATE TABLE {SCHEMA}.canary (n int8 PRIMARY KEY, word text NOT NULL)"
    );
    postgres.client().await?.batch_execute(&sql).await.map_err(error)
}

pub(crate) async fn write(postgres: &Postgres, word: &str, number: u64) -> Result<()> {
    let sql = format!("INSERT INTO {SCHEMA}.canary VALUES ($1, $2)");
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    postgres.client().await?.execute(&sql, &[&number, &word]).await.map_err(error).map(drop)
}

pub(crate) async fn kept(postgres: &Postgres, word: &str) -> Result<BTreeSet<u64>> {
    let sql = format!("SELECT n FROM {SCHEMA}.canary WHERE word = $1");
    let rows = postgres.client().await?.query(&sql, &[&word]).await.map_err(error)?;
    Ok(rows.iter().filter_map(|row| u64::try_from(row.get::<_, i64>(0)).ok()).collect())
}

pub(crate) async fn end(postgres: &Postgres) -> Result<()> {
    let sql = format!("DROP SCHEMA IF EXISTS {SCHEMA} CASCADE");
    postgres.client().await?.batch_execute(&sql).await.map_err(error)
}
