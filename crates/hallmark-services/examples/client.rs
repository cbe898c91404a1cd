//! What Hallmark's own way to each service adds to the raw driver: `cargo xtask bench client --project FOLDER`.
//!
//! One question, asked through the handle and through the driver in turn, on the same server. The ratio is of medians in twenty parts of the
//! time, so that a busy moment falls on both.

#![expect(clippy::print_stdout, reason = "an example that prints what it measures")]

use std::error::Error;
use std::time::{Duration, Instant};

use hallmark_services::{Endpoints, Handles, ServiceKind};
use serde_json::{Map, Value, json};
use tokio_postgres::NoTls;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// The most that may be added.
const LIMIT: f64 = 1.05;

/// Parts of the time, each with a ratio of its own.
const PARTS: usize = 20;

/// The 99th percentile of Student's t with 19 degrees of freedom.
const T: f64 = 2.539;

/// Turns of each side, in this order of services.
const TURNS: [usize; 5] = [20_000, 4_000, 4_000, 20_000, 1_000];

#[tokio::main]
async fn main() -> Outcome {
    let endpoints = Endpoints::from_env()?;
    let handles = Handles::connect(&endpoints)?;
    println!(
        "| service | driver, µs | Hallmark, µs | ratio (99 %) | at most | |\n| --- | --- | --- | --- | --- | --- |"
    );
    let mut missed = false;
    for (kind, turns) in ServiceKind::ALL.into_iter().zip(TURNS) {
        if !endpoints.has(kind) {
            println!("| {kind} | | | | {LIMIT} | not measured |");
            continue;
        }
        let sides = match kind {
            ServiceKind::Postgres => postgres(&endpoints, &handles, turns).await?,
            ServiceKind::Neo4j => neo4j(&endpoints, &handles, turns).await?,
            ServiceKind::Chroma => chroma(&endpoints, &handles, turns).await?,
            ServiceKind::Redis => redis(&endpoints, &handles, turns).await?,
            ServiceKind::OpenAi => openai(&endpoints, &handles, turns).await?,
        };
        missed |= !sides.show(kind);
    }
    if missed { Err("more is added than may be, or it is too near to tell".into()) } else { Ok(()) }
}

/// Microseconds of each turn.
#[derive(Default)]
struct Sides {
    raw: Vec<f64>,
    own: Vec<f64>,
}

impl Sides {
    /// Asks both sides in turn; who is first changes with each turn.
    async fn measure(
        turns: usize,
        raw: impl AsyncFn() -> Outcome,
        own: impl AsyncFn() -> Outcome,
    ) -> Outcome<Self> {
        let mut sides = Self::default();
        for turn in 0..turns + turns / 10 {
            let mut pair = [0.0; 2];
            for side in [turn % 2, (turn + 1) % 2] {
                let began = Instant::now();
                if side == 0 {
                    raw().await?;
                } else {
                    own().await?;
                }
                pair[side] = began.elapsed().as_secs_f64() * 1e6;
            }
            // The first tenth warms up.
            if turn >= turns / 10 {
                sides.raw.push(pair[0]);
                sides.own.push(pair[1]);
            }
        }
        Ok(sides)
    }

