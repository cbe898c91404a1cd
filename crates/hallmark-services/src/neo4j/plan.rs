//! Whether a Neo4j plans its queries: operators of a plan, and what they touched.

use hallmark_core::{Error, Result};
use serde_json::{Map, Value};

use super::health::row;
use super::{Neo4j, Neo4jConfig, bolt};
use crate::codes;
use crate::recorder::nonce;
use crate::verify::{Shown, refuted};

/// The operators of a plan, from its root.
fn operators(plan: &Value) -> Vec<&Value> {
    let children = plan["children"].as_array().map(Vec::as_slice).unwrap_or_default();
    std::iter::once(plan).chain(children.iter().flat_map(operators)).collect()
}

fn is_named(operator: &Value, name: &str) -> bool {
    operator["operatorType"].as_str().is_some_and(|kind| kind.split('@').next() == Some(name))
}

async fn plan(config: &Neo4jConfig, cypher: &str, member: &str) -> Result<Value> {
    let mut summary = bolt::summary(config, cypher).await?;
    let plan = summary.remove(member).unwrap_or_default();
    if plan["operatorType"].is_string() {
        return Ok(plan);
    }
    Err(refuted(format!("it has no {member} for a query that asks for it")))
}

/// A lookup by a unique key is planned over its index, an explained write writes nothing, and a profiled scan touches every node once.
pub(super) async fn plans(config: &Neo4jConfig, neo4j: &Neo4j, label: &str) -> Shown<()> {
    if config.tls {
        return Err(Error::new(&codes::TLS_UNSUPPORTED, "plans are not read over TLS"));
    }
    let key = nonce()?;
    let lookup = format!("EXPLAIN MATCH (n:{label} {{key: '{key}'}}) RETURN n.key");
    let found = plan(config, &lookup, "plan").await?;
    let all = operators(&found);
    if !all.iter().any(|operator| is_named(operator, "NodeUniqueIndexSeek")) {
        let names: Vec<&str> = all.iter().filter_map(|o| o["operatorType"].as_str()).collect();
        return Err(refuted(format!("a lookup by a unique key is planned as {}", names.join(", "))));
    }
    let write = format!("EXPLAIN CREATE (:{label} {{kind: '{key}'}})");
    plan(config, &write, "plan").await?;
    let count = format!(
        "MATCH (n:{label}) RETURN count(n) AS all, count(CASE n.kind WHEN '{key}' THEN 1 END) AS made"
    );
    let counted = row(neo4j, &count, Map::new()).await?;
    let number = |name: &str| counted.get(name).and_then(Value::as_u64).unwrap_or(u64::MAX);
    if number("made") != 0 {
        return Err(refuted("an explained write wrote"));
    }
    let scan = format!("PROFILE MATCH (n:{label}) WHERE coalesce(n.kind, '') <> '{key}' RETURN count(n)");
    let profile = plan(config, &scan, "profile").await?;
    let all = operators(&profile);
    let leaf = all.iter().find(|operator| is_named(operator, "NodeByLabelScan"));
    let rows = leaf.and_then(|operator| operator["rows"].as_u64());
    let hits: u64 = all.iter().filter_map(|operator| operator["dbHits"].as_u64()).sum();
    if rows != Some(number("all")) || hits < number("all") {
        return Err(refuted(format!(
            "a profiled scan of {} nodes gives {rows:?} rows and {hits} hits of the store",
            number("all")
        )));
    }
    let detail = format!(
        "a unique lookup seeks its index; a scan of {} nodes hit the store {hits} times",
        number("all")
    );
    Ok(((), detail))
}
