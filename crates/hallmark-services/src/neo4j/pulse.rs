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

    async fn ask(&mut self) -> Result<Option<i64>> {
        let rows = self.0.query("RETURN timestamp() AS now", Map::new()).await?;
        Ok(rows.first().and_then(|row| row.get("now")?.as_i64()))
    }
}
