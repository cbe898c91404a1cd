//! Where Redis is.

use hallmark_core::{Error, Result, Secret};
use reqwest::Url;

use crate::{ServiceKind, codes, url};

/// A database of a Redis server.
#[derive(Clone, Debug)]
pub struct RedisConfig {
    /// The server's host.
    pub host: String,
    /// The server's port.
    pub port: u16,
    /// The user; empty for the default one.
    pub user: String,
    /// The password; empty if the server asks for none.
    pub password: Secret,
    /// The database's number.
    pub database: i64,
}

impl RedisConfig {
    /// Reads `redis://user:password@host:port/database`.
    ///
    /// # Errors
    /// `HM-S002` if that is no such URL, `HM-S008` for `rediss://`.
    pub fn from_url(text: &str) -> Result<Self> {
        if text.trim_start().starts_with("rediss:") {
            return Err(Error::new(
                &codes::TLS_UNSUPPORTED,
                "the address of Redis has the scheme rediss, which is not supported yet",
            )
            .next("use redis:// over a network you trust, or a local tunnel"));
        }
        let url = url::parse(ServiceKind::Redis, text, &["redis"])?;
        let path = url.path().trim_matches('/');
        let database = if path.is_empty() { Some(0) } else { path.parse().ok() };
        Ok(Self {
            host: url::host(&url),
            port: url.port().unwrap_or(6379),
            user: url::decode(url.username()),
            password: Secret::new(url::decode(url.password().unwrap_or_default())),
            database: database.ok_or_else(|| {
                url::invalid(ServiceKind::Redis, "its path is not the number of a database")
            })?,
        })
    }

    /// The URL of the database, with the password.
    #[must_use]
    pub fn url(&self) -> Secret {
        let authority = url::authority(&self.host, self.port);
        let Ok(mut url) = Url::parse(&format!("redis://{authority}/{}", self.database)) else {
            return Secret::default();
        };
        let _ = url.set_username(&self.user);
        if !self.password.is_empty() {
            let _ = url.set_password(Some(self.password.expose()));
        }
        Secret::new(url.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_survives_the_round_trip() {
        let config = RedisConfig::from_url("redis://:p%40ss@127.0.0.1:6390/3").unwrap();
        assert_eq!((config.password.expose(), config.port, config.database), ("p@ss", 6390, 3));
        assert_eq!(RedisConfig::from_url(config.url().expose()).unwrap().password.expose(), "p@ss");
        assert!(RedisConfig::from_url("redis://h/x").is_err());
        assert!(RedisConfig::from_url("rediss://h/0").unwrap_err().is(&codes::TLS_UNSUPPORTED));
    }
}
