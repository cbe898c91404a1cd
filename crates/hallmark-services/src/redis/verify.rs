//! Whether a Redis is real.
//!
//! What stand-ins lack: the server's own account of its process and commands, encodings that change at exact sizes, a wait that
//! another connection ends, snapshots of values with a checksum.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use hallmark_core::{Error, Result};
use redis::aio::MultiplexedConnection;
use redis::{AsyncTypedCommands as _, RedisError, Value};

use super::health::{info, open};
use super::{RedisConfig, error};
use crate::recorder::nonce;
use crate::verify::{Fresh, Shown, Trials, refuted};
use crate::{codes, limits};

pub(crate) async fn verify(config: &RedisConfig, trials: &mut Trials) {
    let connected = trials.make("connects", async {
        let (one, other) = (open(config).await?, open(config).await?);
        Ok(((one, other), "two connections at a time".to_owned()))
    });
    let Some((mut one, mut other)) = connected.await else { return };
    trials.make("account_of_itself", account(&mut one)).await;
    trials.make("counts_commands", counts(&mut one)).await;
    trials.make("encodings", encodings(&mut one)).await;
    trials.make("expiry", expiry(&mut one)).await;
    trials.make("blocking_wait", waits(config, &mut one)).await;
    trials.make("optimistic_lock", conflicts(config, &mut other)).await;
    trials.make("checksummed_snapshot", snapshot(&mut one)).await;
}

/// The coded error; a command that every Redis knows and this server does not is a refutation.
fn judged(command: &str, failure: &RedisError) -> Error {
    let words = failure.to_string().to_ascii_lowercase();
    let unknown = words.contains("unknown command")
        || words.contains("unknown subcommand")
        || words.contains("not implemented")
        || words.contains("unsupported command");
    if unknown {
        return refuted(format!("it does not know {command}, which every Redis has")).because(failure);
    }
    error(failure)
}

async fn ask<T: redis::FromRedisValue>(
    connection: &mut MultiplexedConnection,
    command: &[&str],
) -> Result<T> {
    let mut built = redis::cmd(command[0]);
    for part in &command[1..] {
        built.arg(part);
    }
    built.query_async(connection).await.map_err(|e| judged(command[0], &e))
}

/// A key of this trial's own that ends by itself.
fn key(of: &str) -> Result<String> {
    Ok(format!("hallmark:canary:verify:{of}:{}", nonce()?))
}

/// What INFO, ROLE and CLIENT say of the server agree, and its clocks run.
async fn account(connection: &mut MultiplexedConnection) -> Shown<()> {
    let first = told(connection).await?;
    let field = |info: &HashMap<String, String>, name: &str| info.get(name).cloned().unwrap_or_default();
    for name in ["redis_version", "run_id", "process_id", "uptime_in_seconds", "used_memory", "role"] {
        if field(&first, name).is_empty() {
            return Err(refuted(format!("INFO does not tell {name}")));
        }
    }
    let role: Vec<Value> = ask(connection, &["ROLE"]).await?;
    let role =
        role.first().and_then(|v| redis::from_redis_value::<String>(v.clone()).ok()).unwrap_or_default();
    if role != field(&first, "role") {
        return Err(refuted(format!("INFO calls it {}, ROLE calls it {role}", field(&first, "role"))));
    }
    let id: i64 = ask(connection, &["CLIENT", "ID"]).await?;
    let clients: String = ask(connection, &["CLIENT", "LIST"]).await?;
    if !clients.lines().any(|line| line.split(' ').any(|word| word == format!("id={id}"))) {
        return Err(refuted("CLIENT LIST does not show the connection that asks"));
    }
    let second = told(connection).await?;
    let processed = |info| field(info, "total_commands_processed").parse::<u64>().unwrap_or_default();
    if processed(&second) <= processed(&first) {
        return Err(refuted("commands were sent, and its count of them stands still"));
    }
    let (version, process) = (field(&first, "redis_version"), field(&first, "process_id"));
    Ok(((), format!("version {version}, process {process}, client {id}")))
}

