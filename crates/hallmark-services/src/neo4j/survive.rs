//! Nodes whose commit was acknowledged before the server ended.

use std::collections::BTreeSet;

use hallmark_core::Result;
use serde_json::{Map, Value, json};

use super::Neo4j;

const LABEL: &str = "HallmarkSurvival";

fn named(pairs: &[(&str, Value)]) -> Map<String, Value> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

pub(crate) async fn begin(neo4j: &Neo4j) -> Result<()> {
    end(neo4j).await
}

pub(crate) async fn write(neo4j: &Neo4j, word: &str, number: u64) -> Result<()> {
    let cypher = format!("CREATE (:{LABEL} {{n: $n, word: $word}})");
    neo4j.query(&cypher, named(&[("n", json!(number)), ("word", json!(word))])).await.map(drop)
}

pub(crate) async fn kept(neo4j: &Neo4j, word: &str) -> Result<BTreeSet<u64>> {
    let cypher = format!("MATCH (c:{LABEL} {{word: $word}}) RETURN c.n AS n");
    let rows = neo4j.query(&cypher, named(&[("word", json!(word))])).await?;
    Ok(rows.iter().filter_map(|row| row.get("n").and_then(Value::as_u64)).collect())
}

pub(crate) async fn end(neo4j: &Neo4j) -> Result<()> {
    neo4j.query(&format!("MATCH (c:{LABEL}) DETACH DELETE c"), Map::new()).await.map(drop)
}
