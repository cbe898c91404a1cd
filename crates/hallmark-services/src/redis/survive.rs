//! Keys whose write was acknowledged before the server ended.

use std::collections::BTreeSet;

use hallmark_core::Result;

use super::{Redis, error};

const KEY: &str = "hallmark:survival";

async fn ask<T: redis::FromRedisValue>(own: &Redis, command: &redis::Cmd) -> Result<T> {
    command.query_async(&mut own.connection().await?).await.map_err(|e| error(&e))
}

pub(crate) async fn begin(own: &Redis) -> Result<()> {
    end(own).await
}

pub(crate) async fn write(own: &Redis, word: &str, number: u64) -> Result<()> {
    ask(own, redis::cmd("HSET").arg(KEY).arg(number).arg(word)).await
}

pub(crate) async fn kept(own: &Redis, word: &str) -> Result<BTreeSet<u64>> {
    let all: Vec<(u64, String)> = ask(own, redis::cmd("HGETALL").arg(KEY)).await?;
    Ok(all.into_iter().filter(|(_, kept)| kept == word).map(|(number, _)| number).collect())
}

pub(crate) async fn end(own: &Redis) -> Result<()> {
    ask(own, redis::cmd("DEL").arg(KEY)).await
}
