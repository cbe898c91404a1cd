//! What a graph holds, counted and digested, and which of its files a backup copies.

use hallmark_core::Result;
use serde_json::{Map, Value};

use super::{Neo4j, Neo4jConfig};
use crate::stack::backup::limits as bounds;
use crate::stack::backup::{Content, Part, Sum};

/// The folders of the users' database below `data`. The database `system` holds users and passwords, which belong to the
/// stack and not to the data: a backup must also come back where the passwords are others.
pub(crate) const FOLDERS: [&str; 2] = ["databases/neo4j", "transactions/neo4j"];

async fn rows(neo4j: &Neo4j, cypher: &str) -> Result<Vec<Map<String, Value>>> {
    neo4j.query_within(cypher, Map::new(), bounds::PROGRAM_TIMEOUT).await
}

fn part(row: &Map<String, Value>) -> Part {
    let digest = row.get("digest").and_then(Value::as_str).map(ToOwned::to_owned);
    Part { count: row.get("count").and_then(Value::as_u64).unwrap_or(0), digest }
}

/// Nodes and relationships, without those of probes.
pub(crate) async fn counts(config: &Neo4jConfig) -> Result<Content> {
    let neo4j = Neo4j::new(config)?;
    let mut content = Content::new();
    for (name, cypher) in [
        ("nodes", "MATCH (n) WHERE NOT n:HallmarkCanary RETURN count(n) AS count"),
        ("relationships", "MATCH ()-[r]->() RETURN count(r) AS count"),
    ] {
        content.insert(name.to_owned(), rows(&neo4j, cypher).await?.first().map(part).unwrap_or_default());
    }
    Ok(content)
}

/// The version of the server.
pub(crate) async fn version(config: &Neo4jConfig) -> Result<String> {
    let neo4j = Neo4j::new(config)?;
    let rows = rows(&neo4j, "CALL dbms.components() YIELD versions RETURN versions[0] AS version").await?;
    Ok(rows.first().and_then(|row| row.get("version")?.as_str()).unwrap_or_default().to_owned())
}

/// Nodes by label, relationships by type, the fingerprint of the whole graph, constraints and indexes.
pub(crate) async fn content(config: &Neo4jConfig) -> Result<Content> {
    let neo4j = Neo4j::new(config)?;
    let mut content = counts(config).await?;
    let labels =
        "MATCH (n) WHERE NOT n:HallmarkCanary UNWIND labels(n) AS name RETURN name, count(*) AS count";
    let types = "MATCH ()-[r]->() RETURN type(r) AS name, count(*) AS count";
    for (prefix, cypher) in [("label", labels), ("type", types)] {
        for row in rows(&neo4j, cypher).await? {
            let name = row.get("name").and_then(Value::as_str).unwrap_or_default();
            content.insert(format!("{prefix} {name}"), part(&row));
        }
    }
    let graph = "MATCH (n) WITH count(n) AS count RETURN count, apoc.hashing.fingerprintGraph([]) AS digest";
    content.insert("graph".to_owned(), rows(&neo4j, graph).await?.first().map(part).unwrap_or_default());
    for (name, cypher) in [
        ("constraints", "SHOW CONSTRAINTS YIELD createStatement RETURN createStatement AS text"),
        ("indexes", "SHOW INDEXES YIELD createStatement, state RETURN createStatement + ' ' + state AS text"),
    ] {
        let (mut sum, mut count) = (Sum::default(), 0);
        for row in rows(&neo4j, cypher).await? {
            sum.add(row.get("text").and_then(Value::as_str).unwrap_or_default().as_bytes());
            count += 1;
        }
        content.insert(name.to_owned(), Part { count, digest: Some(sum.hex()) });
    }
    Ok(content)
}

/// Waits until every index is online again, which a start after a copy may take.
pub(crate) async fn indexes_online(config: &Neo4jConfig) -> Result<()> {
    rows(&Neo4j::new(config)?, "CALL db.awaitIndexes(300)").await.map(drop)
}