    /// Prints the row; whether the limit is kept beyond the noise.
    fn show(&self, kind: ServiceKind) -> bool {
        let part = self.raw.len() / PARTS;
        let ratios: Vec<f64> = self
            .raw
            .chunks_exact(part)
            .zip(self.own.chunks_exact(part))
            .map(|(raw, own)| median(own) / median(raw))
            .collect();
        let count = ratios.len() as f64;
        let mean = ratios.iter().sum::<f64>() / count;
        let spread = (ratios.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt();
        let (low, high) = (mean - T * spread / count.sqrt(), mean + T * spread / count.sqrt());
        let verdict = match (high < LIMIT, low > LIMIT) {
            (true, _) => "kept",
            (_, true) => "**missed**",
            _ => "undecided",
        };
        println!(
            "| {kind} | {:.0} | {:.0} | {mean:.3} ({low:.3} to {high:.3}) | {LIMIT} | {verdict} |",
            median(&self.raw),
            median(&self.own)
        );
        high < LIMIT
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// A prepared statement that finds a row by its key: from the pool, and on one connection.
async fn postgres(endpoints: &Endpoints, handles: &Handles, turns: usize) -> Outcome<Sides> {
    const SQL: &str = "SELECT relname::text FROM pg_catalog.pg_class WHERE oid = $1";
    let config = endpoints.postgres.as_ref().ok_or("no PostgreSQL")?;
    let (client, connection) = tokio_postgres::connect(config.url().expose(), NoTls).await?;
    let driver = tokio::spawn(connection);
    let statement = client.prepare(SQL).await?;
    let raw = async || -> Outcome {
        client.query_one(&statement, &[&1259_u32]).await?;
        Ok(())
    };
    let own = async || -> Outcome {
        let client = handles.postgres.client().await?;
        let statement = client.prepare_cached(SQL).await?;
        client.query_one(&statement, &[&1259_u32]).await?;
        Ok(())
    };
    let sides = Sides::measure(turns, raw, own).await;
    driver.abort();
    sides
}

/// A query of ten rows: as JSON, and as the driver gives them.
async fn neo4j(endpoints: &Endpoints, handles: &Handles, turns: usize) -> Outcome<Sides> {
    const CYPHER: &str = "UNWIND range(1, 10) AS n RETURN n AS id, 'name ' + n AS name";
    let config = endpoints.neo4j.as_ref().ok_or("no Neo4j")?;
    hallmark_services::http::install_tls_provider();
    let graph = neo4rs::Graph::connect(
        neo4rs::ConfigBuilder::default()
            .uri(&config.url)
            .user(&config.user)
            .password(config.password.expose())
            .build()?,
    )?;
    let raw = async || -> Outcome {
        let mut rows = graph.execute(neo4rs::query(CYPHER)).await?;
        let mut sum = 0;
        while let Some(row) = rows.next().await? {
            sum += row.get::<i64>("id")? + i64::try_from(row.get::<String>("name")?.len())?;
        }
        if sum == 0 { Err("no rows".into()) } else { Ok(()) }
    };
    let own = async || -> Outcome {
        let rows = handles.neo4j.query(CYPHER, Map::new()).await?;
        if rows.len() == 10 { Ok(()) } else { Err("no rows".into()) }
    };
    Sides::measure(turns, raw, own).await
}

/// A value by its key.
async fn redis(endpoints: &Endpoints, handles: &Handles, turns: usize) -> Outcome<Sides> {
    const KEY: &str = "hallmark:bench:client";
    let config = endpoints.redis.as_ref().ok_or("no Redis")?;
    let driver = redis::Client::open(config.url().expose())?.get_multiplexed_async_connection().await?;
    let () =
        redis::cmd("SET").arg(KEY).arg("value").arg("EX").arg(600).query_async(&mut driver.clone()).await?;
    let raw = async || -> Outcome {
        let _: String = redis::cmd("GET").arg(KEY).query_async(&mut driver.clone()).await?;
        Ok(())
    };
    let own = async || -> Outcome {
        let mut connection = handles.redis.connection().await?;
        let _: String = redis::cmd("GET").arg(KEY).query_async(&mut connection).await?;
        Ok(())
    };
    let sides = Sides::measure(turns, raw, own).await;
    let () = redis::cmd("DEL").arg(KEY).query_async(&mut driver.clone()).await?;
    sides
}

/// The ten nearest of two hundred vectors of 384 numbers: by the handle, and by the same request over plain HTTP.
async fn chroma(endpoints: &Endpoints, handles: &Handles, turns: usize) -> Outcome<Sides> {
    const NAME: &str = "hallmark_bench_client";
    let config = endpoints.chroma.as_ref().ok_or("no ChromaDB")?;
    let vector = |n: usize| -> Vec<f32> {
        (0..384)
            .map(|i| f32::from(u8::try_from((n * 31 + i * 7) % 251).unwrap_or_default()) / 251.0)
            .collect()
    };
    let id = handles.chroma.get_or_create_collection(NAME, Map::new()).await?;
    let records = hallmark_services::chroma::Records {
        ids: (0..200).map(|n| n.to_string()).collect(),
        embeddings: (0..200).map(vector).collect(),
        ..Default::default()
    };
    handles.chroma.upsert(&id, records).await?;
    let url = format!(
        "{}/api/v2/tenants/{}/databases/{}/collections/{id}/query",
        config.url, config.tenant, config.database
    );
    let (http, question) = (http()?, vector(1_000));
    let raw = async || -> Outcome {
        let body = json!({
            "query_embeddings": [question], "n_results": 10, "include": ["distances", "documents", "metadatas"],
        });
        let answer: Value = http.post(&url).json(&body).send().await?.error_for_status()?.json().await?;
        if answer["ids"][0].as_array().map(Vec::len) == Some(10) { Ok(()) } else { Err("too few".into()) }
    };
    let own = async || -> Outcome {
        let found = handles.chroma.query(&id, &question, 10, None).await?;
        if found.len() == 10 { Ok(()) } else { Err("too few".into()) }
    };
    let sides = Sides::measure(turns, raw, own).await;
    handles.chroma.delete_collection(NAME).await?;
    sides
}

/// The vector of one text: by the handle, and by the same request over plain HTTP.
async fn openai(endpoints: &Endpoints, handles: &Handles, turns: usize) -> Outcome<Sides> {
    let config = endpoints.openai.as_ref().ok_or("no model API")?;
    let url = format!("{}/embeddings", config.embeddings_url());
    let (http, text) = (http()?, "a cordless drill".to_owned());
    let raw = async || -> Outcome {
        let body = json!({"model": config.embedding_model, "input": [text], "encoding_format": "float"});
        let request = http.post(&url).bearer_auth(config.api_key.expose()).json(&body);
        let answer: Value = request.send().await?.error_for_status()?.json().await?;
        if answer["data"][0]["embedding"].is_array() { Ok(()) } else { Err("no vector".into()) }
    };
    let texts = [text.clone()];
    let own = async || -> Outcome {
        handles.openai.embed(&texts).await?;
        Ok(())
    };
    Sides::measure(turns, raw, own).await
}

fn http() -> Outcome<reqwest::Client> {
    hallmark_services::http::install_tls_provider();
    Ok(reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build()?)
}
