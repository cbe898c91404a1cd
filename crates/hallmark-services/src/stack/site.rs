//! The place a process is started from, read afresh each time: its state may have changed since.

use hallmark_core::{Project, Result};

use super::credentials::Credentials;
use super::install::{Cache, Tools};
use super::process::{Site, not_installed};
use super::state::StackState;

/// The place of the project's processes as it is now.
pub(crate) async fn open(project: &Project) -> Result<Site> {
    let state = StackState::load(project)?.ok_or_else(|| not_installed("the stack"))?;
    let home = state.home(project);
    let credentials = Credentials::load(&home)?;
    Ok(Site { credentials, ports: state.ports, tools: Tools::find(&Cache::locate()?).await, home })
}
