//! The section `[services]` of `hallmark.toml`: services that are given by address instead of being started.

use std::path::Path;
use std::time::Duration;

use hallmark_core::{Error, Project, Result, Secret, fs};
use serde::Deserialize;

use crate::{
    ChromaConfig, Endpoints, Neo4jConfig, OpenAiConfig, PostgresConfig, RedisConfig, ServiceKind, codes, url,
};

/// `[services.<name>]`, one table for each service that is given by address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ServicesSection {
    /// `[services.postgres]`.
    pub postgres: Option<PostgresSection>,
    /// `[services.neo4j]`.
    pub neo4j: Option<Neo4jSection>,
    /// `[services.chromadb]`.
    pub chromadb: Option<ChromaSection>,
    /// `[services.redis]`.
    pub redis: Option<RedisSection>,
    /// `[services.openai]`.
    pub openai: Option<OpenAiSection>,
}

/// Where a password or key comes from. One of the two; neither means that there is none (or that the URL holds it).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "{ env = \"NAME\" } or { file = \"PATH\" }: the secret itself does not stand in the configuration"
)]
pub struct SecretSource {
    /// The environment variable that holds it.
    pub env: Option<String>,
    /// The file that holds it, relative to the project; white space at its ends is dropped.
    pub file: Option<String>,
}

/// `[services.postgres]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PostgresSection {
    /// `postgres://user@host:port/database`.
    pub url: Secret,
    /// Where the password comes from.
    #[serde(default)]
    pub password: SecretSource,
    /// Connections of the pool.
    pub pool_size: Option<usize>,
    /// How long a caller waits for one of them, in milliseconds.
    pub pool_wait_ms: Option<u64>,
    /// How long one statement may take.
    pub statement_timeout_ms: Option<u64>,
    /// `host:port` of each streaming replica: same database, user and password.
    #[serde(default)]
    pub replicas: Vec<String>,
}

/// `[services.neo4j]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Neo4jSection {
    /// `bolt://host:port`.
    pub url: Secret,
    /// The user; `neo4j` if not given.
    pub user: Option<String>,
    /// Where the password comes from.
    #[serde(default)]
    pub password: SecretSource,
    /// The database; the server's default if not given.
    pub database: Option<String>,
    /// Connections of the pool.
    pub pool_size: Option<usize>,
    /// How long a caller waits for one of them, in milliseconds.
    pub pool_wait_ms: Option<u64>,
}

/// `[services.chromadb]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ChromaSection {
    /// `http://host:port`.
    pub url: Secret,
    /// The tenant; `default_tenant` if not given.
    pub tenant: Option<String>,
    /// The database; `default_database` if not given.
    pub database: Option<String>,
}

/// `[services.redis]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RedisSection {
    /// `redis://host:port/database`.
    pub url: Secret,
    /// Where the password comes from.
    #[serde(default)]
    pub password: SecretSource,
}

/// `[services.openai]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OpenAiSection {
    /// `https://host/v1`.
    pub base_url: Secret,
    /// Where embeddings are answered, if elsewhere.
    pub embeddings_base_url: Option<Secret>,
    /// Where the key comes from.
    #[serde(default)]
    pub api_key: SecretSource,
    /// The model that chats.
    pub model: Option<String>,
    /// The model that embeds.
    pub embedding_model: Option<String>,
}

impl SecretSource {
    fn read(&self, kind: ServiceKind, project: &Path) -> Result<Option<Secret>> {
        self.value(kind.title(), project)
    }

    /// The secret, which is named for `whom`.
    ///
    /// # Errors
    /// `HM-S002` if the variable is not set; `HM-C012` if the file cannot be read.
    pub(crate) fn value(&self, whom: &str, project: &Path) -> Result<Option<Secret>> {
        if let Some(name) = &self.env {
            return match std::env::var(name) {
                Ok(text) if !text.is_empty() => Ok(Some(Secret::new(text))),
                _ => Err(Error::new(
                    &codes::ENDPOINT_INVALID,
                    format!("the environment variable {name}, named for {whom}, is not set"),
                )
                .next(format!("export {name}"))),
            };
        }
        let Some(file) = &self.file else { return Ok(None) };
        Ok(Some(Secret::new(fs::read_text(&project.join(file))?.trim())))
    }
}

