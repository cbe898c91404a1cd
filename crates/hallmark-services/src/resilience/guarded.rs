//! The services as those see them who would rather have a labelled old answer than none.

use std::sync::Arc;

use hallmark_core::Result;

use super::{FallbacksConfig, Line, Policy, Tally};
use crate::chroma::Vectors;
use crate::neo4j::Subgraphs;
use crate::openai::Models;
use crate::postgres::Reads;
use crate::redis::LocalCache;
use crate::{Handles, ServiceKind};

/// The guarded services of one process. Cheap to clone; clones share circuits, caches and counts.
#[derive(Clone, Debug)]
pub struct Guarded {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    postgres: Reads,
    graph: Subgraphs,
    vectors: Vectors,
    redis: LocalCache,
    models: Models,
    tally: Tally,
}

impl Guarded {
    /// The services behind their guards, with what the configuration lets stand in.
    ///
    /// # Errors
    /// `HM-S002` if a number of the configuration is out of its bounds.
    pub fn new(handles: &Handles, config: &FallbacksConfig) -> Result<Self> {
        let tally = Tally::default();
        let line = |service: ServiceKind| -> Result<Line> {
            Ok(Line::new(service, config.policy(service)?, tally.clone()))
        };
        let postgres = Reads::new(
            &handles.postgres,
            &handles.replicas,
            line(ServiceKind::Postgres)?,
            config.replica_lag().filter(|_| config.policy(ServiceKind::Postgres).is_ok_and(|p| p.fallback)),
        );
        let inner = Inner {
            postgres,
            graph: Subgraphs::new(handles.neo4j.clone(), line(ServiceKind::Neo4j)?),
            vectors: Vectors::new(handles.chroma.clone(), line(ServiceKind::Chroma)?),
            redis: LocalCache::new(handles.redis.clone(), line(ServiceKind::Redis)?),
            models: Models::new(handles.openai.clone(), line(ServiceKind::OpenAi)?),
            tally,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The same interface without any guard: every answer is the service's own, or its error. For whoever measures.
    #[must_use]
    pub fn bare(handles: &Handles) -> Self {
        let tally = Tally::default();
        let line = |service| Line::bare(service, Policy::of(service), tally.clone());
        let inner = Inner {
            postgres: Reads::new(&handles.postgres, &[], line(ServiceKind::Postgres), None),
            graph: Subgraphs::new(handles.neo4j.clone(), line(ServiceKind::Neo4j)),
            vectors: Vectors::new(handles.chroma.clone(), line(ServiceKind::Chroma)),
            redis: LocalCache::new(handles.redis.clone(), line(ServiceKind::Redis)),
            models: Models::new(handles.openai.clone(), line(ServiceKind::OpenAi)),
            tally,
        };
        Self { inner: Arc::new(inner) }
    }

    /// PostgreSQL: its primary, and the replicas that may answer reads.
    #[must_use]
    pub fn postgres(&self) -> &Reads {
        &self.inner.postgres
    }

    /// Neo4j, with the subgraphs behind it that this process asked for lately.
    #[must_use]
    pub fn graph(&self) -> &Subgraphs {
        &self.inner.graph
    }

    /// ChromaDB, with the vectors of hot collections behind it.
    #[must_use]
    pub fn vectors(&self) -> &Vectors {
        &self.inner.vectors
    }

    /// The model API, with what it computed before behind it.
    #[must_use]
    pub fn models(&self) -> &Models {
        &self.inner.models
    }

    /// Redis, with a cache in this process behind it.
    #[must_use]
    pub fn redis(&self) -> &LocalCache {
        &self.inner.redis
    }

    /// What was counted so far.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.inner.tally
    }
}
