//! Where PostgreSQL is and how it may be used.

use std::time::Duration;

use hallmark_core::{Result, Secret};
use reqwest::Url;
use tokio_postgres::config::SslMode;

use crate::{ServiceKind, limits, url};

/// A database of a PostgreSQL server.
#[derive(Clone, Debug)]
pub struct PostgresConfig {
    /// The server's host.
    pub host: String,
    /// The server's port.
    pub port: u16,
    /// The user.
    pub user: String,
    /// The user's password; empty if the server asks for none.
    pub password: Secret,
    /// The database.
    pub database: String,
    /// Whether the connection must be encrypted (`sslmode=require` and stricter). The server's certificate is then
    /// always checked, its name too: `require` is as strict here as `verify-full`.
    pub require_tls: bool,
    /// The file of the authorities to trust (`sslrootcert`); the operating system's if `None`.
    pub root_certificate: Option<String>,
    /// Connections of the pool.
    pub pool_size: usize,
    /// How long a caller waits for one of them to become free.
    pub pool_wait: Duration,
    /// How long one statement may take.
    pub statement_timeout_ms: u64,
    /// Where its read replicas are, host and port: same database, user, password and TLS.
    pub replicas: Vec<(String, u16)>,
}

impl PostgresConfig {
    /// Reads `postgres://user:password@host:port/database?sslmode=…`.
    ///
    /// # Errors
    /// `HM-S002` if that is no such URL.
    pub fn from_url(text: &str) -> Result<Self> {
        let url = url::parse(ServiceKind::Postgres, text, &["postgres", "postgresql"])?;
        let user = url::decode(url.username());
        let database = url::decode(url.path().trim_start_matches('/'));
        let (mut require_tls, mut root_certificate) = (false, None);
        for (name, value) in url.query_pairs() {
            match &*name {
                "sslmode" => require_tls = !matches!(&*value, "disable" | "allow" | "prefer"),
                "sslrootcert" => root_certificate = Some(value.into_owned()),
                "application_name" | "connect_timeout" => {}
                other => {
                    return Err(url::invalid(
                        ServiceKind::Postgres,
                        &format!("it has the unknown option {other}"),
                    ));
                }
            }
        }
        let user = if user.is_empty() { "postgres".to_owned() } else { user };
        Ok(Self {
            host: url::host(&url),
            port: url.port().unwrap_or(5432),
            database: if database.is_empty() { user.clone() } else { database },
            user,
            password: Secret::new(url::decode(url.password().unwrap_or_default())),
            require_tls,
            root_certificate,
            pool_size: limits::POSTGRES_POOL_SIZE,
            pool_wait: limits::POOL_WAIT,
            replicas: Vec::new(),
            statement_timeout_ms: u64::try_from(limits::STATEMENT_TIMEOUT.as_millis()).unwrap_or(u64::MAX),
        })
    }

    /// The configurations of the replicas: the same database, user and password elsewhere.
    pub fn replica_configs(&self) -> impl Iterator<Item = Self> + '_ {
        self.replicas.iter().map(|(host, port)| Self {
            host: host.clone(),
            port: *port,
            replicas: Vec::new(),
            ..self.clone()
        })
    }

    /// The configuration itself if its numbers are within bounds.
    ///
    /// # Errors
    /// `HM-S002` otherwise.
    pub fn checked(self) -> Result<Self> {
        if self.pool_size == 0 || self.pool_size > limits::POOL_SIZE_MAX {
            let reason = format!("pool-size must be from 1 to {}", limits::POOL_SIZE_MAX);
            return Err(url::invalid(ServiceKind::Postgres, &reason));
        }
        Ok(self)
    }

    /// The same server, another database.
    #[must_use]
    pub fn with_database(&self, database: &str) -> Self {
        Self { database: database.to_owned(), ..self.clone() }
    }

    /// The URL of the database, with the password.
    #[must_use]
    pub fn url(&self) -> Secret {
        let authority = url::authority(&self.host, self.port);
        let Ok(mut url) = Url::parse(&format!("postgres://{authority}")) else { return Secret::default() };
        let _ = url.set_username(&self.user);
        if !self.password.is_empty() {
            let _ = url.set_password(Some(self.password.expose()));
        }
        url.set_path(&self.database);
        if self.require_tls {
            url.query_pairs_mut().append_pair("sslmode", "require");
            if let Some(path) = &self.root_certificate {
                url.query_pairs_mut().append_pair("sslrootcert", path);
            }
        }
        Secret::new(url.as_str())
    }

    pub(crate) fn driver(&self) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config
            .host(&self.host)
            .port(self.port)
            .user(&self.user)
            .dbname(&self.database)
            .application_name("hallmark")
            .ssl_mode(if self.require_tls { SslMode::Require } else { SslMode::Disable })
            .connect_timeout(limits::CONNECT_TIMEOUT)
            // Compiling a plan takes longer than what is asked here all day, and PostgreSQL begins with it by an estimate.
            .options(format!("-c statement_timeout={} -c jit=off", self.statement_timeout_ms));
        if !self.password.is_empty() {
            config.password(self.password.expose());
        }
        config
    }
}

/// Reads `host:port` of each replica.
///
/// # Errors
/// `HM-S002` if one is not that.
pub(crate) fn replica_places(texts: &[String]) -> Result<Vec<(String, u16)>> {
    let read = |text: &String| {
        let (host, port) = text.trim().rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        (!host.is_empty()).then_some((host.to_owned(), port.parse().ok()?))
    };
    let wrong = |text: &String| {
        url::invalid(ServiceKind::Postgres, &format!("the replica {text:?} is not host:port"))
    };
    texts.iter().map(|text| read(text).ok_or_else(|| wrong(text))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_survives_the_round_trip() {
        let config = PostgresConfig::from_url(
            "postgres://app:p%40ss%2Fw@db.example:5433/cat?sslmode=verify-full&sslrootcert=%2Fca.pem",
        )
        .unwrap();
        assert_eq!((config.user.as_str(), config.password.expose()), ("app", "p@ss/w"));
        assert_eq!(
            (config.host.as_str(), config.port, config.database.as_str()),
            ("db.example", 5433, "cat")
        );
        assert!(config.require_tls);
        let again = PostgresConfig::from_url(config.url().expose()).unwrap();
        assert_eq!((again.password.expose(), again.root_certificate.as_deref()), ("p@ss/w", Some("/ca.pem")));
        assert!(!format!("{config:?}").contains("p@ss"));
    }

    #[test]
    fn replicas_are_the_same_database_elsewhere() {
        let mut config = PostgresConfig::from_url("postgres://app:pw@h:1/d").unwrap();
        config.replicas = replica_places(&["[::1]:2".to_owned(), "r.example:3".to_owned()]).unwrap();
        let all: Vec<PostgresConfig> = config.replica_configs().collect();
        assert_eq!((all[0].host.as_str(), all[0].port, all[1].port), ("::1", 2, 3));
        assert!(all.iter().all(|r| r.user == "app" && r.database == "d" && r.password.expose() == "pw"));
        assert!(replica_places(&["r.example".to_owned()]).is_err());
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert!(PostgresConfig::from_url("postgres://h/d?sslmod=require").is_err());
        assert!(PostgresConfig::from_url("mysql://h/d").is_err());
        let config = PostgresConfig::from_url("postgres://h/d").unwrap();
        assert!(PostgresConfig { pool_size: 0, ..config }.checked().is_err());
    }
}
