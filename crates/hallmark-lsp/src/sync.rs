//! Notifications: documents that open, change and close, files that change on disk, folders that come and go.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lsp_server::{ErrorCode, Notification};
use lsp_types::{
    CancelParams, DidChangeTextDocumentParams, DidChangeWatchedFilesParams, DidChangeWorkspaceFoldersParams,
    DidCloseTextDocumentParams, DidOpenTextDocumentParams, DidSaveTextDocumentParams, FileChangeType,
    NumberOrString, PublishDiagnosticsParams,
};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::root::CONFIGURATION;
use crate::server::{Document, Phase, Server};
use crate::text::Text;
use crate::{limits, uri};

impl Server {
    /// Handles a notification. One that is not understood is passed over, as the protocol asks.
    pub(crate) fn notification(&mut self, notification: Notification) {
        if self.phase != Phase::Running {
            return;
        }
        let Notification { method, params } = notification;
        match method.as_str() {
            "initialized" => self.initialized(),
            "textDocument/didOpen" => self.with(&method, params, Self::opened),
            "textDocument/didChange" => self.with(&method, params, Self::changed),
            "textDocument/didSave" => self.with(&method, params, |server, p| server.saved(&p)),
            "textDocument/didClose" => self.with(&method, params, |server, p| server.closed(&p)),
            "workspace/didChangeWatchedFiles" => self.with(&method, params, Self::files_changed),
            "workspace/didChangeWorkspaceFolders" => {
                self.with(&method, params, |server, p| server.folders_changed(&p));
            }
            "workspace/didChangeConfiguration" => {
                for id in self.roots.keys().copied().collect::<Vec<_>>() {
                    self.reconfigure(id);
                }
            }
            "$/cancelRequest" => self.with(&method, params, Self::cancelled),
            _ => {}
        }
    }

    fn with<P: DeserializeOwned>(
        &mut self,
        method: &str,
        params: serde_json::Value,
        handle: impl FnOnce(&mut Self, P),
    ) {
        match serde_json::from_value(params) {
            Ok(params) => handle(self, params),
            Err(e) => self.client.log(&format!("{method} was not understood: {e}")),
        }
    }

    fn initialized(&mut self) {
        if self.client.can.watches {
            let configuration = CONFIGURATION.iter().map(|name| format!("**/{name}"));
            let globs = std::iter::once("**/*.py".to_owned()).chain(configuration);
            let watchers: Vec<_> = globs.map(|glob| json!({ "globPattern": glob })).collect();
            let registration = json!({
                "id": "hallmark-files",
                "method": "workspace/didChangeWatchedFiles",
                "registerOptions": { "watchers": watchers },
            });
            self.client.request("client/registerCapability", &json!({ "registrations": [registration] }));
        }
        for folder in std::mem::take(&mut self.folders) {
            self.add_root(&folder);
        }
    }

    fn opened(&mut self, params: DidOpenTextDocumentParams) {
        let item = params.text_document;
        let key = item.uri.as_str().to_owned();
        let text: Arc<str> = item.text.into();
        self.adopt(&key);
        let place = self.place(&key);
        let document = Document {
            uri: item.uri,
            version: item.version,
            text: Text::new(text.clone(), self.client.can.encoding),
            place: place.clone(),
            changed: Instant::now(),
            cost: Duration::ZERO,
        };
        self.documents.insert(key.clone(), document);
        let Some((id, path)) = place else { return };
        let Some(root) = self.roots.get_mut(&id) else { return };
        root.change(&path, Some(text));
        if root.is_settled(&path) {
            self.publish(&key);
        }
    }

    /// A single file opened without a folder belongs to the project around it, if a configuration says that there is one. Any
    /// other folder could be a home folder: that is not scanned unasked.
    fn adopt(&mut self, key: &str) {
        if self.place(key).is_some() {
            return;
        }
        let Some(path) = uri::to_path(key) else { return };
        let configured = path.ancestors().skip(1).find(|folder| folder.join("hallmark.toml").is_file());
        if let Some(folder) = configured {
            self.add_root(folder);
        }
    }

    fn changed(&mut self, params: DidChangeTextDocumentParams) {
        let Some(document) = self.documents.get_mut(params.text_document.uri.as_str()) else { return };
        document.version = params.text_document.version;
        document.text = document.text.clone().changed(params.content_changes);
        document.changed = Instant::now();
        let Some((id, path)) = &document.place else { return };
        if let Some(root) = self.roots.get_mut(id) {
            root.change(path, Some(document.text.content().clone()));
        }
    }

    /// Where the editor watches no files, saving is when to look for a file that is new and a configuration that changed.
    fn saved(&mut self, params: &DidSaveTextDocumentParams) {
        if self.client.can.watches {
            return;
        }
        let ids = self.roots.iter().filter(|(_, root)| root.has_new_configuration()).map(|(id, _)| *id);
        for id in ids.collect::<Vec<_>>() {
            self.reconfigure(id);
        }
        let Some((id, path)) = self.place(params.text_document.uri.as_str()) else { return };
        let Some(root) = self.roots.get_mut(&id) else { return };
        if root.is_ready() && root.file(&path).is_none() {
            root.rescan_at = Some(Instant::now() + limits::RESCAN_DELAY);
        }
    }

    fn closed(&mut self, params: &DidCloseTextDocumentParams) {
        let Some(document) = self.documents.remove(params.text_document.uri.as_str()) else { return };
        if !self.client.can.pulls {
            let params =
                PublishDiagnosticsParams { uri: document.uri, diagnostics: Vec::new(), version: None };
            self.client.notify("textDocument/publishDiagnostics", &params);
        }
        let Some((id, path)) = document.place else { return };
        if let Some(root) = self.roots.get_mut(&id) {
            root.change(&path, None);
        }
    }

    fn files_changed(&mut self, params: DidChangeWatchedFilesParams) {
        let mut configured = Vec::new();
        for event in params.changes {
            let Some(path) = uri::to_path(event.uri.as_str()) else { continue };
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            if CONFIGURATION.contains(&name.as_str()) {
                let around = self.roots.iter().filter(|(_, root)| root.relative(&path).is_some());
                configured.extend(around.map(|(id, _)| *id));
                continue;
            }
            let Some((id, relative)) = self.place(event.uri.as_str()) else { continue };
            let open = self.documents.contains_key(event.uri.as_str());
            let Some(root) = self.roots.get_mut(&id) else { continue };
            if event.typ == FileChangeType::CHANGED {
                // The text of an open file is the editor's, whatever the disk says.
                if !open {
                    root.touch(&relative);
                }
            } else {
                root.rescan_at = Some(Instant::now() + limits::RESCAN_DELAY);
            }
        }
        configured.sort_unstable();
        configured.dedup();
        for id in configured {
            self.reconfigure(id);
        }
    }

    fn folders_changed(&mut self, params: &DidChangeWorkspaceFoldersParams) {
        for folder in params.event.removed.iter().filter_map(|f| uri::to_path(f.uri.as_str())) {
            self.remove_root(&folder);
        }
        for folder in params.event.added.iter().filter_map(|f| uri::to_path(f.uri.as_str())) {
            self.add_root(&folder);
        }
    }

    /// A request that waits is answered at once; one that was answered already is past cancelling.
    fn cancelled(&mut self, params: CancelParams) {
        let id = match params.id {
            NumberOrString::Number(number) => number.into(),
            NumberOrString::String(text) => text.into(),
        };
        let before = self.parked.len();
        self.parked.retain(|request| request.id != id);
        if self.parked.len() < before {
            self.client.refuse(&id, ErrorCode::RequestCanceled, "cancelled");
        }
    }
}
