//! What a measurement depends on: the machine, and the commit.

use std::path::Path;
use std::time::Duration;

use hallmark_services::platform;
use serde::{Deserialize, Serialize};

/// The machine that measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// `linux`, `windows`, `macos`, …
    pub os: String,
    /// `x86_64`, `aarch64`, …
    pub arch: String,
    /// Kernel or system release, where known.
    pub release: String,
    /// Logical processors this process may use.
    pub processors: usize,
    /// Memory in MiB, 0 where unknown.
    pub memory_mib: u64,
    /// The version of Hallmark.
    pub hallmark: String,
}

impl Machine {
    /// This machine.
    #[must_use]
    pub fn here() -> Self {
        Self {
            os: std::env::consts::OS.to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            release: platform::kernel_release(),
            processors: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory_mib: platform::memory_mib(),
            hallmark: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// The commit of the project, if it is under git.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The commit's identifier.
    pub id: String,
    /// Whether the working tree differs from it.
    pub dirty: bool,
}

impl Commit {
    /// The commit checked out in this folder; `None` without git or without a repository.
    pub async fn of(root: &Path) -> Option<Self> {
        let id = git(root, &["rev-parse", "HEAD"]).await?;
        let dirty = !git(root, &["status", "--porcelain", "--", "."]).await?.trim().is_empty();
        Some(Self { id: id.trim().to_owned(), dirty })
    }
}

async fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = tokio::process::Command::new("git");
    command.arg("-C").arg(root).args(arguments).stdin(std::process::Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(20), command.output()).await.ok()?.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
