//! Neo4j with the subgraphs of this process's critical paths behind it: answers to read questions that were asked before.
//!
//! What is kept is the answer to a question in full, by its text and parameters, so that it is exactly what the graph said then: nothing
//! is put together from parts. A question that was never asked has no fallback.

use std::time::Instant;

use hallmark_core::{Result, canonical, digest};
use serde_json::{Map, Value};

use super::{Neo4j, pulse};
use crate::monitor::pulse::Line as _;
use crate::resilience::{Answer, Line, Repeat, Shelf, Source, Stand, is_outage};

/// The rows of a question.
pub type Rows = Vec<Map<String, Value>>;

/// Questions to the graph that only read, and the answers that this process was given lately.
#[derive(Debug)]
pub struct Subgraphs {
    neo4j: Neo4j,
    line: Line,
    shelf: Shelf<Rows>,
}

impl Subgraphs {
    /// Nothing is contacted yet.
    #[must_use]
    pub(crate) fn new(neo4j: Neo4j, line: Line) -> Self {
        let shelf = Shelf::new(line.policy().memory_bytes, line.policy().ttl);
        Self { neo4j, line, shelf }
    }

    /// The guarded way to Neo4j.
    #[must_use]
    pub fn line(&self) -> &Line {
        &self.line
    }

    /// Asks a question that only reads. While Neo4j does not answer, its last answer to the same question, with its age.
    ///
    /// # Errors
    /// Those of [`Neo4j::query`], if Neo4j cannot answer and this process was not told before.
    pub async fn read(&self, cypher: &str, params: &Map<String, Value>) -> Result<Answer<Rows>> {
        let question = Value::Array(vec![Value::from(cypher), Value::Object(params.clone())]);
        let key = digest::sha256(canonical::to_string(&question).as_bytes());
        let since = self.shelf.since(Instant::now());
        let work = || self.neo4j.query(cypher, params.clone());
        match self.line.call_watched(Repeat::Idempotent, work, || self.beats()).await {
            Ok(rows) => {
                self.shelf.put(since, &key, (rows.clone(), bytes(&rows)), None);
                self.line.note(&Source::Primary);
                Ok(Answer::new(rows, Source::Primary))
            }
            Err(failure) if is_outage(&failure) && self.line.policy().fallback => {
                match self.shelf.get(&key, Instant::now()) {
                    Some((rows, age)) => {
                        let source = Source::Fallback { stand: Stand::Subgraph, age: Some(age) };
                        self.line.note(&source);
                        Ok(Answer::new(rows.as_ref().clone(), source))
                    }
                    None => Err(failure.because_text("this process has not asked the same question before")),
                }
            }
            Err(failure) => Err(failure),
        }
    }

    /// Forgets every subgraph: somebody changed the graph.
    pub fn forget(&self) {
        self.shelf.clear();
    }

    async fn beats(&self) -> bool {
        let Some(config) = self.neo4j.config() else { return false };
        let Ok(mut line) = pulse::Line::open(config).await else { return false };
        line.ask().await.is_ok()
    }
}

/// About as many as the rows take.
fn bytes(rows: &Rows) -> u64 {
    rows.iter()
        .map(|row| row.iter().map(|(name, value)| name.len() as u64 + weight(value)).sum::<u64>())
        .sum()
}

pub(crate) fn weight(value: &Value) -> u64 {
    32 + match value {
        Value::String(text) => text.len() as u64,
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(members) => members.iter().map(|(name, value)| name.len() as u64 + weight(value)).sum(),
        _ => 0,
    }
}
