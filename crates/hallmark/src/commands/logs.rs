//! `hallmark logs SERVICE`: the last lines, secrets masked.

use hallmark_core::{Error, ExitClass, Result};
use hallmark_services::ServiceKind;

use crate::app::App;
use crate::args::LogsArgs;
use crate::commands::codes;
use crate::wiring;

pub(crate) fn run(app: &App<'_>, args: &LogsArgs) -> Result<ExitClass> {
    let tails = wiring::stack(app)?.logs(service(&args.service)?, Some(args.lines))?;
    for tail in tails {
        app.ui.note(&format!("==> {}", tail.path.display()));
        for line in &tail.lines {
            app.ui.line(line);
        }
    }
    Ok(ExitClass::Ok)
}

/// The service of this name.
pub(crate) fn service(name: &str) -> Result<ServiceKind> {
    ServiceKind::from_name(name).ok_or_else(|| {
        Error::new(&codes::UNKNOWN_SERVICE, format!("there is no service called {name}"))
            .next("one of: postgres, neo4j, chromadb, redis, openai")
    })
}
