//! Which of the five.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One of the five services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ServiceKind {
    /// PostgreSQL.
    #[serde(rename = "postgres")]
    Postgres,
    /// Neo4j.
    #[serde(rename = "neo4j")]
    Neo4j,
    /// ChromaDB.
    #[serde(rename = "chromadb")]
    Chroma,
    /// Redis.
    #[serde(rename = "redis")]
    Redis,
    /// An API that speaks OpenAI's protocol.
    #[serde(rename = "openai")]
    OpenAi,
}

impl ServiceKind {
    /// The five, in the order in which they are shown.
    pub const ALL: [Self; 5] = [Self::Postgres, Self::Neo4j, Self::Chroma, Self::Redis, Self::OpenAi];

    /// The short name that configuration, commands and JSON use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Neo4j => "neo4j",
            Self::Chroma => "chromadb",
            Self::Redis => "redis",
            Self::OpenAi => "openai",
        }
    }

    /// The name that people write.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Neo4j => "Neo4j",
            Self::Chroma => "ChromaDB",
            Self::Redis => "Redis",
            Self::OpenAi => "OpenAI API",
        }
    }

    /// The environment variable that names the service's address.
    #[must_use]
    pub const fn variable(self) -> &'static str {
        match self {
            Self::Postgres => "HALLMARK_POSTGRES_URL",
            Self::Neo4j => "HALLMARK_NEO4J_URL",
            Self::Chroma => "HALLMARK_CHROMA_URL",
            Self::Redis => "HALLMARK_REDIS_URL",
            Self::OpenAi => "HALLMARK_OPENAI_BASE_URL",
        }
    }

    /// The requirement that evidence of it speaks to.
    #[must_use]
    pub const fn requirement(self) -> &'static str {
        match self {
            Self::Postgres => "REQ-INF-001",
            Self::Neo4j => "REQ-INF-002",
            Self::Chroma => "REQ-INF-003",
            Self::Redis => "REQ-INF-004",
            Self::OpenAi => "REQ-INF-005",
        }
    }

    /// The service of this short name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for ServiceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
