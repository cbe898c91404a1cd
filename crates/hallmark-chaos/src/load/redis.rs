//! Records as keys: both parts and the register between `MULTI` and `EXEC`.

use std::collections::BTreeMap;
use std::time::Duration;

use hallmark_core::{Error, Result};
use hallmark_services::{Handles, codes, redis::error};
use redis::{AsyncCommands as _, cmd};

use super::records::{HELD, Store};
use crate::ledger::{PARTS, Stored};

const REGISTER: &str = "chaos:register";

/// Keys that one `MGET` asks for.
const BATCH: u64 = 1_000;

/// Keys with a prefix.
pub(super) struct Keys;

fn key(number: u64, part: u8) -> String {
    format!("chaos:{number}:{part}")
}

impl Store for Keys {
    const WHOLE: bool = true;
    const PAUSES: (Duration, Duration) = (Duration::from_millis(40), Duration::from_millis(60));

    async fn prepare(&self, handles: &Handles) -> Result<()> {
        handles.redis.connection().await.map(drop)
    }

    async fn write(&self, handles: &Handles, number: u64, parts: [String; PARTS as usize]) -> Result<()> {
        // The writer's connection is its own: between MULTI and EXEC nobody else speaks on it.
        let mut connection = handles.redis.connection().await?;
        // A turn that was given up half way left its MULTI open, if the connection outlived it.
        let begun: Result<String, _> = cmd("MULTI").query_async(&mut connection).await;
        if begun.as_ref().is_err_and(|e| e.to_string().contains("nested")) {
            let _: String = cmd("DISCARD").query_async(&mut connection).await.map_err(|e| error(&e))?;
        }
        expect("OK", &begun.map_err(|e| error(&e))?)?;
        for (part, content) in (0_u8..).zip(&parts) {
            let mut set = cmd("SET");
            set.arg(key(number, part)).arg(content);
            let queued: String = set.query_async(&mut connection).await.map_err(|e| error(&e))?;
            expect("QUEUED", &queued)?;
            if part == 0 {
                tokio::time::sleep(HELD).await;
            }
        }
        let mut set = cmd("SET");
        let queued: String =
            set.arg(REGISTER).arg(number).query_async(&mut connection).await.map_err(|e| error(&e))?;
        expect("QUEUED", &queued)?;
        let done: Vec<String> = cmd("EXEC").query_async(&mut connection).await.map_err(|e| error(&e))?;
        if done.iter().filter(|word| *word == "OK").count() == usize::from(PARTS) + 1 {
            return Ok(());
        }
        Err(Error::new(&codes::REDIS_COMMAND, format!("EXEC answered {done:?}")))
    }

    async fn record(&self, handles: &Handles, number: u64) -> Result<BTreeMap<u8, String>> {
        let mut connection = handles.redis.connection().await?;
        let keys: Vec<String> = (0..PARTS).map(|part| key(number, part)).collect();
        let values: Vec<Option<String>> = connection.mget(keys).await.map_err(|e| error(&e))?;
        Ok((0..PARTS).zip(values).filter_map(|(part, value)| Some((part, value?))).collect())
    }

    async fn register(&self, handles: &Handles) -> Result<Option<u64>> {
        handles.redis.connection().await?.get(REGISTER).await.map_err(|e| error(&e))
    }

    async fn all(&self, handles: &Handles, begun: u64) -> Result<Stored> {
        let mut connection = handles.redis.connection().await?;
        let mut stored = Stored::new();
        for first in (1..=begun).step_by(usize::try_from(BATCH).unwrap_or(1)) {
            let numbers = first..=begun.min(first + BATCH - 1);
            let places: Vec<(u64, u8)> = numbers.flat_map(|n| (0..PARTS).map(move |p| (n, p))).collect();
            let keys: Vec<String> = places.iter().map(|(number, part)| key(*number, *part)).collect();
            let values: Vec<Option<String>> = connection.mget(keys).await.map_err(|e| error(&e))?;
            for ((number, part), value) in places.into_iter().zip(values) {
                if let Some(value) = value {
                    stored.entry(number).or_default().insert(part, value);
                }
            }
        }
        Ok(stored)
    }
}

/// A connection that was made anew in between has no open `MULTI`: its `SET` would answer `OK`.
fn expect(word: &str, got: &str) -> Result<()> {
    if got == word {
        return Ok(());
    }
    Err(Error::new(&codes::CONNECTION_LOST, format!("the transaction was broken off: {got}")))
}
