//! The language server: the scanner's findings while one types, with fixes, pages and suppressions.
//!
//! It speaks the Language Server Protocol 3.17 over two streams, without an asynchronous run time: one thread reads, one writes,
//! one holds all state, and one for each project scans it when all has to be looked at. The findings are those of
//! [`hallmark_standards::Workspace`], which is what the command line runs too.

mod actions;
mod client;
mod diagnostics;
mod edits;
mod hover;
pub mod limits;
mod pages;
mod requests;
mod root;
mod score;
mod server;
mod suppression;
mod sync;
mod text;
mod transport;
mod uri;

use std::io::{BufRead, Write};
use std::path::PathBuf;

use hallmark_core::{Error, Project, Result};
use hallmark_standards::ScanOptions;
use hallmark_standards::baseline::Baseline;

pub use pages::CodePage;

/// How a project is looked at.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The scan.
    pub options: ScanOptions,
    /// What is known, and hidden.
    pub known: Baseline,
}

/// Finds out how a project is to be looked at.
pub type Planner = Box<dyn Fn(&Project) -> Result<Plan> + Send>;

/// What the caller decides: the server itself reads no configuration.
pub struct Settings {
    /// The version to name.
    pub version: &'static str,
    /// The scan of a project, as the command line would do it; asked again when a configuration file changes.
    pub plan: Planner,
    /// Where a project's scans keep what they learnt, if anywhere.
    pub cache: fn(&Project) -> Option<PathBuf>,
    /// The page of an error code.
    pub code_page: CodePage,
}

/// How the client took its leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// `shutdown`, then `exit`: the process should end with 0.
    Orderly,
    /// `exit` alone, or the end of the stream: the process should end with 1.
    Abrupt,
}

/// Serves one client until it leaves.
///
/// # Errors
/// `HM-C099` if no thread can be had.
pub fn serve(
    settings: Settings,
    input: impl BufRead + Send + 'static,
    output: impl Write + Send + 'static,
) -> Result<End> {
    let failed = |e: std::io::Error| {
        Error::new(&hallmark_core::codes::INTERNAL, "the language server could not start a thread")
            .because(&e)
    };
    let transport = transport::Transport::start(input, output).map_err(failed)?;
    // Parsing a deeply nested buffer needs a deep stack.
    let server = std::thread::Builder::new()
        .name("lsp-server".to_owned())
        .stack_size(limits::STACK_BYTES)
        .spawn(move || {
            let end = server::Server::new(settings, transport.outbox.clone()).run(&transport.inbox);
            transport.finish();
            end
        })
        .map_err(failed)?;
    server.join().map_err(|_| Error::new(&hallmark_core::codes::INTERNAL, "the language server stopped"))
}
