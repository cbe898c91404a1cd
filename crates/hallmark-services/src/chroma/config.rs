//! Where ChromaDB is.

use hallmark_core::Result;

use crate::{ServiceKind, url};

/// A database of a ChromaDB server.
#[derive(Clone, Debug)]
pub struct ChromaConfig {
    /// `http://host:port`, without a slash at its end.
    pub url: String,
    /// The server's host.
    pub host: String,
    /// The server's port.
    pub port: u16,
    /// The tenant.
    pub tenant: String,
    /// The database.
    pub database: String,
}

impl ChromaConfig {
    /// Reads `http://host:port`; tenant and database are the server's defaults.
    ///
    /// # Errors
    /// `HM-S002` if that is no such URL.
    pub fn from_url(text: &str) -> Result<Self> {
        let parsed = url::parse(ServiceKind::Chroma, text, &["http", "https"])?;
        Ok(Self {
            url: url::base(&parsed),
            host: url::host(&parsed),
            port: parsed.port_or_known_default().unwrap_or(8000),
            tenant: "default_tenant".to_owned(),
            database: "default_database".to_owned(),
        })
    }
}
