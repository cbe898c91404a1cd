//! `hallmark node run NAME --input JSON`.

use hallmark_core::{ExitClass, Result};
use serde_json::json;

use crate::app::App;
use crate::args::{NodeAction, NodeArgs};
use crate::commands::call;

pub(crate) fn run(app: &App<'_>, args: &NodeArgs) -> Result<ExitClass> {
    let NodeAction::Run(args) = &args.action;
    let mut input = json!({ "node": args.name, "input": call::input(&args.input)? });
    if let Some(session) = &args.session {
        input["session"] = json!(session);
    }
    call::print(app, &call::operation(app, "node.run", input)?);
    Ok(ExitClass::Ok)
}
