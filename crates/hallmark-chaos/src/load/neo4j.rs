//! Records as nodes: one query, and so one transaction, which waits between its two parts.

use std::collections::BTreeMap;
use std::time::Duration;

use hallmark_core::Result;
use hallmark_services::Handles;
use serde_json::{Map, Value, json};

use super::records::{HELD, Store};
use crate::ledger::{PARTS, Stored};

const WRITE: &str = "\
CREATE (:ChaosRecord {number: $number, part: 0, content: $first})
WITH 1 AS one
CALL apoc.util.sleep($held)
CREATE (:ChaosRecord {number: $number, part: 1, content: $second})
MERGE (register:ChaosRegister {name: 'only'})
SET register.number = $number";

/// Nodes that one query returns; the client's own bound is above it.
const PAGE: u64 = 10_000;

/// Nodes of a label of their own.
pub(super) struct Graph;

impl Store for Graph {
    const WHOLE: bool = true;
    const PAUSES: (Duration, Duration) = (Duration::from_millis(150), Duration::from_millis(200));

    async fn prepare(&self, handles: &Handles) -> Result<()> {
        let index = "CREATE INDEX chaos_record IF NOT EXISTS FOR (r:ChaosRecord) ON (r.number)";
        handles.neo4j.query(index, Map::new()).await.map(drop)
    }

    async fn write(&self, handles: &Handles, number: u64, parts: [String; PARTS as usize]) -> Result<()> {
        let [first, second] = parts;
        let held = u64::try_from(HELD.as_millis()).unwrap_or_default();
        let given = json!({"number": number, "first": first, "second": second, "held": held});
        handles.neo4j.query(WRITE, object(given)).await.map(drop)
    }

    async fn record(&self, handles: &Handles, number: u64) -> Result<BTreeMap<u8, String>> {
        let question = "MATCH (r:ChaosRecord {number: $number}) RETURN r.number AS number, r.part AS part, r.content AS content";
        let rows = handles.neo4j.query(question, object(json!({"number": number}))).await?;
        let mut stored = collected(&rows);
        Ok(stored.remove(&number).unwrap_or_default())
    }

    async fn register(&self, handles: &Handles) -> Result<Option<u64>> {
        let rows =
            handles.neo4j.query("MATCH (r:ChaosRegister) RETURN r.number AS number", Map::new()).await?;
        Ok(rows.first().and_then(|row| row.get("number")?.as_u64()))
    }

    async fn all(&self, handles: &Handles, _begun: u64) -> Result<Stored> {
        let question = "MATCH (r:ChaosRecord) WHERE r.number >= $from AND r.number < $to \
                        RETURN r.number AS number, r.part AS part, r.content AS content";
        let most = handles
            .neo4j
            .query("MATCH (r:ChaosRecord) RETURN max(r.number) AS number", Map::new())
            .await?
            .first()
            .and_then(|row| row.get("number")?.as_u64())
            .unwrap_or(0);
        let mut stored = Stored::new();
        for from in (0..=most).step_by(usize::try_from(PAGE).unwrap_or(1)) {
            let given = object(json!({"from": from, "to": from + PAGE}));
            stored.extend(collected(&handles.neo4j.query(question, given).await?));
        }
        Ok(stored)
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn collected(rows: &[Map<String, Value>]) -> Stored {
    let mut stored = Stored::new();
    for row in rows {
        let field = |name: &str| row.get(name).and_then(Value::as_u64).unwrap_or(0);
        let content = row.get("content").and_then(Value::as_str).unwrap_or_default().to_owned();
        let part = u8::try_from(field("part")).unwrap_or(u8::MAX);
        stored.entry(field("number")).or_default().insert(part, content);
    }
    stored
}
