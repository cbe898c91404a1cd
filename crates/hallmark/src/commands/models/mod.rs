//! `hallmark models`: what is declared, what of it acts, what is refused and why, and what the tables lack.

mod diff;
mod import_db;
mod list;
mod migrate;

use hallmark_core::{ExitClass, Result};

use crate::app::App;
use crate::args::{ModelsAction, ModelsArgs};

pub(crate) fn run(app: &App<'_>, args: &ModelsArgs) -> Result<ExitClass> {
    match &args.action {
        None => list::run(app, args),
        Some(ModelsAction::Diff(args)) => diff::run(app, args),
        Some(ModelsAction::Migrate(args)) => migrate::run(app, args),
        Some(ModelsAction::ImportDb(args)) => import_db::run(app, args),
    }
}
