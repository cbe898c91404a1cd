//! Runs: what was executed on any channel, read on every channel.

use hallmark_core::Error;
use hallmark_workflow::{Param, codes as workflow};
use serde_json::{Value, json};

use super::{Effect, Operation, Outcome, limit, session};
use crate::{limits, wire};

pub(super) fn get() -> Operation {
    let run: super::Run = |call| {
        Box::pin(async move {
            let id = call.text("run_id").unwrap_or_default();
            let run = call.operations.runtime().store().get(id).await?;
            if run.caller != call.caller.principal {
                // The same answer as for a run that does not exist.
                return Err(Error::new(
                    &workflow::RUN_NOT_FOUND,
                    format!("there is no run {}", wire::quoted(id)),
                ));
            }
            Ok(Outcome {
                result: run.to_json(),
                run_id: Some(run.run_id),
                session: run.session,
                unkept: false,
            })
        })
    };
    Operation::new("runs.get", "One run: its nodes, its result, its error.", Effect::Reads, run)
        .param(Param::string("run_id").required().max_length(64).describe("The run"))
        .routes(&[("GET", "/api/v1/runs/{run_id}")])
        .tool("get_run")
}

pub(super) fn list() -> Operation {
    let run: super::Run = |call| {
        Box::pin(async move {
            let session = call.session().await?.map(|session| session.id);
            let limit = u32::try_from(call.count("limit", limits::PAGE_DEFAULT)).unwrap_or(u32::MAX);
            let runs = call.operations.runtime().store().list(limit, session.as_deref()).await?;
            let own: Vec<Value> =
                runs.iter().filter(|run| run.caller == call.caller.principal).map(|run| json!(run)).collect();
            Ok(Outcome { session, ..Outcome::of(json!({ "runs": own })) })
        })
    };
    Operation::new(
        "runs.list",
        "The newest runs of the caller; of one session if it is named.",
        Effect::Reads,
        run,
    )
    .param(session())
    .param(limit())
    .routes(&[("GET", "/api/v1/runs")])
    .tool("list_runs")
}
