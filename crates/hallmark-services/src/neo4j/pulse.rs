//! The light check of Neo4j: one row of a query that touches no data.

use hallmark_core::Result;
use serde_json::Map;

use super::{Neo4j, Neo4jConfig};
use crate::monitor::pulse;

/// A pool of its own. The driver makes a cut connection anew without a word.
pub(crate) struct Line(Neo4j);

impl pulse::Line for Line {
    type Config = Neo4jConfig;

    async fn open(config: &Neo4jConfig) -> Result<Self> {
        Ok(Self(Neo4j::new(config)?))
    }

    async fn ask(&mut self) -> Result<()> {
        self.0.query("RETURN 1 AS one", Map::new()).await.map(drop)
    }
}
