//! What every command starts from: the project, its configuration, the terminal and a run time made on demand.

use std::future::Future;
use std::path::PathBuf;

use hallmark_core::config::Config;
use hallmark_core::{Error, Project, Result, codes};

use crate::args::Cli;
use crate::ui::Ui;

/// The project at hand.
pub(crate) struct App<'a> {
    /// The terminal.
    pub(crate) ui: &'a Ui,
    /// The project that commands act on.
    pub(crate) project: Project,
    /// Its configuration.
    pub(crate) config: Config,
}

impl<'a> App<'a> {
    /// Finds the project from the current folder, or from the path that the command names.
    pub(crate) fn open(cli: &Cli, ui: &'a Ui) -> Result<Self> {
        let start = cli
            .project
            .clone()
            .or_else(|| cli.command.as_ref().and_then(|c| c.project_path()))
            .unwrap_or(PathBuf::from("."));
        let folder =
            if start.is_file() { start.parent().map(PathBuf::from).unwrap_or_default() } else { start };
        let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
        let project = Project::discover(&folder)?;
        let config = Config::load(project.root())?;
        Ok(Self { ui, project, config })
    }

    /// Runs the asynchronous part of a command.
    pub(crate) fn block_on<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|e| {
            Error::new(&codes::INTERNAL, "the asynchronous run time could not start").because(&e)
        })?;
        runtime.block_on(work)
    }
}
