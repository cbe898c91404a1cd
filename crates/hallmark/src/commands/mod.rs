//! One file a command.

mod backup;
mod baseline;
mod bench;
mod call;
mod certify;
mod check;
mod config;
mod containers;
mod data;
mod doctor;
mod down;
mod env;
pub(crate) mod explain;
mod logs;
pub(crate) mod lsp;
mod mcp;
mod models;
mod node;
mod nodes;
mod overview;
pub(crate) mod progress;
mod restore;
mod rule;
mod run;
mod sections;
mod seed;
mod serve;
mod session;
mod status;
mod supervise;
mod test;
mod undo;
mod up;
mod verify;
mod verify_certificate;

use hallmark_core::{ExitClass, Result};

use crate::app::App;
use crate::args::Command;
pub(crate) use check::fix::FixArgs;
pub(crate) use undo::UndoArgs;

hallmark_core::codes! {
    /// Errors of the command line.
    pub mod codes {
        UNKNOWN_TOPIC = "HM-B001", "nothing has this name", Usage;
        UNKNOWN_SERVICE = "HM-B002", "there is no such service", Usage;
        UNKNOWN_VALUE = "HM-B003", "an option has a value that it does not take", Usage;
        NO_SERVER = "HM-B004", "no server of this project answers", Unavailable;
        NOT_AGREED = "HM-B010", "nobody agreed to change data", Usage;
        MODELS_UNKNOWN = "HM-B011", "models cannot be read", Unreadable;
    }
}

/// Runs a command; gives the class of its exit code.
pub(crate) fn run(app: &App<'_>, command: Option<Command>) -> Result<ExitClass> {
    match command {
        None => overview::run(app),
        Some(Command::Check(args)) => check::run(app, &args),
        Some(Command::Undo(args)) => undo::run(app, &args),
        Some(Command::Progress(args)) => progress::run(app, &args),
        Some(Command::Baseline(args)) => baseline::run(app, &args),
        Some(Command::Config(args)) => config::run(app, &args),
        Some(Command::Rule(args)) => rule::run(app, &args),
        Some(Command::Explain(args)) => explain::run(app, &args),
        Some(Command::Up(args)) => up::run(app, &args),
        Some(Command::Down(args)) => down::run(app, &args),
        Some(Command::Status(args)) => status::run(app, &args),
        Some(Command::Env(args)) => env::run(app, &args),
        Some(Command::Logs(args)) => logs::run(app, &args),
        Some(Command::Doctor(args)) => doctor::run(app, &args),
        Some(Command::Backup(args)) => backup::run(app, &args),
        Some(Command::Restore(args)) => restore::run(app, &args),
        Some(Command::Reset(args)) => restore::reset(app, &args),
        Some(Command::Seed(args)) => seed::run(app, &args),
        Some(Command::Compose(args)) => containers::compose(app, &args),
        Some(Command::Kubernetes(args)) => containers::kubernetes(app, &args),
        Some(Command::Models(args)) => models::run(app, &args),
        Some(Command::Nodes(args)) => nodes::run(app, &args),
        Some(Command::Data(args)) => data::run(app, &args),
        Some(Command::Node(args)) => node::run(app, &args),
        Some(Command::Run(args)) => run::run(app, &args),
        Some(Command::Session(args)) => session::run(app, &args),
        Some(Command::Call(args)) => call::run(app, &args),
        Some(Command::Serve(args)) => serve::run(app, &args),
        Some(Command::Lsp) => lsp::run(),
        Some(Command::Mcp) => mcp::run(app),
        Some(Command::Certify(args)) => certify::run(app, &args),
        Some(Command::Verify(args)) => verify::run(app, &args),
        Some(Command::VerifyCertificate(args)) => verify_certificate::run(app, &args),
        Some(Command::Bench(args)) => bench::run(app, &args),
        Some(Command::Test(args)) => test::run(app, &args),
        Some(Command::Supervise(args)) => supervise::run(app, &args),
    }
}
