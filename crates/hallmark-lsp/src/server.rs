//! The one thread that holds all state: it takes messages first, then does one piece of work, then looks for messages again.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded, select};
use lsp_server::{ErrorCode, Message, Notification, Request};
use lsp_types::{PublishDiagnosticsParams, Uri};
use serde_json::{Value, json};

use crate::client::{Abilities, Client};
use crate::pages::Pages;
use crate::root::Root;
use crate::text::Text;
use crate::{End, Settings, diagnostics, limits, score, uri};

/// What an idle server waits for at most before it looks around.
const IDLE: Duration = Duration::from_secs(3600);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// `initialize` has not come yet.
    Created,
    Running,
    /// `shutdown` came; only `exit` may follow.
    ShutDown,
}

/// An open document.
pub(crate) struct Document {
    pub(crate) uri: Uri,
    pub(crate) version: i32,
    pub(crate) text: Text,
    /// The project it is in, and its path there.
    pub(crate) place: Option<(usize, String)>,
    /// When its text last changed.
    pub(crate) changed: Instant,
    /// How long its last analysis took.
    pub(crate) cost: Duration,
}

impl Document {
    /// How long to wait for a pause in typing: slow files are not analysed at every key.
    fn due(&self) -> Instant {
        let pause =
            if self.cost <= limits::INSTANT { Duration::ZERO } else { self.cost.min(limits::DEBOUNCE_MAX) };
        self.changed + pause
    }
}

pub(crate) struct Server {
    pub(crate) settings: Settings,
    pub(crate) client: Client,
    pub(crate) phase: Phase,
    pub(crate) roots: BTreeMap<usize, Root>,
    /// By the URI that the client uses.
    pub(crate) documents: BTreeMap<String, Document>,
    pub(crate) pages: Pages,
    /// Requests that wait for a scan.
    pub(crate) parked: Vec<Request>,
    /// Folders that `initialize` named, until `initialized`.
    pub(crate) folders: Vec<std::path::PathBuf>,
    next_root: usize,
    /// Diagnostics changed that the client does not know it should ask for again.
    refresh: bool,
    done: (Sender<usize>, Receiver<usize>),
}

impl Server {
    pub(crate) fn new(settings: Settings, outbox: Sender<Value>) -> Self {
        let pages = Pages::new(None, settings.code_page);
        Self {
            settings,
            client: Client::new(outbox),
            phase: Phase::Created,
            roots: BTreeMap::new(),
            documents: BTreeMap::new(),
            pages,
            parked: Vec::new(),
            folders: Vec::new(),
            next_root: 0,
            refresh: false,
            done: bounded(limits::QUEUED_MESSAGES),
        }
    }

    /// Serves until the client leaves.
    pub(crate) fn run(mut self, inbox: &Receiver<Message>) -> End {
        let done = self.done.1.clone();
        loop {
            // Messages first: of many changes of a file only the last is analysed.
            loop {
                match inbox.try_recv() {
                    Ok(message) => {
                        if let Some(end) = self.take(message) {
                            return end;
                        }
                    }
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return End::Abrupt,
                }
            }
            while let Ok(id) = done.try_recv() {
                self.scanned(id);
            }
            let Some(wait) = self.guarded_step() else { continue };
            select! {
                recv(inbox) -> message => match message {
                    Ok(message) => if let Some(end) = self.take(message) {
                        return end;
                    },
                    Err(_) => return End::Abrupt,
                },
                recv(done) -> id => if let Ok(id) = id {
                    self.scanned(id);
                },
                default(wait) => {}
            }
        }
    }

    /// Handles a message; gives the end if it is the last one. A defect of ours costs one message, not the session.
    fn take(&mut self, message: Message) -> Option<End> {
        if matches!(&message, Message::Notification(Notification { method, .. }) if method == "exit") {
            return Some(if self.phase == Phase::ShutDown { End::Orderly } else { End::Abrupt });
        }
        let id = if let Message::Request(request) = &message { Some(request.id.clone()) } else { None };
        let handled = catch_unwind(AssertUnwindSafe(|| match message {
            Message::Request(request) => self.request(request),
            Message::Notification(notification) => self.notification(notification),
            Message::Response(_) => {}
        }));
        if let (Err(_), Some(id)) = (handled, id) {
            self.client.refuse(&id, ErrorCode::InternalError, "a defect of Hallmark: please report it");
        }
        None
    }

    /// One piece of work; `None` if there may be more, else how long to wait.
    fn guarded_step(&mut self) -> Option<Duration> {
        catch_unwind(AssertUnwindSafe(|| self.step())).unwrap_or(None)
    }

