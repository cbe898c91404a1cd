//! Seed files of PostgreSQL: SQL, and CSV for a table that is there.

use bytes::Bytes;
use futures_util::SinkExt as _;
use hallmark_core::Result;
use tokio_postgres::Client;

use super::backup::{open, quote};
use super::script::transaction_control;
use super::{PostgresConfig, error};
use crate::stack::seed::Source;

/// Bytes that are sent at a time.
const CHUNK: usize = 64 * 1024;

const NOTES: &str = "CREATE SCHEMA IF NOT EXISTS hallmark_seed; CREATE TABLE IF NOT EXISTS hallmark_seed.loaded \
    (file text PRIMARY KEY, sha256 text NOT NULL, at timestamptz NOT NULL DEFAULT now())";

/// Loads the file and notes it in the same transaction; answers the rows of a CSV file or 1, none if it was there.
pub(crate) async fn load(config: &PostgresConfig, source: &Source) -> Result<Option<u64>> {
    let client = open(config, &config.database).await?;
    client.batch_execute("RESET search_path; BEGIN").await.map_err(error)?;
    let loaded = inside(&client, source).await;
    let end = if matches!(loaded, Ok(Some(_))) { "COMMIT" } else { "ROLLBACK" };
    let ended = client.batch_execute(end).await.map_err(error);
    let loaded = loaded?;
    ended?;
    Ok(loaded)
}

async fn inside(client: &Client, source: &Source) -> Result<Option<u64>> {
    client.batch_execute(NOTES).await.map_err(error)?;
    client.batch_execute("LOCK TABLE hallmark_seed.loaded IN EXCLUSIVE MODE").await.map_err(error)?;
    let noted = "SELECT sha256 FROM hallmark_seed.loaded WHERE file = $1";
    let noted = client.query_opt(noted, &[&source.file]).await.map_err(error)?;
    if source.is_there(noted.map(|row| row.get::<_, String>(0)).as_deref())? {
        return Ok(None);
    }
    let count = if source.file.ends_with(".csv") {
        copy(client, source).await?
    } else {
        if let Some((line, word)) = transaction_control(&source.text) {
            let why =
                format!("{word} begins or ends a transaction, and the file is loaded in one with its note");
            return Err(source.wrong(line, &why));
        }
        client.batch_execute(&source.text).await.map_err(error)?;
        1
    };
    let note = "INSERT INTO hallmark_seed.loaded (file, sha256) VALUES ($1, $2) \
        ON CONFLICT (file) DO UPDATE SET sha256 = excluded.sha256, at = now()";
    client.execute(note, &[&source.file, &source.digest]).await.map_err(error)?;
    Ok(Some(count))
}

async fn copy(client: &Client, source: &Source) -> Result<u64> {
    let header = source.text.trim_start_matches('\u{feff}').lines().next().unwrap_or_default();
    let columns: Vec<String> = header.split(',').map(|name| quote(name.trim().trim_matches('"'))).collect();
    if header.trim().is_empty() {
        return Err(source.wrong(1, "the first line must name the columns"));
    }
    let statement = format!(
        "COPY {} ({}) FROM STDIN WITH (FORMAT csv, HEADER true)",
        quote(&source.stem),
        columns.join(", ")
    );
    let sink = client.copy_in(&statement).await.map_err(error)?;
    let mut sink = std::pin::pin!(sink);
    for chunk in source.text.trim_start_matches('\u{feff}').as_bytes().chunks(CHUNK) {
        sink.send(Bytes::copy_from_slice(chunk)).await.map_err(error)?;
    }
    sink.finish().await.map_err(error)
}
