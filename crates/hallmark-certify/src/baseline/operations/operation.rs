//! The operations and their targets.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hallmark_core::{Error, Result};
use hallmark_services::openai::ChatMessage;
use hallmark_services::{ServiceKind, codes, postgres};
use serde_json::json;

use super::data::{Data, params};
use crate::limits::{SAMPLES, SAMPLES_COMPLETION};

/// One operation: what is done, on which service, and the times it must stay below.
pub(super) struct Operation {
    pub(super) id: &'static str,
    pub(super) what: &'static str,
    pub(super) service: ServiceKind,
    /// What the median must stay below: the requirements' figure.
    pub(super) median_ms: f64,
    /// What the 95th percentile must stay below: the performance targets' figure where there is one, else the same.
    pub(super) p95_ms: f64,
    pub(super) samples: usize,
    /// Does it once and checks the answer: a fast wrong answer is none.
    pub(super) run: for<'a> fn(&'a Data, usize) -> BoxFuture<'a, Result<()>>,
}

/// The requirements' targets, in their order.
pub(super) static OPERATIONS: &[Operation] = &[
    Operation {
        id: "postgres_select",
        what: "PostgreSQL: select one row by its primary key",
        service: ServiceKind::Postgres,
        median_ms: 10.0,
        p95_ms: 25.0,
        samples: SAMPLES,
        run: |data, n| postgres_select(data, n).boxed(),
    },
    Operation {
        id: "postgres_join",
        what: "PostgreSQL: join, group and order two tables",
        service: ServiceKind::Postgres,
        median_ms: 50.0,
        p95_ms: 100.0,
        samples: SAMPLES,
        run: |data, _| postgres_join(data).boxed(),
    },
    Operation {
        id: "neo4j_traversal",
        what: "Neo4j: traversal of three steps from one node",
        service: ServiceKind::Neo4j,
        median_ms: 100.0,
        p95_ms: 200.0,
        samples: SAMPLES,
        run: |data, n| neo4j_traversal(data, n).boxed(),
    },
    Operation {
        id: "chroma_query",
        what: "ChromaDB: the ten nearest of 500 vectors",
        service: ServiceKind::Chroma,
        median_ms: 50.0,
        p95_ms: 100.0,
        samples: SAMPLES,
        run: |data, n| chroma_query(data, n).boxed(),
    },
    Operation {
        id: "redis_hit",
        what: "Redis: read a key that exists",
        service: ServiceKind::Redis,
        median_ms: 1.0,
        p95_ms: 5.0,
        samples: SAMPLES,
        run: |data, _| redis_get(data, "hit", Some("value")).boxed(),
    },
    Operation {
        id: "redis_miss",
        what: "Redis: ask for a key that does not exist",
        service: ServiceKind::Redis,
        median_ms: 5.0,
        p95_ms: 10.0,
        samples: SAMPLES,
        run: |data, _| redis_get(data, "miss", None).boxed(),
    },
    Operation {
        id: "completion",
        what: "Language model: a completion of at most 16 tokens",
        service: ServiceKind::OpenAi,
        median_ms: 2_000.0,
        p95_ms: 2_000.0,
        samples: SAMPLES_COMPLETION,
        run: |data, n| completion(data, n).boxed(),
    },
    Operation {
        id: "classification",
        what: "Embedding model: classify one text among three labels",
        service: ServiceKind::OpenAi,
        median_ms: 500.0,
        p95_ms: 500.0,
        samples: SAMPLES,
        run: |data, n| classification(data, n).boxed(),
    },
];

fn wrong(what: &str) -> Error {
    Error::new(&codes::ANSWER_INVALID, format!("the answer is not the one that was stored: {what}"))
}

fn expect(holds: bool, what: &str) -> Result<()> {
    if holds { Ok(()) } else { Err(wrong(what)) }
}

async fn postgres_select(data: &Data, n: usize) -> Result<()> {
    let client = data.handles.postgres.client().await?;
    let id = i32::try_from(n).unwrap_or(0);
    let statement = client
        .prepare_cached(&format!("SELECT name FROM {}.product WHERE id = $1", data.name))
        .await
        .map_err(postgres::error)?;
    let row = client.query_one(&statement, &[&id]).await.map_err(postgres::error)?;
    expect(row.get::<_, String>(0) == format!("product {id}"), "the row of a product")
}

async fn postgres_join(data: &Data) -> Result<()> {
    let schema = &data.name;
    let client = data.handles.postgres.client().await?;
    let text = format!(
        "SELECT c.name, count(*), sum(p.price) FROM {schema}.product p JOIN {schema}.category c ON c.id = p.category_id
         WHERE p.price > 10 GROUP BY c.name ORDER BY sum(p.price) DESC LIMIT 20"
    );
    let statement = client.prepare_cached(&text).await.map_err(postgres::error)?;
    let rows = client.query(&statement, &[]).await.map_err(postgres::error)?;
    expect(rows.len() == 20 && rows[0].get::<_, String>(0) == "category 199", "the largest categories")
}

async fn neo4j_traversal(data: &Data, n: usize) -> Result<()> {
    let cypher =
        format!("MATCH (a:{0} {{n: $n}})-[:NEXT*3..3]->(b:{0}) RETURN count(DISTINCT b) AS found", data.name);
    let rows = data.handles.neo4j.query(&cypher, params(json!({"n": n}))).await?;
    // Three steps of 1 or 7 reach n + 3, n + 9, n + 15 and n + 21.
    expect(rows.first().and_then(|r| r.get("found")) == Some(&json!(4)), "the nodes three steps away")
}

async fn chroma_query(data: &Data, n: usize) -> Result<()> {
    let id = data.collection.as_ref().ok_or_else(|| wrong("no collection"))?;
    let found = data.handles.chroma.query(id, &Data::vector(n), 10, None).await?;
    expect(found.len() == 10 && found[0].id == format!("v{n}"), "the vector nearest to itself")
}

async fn redis_get(data: &Data, key: &str, value: Option<&str>) -> Result<()> {
    let mut connection = data.handles.redis.connection().await?;
    let got: Option<String> = redis::cmd("GET")
        .arg(data.key(key))
        .query_async(&mut connection)
        .await
        .map_err(|e| hallmark_services::redis::error(&e))?;
    expect(got.as_deref() == value, "the value of the key")
}

/// The numbers make every request its own: an answer kept from the last one does not serve.
async fn completion(data: &Data, n: usize) -> Result<()> {
    let question = format!("Say in a few words what tool {n} in a hardware shop might be.");
    let answer = data.handles.openai.chat(&[ChatMessage::user(question)], 16).await?;
    expect(!answer.text.trim().is_empty() && answer.completion_tokens <= 17, "a text within its bound")
}

async fn classification(data: &Data, n: usize) -> Result<()> {
    let texts = [
        format!("claw hammer, model {n}"),
        "hand tool".to_owned(),
        "paint".to_owned(),
        "electrical cable".to_owned(),
    ];
    let vectors = data.handles.openai.embed(&texts).await?;
    let [text, labels @ ..] = vectors.as_slice() else { return Err(wrong("four vectors")) };
    let dot = |a: &[f32], b: &[f32]| -> f32 { a.iter().zip(b).map(|(x, y)| x * y).sum() };
    let best = labels.iter().map(|l| dot(text, l)).enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
    expect(best.is_some_and(|(label, _)| label == 0), "a hammer is a hand tool")
}
