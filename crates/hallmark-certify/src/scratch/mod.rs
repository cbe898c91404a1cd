//! Where defects are planted: a folder outside the project, a server of our own, a port where nothing listens.

pub(crate) mod redis;

use std::path::{Path, PathBuf};

use hallmark_core::{Error, Result, platform, random};

use crate::codes;

/// An address of this machine where nothing listens: the port was ours a moment ago.
///
/// # Errors
/// `HM-Z007` if no port is free.
pub(crate) async fn closed_port() -> Result<std::net::SocketAddr> {
    let failed = |e: std::io::Error| Error::new(&codes::SCRATCH, "no free port was found").because(&e);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
    listener.local_addr().map_err(failed)
}

/// A new empty folder under the system's temporary folder, removed when dropped.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Makes the folder, for this user only.
    pub(crate) fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("hallmark-scratch-{}", random::token(12)?));
        platform::make_private_folder(&path, false).map_err(|e| {
            Error::new(&codes::SCRATCH, format!("could not make {}", path.display())).because(&e)
        })?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
