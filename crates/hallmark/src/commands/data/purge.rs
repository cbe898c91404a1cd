//! `hallmark data purge [MODEL]`.

use hallmark_core::{ExitClass, Result};

use super::{grouped, open};
use crate::app::App;
use crate::args::DataPurgeArgs;

pub(super) fn run(app: &App<'_>, args: &DataPurgeArgs) -> Result<ExitClass> {
    let model = args.model.as_deref();
    let purged = app.block_on(async { open(app).await?.dataflow.purge(model).await })?;
    if purged.is_empty() {
        app.ui.line("no model declares a ttl");
    }
    for (model, rows) in purged {
        app.ui.line(&format!("{model}: {} rows removed", grouped(rows)));
    }
    Ok(ExitClass::Ok)
}