impl ServicesSection {
    /// The addresses that the section gives, with their secrets read.
    ///
    /// # Errors
    /// `HM-S002` if an address is not valid or a named variable is not set; `HM-C012` if a secret's file is missing.
    pub fn endpoints(&self, project: &Project) -> Result<Endpoints> {
        let root = project.root();
        let mut endpoints = Endpoints::default();
        if let Some(s) = &self.postgres {
            let mut config = PostgresConfig::from_url(s.url.expose())?;
            if let Some(password) = s.password.read(ServiceKind::Postgres, root)? {
                config.password = password;
            }
            config.pool_size = s.pool_size.unwrap_or(config.pool_size);
            config.pool_wait = s.pool_wait_ms.map_or(config.pool_wait, Duration::from_millis);
            config.statement_timeout_ms = s.statement_timeout_ms.unwrap_or(config.statement_timeout_ms);
            config.replicas = crate::postgres::replica_places(&s.replicas)?;
            endpoints.postgres = Some(config.checked()?);
        }
        if let Some(s) = &self.neo4j {
            let password = s.password.read(ServiceKind::Neo4j, root)?;
            let mut config = Neo4jConfig::new(s.url.expose(), s.user.as_deref(), password)?;
            config.database.clone_from(&s.database);
            config.pool_size = s.pool_size.unwrap_or(config.pool_size);
            config.pool_wait = s.pool_wait_ms.map_or(config.pool_wait, Duration::from_millis);
            endpoints.neo4j = Some(config.checked()?);
        }
        if let Some(s) = &self.chromadb {
            let mut config = ChromaConfig::from_url(s.url.expose())?;
            config.tenant = s.tenant.clone().unwrap_or(config.tenant);
            config.database = s.database.clone().unwrap_or(config.database);
            endpoints.chroma = Some(config);
        }
        if let Some(s) = &self.redis {
            let mut config = RedisConfig::from_url(s.url.expose())?;
            if let Some(password) = s.password.read(ServiceKind::Redis, root)? {
                config.password = password;
            }
            endpoints.redis = Some(config);
        }
        if let Some(s) = &self.openai {
            let key = s.api_key.read(ServiceKind::OpenAi, root)?.unwrap_or_default();
            let mut config = OpenAiConfig::new(s.base_url.expose(), key)?;
            if let Some(other) = &s.embeddings_base_url {
                let other = url::parse(ServiceKind::OpenAi, other.expose(), &["http", "https"])?;
                config.embeddings_base_url = Some(url::base(&other));
            }
            config.model = s.model.clone().unwrap_or(config.model);
            config.embedding_model = s.embedding_model.clone().unwrap_or(config.embedding_model);
            endpoints.openai = Some(config);
        }
        Ok(endpoints)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hallmark_core::config::Config;

    fn section(text: &str) -> Result<ServicesSection> {
        Config::parse("hallmark.toml".into(), text.to_owned())?.section("services")
    }

    #[test]
    fn a_password_comes_from_a_file_and_never_prints() {
        let folder = std::env::temp_dir().join(format!("hallmark-section-{}", uuid::Uuid::new_v4().simple()));
        hallmark_core::fs::write_atomic(&folder.join("pw"), b"geheim\n", fs::Mode::Private).unwrap();
        let project = Project::discover(&folder).unwrap();
        let text = "[services.postgres]\nurl = \"postgres://app@h/d\"\npassword = { file = \"pw\" }\npool-size = 3\n\
            [services.openai]\nbase-url = \"https://h/v1/\"\nmodel = \"m\"\n";
        let section = section(text).unwrap();
        let endpoints = section.endpoints(&project).unwrap();
        let postgres = endpoints.postgres.clone().unwrap();
        assert_eq!((postgres.password.expose(), postgres.pool_size), ("geheim", 3));
        assert_eq!(endpoints.openai.as_ref().unwrap().base_url, "https://h/v1");
        assert!(!format!("{section:?} {endpoints:?}").contains("geheim"));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_secret_that_stands_in_the_file_is_not_repeated() {
        for text in [
            "[services.redis]\nurl = \"redis://h\"\npassword = \"hunter2\"\n",
            "[services.openai]\nbase-url = \"http://h/v1\"\napi-key = \"hunter2\"\n",
            "[services.postgres]\nurl = [\"postgres://a:hunter2@h/d\"]\n",
            "[services]\nredis = \"redis://:hunter2@h\"\n",
        ] {
            let error = section(text).unwrap_err();
            assert!(error.is(&hallmark_core::codes::CONFIG_VALUE) && error.place().is_some(), "{error:?}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
            let is_secret = text.contains("password") || text.contains("api-key");
            assert_eq!(error.message().contains("{ env = \"NAME\" }"), is_secret, "{error:?}");
        }
        let passphrase = "[stack.backup]\npassphrase = 12345678\n".to_owned();
        let config = Config::parse("hallmark.toml".into(), passphrase).unwrap();
        let error = config.section::<crate::StackConfig>("stack").unwrap_err();
        assert!(!format!("{error:?}").contains("12345678") && error.message().contains("PATH"), "{error:?}");
    }

    #[test]
    fn a_missing_secret_and_an_unknown_name_are_errors() {
        let project = Project::discover(Path::new(".")).unwrap();
        let text =
            "[services.redis]\nurl = \"redis://h\"\npassword = { env = \"HALLMARK_NO_SUCH_VARIABLE\" }\n";
        assert!(section(text).unwrap().endpoints(&project).unwrap_err().is(&codes::ENDPOINT_INVALID));
        let typing = section("[services.redis]\nurl = \"redis://h\"\npasword = \"x\"\n").unwrap_err();
        assert!(typing.is(&hallmark_core::codes::CONFIG_VALUE), "{typing:?}");
    }
}
