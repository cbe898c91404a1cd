//! Where the five services are: from the environment, from configuration or from the stack that was started.

use hallmark_core::{Result, Secret};

use crate::{ChromaConfig, Neo4jConfig, OpenAiConfig, PostgresConfig, RedisConfig, ServiceKind, url};

/// The addresses of the services; a missing one is not configured.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// PostgreSQL.
    pub postgres: Option<PostgresConfig>,
    /// Neo4j.
    pub neo4j: Option<Neo4jConfig>,
    /// ChromaDB.
    pub chroma: Option<ChromaConfig>,
    /// Redis.
    pub redis: Option<RedisConfig>,
    /// The OpenAI-compatible API.
    pub openai: Option<OpenAiConfig>,
}

/// An environment variable that tells a test suite or an application where a service is.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: Secret,
    /// Whether the value holds a password or key.
    pub sensitive: bool,
}

fn read(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.trim().is_empty())
}

impl Endpoints {
    /// The addresses that the `HALLMARK_*` variables name; a variable that is not set leaves its service out.
    ///
    /// # Errors
    /// `HM-S002` if a variable is set to something that is no address.
    pub fn from_env() -> Result<Self> {
        let mut endpoints = Self::default();
        if let Some(text) = read("HALLMARK_POSTGRES_URL") {
            let mut config = PostgresConfig::from_url(&text)?;
            let replicas = read("HALLMARK_POSTGRES_REPLICAS").unwrap_or_default();
            let replicas: Vec<String> =
                replicas.split(',').filter(|r| !r.trim().is_empty()).map(str::to_owned).collect();
            config.replicas = crate::postgres::replica_places(&replicas)?;
            endpoints.postgres = Some(config);
        }
        if let Some(text) = read("HALLMARK_NEO4J_URL") {
            let user = read("HALLMARK_NEO4J_USER");
            let password = read("HALLMARK_NEO4J_PASSWORD").map(Secret::new);
            endpoints.neo4j = Some(Neo4jConfig::new(&text, user.as_deref(), password)?);
        }
        if let Some(text) = read("HALLMARK_CHROMA_URL") {
            endpoints.chroma = Some(ChromaConfig::from_url(&text)?);
        }
        if let Some(text) = read("HALLMARK_REDIS_URL") {
            endpoints.redis = Some(RedisConfig::from_url(&text)?);
        }
        if let Some(text) = read("HALLMARK_OPENAI_BASE_URL") {
            let key = Secret::new(read("HALLMARK_OPENAI_API_KEY").unwrap_or_default());
            let mut config = OpenAiConfig::new(&text, key)?;
            if let Some(other) = read("HALLMARK_OPENAI_EMBEDDINGS_URL") {
                let other = url::parse(ServiceKind::OpenAi, &other, &["http", "https"])?;
                config.embeddings_base_url = Some(url::base(&other));
            }
            config.model = read("HALLMARK_OPENAI_MODEL").unwrap_or(config.model);
            config.embedding_model =
                read("HALLMARK_OPENAI_EMBEDDING_MODEL").unwrap_or(config.embedding_model);
            endpoints.openai = Some(config);
        }
        Ok(endpoints)
    }

    /// These addresses where they are known, else those of `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            postgres: self.postgres.or(other.postgres),
            neo4j: self.neo4j.or(other.neo4j),
            chroma: self.chroma.or(other.chroma),
            redis: self.redis.or(other.redis),
            openai: self.openai.or(other.openai),
        }
    }

    /// Whether this service has an address.
    #[must_use]
    pub fn has(&self, kind: ServiceKind) -> bool {
        match kind {
            ServiceKind::Postgres => self.postgres.is_some(),
            ServiceKind::Neo4j => self.neo4j.is_some(),
            ServiceKind::Chroma => self.chroma.is_some(),
            ServiceKind::Redis => self.redis.is_some(),
            ServiceKind::OpenAi => self.openai.is_some(),
        }
    }

    /// The environment that applications and test suites read: Hallmark's names and the ones in common use.
    #[must_use]
    pub fn to_env(&self) -> Vec<Variable> {
        let mut all = Vec::new();
        if let Some(c) = &self.postgres {
            push(
                &mut all,
                &["HALLMARK_POSTGRES_URL", "DATABASE_URL"],
                c.url().expose(),
                !c.password.is_empty(),
            );
            let replicas: Vec<String> =
                c.replicas.iter().map(|(host, port)| crate::url::authority(host, *port)).collect();
            if !replicas.is_empty() {
                push(&mut all, &["HALLMARK_POSTGRES_REPLICAS"], &replicas.join(","), false);
            }
        }
        if let Some(c) = &self.neo4j {
            push(&mut all, &["HALLMARK_NEO4J_URL", "NEO4J_URI"], &c.url, false);
            push(&mut all, &["HALLMARK_NEO4J_USER", "NEO4J_USER", "NEO4J_USERNAME"], &c.user, false);
            push(&mut all, &["HALLMARK_NEO4J_PASSWORD", "NEO4J_PASSWORD"], c.password.expose(), true);
        }
        if let Some(c) = &self.chroma {
            push(&mut all, &["HALLMARK_CHROMA_URL", "CHROMA_URL"], &c.url, false);
            push(&mut all, &["CHROMA_HOST"], &c.host, false);
            push(&mut all, &["CHROMA_PORT"], &c.port.to_string(), false);
        }
        if let Some(c) = &self.redis {
            push(&mut all, &["HALLMARK_REDIS_URL", "REDIS_URL"], c.url().expose(), !c.password.is_empty());
        }
        if let Some(c) = &self.openai {
            push(&mut all, &["HALLMARK_OPENAI_BASE_URL", "OPENAI_BASE_URL"], &c.base_url, false);
            let embeddings = c.embeddings_base_url.as_ref().unwrap_or(&c.base_url);
            push(
                &mut all,
                &["HALLMARK_OPENAI_EMBEDDINGS_URL", "OPENAI_EMBEDDINGS_BASE_URL"],
                embeddings,
                false,
            );
            push(&mut all, &["HALLMARK_OPENAI_API_KEY", "OPENAI_API_KEY"], c.api_key.expose(), true);
            push(&mut all, &["HALLMARK_OPENAI_MODEL"], &c.model, false);
            push(&mut all, &["HALLMARK_OPENAI_EMBEDDING_MODEL"], &c.embedding_model, false);
        }
        all
    }
}

fn push(all: &mut Vec<Variable>, names: &[&'static str], value: &str, sensitive: bool) {
    all.extend(names.iter().map(|name| Variable { name, value: Secret::new(value), sensitive }));
}
