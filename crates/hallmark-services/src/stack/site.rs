//! The place a process is started from, read afresh each time: its state may have changed since.

use hallmark_core::config::Config;
use hallmark_core::{Project, Result};

use super::config::StackConfig;
use super::credentials::Credentials;
use super::install::{Cache, Tools};
use super::process::{Site, not_installed};
use super::state::StackState;

/// The place of the project's processes as it is now.
pub(crate) async fn open(project: &Project) -> Result<Site> {
    let state = StackState::load(project)?.ok_or_else(|| not_installed("the stack"))?;
    let home = state.home(project);
    let credentials = Credentials::load(&home)?;
    let tools = Tools::find(&Cache::locate()?).await;
    Ok(Site { credentials, ports: state.ports, tools, home, config: config(project) })
}

/// The section `[stack]`. A file that somebody is in the midst of writing must not keep a dead server from being started.
fn config(project: &Project) -> StackConfig {
    let read = Config::load(project.root()).and_then(|config| config.section("stack"));
    read.unwrap_or_else(|error| {
        tracing::warn!(%error, "servers run with the defaults");
        StackConfig::default()
    })
}