    fn step(&mut self) -> Option<Duration> {
        let now = Instant::now();
        let ids: Vec<usize> = self.roots.keys().copied().collect();
        for id in &ids {
            if self.roots.get(id).is_some_and(|r| r.rescan_at.is_some_and(|at| at <= now))
                && self.start_scan(*id)
            {
                return None;
            }
        }
        let behind: Vec<(String, Instant)> = self
            .documents
            .iter()
            .filter(|(_, d)| self.is_behind(d))
            .map(|(uri, document)| (uri.clone(), document.due()))
            .collect();
        if let Some((uri, _)) = behind.iter().find(|(_, due)| *due <= now) {
            self.bring_up_to_date(&uri.clone());
            return None;
        }
        // A file that is typed in goes before all that rests on it.
        if behind.is_empty() && self.judge_another() {
            return None;
        }
        if behind.is_empty() && std::mem::take(&mut self.refresh) && self.client.can.refreshes {
            self.client.request("workspace/diagnostic/refresh", &Value::Null);
        }
        for id in &ids {
            let Some(root) = self.roots.get_mut(id).filter(|r| r.is_ready() && behind.is_empty()) else {
                continue;
            };
            if root.score_at.is_some_and(|at| at <= now) {
                root.score_at = None;
                if let Some(score) = score::of(root) {
                    self.client.notify(score::METHOD, &score);
                }
                return None;
            }
        }
        let timers = self.roots.values().flat_map(|r| [r.rescan_at, r.score_at]).flatten();
        let next = timers.chain(behind.iter().map(|(_, due)| *due)).filter(|at| *at > now).min();
        Some(next.map_or(IDLE, |at| at.saturating_duration_since(now)))
    }

    fn is_behind(&self, document: &Document) -> bool {
        let Some((id, path)) = &document.place else { return false };
        self.roots.get(id).is_some_and(|root| root.is_ready() && !root.is_current(path))
    }

    /// Judges one file that is not open and rests on one that changed.
    fn judge_another(&mut self) -> bool {
        for root in self.roots.values_mut() {
            if let Some(path) = root.next_behind(&|_| false) {
                root.judge(&path);
                return true;
            }
        }
        false
    }

    /// Judges an open document and says what was found.
    pub(crate) fn bring_up_to_date(&mut self, uri: &str) {
        let Some(document) = self.documents.get_mut(uri) else { return };
        let Some((id, path)) = document.place.clone() else { return };
        let Some(root) = self.roots.get_mut(&id).filter(|r| r.is_ready()) else { return };
        if !root.is_current(&path) {
            let began = Instant::now();
            let own = root.is_dirty(&path);
            root.judge(&path);
            document.cost = began.elapsed();
            // Whoever typed asks by itself.
            if !(own && self.client.can.pulls) {
                self.publish(uri);
            }
        }
    }

    /// The diagnostics of an open document as they are known now.
    pub(crate) fn diagnostics(&mut self, uri: &str) -> Vec<lsp_types::Diagnostic> {
        let Some(document) = self.documents.get(uri) else { return Vec::new() };
        let Some((id, path)) = &document.place else { return Vec::new() };
        let Some(report) = self.roots.get_mut(id).and_then(|root| root.file(path)) else { return Vec::new() };
        diagnostics::of(&report, &document.text, &mut self.pages)
    }

    /// Sends the diagnostics of an open document, or notes that the client should ask for them.
    pub(crate) fn publish(&mut self, uri: &str) {
        if self.client.can.pulls {
            self.refresh = true;
            return;
        }
        let diagnostics = self.diagnostics(uri);
        let Some(document) = self.documents.get(uri) else { return };
        let params = PublishDiagnosticsParams {
            uri: document.uri.clone(),
            diagnostics,
            version: Some(document.version),
        };
        self.client.notify("textDocument/publishDiagnostics", &params);
    }

    /// The texts of the open documents of a project.
    fn open_texts(&self, id: usize) -> Vec<(String, Arc<str>)> {
        let of_root = self.documents.values().filter_map(|d| {
            let (root, path) = d.place.as_ref()?;
            (*root == id).then(|| (path.clone(), d.text.content().clone()))
        });
        of_root.collect()
    }

    fn start_scan(&mut self, id: usize) -> bool {
        let open = self.open_texts(id);
        let Some(root) = self.roots.get_mut(&id) else { return false };
        let went = root.scan(&open, id, self.done.0.clone());
        if went && self.client.can.progress {
            let token = progress_token(id);
            self.client.request("window/workDoneProgress/create", &json!({ "token": token }));
            let message = format!("scanning {}", root.project.name());
            let value =
                json!({ "kind": "begin", "title": "Hallmark", "message": message, "cancellable": false });
            self.client.notify("$/progress", &json!({ "token": token, "value": value }));
        }
        went
    }