async fn told(connection: &mut MultiplexedConnection) -> Result<HashMap<String, String>> {
    info(connection).await.map_err(|e| {
        let words = e.causes().last().map(ToString::to_string).unwrap_or_default().to_ascii_lowercase();
        if words.contains("unknown") { refuted("it does not know INFO, which every Redis has") } else { e }
    })
}

/// The calls of one command, as the server counts them.
async fn calls(connection: &mut MultiplexedConnection, command: &str) -> Result<u64> {
    let text: String = ask(connection, &["INFO", "commandstats"]).await?;
    let line = text.lines().find_map(|l| l.strip_prefix(&format!("cmdstat_{command}:calls=")));
    Ok(line.and_then(|l| l.split(',').next()).and_then(|n| n.trim().parse().ok()).unwrap_or_default())
}

/// A random number of a command that hardly anybody sends moves its own count by exactly that much.
async fn counts(connection: &mut MultiplexedConnection) -> Shown<()> {
    /// Somebody else may send the same command between two counts.
    const ATTEMPTS: usize = 3;
    let mut fresh = Fresh::new()?;
    let mut seen = (0, 0);
    for _ in 0..ATTEMPTS {
        let sent = 3 + fresh.below(17);
        let before = calls(connection, "echo").await?;
        for _ in 0..sent {
            let word = nonce()?;
            let answer: String = ask(connection, &["ECHO", &word]).await?;
            if answer != word {
                return Err(refuted("ECHO gave another word back"));
            }
        }
        let counted = calls(connection, "echo").await?.saturating_sub(before);
        if counted == sent {
            return Ok(((), format!("{sent} commands sent, {sent} counted")));
        }
        seen = (sent, counted);
    }
    let (sent, counted) = seen;
    if counted > sent {
        return Ok(((), format!("{sent} commands sent, {counted} counted: others send them too")));
    }
    Err(refuted(format!("{sent} commands were sent, and it counted {counted}")))
}

/// Small and large values are kept in different ways, which change at exact sizes.
async fn encodings(connection: &mut MultiplexedConnection) -> Shown<()> {
    let key = key("encoding")?;
    let mut fresh = Fresh::new()?;
    let number = fresh.below(1_000_000_000).to_string();
    let word = nonce()?;
    let long = word.repeat(8);
    let cases = [(number.as_str(), "int"), (&long[..44], "embstr"), (&long[..45], "raw")];
    for (value, expected) in cases {
        connection.set_ex(&key, value, limits::CANARY_TTL_S).await.map_err(|e| judged("SETEX", &e))?;
        let seen: Option<String> = ask(connection, &["OBJECT", "ENCODING", &key]).await?;
        if seen.as_deref() != Some(expected) {
            connection.del(&key).await.map_err(|e| error(&e))?;
            let seen = seen.unwrap_or_default();
            return Err(refuted(format!(
                "a text of {} bytes is kept as {expected} by Redis, here as \"{seen}\"",
                value.len()
            )));
        }
    }
    connection.del(&key).await.map_err(|e| error(&e))?;
    Ok(((), "int, embstr up to 44 bytes, raw from 45".to_owned()))
}

