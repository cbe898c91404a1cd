//! `hallmark env`: what a test run needs to reach the services.

use hallmark_core::{ExitClass, Result};
use hallmark_services::stack;

use crate::app::App;
use crate::args::{EnvArgs, EnvFormat};
use crate::wiring;

pub(crate) fn run(app: &App<'_>, args: &EnvArgs) -> Result<ExitClass> {
    let format = match args.format {
        EnvFormat::Shell => stack::EnvFormat::Shell,
        EnvFormat::Json => stack::EnvFormat::Json,
        EnvFormat::Dotenv => stack::EnvFormat::Dotenv,
    };
    app.ui.data(&wiring::stack(app)?.env(format)?);
    Ok(ExitClass::Ok)
}
