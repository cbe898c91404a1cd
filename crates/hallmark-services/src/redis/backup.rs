//! What a Redis server holds, taken as a replica takes it, counted and digested.

use std::path::{Path, PathBuf};

use hallmark_core::{Result, fs};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Value, cmd};
use tokio::process::Command;

use super::client::driver;
use super::{RedisConfig, error};
use crate::stack::backup::limits as bounds;
use crate::stack::backup::{Content, Part, Sum};
use crate::stack::exec;
use crate::stack::process::not_installed;
use crate::{limits, stack};

/// The name of the snapshot in a backup.
const SNAPSHOT: &str = "dump.rdb";

/// Keys of probes, which come and go.
const CANARY: &[u8] = b"hallmark:canary:";

/// Writes the server's snapshot into the folder; answers the version and the place in the stream of writes.
pub(crate) async fn take(
    server: Option<&Path>,
    config: &RedisConfig,
    folder: &Path,
) -> Result<(String, String)> {
    let beside = server.and_then(Path::parent).map(|bin| bin.join("redis-cli"));
    let program: Option<PathBuf> =
        beside.filter(|path| exec::is_executable(path)).or_else(|| exec::find("redis-cli"));
    let program = program.ok_or_else(|| not_installed("redis-cli, which belongs to Redis,"))?;
    let mut connection = open(config, 0).await?;
    let info: String = cmd("INFO").query_async(&mut connection).await.map_err(|e| error(&e))?;
    let field = |name: &str| {
        let row = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        row.unwrap_or_default().trim().to_owned()
    };
    let mut command = Command::new(program);
    command.args(["-h", &config.host, "-p", &config.port.to_string()]);
    if !config.user.is_empty() {
        command.args(["--user", &config.user]);
    }
    if !config.password.is_empty() {
        command.env("REDISCLI_AUTH", config.password.expose());
    }
    command.arg("--rdb").arg(folder.join(SNAPSHOT)).current_dir(folder);
    exec::run(&mut command, bounds::PROGRAM_TIMEOUT).await?;
    Ok((field("redis_version"), format!("offset {}", field("master_repl_offset"))))
}

/// Lays the snapshot into the data folder of a server that is about to start: as the base of its append-only file.
pub(crate) fn place(unpacked: &Path, data: &Path) -> Result<()> {
    const BASE: &str = "appendonly.aof.1.base.rdb";
    let folder = data.join("appendonlydir");
    stack::home::make_folder(&folder, 0o700)?;
    std::fs::rename(unpacked.join(SNAPSHOT), folder.join(BASE))
        .map_err(|e| stack::backup::fault(&folder.display().to_string(), &e))?;
    let text = format!("file {BASE} seq 1 type b\n");
    fs::write_atomic(&folder.join("appendonly.aof.manifest"), text.as_bytes(), fs::Mode::Private)
}

async fn open(config: &RedisConfig, database: i64) -> Result<MultiplexedConnection> {
    let client = driver(&RedisConfig { database, ..config.clone() })?;
    let settings = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(limits::CONNECT_TIMEOUT))
        .set_response_timeout(Some(limits::CHROMA_TIMEOUT));
    client.get_multiplexed_async_connection_with_config(&settings).await.map_err(|e| error(&e))
}

/// The databases that hold keys, with the number of keys that do not expire.
pub(crate) async fn counts(config: &RedisConfig) -> Result<Content> {
    let mut connection = open(config, 0).await?;
    let info: String =
        cmd("INFO").arg("keyspace").query_async(&mut connection).await.map_err(|e| error(&e))?;
    let mut content = Content::new();
    for line in info.lines() {
        let Some((name, facts)) = line.trim().split_once(':').filter(|(name, _)| name.starts_with("db"))
        else {
            continue;
        };
        let number = |wanted: &str| -> u64 {
            let found = facts.split(',').find_map(|fact| fact.strip_prefix(wanted)?.strip_prefix('='));
            found.and_then(|text| text.parse().ok()).unwrap_or(0)
        };
        let count = number("keys").saturating_sub(number("expires"));
        if count > 0 {
            content.insert(name.to_owned(), Part { count, digest: None });
        }
    }
    Ok(content)
}