/// A key with a time to live counts down in milliseconds and is gone.
async fn expiry(connection: &mut MultiplexedConnection) -> Shown<()> {
    /// Long enough to be seen alive on a busy machine.
    const LIFE_MS: i64 = 400;
    let key = key("expiry")?;
    let () = ask(connection, &["SET", &key, "1", "PX", &LIFE_MS.to_string()]).await?;
    let first: i64 = ask(connection, &["PTTL", &key]).await?;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let second: i64 = ask(connection, &["PTTL", &key]).await?;
    let counts_down = first <= LIFE_MS && (second < first || second == -2);
    if !counts_down {
        return Err(refuted(format!("a life of {LIFE_MS} ms reads {first}, then {second} ms")));
    }
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(3) {
        if !connection.exists(&key).await.map_err(|e| judged("EXISTS", &e))? {
            return Ok(((), format!("a key of {LIFE_MS} ms counted down and went")));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(refuted(format!("a key with a life of {LIFE_MS} ms is still there")))
}

/// BLPOP waits, is seen to wait, and gets what another connection pushes.
async fn waits(config: &RedisConfig, other: &mut MultiplexedConnection) -> Shown<()> {
    let key = key("queue")?;
    let word = nonce()?;
    let mut waiter = open(config).await?;
    let id: i64 = ask(&mut waiter, &["CLIENT", "ID"]).await?;
    let queue = key.clone();
    let waiting = tokio::spawn(async move {
        let answer: Result<Option<(String, String)>> = ask(&mut waiter, &["BLPOP", &queue, "6"]).await;
        answer
    });
    let started = Instant::now();
    let mut seen = false;
    // A busy machine may be slow to send what is to wait.
    while !seen && started.elapsed() < Duration::from_secs(4) && !waiting.is_finished() {
        let clients: String = ask(other, &["CLIENT", "LIST", "ID", &id.to_string()]).await?;
        let flags = clients.split(' ').find_map(|word| word.strip_prefix("flags=")).unwrap_or_default();
        seen = flags.contains('b');
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    if waiting.is_finished() {
        return Err(refuted("a blocking read of an empty list came back at once"));
    }
    let () = ask::<i64>(other, &["LPUSH", &key, &word]).await.map(drop)?;
    let answer = waiting
        .await
        .map_err(|e| Error::new(&codes::CONNECTION_LOST, "the waiting connection broke").because(&e))??;
    if answer.map(|(_, got)| got).as_deref() != Some(word.as_str()) {
        return Err(refuted("what was pushed did not end the wait of another connection"));
    }
    if !seen {
        return Err(refuted("a connection that waits is not listed as blocked"));
    }
    Ok(((), "a blocked connection got what another one pushed".to_owned()))
}

/// A transaction fails if another connection changed the key that it watches.
async fn conflicts(config: &RedisConfig, other: &mut MultiplexedConnection) -> Shown<()> {
    let key = key("watched")?;
    let mut own = open(config).await?;
    let () = ask(&mut own, &["WATCH", &key]).await?;
    other.set_ex(&key, "theirs", limits::CANARY_TTL_S).await.map_err(|e| judged("SETEX", &e))?;
    let () = ask(&mut own, &["MULTI"]).await?;
    let queued: String = ask(&mut own, &["SET", &key, "ours"]).await?;
    let outcome: Value = ask(&mut own, &["EXEC"]).await?;
    let kept = other.get(&key).await.map_err(|e| judged("GET", &e))?;
    other.del(&key).await.map_err(|e| error(&e))?;
    if queued != "QUEUED" || outcome != Value::Nil || kept.as_deref() != Some("theirs") {
        return Err(refuted("a transaction went through although its watched key had changed"));
    }
    Ok(((), "a transaction on a changed key was refused".to_owned()))
}

/// A dumped value comes back under another name, and not if one of its bytes was changed.
async fn snapshot(connection: &mut MultiplexedConnection) -> Shown<()> {
    let (key, copy) = (key("dump")?, key("copy")?);
    let word = nonce()?;
    connection.set_ex(&key, &word, limits::CANARY_TTL_S).await.map_err(|e| judged("SETEX", &e))?;
    let dump: Vec<u8> = ask(connection, &["DUMP", &key]).await?;
    let mut broken = dump.clone();
    if let Some(byte) = broken.get_mut(2) {
        *byte ^= 1;
    }
    let ttl = (limits::CANARY_TTL_S * 1_000).to_string();
    let restore = async |connection: &mut MultiplexedConnection, bytes: &[u8]| -> Result<(), RedisError> {
        redis::cmd("RESTORE").arg(&copy).arg(&ttl).arg(bytes).query_async(connection).await
    };
    let refused = restore(connection, &broken).await;
    let restored = restore(connection, &dump).await;
    let read = connection.get(&copy).await.map_err(|e| judged("GET", &e))?;
    connection.del(&[&key, &copy]).await.map_err(|e| error(&e))?;
    restored.map_err(|e| judged("RESTORE", &e))?;
    if refused.is_ok() {
        return Err(refuted("it restored a dump with a changed byte: there is no checksum"));
    }
    if read.as_deref() != Some(word.as_str()) {
        return Err(refuted("a restored value reads otherwise"));
    }
    Ok(((), format!("a dump of {} bytes was restored, a changed one refused", dump.len())))
}
