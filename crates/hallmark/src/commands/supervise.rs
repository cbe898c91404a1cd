//! `hallmark __supervise ROOT`: the supervisor process of a project, started by `up`.

use hallmark_core::{ExitClass, Result};

use crate::app::App;
use crate::args::SuperviseArgs;

pub(crate) fn run(app: &App<'_>, args: &SuperviseArgs) -> Result<ExitClass> {
    app.block_on(hallmark_services::stack::supervise(&args.root))?;
    Ok(ExitClass::Ok)
}
