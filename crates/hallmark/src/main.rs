//! The `hallmark` binary: arguments, wiring, exit codes and terminal output. The only crate that prints.

mod app;
mod args;
mod commands;
mod deployment;
mod models;
mod page;
mod panic;
mod readings;
mod ui;
mod wiring;

use std::process::ExitCode;

use clap::Parser as _;

use crate::app::App;
use crate::args::Cli;
use crate::ui::Ui;

/// A scan makes and drops millions of small things on all threads at once.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    panic::install();
    let cli = Cli::parse();
    let ui = Ui::new(cli.color, cli.ascii);
    init_tracing(cli.verbose, ui.color_of_notes());
    // One TLS provider for the whole process; a second install is refused and means the same provider is in place.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // The editor names its folders later: this one is nobody's project.
    let outcome = match cli.command {
        Some(args::Command::Lsp) => commands::lsp::run(),
        _ => App::open(&cli, &ui).and_then(|app| commands::run(&app, cli.command)),
    };
    let class = match outcome {
        Ok(exit) => exit,
        Err(error) => {
            ui.error(&error);
            error.code().exit
        }
    };
    let lost = ui::lost().map(|error| {
        ui.error(error);
        error.code().exit
    });
    ExitCode::from(lost.map_or(class, |lost| class.max(lost)).code())
}

fn init_tracing(verbose: u8, color: bool) {
    let level = match verbose {
        // A connection that broke with its server is told by whoever needed it.
        0 => "warn,deadpool.postgres=error",
        1 => "info,hallmark=debug",
        _ => "debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("HALLMARK_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    // A second subscriber cannot be set in one process; nothing is lost if one is there already.
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(color);
    let _ = log.with_writer(std::io::stderr).try_init();
}
