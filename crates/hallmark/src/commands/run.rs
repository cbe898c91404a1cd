//! `hallmark run WORKFLOW --input JSON`, `hallmark run --show RUN`, `hallmark run` to list the workflows.

use hallmark_core::{ExitClass, Result};
use hallmark_services::Endpoints;
use hallmark_workflow::Group;
use serde_json::json;

use crate::app::App;
use crate::args::RunArgs;
use crate::commands::call;
use crate::wiring::{Catalogue, Fallbacks};

pub(crate) fn run(app: &App<'_>, args: &RunArgs) -> Result<ExitClass> {
    if let Some(run) = &args.show {
        call::print(app, &call::operation(app, "runs.get", json!({ "run_id": run }))?);
        return Ok(ExitClass::Ok);
    }
    let Some(workflow) = &args.workflow else {
        return list(app);
    };
    let mut input = json!({ "workflow": workflow, "input": call::input(&args.input)? });
    if let Some(session) = &args.session {
        input["session"] = json!(session);
    }
    call::print(app, &call::operation(app, "workflow.run", input)?);
    Ok(ExitClass::Ok)
}

fn list(app: &App<'_>) -> Result<ExitClass> {
    let catalogue = Catalogue::open(app, &Endpoints::default(), Fallbacks::Never)?;
    let rows: Vec<Vec<String>> = catalogue
        .registry
        .specs()
        .filter(|s| matches!(s.group, Group::Workflow))
        .map(|s| vec![s.name.clone(), s.summary.clone()])
        .collect();
    app.ui.table(&["WORKFLOW", "WHAT IT DOES"], &rows);
    app.ui.next("hallmark run WORKFLOW --input JSON");
    Ok(ExitClass::Ok)
}
