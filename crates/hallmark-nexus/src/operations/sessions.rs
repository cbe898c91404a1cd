//! Sessions as operations.

use hallmark_workflow::Param;
use serde_json::{Value, json};

use super::{Call, Effect, Operation, Outcome, limit};
use crate::sessions::NewSession;
use crate::{Session, limits};

fn outcome(session: &Session) -> Outcome {
    Outcome { session: Some(session.id.clone()), ..Outcome::of(json!(session)) }
}

fn handle() -> Param {
    Param::string("session").required().max_length(64).describe("The session's handle")
}

fn named<'a>(call: &'a Call<'_>) -> &'a str {
    call.text("session").unwrap_or_default()
}

pub(super) fn create() -> Operation {
    #[expect(clippy::cast_precision_loss, reason = "thirty days in seconds are far below 2^53")]
    let longest_s = limits::SESSION_TTL_MAX_S as f64;
    let run: super::Run = |call| {
        Box::pin(async move {
            let new = NewSession {
                label: call.text("label").unwrap_or_default().to_owned(),
                data: call.object("data"),
                ttl_s: call.input.get("ttl_s").and_then(Value::as_u64),
            };
            Ok(outcome(&call.operations.sessions().create(call.caller, new).await?))
        })
    };
    Operation::new(
        "sessions.create",
        "Make a session: a handle that is valid on every channel.",
        Effect::Writes,
        run,
    )
    .param(
        Param::string("label")
            .default("")
            .max_length(limits::SESSION_LABEL_CHARS_MAX)
            .describe("What you call it"),
    )
    .param(Param::object("data").default(json!({})).describe("What you keep with it, 16 KiB at most"))
    .param(
        Param::integer("ttl_s")
            .default(limits::SESSION_TTL_DEFAULT_S)
            .range(1.0, longest_s)
            .describe("How long it lives, in seconds"),
    )
    .routes(&[("POST", "/api/v1/sessions")])
    .tool("create_session")
}

pub(super) fn get() -> Operation {
    let run: super::Run = |call| {
        Box::pin(
            async move { Ok(outcome(&call.operations.sessions().get(call.caller, named(&call)).await?)) },
        )
    };
    Operation::new("sessions.get", "One session of yours, made on any channel.", Effect::Reads, run)
        .param(handle())
        .routes(&[("GET", "/api/v1/sessions/{session}")])
        .tool("get_session")
}

pub(super) fn list() -> Operation {
    let run: super::Run = |call| {
        Box::pin(async move {
            let most = call.count("limit", limits::PAGE_DEFAULT);
            let sessions = call.operations.sessions().list(call.caller, call.flag("all"), most).await?;
            Ok(Outcome::of(json!({ "sessions": sessions })))
        })
    };
    Operation::new("sessions.list", "Your sessions, the newest first.", Effect::Reads, run)
        .param(Param::boolean("all").default(false).describe("Also those that have expired or were revoked"))
        .param(limit())
        .routes(&[("GET", "/api/v1/sessions")])
        .tool("list_sessions")
}

pub(super) fn update() -> Operation {
    let run: super::Run = |call| {
        Box::pin(async move {
            let session =
                call.operations.sessions().update(call.caller, named(&call), call.object("data")).await?;
            Ok(outcome(&session))
        })
    };
    Operation::new(
        "sessions.update",
        "Merge members into a session's data; null removes one.",
        Effect::Writes,
        run,
    )
    .param(handle())
    .param(Param::object("data").required().describe("The members to set or, with null, to remove"))
    .routes(&[("PATCH", "/api/v1/sessions/{session}")])
    .tool("update_session")
}

pub(super) fn revoke() -> Operation {
    let run: super::Run = |call| {
        Box::pin(
            async move { Ok(outcome(&call.operations.sessions().revoke(call.caller, named(&call)).await?)) },
        )
    };
    Operation::new("sessions.revoke", "End a session now, on every channel.", Effect::Writes, run)
        .param(handle())
        .routes(&[("DELETE", "/api/v1/sessions/{session}")])
        .tool("revoke_session")
}
