//! Whether Redis is usable.

use std::collections::HashMap;
use std::time::Instant;

use hallmark_core::{Error, Result, Secret};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, AsyncTypedCommands as _};

use super::client::driver;
use super::{RedisConfig, error};
use crate::recorder::{
    Recorder, Sample, Seen, Stopped, authentication_off, canary_lost, first_bytes, judge_wrong_password,
    nonce, tcp, wrong_server,
};
use crate::{ServiceKind, codes, limits};

/// The oldest major version that Hallmark is tested on.
const OLDEST_MAJOR: u32 = 7;

pub(crate) async fn probe(config: &RedisConfig, recorder: &mut Recorder) -> Result<(), Stopped> {
    recorder.step("tcp", tcp(&config.host, config.port)).await?;
    recorder.step("handshake", handshake(config)).await?;
    let mut connection = recorder
        .step("authentication", async {
            let mut connection = open(config).await?;
            connection.ping().await.map_err(|e| error(&e))?;
            Ok((connection, "PING was answered".to_owned()))
        })
        .await?;
    if config.password.is_empty() {
        recorder.note("no authentication: whoever reaches the port may read and write");
    }
    if recorder.verifies_authentication() {
        recorder.lesser_step("refuses_wrong_password", wrong_password(config)).await;
    }
    let info = recorder.step("identity", identity(&mut connection)).await?;
    recorder.identify(info["run_id"].clone(), info["redis_version"].clone());
    recorder.step("canary", canary(config, &mut connection)).await?;
    recorder.stable(|| sample(config)).await
}

/// Every Redis answers an inline PING, if only to say that it wants a password first.
async fn handshake(config: &RedisConfig) -> Seen<()> {
    let answer = first_bytes(&config.host, config.port, b"PING\r\n", 5).await?;
    match answer.as_slice() {
        b"+PONG" => Ok(((), "speaks Redis's protocol".to_owned())),
        b"-NOAU" => Ok(((), "speaks Redis's protocol and asks for a password".to_owned())),
        b"-LOAD" => Err(Error::new(&codes::STARTING, "Redis is still loading its data")),
        other => Err(wrong_server(ServiceKind::Redis, other)),
    }
}

pub(super) async fn open(config: &RedisConfig) -> Result<MultiplexedConnection> {
    let settings = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(limits::CONNECT_TIMEOUT))
        .set_response_timeout(Some(limits::REDIS_RESPONSE));
    driver(config)?.get_multiplexed_async_connection_with_config(&settings).await.map_err(|e| error(&e))
}

async fn wrong_password(config: &RedisConfig) -> Seen<()> {
    if config.password.is_empty() {
        return Err(authentication_off(ServiceKind::Redis));
    }
    let wrong = RedisConfig { password: Secret::new(nonce()?), ..config.clone() };
    judge_wrong_password(ServiceKind::Redis, open(&wrong).await.map(drop))
}

pub(super) async fn info(connection: &mut MultiplexedConnection) -> Result<HashMap<String, String>> {
    let text: String = redis::cmd("INFO").query_async(connection).await.map_err(|e| error(&e))?;
    Ok(text
        .lines()
        .filter_map(|l| l.trim_end().split_once(':'))
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect())
}

async fn identity(connection: &mut MultiplexedConnection) -> Seen<HashMap<String, String>> {
    let info = info(connection).await?;
    let field = |name: &str| info.get(name).map(String::as_str).unwrap_or_default();
    if field("run_id").len() != 40 || field("redis_version").is_empty() || field("process_id").is_empty() {
        return Err(Error::new(
            &codes::WRONG_SERVER,
            "INFO lacks the run identifier, version or process of a real Redis",
        ));
    }
    if field("loading") != "0" {
        return Err(Error::new(&codes::STARTING, "Redis is still loading its data"));
    }
    let major = field("redis_version").split('.').next().and_then(|m| m.parse::<u32>().ok()).unwrap_or(0);
    if major < OLDEST_MAJOR {
        return Err(Error::new(&codes::VERSION, format!("Redis {} is older than 7", field("redis_version"))));
    }
    if field("role") != "master" {
        return Err(Error::new(&codes::VERSION, "the server is a replica: nothing can be written"));
    }
    let detail =
        format!("Redis {}, process {}, run {}", field("redis_version"), field("process_id"), field("run_id"));
    Ok((info, detail))
}

/// Writes on one connection and reads on another, under a key of this probe's own that expires by itself.
async fn canary(config: &RedisConfig, writer: &mut MultiplexedConnection) -> Seen<()> {
    let mut reader = open(config).await?;
    let (key, token) = (format!("hallmark:canary:{}", nonce()?), nonce()?);
    writer.set_ex(&key, &token, limits::CANARY_TTL_S).await.map_err(|e| error(&e))?;
    let read = reader.get(&key).await.map_err(|e| error(&e))?;
    let removed = writer.del(&key).await.map_err(|e| error(&e))?;
    if read.as_deref() != Some(token.as_str()) || removed != 1 {
        return Err(canary_lost("a key was written, and another connection did not read its value back"));
    }
    if reader.exists(&key).await.map_err(|e| error(&e))? {
        return Err(canary_lost("a deleted key is still there"));
    }
    Ok(((), "a key written on one connection was read on another, and removed".to_owned()))
}

async fn sample(config: &RedisConfig) -> Result<Sample> {
    let mut connection = open(config).await?;
    let identity = info(&mut connection).await?.remove("run_id").unwrap_or_default();
    let start = Instant::now();
    connection.ping().await.map_err(|e| error(&e))?;
    Ok(Sample { identity, round_trip: start.elapsed() })
}