/// The same with a digest of those keys and their values. Keys that expire are not counted: they would not be there later.
pub(crate) async fn content(config: &RedisConfig) -> Result<Content> {
    let mut content = counts(config).await?;
    for (name, part) in &mut content {
        let number = name.trim_start_matches("db").parse().unwrap_or(0);
        let mut connection = open(config, number).await?;
        let (mut sum, mut count, mut cursor) = (Sum::default(), 0, 0_u64);
        let mut seen = std::collections::HashSet::new();
        loop {
            let mut scan = cmd("SCAN");
            scan.arg(cursor).arg("COUNT").arg(bounds::PAGE);
            let (next, keys): (u64, Vec<Vec<u8>>) =
                scan.query_async(&mut connection).await.map_err(|e| error(&e))?;
            for key in keys {
                // A scan may name a key twice.
                if key.starts_with(CANARY) || !seen.insert(key.clone()) {
                    continue;
                }
                if let Some(value) = canonical(&mut connection, &key).await? {
                    sum.add(&value);
                    count += 1;
                }
            }
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
        *part = Part { count, digest: Some(sum.hex()) };
    }
    Ok(content)
}

/// A key and its value as bytes that are the same on every server; none if the key expires or is gone.
async fn canonical(connection: &mut MultiplexedConnection, key: &[u8]) -> Result<Option<Vec<u8>>> {
    let (ttl, kind): (i64, String) = redis::pipe()
        .cmd("PTTL")
        .arg(key)
        .cmd("TYPE")
        .arg(key)
        .query_async(connection)
        .await
        .map_err(|e| error(&e))?;
    if ttl != -1 {
        return Ok(None);
    }
    let command = match kind.as_str() {
        "string" => cmd("GET").arg(key).to_owned(),
        "list" => cmd("LRANGE").arg(key).arg(0).arg(-1).to_owned(),
        "set" => cmd("SMEMBERS").arg(key).to_owned(),
        "zset" => cmd("ZRANGE").arg(key).arg(0).arg(-1).arg("WITHSCORES").to_owned(),
        "hash" => cmd("HGETALL").arg(key).to_owned(),
        "stream" => cmd("XRANGE").arg(key).arg("-").arg("+").to_owned(),
        "none" => return Ok(None),
        _ => cmd("DUMP").arg(key).to_owned(),
    };
    let value: Value = command.query_async(connection).await.map_err(|e| error(&e))?;
    let mut out = Vec::new();
    for text in [key, kind.as_bytes()] {
        bytes(text, &mut out);
    }
    match (kind.as_str(), value) {
        // The order of these is the server's own.
        ("set", Value::Array(mut items) | Value::Set(mut items)) => {
            items.sort_by_key(flat_of);
            items.iter().for_each(|item| flat(item, &mut out));
        }
        ("hash", Value::Array(items)) => {
            let mut pairs: Vec<Vec<u8>> =
                items.chunks(2).map(|pair| pair.iter().flat_map(flat_of).collect()).collect();
            pairs.sort();
            pairs.iter().for_each(|pair| out.extend(pair));
        }
        (_, value) => flat(&value, &mut out),
    }
    Ok(Some(out))
}

fn bytes(text: &[u8], out: &mut Vec<u8>) {
    out.extend(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
    out.extend(text);
}

fn flat_of(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    flat(value, &mut out);
    out
}

fn flat(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::BulkString(text) => bytes(text, out),
        Value::SimpleString(text) => bytes(text.as_bytes(), out),
        Value::Array(items) => {
            bytes(&items.len().to_be_bytes(), out);
            items.iter().for_each(|item| flat(item, out));
        }
        other => bytes(format!("{other:?}").as_bytes(), out),
    }
}
