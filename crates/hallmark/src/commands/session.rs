//! `hallmark session create|show|list|revoke`.

use hallmark_core::{ExitClass, Result};
use serde_json::json;

use crate::app::App;
use crate::args::{SessionAction, SessionArgs};
use crate::commands::call;

pub(crate) fn run(app: &App<'_>, args: &SessionArgs) -> Result<ExitClass> {
    let answer = match &args.action {
        SessionAction::Create { label } => {
            call::operation(app, "sessions.create", json!({ "label": label.clone().unwrap_or_default() }))?
        }
        SessionAction::Show { session } => {
            call::operation(app, "sessions.get", json!({ "session": session }))?
        }
        SessionAction::List => call::operation(app, "sessions.list", json!({}))?,
        SessionAction::Revoke { session } => {
            call::operation(app, "sessions.revoke", json!({ "session": session }))?
        }
    };
    call::print(app, &answer);
    Ok(ExitClass::Ok)
}
