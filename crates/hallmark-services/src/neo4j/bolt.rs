//! As much of Bolt 4.4 as it takes to read the plan of a query, which the driver keeps to itself.
//!
//! One connection, one query, no parameters. Every Neo4j from 4.4 on speaks this version.

use hallmark_core::{Error, Result};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Neo4jConfig;
use crate::{codes, limits};

/// The signature of Bolt, and the versions that are offered: 4.4, then 4.3.
const HANDSHAKE: [u8; 20] = [0x60, 0x60, 0xB0, 0x17, 0, 0, 4, 4, 0, 0, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0];

const HELLO: u8 = 0x01;
const RUN: u8 = 0x10;
const PULL: u8 = 0x3F;
const SUCCESS: u8 = 0x70;
const RECORD: u8 = 0x71;

/// Bytes of one message.
const MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// What the server says at the end of the query: its `plan` or `profile`, its type, its counters.
pub(super) async fn summary(config: &Neo4jConfig, cypher: &str) -> Result<Map<String, Value>> {
    let connect = TcpStream::connect((config.host.as_str(), config.port));
    let mut stream = tokio::time::timeout(limits::CONNECT_TIMEOUT, connect)
        .await
        .map_err(|_| Error::new(&codes::TIMED_OUT, "Neo4j did not accept the connection in time"))?
        .map_err(|e| Error::new(&codes::UNREACHABLE, "Neo4j does not accept connections").because(&e))?;
    stream.write_all(&HANDSHAKE).await.map_err(|e| broken(&e))?;
    let mut version = [0; 4];
    stream.read_exact(&mut version).await.map_err(|e| broken(&e))?;
    if version[3] != 4 {
        return Err(Error::new(&codes::VERSION, format!("it speaks no Bolt 4, and answers {version:?}")));
    }
    let hello = json!({
        "user_agent": concat!("hallmark/", env!("CARGO_PKG_VERSION")), "scheme": "basic",
        "principal": config.user, "credentials": config.password.expose(),
    });
    send(&mut stream, HELLO, &[hello]).await?;
    success(&mut stream).await?;
    let extra = config.database.as_ref().map_or_else(|| json!({}), |name| json!({"db": name}));
    send(&mut stream, RUN, &[json!(cypher), json!({}), extra]).await?;
    success(&mut stream).await?;
    send(&mut stream, PULL, &[json!({"n": -1})]).await?;
    success(&mut stream).await
}

fn broken(error: &std::io::Error) -> Error {
    Error::new(&codes::CONNECTION_LOST, "the connection to Neo4j broke").because(error)
}

fn not_understood() -> Error {
    Error::new(&codes::ANSWER_INVALID, "an answer of Neo4j was not understood")
}

async fn send(stream: &mut TcpStream, signature: u8, fields: &[Value]) -> Result<()> {
    let count = u8::try_from(fields.len()).unwrap_or(15);
    let mut message = vec![0xB0 | count, signature];
    for field in fields {
        pack(field, &mut message);
    }
    let mut bytes = Vec::with_capacity(message.len() + 8);
    for chunk in message.chunks(usize::from(u16::MAX)) {
        bytes.extend(u16::try_from(chunk.len()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend(chunk);
    }
    bytes.extend([0, 0]);
    stream.write_all(&bytes).await.map_err(|e| broken(&e))
}

/// The map of the next success; records before it are passed over.
async fn success(stream: &mut TcpStream) -> Result<Map<String, Value>> {
    loop {
        let message = receive(stream).await?;
        let signature = message.get(1).copied().unwrap_or_default();
        if signature == RECORD {
            continue;
        }
        let mut rest = message.get(2..).unwrap_or_default();
        let Value::Object(map) = unpack(&mut rest, limits::PARAMETER_DEPTH)? else {
            return Err(not_understood());
        };
        if signature == SUCCESS {
            return Ok(map);
        }
        let said = |name: &str| map.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let code = if said("code").contains(".Security.") { &codes::AUTHENTICATION } else { &codes::CYPHER };
        return Err(Error::new(code, said("message")).because_text(said("code")));
    }
}

async fn receive(stream: &mut TcpStream) -> Result<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        let length = usize::from(stream.read_u16().await.map_err(|e| broken(&e))?);
        if length == 0 {
            // An empty message keeps the connection alive.
            if message.is_empty() {
                continue;
            }
            return Ok(message);
        }
        let start = message.len();
        if start + length > MESSAGE_BYTES {
            return Err(Error::new(&codes::ANSWER_TOO_LARGE, "an answer of Neo4j is larger than the bound"));
        }
        message.resize(start + length, 0);
        stream.read_exact(&mut message[start..]).await.map_err(|e| broken(&e))?;
    }
}

