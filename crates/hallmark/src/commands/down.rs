//! `hallmark down [--purge [--cache]]`: stops what `up` started, and nothing else.

use hallmark_core::{ExitClass, Result};
use hallmark_services::stack::Purge;

use crate::app::App;
use crate::args::DownArgs;
use crate::wiring;

pub(crate) fn run(app: &App<'_>, args: &DownArgs) -> Result<ExitClass> {
    let purge = args.purge.then_some(if args.cache { Purge::ProjectAndCache } else { Purge::Project });
    let report = app.block_on(async { wiring::stack(app)?.down(purge).await })?;
    for process in &report.stopped {
        app.ui.note(&format!("stopped {process}"));
    }
    for path in &report.removed {
        app.ui.note(&format!("removed {path}"));
    }
    if report.stopped.is_empty() && report.removed.is_empty() {
        app.ui.note("nothing of this project was running");
    }
    Ok(ExitClass::Ok)
}
