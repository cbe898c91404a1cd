//! What every command starts from: the project, its configuration, the terminal and a run time made on demand.

use std::future::Future;
use std::path::{Path, PathBuf};

use hallmark_core::config::Config;
use hallmark_core::{Error, Project, Result, codes};

use crate::args::{CertifyArgs, Cli, Command};
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
    /// Finds the project from the current folder, or from the paths that the command names.
    pub(crate) fn open(cli: &Cli, ui: &'a Ui) -> Result<Self> {
        let project = match (&cli.project, &cli.command) {
            (Some(folder), _) => Project::discover(&folder_of(folder))?,
            (None, Some(Command::Check(args))) => Project::of_paths(&args.paths, Path::new("."))?,
            (None, Some(Command::Certify(CertifyArgs { path: Some(path), .. }))) => {
                Project::discover(&folder_of(path))?
            }
            _ => Project::discover(Path::new("."))?,
        };
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

/// A folder, or the one that a file lies in.
fn folder_of(path: &Path) -> PathBuf {
    let folder = if path.is_file() { path.parent().unwrap_or(path) } else { path };
    if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_path_buf() }
}
