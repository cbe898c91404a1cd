//! What the client can do, and how it is spoken to.

use std::cell::Cell;

use crossbeam_channel::Sender;
use hallmark_core::Error;
use lsp_server::{ErrorCode, RequestId};
use lsp_types::{InitializeParams, MessageType, PositionEncodingKind, Uri, WorkspaceEdit};
use serde::Serialize;
use serde_json::{Value, json};

use crate::text::Encoding;

/// What the client said it can do.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the protocol")]
pub(crate) struct Abilities {
    /// What columns count.
    pub(crate) encoding: Encoding,
    /// It asks for diagnostics, so none are pushed.
    pub(crate) pulls: bool,
    /// It can be told to ask again.
    pub(crate) refreshes: bool,
    /// It shows progress that the server starts.
    pub(crate) progress: bool,
    /// Files can be watched through it.
    pub(crate) watches: bool,
    /// It takes edits with the version they are for.
    pub(crate) versioned_edits: bool,
    /// It asks for the reason of a suppression itself, by `hallmark.suppressWithReason`.
    pub(crate) asks_reason: bool,
}

impl Abilities {
    pub(crate) fn new(params: &InitializeParams) -> Self {
        let capabilities = &params.capabilities;
        let document = capabilities.text_document.as_ref();
        let workspace = capabilities.workspace.as_ref();
        let offered: Option<&[PositionEncodingKind]> =
            capabilities.general.as_ref().and_then(|g| g.position_encodings.as_deref());
        let option = |name: &str| {
            params.initialization_options.as_ref().and_then(|o| o.get(name)).and_then(Value::as_bool)
        };
        Self {
            encoding: Encoding::negotiate(offered),
            pulls: document.is_some_and(|d| d.diagnostic.is_some()),
            refreshes: workspace.and_then(|w| w.diagnostic.as_ref()).and_then(|d| d.refresh_support)
                == Some(true),
            progress: capabilities.window.as_ref().and_then(|w| w.work_done_progress) == Some(true),
            watches: workspace
                .and_then(|w| w.did_change_watched_files.as_ref())
                .and_then(|w| w.dynamic_registration)
                == Some(true),
            versioned_edits: workspace
                .and_then(|w| w.workspace_edit.as_ref())
                .and_then(|e| e.document_changes)
                == Some(true),
            asks_reason: option("asksReason") == Some(true),
        }
    }
}

/// The client.
pub(crate) struct Client {
    outbox: Sender<Value>,
    next_id: Cell<i32>,
    /// What it can do.
    pub(crate) can: Abilities,
}

impl Client {
    pub(crate) fn new(outbox: Sender<Value>) -> Self {
        Self { outbox, next_id: Cell::new(1), can: Abilities::default() }
    }

    fn send(&self, message: Value) {
        // A client that is gone needs no answer; the end of its stream ends the server.
        let _ = self.outbox.send(message);
    }

    pub(crate) fn answer(&self, id: &RequestId, result: &impl Serialize) {
        match serde_json::to_value(result) {
            Ok(result) => self.send(json!({ "jsonrpc": "2.0", "id": id, "result": result })),
            Err(e) => self.refuse(id, ErrorCode::InternalError, &e.to_string()),
        }
    }

    pub(crate) fn refuse(&self, id: &RequestId, code: ErrorCode, text: &str) {
        let error = json!({ "code": code as i32, "message": text });
        self.send(json!({ "jsonrpc": "2.0", "id": id, "error": error }));
    }

    pub(crate) fn notify(&self, method: &str, params: &impl Serialize) {
        self.send(json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// Asks the client something whose answer does not matter.
    pub(crate) fn request(&self, method: &str, params: &Value) {
        let id = self.next_id.get();
        self.next_id.set(id.wrapping_add(1));
        let mut message = json!({ "jsonrpc": "2.0", "id": format!("hallmark-{id}"), "method": method });
        // A request without parameters has none, not null ones.
        if let (Some(fields), false) = (message.as_object_mut(), params.is_null()) {
            fields.insert("params".to_owned(), params.clone());
        }
        self.send(message);
    }

    /// Shows an error to the person, with its code and its next step.
    pub(crate) fn show(&self, error: &Error) {
        let next =
            error.next_step().map_or_else(|| format!("hallmark explain {}", error.code().id), str::to_owned);
        let text = format!("Hallmark [{}]: {error}. Next: {next}", error.code().id);
        self.notify("window/showMessage", &json!({ "type": MessageType::ERROR, "message": text }));
    }

    pub(crate) fn log(&self, text: &str) {
        self.notify("window/logMessage", &json!({ "type": MessageType::INFO, "message": text }));
    }

    /// An edit of one document, in the form that the client takes.
    pub(crate) fn edit(
        &self,
        uri: &Uri,
        version: Option<i32>,
        edits: &[lsp_types::TextEdit],
    ) -> Option<WorkspaceEdit> {
        let value = if self.can.versioned_edits {
            json!({ "documentChanges": [{ "textDocument": { "uri": uri, "version": version }, "edits": edits }] })
        } else {
            json!({ "changes": { uri.as_str(): edits } })
        };
        serde_json::from_value(value).ok()
    }
}
