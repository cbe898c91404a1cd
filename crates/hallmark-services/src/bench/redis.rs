//! Redis: a cached product under each key of a prefix of its own.

use hallmark_core::Result;

use super::scene::{Scene, unexpected};
use super::target::{Bound, Capacity, Loaded, Subject, Target};
use crate::{ServiceKind, redis as own};

/// Commands that are sent at once.
const BATCH: u32 = 10_000;

/// Seconds that a session or an answer lives.
const TTL_S: u32 = 300;

pub(super) static SUBJECT: Subject = Subject {
    service: ServiceKind::Redis,
    load: |scene| Box::pin(load(scene)),
    purge: |scene| Box::pin(purge(scene)),
    targets: &[
        Target {
            id: "redis.hit",
            what: "a key that is there",
            bounds: &[Bound::p95(1.0)],
            work: |scene, number| Box::pin(hit(scene, number)),
        },
        Target {
            id: "redis.miss",
            what: "a key that is not there",
            bounds: &[Bound::p95(5.0)],
            work: |scene, number| Box::pin(miss(scene, number)),
        },
        Target {
            id: "redis.session",
            what: "a session written with a life, and read",
            bounds: &[Bound::mean(2.0), Bound::p95(8.0)],
            work: |scene, number| Box::pin(session(scene, number)),
        },
        Target {
            id: "redis.store",
            what: "an answer stored with a life",
            bounds: &[Bound::mean(3.0), Bound::p95(12.0)],
            work: |scene, number| Box::pin(store(scene, number)),
        },
    ],
    capacity: Some(Capacity {
        id: "redis.rate",
        target: "redis.hit",
        callers: 32,
        bound: Bound::rate(10_000.0),
    }),
};

fn value(number: u32) -> String {
    format!(
        "{{\"id\":{number},\"sku\":\"SKU-{number:07}\",\"name\":\"Product {number}\",\"category\":{},\"labels\":[\"tools\",\"safety\"]}}",
        number % 250
    )
}

async fn load(scene: &Scene) -> Result<Loaded> {
    let mut connection = scene.handles.redis.connection().await?;
    let (prefix, items) = (&scene.name, u64::from(scene.products));
    let note = format!("{prefix}:loaded");
    let noted: Option<String> = ask(&mut connection, redis::cmd("GET").arg(&note)).await?;
    if noted.as_deref() == Some(&scene.fingerprint) {
        return Ok(Loaded { items, made: false });
    }
    for from in (0..scene.products).step_by(BATCH as usize) {
        let mut pipe = redis::pipe();
        for number in from..scene.products.min(from + BATCH) {
            pipe.set(format!("{prefix}:product:{number}"), value(number)).ignore();
        }
        let () = pipe.query_async(&mut connection).await.map_err(|e| own::error(&e))?;
    }
    let () = ask(&mut connection, redis::cmd("SET").arg(&note).arg(&scene.fingerprint)).await?;
    Ok(Loaded { items, made: true })
}

async fn purge(scene: &Scene) -> Result<()> {
    let mut connection = scene.handles.redis.connection().await?;
    // The note first: what is removed half is loaded anew.
    let () = ask(&mut connection, redis::cmd("DEL").arg(format!("{}:loaded", scene.name))).await?;
    let mut cursor = "0".to_owned();
    loop {
        let pattern = format!("{}:*", scene.name);
        let mut scan = redis::cmd("SCAN");
        scan.arg(&cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(BATCH);
        let (next, keys): (String, Vec<String>) = ask(&mut connection, &scan).await?;
        if !keys.is_empty() {
            let () = ask(&mut connection, redis::cmd("UNLINK").arg(&keys)).await?;
        }
        if next == "0" {
            return Ok(());
        }
        cursor = next;
    }
}

async fn ask<T: redis::FromRedisValue>(
    connection: &mut redis::aio::ConnectionManager,
    command: &redis::Cmd,
) -> Result<T> {
    command.query_async(connection).await.map_err(|e| own::error(&e))
}

async fn hit(scene: &Scene, number: u64) -> Result<()> {
    let mut connection = scene.handles.redis.connection().await?;
    let key = format!("{}:product:{}", scene.name, scene.product(number));
    let found: Option<String> = ask(&mut connection, redis::cmd("GET").arg(key)).await?;
    found.map(drop).ok_or_else(|| unexpected("a key that was loaded is not there"))
}

async fn miss(scene: &Scene, number: u64) -> Result<()> {
    let mut connection = scene.handles.redis.connection().await?;
    let key = format!("{}:absent:{number}", scene.name);
    let found: Option<String> = ask(&mut connection, redis::cmd("GET").arg(key)).await?;
    if found.is_some() { Err(unexpected("a key that nobody wrote is there")) } else { Ok(()) }
}

async fn session(scene: &Scene, number: u64) -> Result<()> {
    let mut connection = scene.handles.redis.connection().await?;
    let key = format!("{}:session:{}", scene.name, number % 1_000);
    let mut pipe = redis::pipe();
    pipe.atomic().cmd("HSET").arg(&key).arg("user").arg(number).arg("channel").arg("api").ignore();
    pipe.cmd("EXPIRE").arg(&key).arg(TTL_S).ignore().cmd("HGETALL").arg(&key);
    let (fields,): (Vec<String>,) = pipe.query_async(&mut connection).await.map_err(|e| own::error(&e))?;
    if fields.iter().any(|field| *field == number.to_string()) {
        Ok(())
    } else {
        Err(unexpected("a session that was written reads otherwise"))
    }
}

async fn store(scene: &Scene, number: u64) -> Result<()> {
    let mut connection = scene.handles.redis.connection().await?;
    let key = format!("{}:answer:{}", scene.name, number % 10_000);
    ask(&mut connection, redis::cmd("SET").arg(key).arg(value(7)).arg("EX").arg(TTL_S)).await
}
