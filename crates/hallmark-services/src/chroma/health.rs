//! Whether ChromaDB is usable.

use std::time::Instant;

use hallmark_core::{Error, Result, digest};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::client::send;
use super::{Chroma, ChromaConfig, CollectionId, Records};
use crate::recorder::{Recorder, Sample, Seen, Stopped, canary_lost, nonce, tcp};
use crate::{ServiceKind, codes, http, limits};

/// The collection of a probe; the rest of the name is the second it was made and a token.
pub(super) const PREFIX: &str = "hallmark_canary_";

pub(crate) async fn probe(config: &ChromaConfig, recorder: &mut Recorder) -> Result<(), Stopped> {
    recorder.step("tcp", tcp(&config.host, config.port)).await?;
    recorder.step("handshake", handshake(config)).await?;
    recorder.note("no authentication: whoever reaches the port may read and write");
    let version = recorder.step("identity", identity(config)).await?;
    recorder.identify(config.url.clone(), version);
    recorder
        .note("ChromaDB tells no identity of its running process: a restart between two samples is not seen");
    recorder.step("canary", canary(config)).await?;
    recorder.stable(|| sample(config)).await
}

/// A client of the probe's own: its requests must fail sooner than those of the work.
pub(super) fn client() -> Result<reqwest::Client> {
    http::client(http::Timeouts { connect: limits::CONNECT_TIMEOUT, total: limits::PROBE_HANDSHAKE })
}

async fn get(client: &reqwest::Client, config: &ChromaConfig, path: &str) -> Result<Value> {
    let answer = send(client, Method::GET, &format!("{}/api/v2/{path}", config.url), None).await;
    let response = answer.map_err(|e| {
        // A server that knows nothing of the v2 API is another program, or a ChromaDB too old.
        if e.is(&codes::CHROMA_NOT_FOUND) { not_chroma(e.message()) } else { e }
    })?;
    http::json(response)
        .await
        .map_err(|e| if e.is(&codes::ANSWER_INVALID) { not_chroma(e.message()) } else { e })
}

fn not_chroma(seen: &str) -> Error {
    Error::new(
        &codes::WRONG_SERVER,
        format!("the server does not speak {}'s v2 API: {seen}", ServiceKind::Chroma.title()),
    )
    .next("check the port of ChromaDB: another program listens there, or a version before 1.0")
}

pub(super) async fn heartbeat(client: &reqwest::Client, config: &ChromaConfig) -> Result<u64> {
    let answer = get(client, config, "heartbeat").await?;
    answer["nanosecond heartbeat"].as_u64().ok_or_else(|| not_chroma(&format!("its heartbeat is {answer}")))
}

/// Two heartbeats: the clock behind them must run.
async fn handshake(config: &ChromaConfig) -> Seen<()> {
    let client = client()?;
    let (first, second) = (heartbeat(&client, config).await?, heartbeat(&client, config).await?);
    if second <= first {
        return Err(not_chroma("its heartbeat stands still"));
    }
    Ok(((), "its heart beats".to_owned()))
}

async fn identity(config: &ChromaConfig) -> Seen<String> {
    let client = client()?;
    let answer = get(&client, config, "version").await?;
    let version = answer.as_str().ok_or_else(|| not_chroma(&format!("its version is {answer}")))?.to_owned();
    let limits = get(&client, config, "pre-flight-checks").await?;
    let batch =
        limits["max_batch_size"].as_u64().ok_or_else(|| not_chroma(&format!("its limits are {limits}")))?;
    let detail = format!("API version {version}, at most {batch} records a request");
    Ok((version, detail))
}

/// Makes a collection, writes three random vectors, finds the nearest by each, and deletes it again.
async fn canary(config: &ChromaConfig) -> Seen<()> {
    let chroma = Chroma::new(config)?;
    sweep(&chroma).await?;
    let name = format!("{PREFIX}{}_{}", jiff::Timestamp::now().as_second(), nonce()?);
    let id = chroma.get_or_create_collection(&name, Map::new()).await?;
    let outcome = round_trip(&chroma, &id).await;
    let removed = chroma.delete_collection(&name).await;
    outcome?;
    removed?;
    match chroma.collection(&name).await {
        Err(error) if error.is(&codes::CHROMA_NOT_FOUND) => {}
        Err(error) => return Err(error),
        Ok(_) => return Err(canary_lost("a deleted collection is still there")),
    }
    Ok(((), "vectors were written, found by nearness, and removed".to_owned()))
}

async fn round_trip(chroma: &Chroma, id: &CollectionId) -> Result<()> {
    let tokens = [nonce()?, nonce()?, nonce()?];
    let records = Records {
        ids: tokens.to_vec(),
        embeddings: tokens.iter().map(|t| vector(t)).collect(),
        documents: tokens.iter().map(|t| format!("document {t}")).collect(),
        metadatas: tokens.iter().map(|t| Map::from_iter([("token".to_owned(), json!(t))])).collect(),
    };
    chroma.upsert(id, records).await?;
    if chroma.count(id).await? != 3 {
        return Err(canary_lost("three records were written, and another number was counted"));
    }
    for token in &tokens {
        let near = chroma.query(id, &vector(token), 1, None).await?;
        let found = near.first().is_some_and(|n| n.id == *token && n.distance < 1e-3);
        if !found {
            return Err(canary_lost("a vector was written, and is not its own nearest neighbour"));
        }
        let other = chroma.query(id, &vector(token), 3, Some(json!({"token": {"$ne": token}}))).await?;
        if other.len() != 2 || other.iter().any(|n| n.id == *token) {
            return Err(canary_lost("a filter on metadata does not filter"));
        }
    }
    // A server that keeps vectors must refuse one that cannot be compared with them.
    let longer = chroma.query(id, &[vector(&tokens[0]), vec![1.0]].concat(), 1, None).await;
    match longer {
        Err(error) if error.is(&codes::CHROMA_REQUEST) => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(canary_lost("a vector of another length was taken")),
    }
}

/// Eight numbers between -1 and 1 that are the token's own.
fn vector(token: &str) -> Vec<f32> {
    let digits = digest::sha256(token.as_bytes());
    digits.as_bytes()[..8].iter().map(|b| f32::from(*b % 32) / 16.0 - 1.0).collect()
}

/// Removes what probes left that were killed. Only names that a probe makes are touched.
pub(super) async fn sweep(chroma: &Chroma) -> Result<()> {
    let horizon =
        jiff::Timestamp::now().as_second() - i64::try_from(limits::CANARY_TTL_S).unwrap_or(i64::MAX);
    for collection in chroma.list_collections().await? {
        let made = collection.name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_'));
        if made.is_some_and(|(second, _)| second.parse::<i64>().is_ok_and(|s| s < horizon)) {
            match chroma.delete_collection(&collection.name).await {
                Err(error) if !error.is(&codes::CHROMA_NOT_FOUND) => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

async fn sample(config: &ChromaConfig) -> Result<Sample> {
    let client = client()?;
    heartbeat(&client, config).await?;
    let start = Instant::now();
    heartbeat(&client, config).await?;
    Ok(Sample { identity: config.url.clone(), round_trip: start.elapsed() })
}