/// PackStream: only what the three requests need.
fn pack(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(map) => {
            out.push(0xA0 | u8::try_from(map.len()).unwrap_or(15));
            for (name, member) in map {
                pack(&json!(name), out);
                pack(member, out);
            }
        }
        Value::String(text) => {
            out.push(0xD2);
            out.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
            out.extend(text.bytes());
        }
        Value::Number(number) => {
            out.push(0xCB);
            out.extend(number.as_i64().unwrap_or_default().to_be_bytes());
        }
        _ => out.push(0xC0),
    }
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count).ok_or_else(not_understood)?;
    *bytes = rest;
    Ok(taken)
}

/// A big-endian number of `count` bytes, at most 8.
fn number(bytes: &mut &[u8], count: usize) -> Result<u64> {
    Ok(take(bytes, count)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn length(bytes: &mut &[u8], count: usize) -> Result<usize> {
    usize::try_from(number(bytes, count)?).map_err(|_| not_understood())
}

fn unpack(bytes: &mut &[u8], depth: usize) -> Result<Value> {
    let Some(depth) = depth.checked_sub(1) else { return Err(not_understood()) };
    let marker = take(bytes, 1)?[0];
    let signed = |number: u64, bits: u32| json!((number << (64 - bits)).cast_signed() >> (64 - bits));
    Ok(match marker {
        0x00..=0x7F => json!(marker),
        0xF0..=0xFF => json!(marker.cast_signed()),
        0xC0 => Value::Null,
        0xC1 => json!(f64::from_bits(number(bytes, 8)?)),
        0xC2 => json!(false),
        0xC3 => json!(true),
        0xC8 => signed(number(bytes, 1)?, 8),
        0xC9 => signed(number(bytes, 2)?, 16),
        0xCA => signed(number(bytes, 4)?, 32),
        0xCB => signed(number(bytes, 8)?, 64),
        0x80..=0x8F => text(bytes, usize::from(marker & 15))?,
        0xD0..=0xD2 => {
            let count = length(bytes, 1 << (marker - 0xD0))?;
            text(bytes, count)?
        }
        0x90..=0x9F => list(bytes, usize::from(marker & 15), depth)?,
        0xD4..=0xD6 => {
            let count = length(bytes, 1 << (marker - 0xD4))?;
            list(bytes, count, depth)?
        }
        0xA0..=0xAF => map(bytes, usize::from(marker & 15), depth)?,
        0xD8..=0xDA => {
            let count = length(bytes, 1 << (marker - 0xD8))?;
            map(bytes, count, depth)?
        }
        _ => return Err(not_understood()),
    })
}

fn text(bytes: &mut &[u8], count: usize) -> Result<Value> {
    let text = std::str::from_utf8(take(bytes, count)?).map_err(|_| not_understood())?;
    Ok(json!(text))
}

fn list(bytes: &mut &[u8], count: usize, depth: usize) -> Result<Value> {
    let mut items = Vec::new();
    for _ in 0..count {
        items.push(unpack(bytes, depth)?);
    }
    Ok(Value::Array(items))
}

fn map(bytes: &mut &[u8], count: usize, depth: usize) -> Result<Value> {
    let mut members = Map::new();
    for _ in 0..count {
        let Value::String(name) = unpack(bytes, depth)? else { return Err(not_understood()) };
        members.insert(name, unpack(bytes, depth)?);
    }
    Ok(Value::Object(members))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        let value = json!({"a": "text", "n": -1, "deep": {"more": "é"}});
        let mut bytes = Vec::new();
        pack(&value, &mut bytes);
        assert_eq!(unpack(&mut bytes.as_slice(), 8).unwrap(), value);
        assert!(unpack(&mut &bytes[..bytes.len() - 1], 8).is_err(), "cut off");
        assert!(unpack(&mut bytes.as_slice(), 2).is_err(), "too deep");
    }

    #[test]
    fn numbers_of_every_size_are_read() {
        let read = |mut bytes: &[u8]| unpack(&mut bytes, 2).unwrap();
        assert_eq!(read(&[0x2A]), json!(42));
        assert_eq!(read(&[0xF0]), json!(-16));
        assert_eq!(read(&[0xC9, 0xFF, 0x00]), json!(-256));
        assert_eq!(read(&[0xC1, 0x3F, 0xF0, 0, 0, 0, 0, 0, 0]), json!(1.0));
    }
}