    /// A project's scan came back.
    fn scanned(&mut self, id: usize) {
        let open = self.open_texts(id);
        let Some(root) = self.roots.get_mut(&id) else { return };
        let whole = root.scanned(&open);
        let files = root.workspace().map_or(0, |w| w.files().count());
        if self.client.can.progress {
            let message = if whole {
                format!("{files} files")
            } else {
                "the scan stopped: a defect of Hallmark".to_owned()
            };
            let value = json!({ "kind": "end", "message": message });
            self.client.notify("$/progress", &json!({ "token": progress_token(id), "value": value }));
        }
        // Open files first; all others wait until nothing else is to be done.
        let uris: Vec<String> = self
            .documents
            .iter()
            .filter(|(_, d)| d.place.as_ref().is_some_and(|(root, _)| *root == id))
            .map(|(uri, _)| uri.clone())
            .collect();
        for uri in uris {
            self.bring_up_to_date_or_publish(&uri);
        }
        for request in std::mem::take(&mut self.parked) {
            self.request(request);
        }
    }

    fn bring_up_to_date_or_publish(&mut self, uri: &str) {
        match self.documents.get(uri).map(|d| self.is_behind(d)) {
            Some(true) => self.bring_up_to_date(uri),
            Some(false) => self.publish(uri),
            None => {}
        }
    }

    /// Looks after the project around a folder.
    pub(crate) fn add_root(&mut self, folder: &std::path::Path) {
        let project = match hallmark_core::Project::discover(folder) {
            Ok(project) => project,
            Err(error) => return self.client.show(&error),
        };
        if self.roots.values().any(|r| r.project.root() == project.root()) {
            return;
        }
        if self.roots.is_empty() {
            self.pages = Pages::new(Some(&project), self.settings.code_page);
        }
        let plan = (self.settings.plan)(&project);
        let cache = (self.settings.cache)(&project);
        let mut root = Root::new(project, plan, cache);
        root.rescan_at = Some(Instant::now());
        let id = self.next_root;
        self.next_root += 1;
        self.roots.insert(id, root);
        self.tell_config_error(id);
        self.place_documents();
    }

    /// Lets go of the project around a folder.
    pub(crate) fn remove_root(&mut self, folder: &std::path::Path) {
        let Ok(project) = hallmark_core::Project::discover(folder) else { return };
        self.roots.retain(|_, root| root.project.root() != project.root());
        self.place_documents();
    }

    /// Finds out which project each open document is in: the innermost around it.
    fn place_documents(&mut self) {
        let roots = &self.roots;
        for (uri, document) in &mut self.documents {
            document.place = place(roots, uri);
        }
    }

    pub(crate) fn place(&self, uri: &str) -> Option<(usize, String)> {
        place(&self.roots, uri)
    }

    /// Reads a project's configuration again.
    pub(crate) fn reconfigure(&mut self, id: usize) {
        let Some(root) = self.roots.get_mut(&id) else { return };
        root.configure((self.settings.plan)(&root.project));
        self.tell_config_error(id);
    }

    /// Shows what is wrong with a project's configuration where it is written, or takes that back.
    fn tell_config_error(&self, id: usize) {
        let Some(root) = self.roots.get(&id) else { return };
        let Some(uri) = uri::from_path(&root.project.root().join("hallmark.toml")) else { return };
        let diagnostics = match &root.config_error {
            Some(error) => {
                self.client.show(error);
                let text = std::iter::once(error.to_string()).chain(error.causes().iter().cloned());
                json!([{
                    "range": { "start": { "line": 0, "character": 0 }, "end": { "line": 0, "character": 0 } },
                    "severity": 1,
                    "code": error.code().id,
                    "source": diagnostics::SOURCE,
                    "message": text.collect::<Vec<_>>().join("\n"),
                }])
            }
            None => json!([]),
        };
        let params = json!({ "uri": uri, "diagnostics": diagnostics });
        self.client.notify("textDocument/publishDiagnostics", &params);
    }

    /// Takes what the client can do.
    pub(crate) fn meet(&mut self, can: Abilities) {
        self.client.can = can;
        self.phase = Phase::Running;
    }
}

fn place(roots: &BTreeMap<usize, Root>, uri: &str) -> Option<(usize, String)> {
    let path = uri::to_path(uri).filter(|p| p.extension().is_some_and(|e| e == "py"))?;
    let mut found: Vec<(usize, String)> =
        roots.iter().filter_map(|(id, root)| Some((*id, root.relative(&path)?))).collect();
    // The shorter the path in the project, the further in the project's folder is.
    found.sort_by_key(|(_, path)| path.len());
    found.into_iter().next()
}

fn progress_token(id: usize) -> String {
    format!("hallmark/scan/{id}")
}
