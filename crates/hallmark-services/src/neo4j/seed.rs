//! Seed files of Neo4j: Cypher statements, each in a transaction of its own.

use hallmark_core::Result;
use serde_json::{Map, Value, json};

use super::Neo4j;
use crate::stack::seed::{Source, statements};

/// Runs the statements and notes the file. Statements that define and statements that write cannot share a transaction, so
/// a file that fails in its middle is run again from its start: it should say `MERGE` and `IF NOT EXISTS`.
pub(crate) async fn load(neo4j: &Neo4j, source: &Source) -> Result<Option<u64>> {
    let named = Map::from_iter([
        ("file".to_owned(), json!(source.file)),
        ("sha256".to_owned(), json!(source.digest)),
    ]);
    let noted = "MATCH (n:HallmarkSeed {file: $file}) RETURN n.sha256 AS sha256, $sha256 AS wanted";
    let rows = neo4j.query(noted, named.clone()).await?;
    if source.is_there(rows.first().and_then(|row| row.get("sha256")).and_then(Value::as_str))? {
        return Ok(None);
    }
    let mut count = 0;
    for (line, statement) in statements(&source.text) {
        neo4j.query(&statement, Map::new()).await.map_err(|e| e.at(format!("{}:{line}", source.file)))?;
        count += 1;
    }
    let note = "MERGE (n:HallmarkSeed {file: $file}) SET n.sha256 = $sha256, n.at = datetime()";
    neo4j.query(note, named).await?;
    Ok(Some(count))
}
