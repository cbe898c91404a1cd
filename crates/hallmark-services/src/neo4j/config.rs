//! Where Neo4j is.

use std::time::Duration;

use hallmark_core::{Result, Secret};
use reqwest::Url;

use crate::{ServiceKind, limits, url};

/// A Neo4j server and the user that works on it.
#[derive(Clone, Debug)]
pub struct Neo4jConfig {
    /// `bolt://host:port` or `bolt+s://host:port`, without credentials.
    pub url: String,
    /// The server's host.
    pub host: String,
    /// The Bolt port.
    pub port: u16,
    /// Whether Bolt runs over TLS.
    pub tls: bool,
    /// The user.
    pub user: String,
    /// The user's password.
    pub password: Secret,
    /// The database; the server's default if `None`.
    pub database: Option<String>,
    /// Connections of the pool.
    pub pool_size: usize,
    /// How long a caller waits for one of them to become free.
    pub pool_wait: Duration,
}

impl Neo4jConfig {
    /// Reads `bolt://host:port` (or `neo4j://`, taken as one server without routing). User and password may stand in
    /// the URL; those given apart win. The user is `neo4j` if nobody names one.
    ///
    /// # Errors
    /// `HM-S002` if that is no such URL.
    pub fn new(text: &str, user: Option<&str>, password: Option<Secret>) -> Result<Self> {
        let schemes = ["bolt", "neo4j", "bolt+s", "neo4j+s", "bolt+ssc", "neo4j+ssc"];
        let parsed = url::parse(ServiceKind::Neo4j, text, &schemes)?;
        let (host, port) = (url::host(&parsed), parsed.port().unwrap_or(7687));
        let suffix =
            parsed.scheme().split_once('+').map(|(_, suffix)| format!("+{suffix}")).unwrap_or_default();
        let named = url::decode(parsed.username());
        Ok(Self {
            url: format!("bolt{suffix}://{}", url::authority(&host, port)),
            host,
            port,
            tls: !suffix.is_empty(),
            user: user
                .map(ToOwned::to_owned)
                .or(Some(named).filter(|n| !n.is_empty()))
                .unwrap_or_else(|| "neo4j".to_owned()),
            password: password.unwrap_or_else(|| Secret::new(embedded_password(&parsed))),
            database: None,
            pool_size: limits::NEO4J_POOL_SIZE,
            pool_wait: limits::POOL_WAIT,
        })
    }

    /// The configuration itself if its numbers are within bounds.
    ///
    /// # Errors
    /// `HM-S002` otherwise.
    pub fn checked(self) -> Result<Self> {
        if self.pool_size == 0 || self.pool_size > limits::POOL_SIZE_MAX {
            let reason = format!("pool-size must be from 1 to {}", limits::POOL_SIZE_MAX);
            return Err(url::invalid(ServiceKind::Neo4j, &reason));
        }
        Ok(self)
    }
}

fn embedded_password(url: &Url) -> String {
    url::decode(url.password().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_come_from_either_place() {
        let config = Neo4jConfig::new("bolt://ann:s%40@h:1", None, None).unwrap();
        assert_eq!((config.url.as_str(), config.user.as_str()), ("bolt://h:1", "ann"));
        assert_eq!(config.password.expose(), "s@");
        let config = Neo4jConfig::new("neo4j+s://h", Some("bob"), Some(Secret::new("x"))).unwrap();
        assert_eq!((config.url.as_str(), config.user.as_str(), config.tls), ("bolt+s://h:7687", "bob", true));
        assert!(!format!("{config:?}").contains("\"x\""));
    }
}
