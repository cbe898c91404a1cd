//! The handles that the other rooms hold.

use hallmark_core::Result;

use crate::{Chroma, Endpoints, Neo4j, OpenAi, Postgres, PostgresConfig, Redis};

/// One handle for each service. Cheap to clone; each connects when it is first used.
#[derive(Clone, Debug)]
pub struct Handles {
    /// PostgreSQL.
    pub postgres: Postgres,
    /// Its read replicas, if it has any.
    pub replicas: Vec<Postgres>,
    /// Neo4j.
    pub neo4j: Neo4j,
    /// ChromaDB.
    pub chroma: Chroma,
    /// Redis.
    pub redis: Redis,
    /// The OpenAI-compatible API.
    pub openai: OpenAi,
}

impl Handles {
    /// Handles on these addresses. Nothing is contacted yet; the handle of a missing service answers `HM-S001`.
    ///
    /// # Errors
    /// `HM-S002`, `HM-S008` if an address cannot be used.
    pub fn connect(endpoints: &Endpoints) -> Result<Self> {
        let replicas = endpoints.postgres.iter().flat_map(PostgresConfig::replica_configs);
        Ok(Self {
            replicas: replicas.map(|config| Postgres::new(&config)).collect::<Result<_>>()?,
            postgres: endpoints.postgres.as_ref().map_or_else(Postgres::unconfigured, Postgres::new)?,
            neo4j: endpoints.neo4j.as_ref().map_or_else(|| Ok(Neo4j::unconfigured()), Neo4j::new)?,
            chroma: endpoints.chroma.as_ref().map_or_else(|| Ok(Chroma::unconfigured()), Chroma::new)?,
            redis: endpoints.redis.as_ref().map_or_else(|| Ok(Redis::unconfigured()), Redis::new)?,
            openai: endpoints.openai.as_ref().map_or_else(|| Ok(OpenAi::unconfigured()), OpenAi::new)?,
        })
    }
}
