//! Requests. Those that need findings wait until there are some; everything else is answered at once.

use hallmark_fix::rounds::{self, Candidate};
use hallmark_standards::FileReport;
use lsp_server::{ErrorCode, Request};
use lsp_types::{
    CodeActionParams, DocumentDiagnosticParams, ExecuteCommandParams, HoverParams, InitializeParams, TextEdit,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::actions::{self, Wanted};
use crate::client::Abilities;
use crate::server::{Phase, Server};
use crate::{diagnostics, edits, hover, limits, score, uri};

/// Why a request is refused.
pub(crate) struct Refusal(ErrorCode, String);

type Answer = Result<Value, Refusal>;

/// The commands that the server carries out.
const COMMANDS: &[&str] =
    &["hallmark.score", "hallmark.suppress", "hallmark.fixAll", "hallmark.page", "hallmark.rescan"];

impl Server {
    /// Answers a request, now or after the scan that it has to wait for.
    pub(crate) fn request(&mut self, request: Request) {
        let refused = match (self.phase, request.method.as_str()) {
            (Phase::Created, "initialize") | (Phase::Running, _) => None,
            (Phase::Created, _) => Some((ErrorCode::ServerNotInitialized, "initialize comes first")),
            (Phase::ShutDown, _) => Some((ErrorCode::InvalidRequest, "the server is shut down")),
        };
        if let Some((code, text)) = refused {
            return self.client.refuse(&request.id, code, text);
        }
        if self.must_wait(&request) {
            if self.parked.len() >= limits::PARKED_REQUESTS {
                return self.client.refuse(&request.id, ErrorCode::RequestFailed, "too many requests wait");
            }
            return self.parked.push(request);
        }
        let Request { id, method, params } = request;
        let answer = match method.as_str() {
            "initialize" => self.initialize(params),
            "shutdown" => {
                self.phase = Phase::ShutDown;
                self.roots.values_mut().for_each(crate::root::Root::store);
                Ok(Value::Null)
            }
            "textDocument/diagnostic" => parse(params).map(|p| self.pull(&p)),
            "textDocument/codeAction" => parse(params).map(|p| self.code_actions(&p)),
            "textDocument/hover" => parse(params).map(|p| self.hover(&p)),
            "workspace/executeCommand" => parse(params).and_then(|p| self.execute(p)),
            _ => Err(Refusal(ErrorCode::MethodNotFound, format!("{method} is not offered"))),
        };
        match answer {
            Ok(value) => self.client.answer(&id, &value),
            Err(Refusal(code, text)) => self.client.refuse(&id, code, &text),
        }
    }

    /// Whether what the request is about is being scanned.
    fn must_wait(&self, request: &Request) -> bool {
        match request.method.as_str() {
            "textDocument/diagnostic" | "textDocument/codeAction" | "textDocument/hover" => {
                let uri = request.params.pointer("/textDocument/uri").and_then(Value::as_str);
                let place = uri.and_then(|uri| self.documents.get(uri)).and_then(|d| d.place.as_ref());
                place.is_some_and(|(id, path)| self.roots.get(id).is_some_and(|r| r.is_awaited(path)))
            }
            "workspace/executeCommand" => self.roots.values().any(crate::root::Root::is_coming),
            _ => false,
        }
    }

    fn initialize(&mut self, params: Value) -> Answer {
        if self.phase != Phase::Created {
            return Err(Refusal(ErrorCode::InvalidRequest, "initialize came already".to_owned()));
        }
        let params: InitializeParams = parse(params)?;
        self.meet(Abilities::new(&params));
        #[expect(deprecated, reason = "older clients name one folder only")]
        let (root_uri, root_path) = (params.root_uri, params.root_path);
        let folders = params.workspace_folders.unwrap_or_default();
        let mut paths: Vec<_> = folders.iter().filter_map(|f| uri::to_path(f.uri.as_str())).collect();
        if paths.is_empty() {
            let old =
                root_uri.and_then(|u| uri::to_path(u.as_str())).or(root_path.map(std::path::PathBuf::from));
            paths.extend(old);
        }
        self.folders = paths;
        let mut capabilities = json!({
            "positionEncoding": self.client.can.encoding.kind(),
            "textDocumentSync": { "openClose": true, "change": 2, "save": { "includeText": false } },
            "hoverProvider": true,
            "codeActionProvider": { "codeActionKinds": ["quickfix", actions::FIX_ALL] },
            "executeCommandProvider": { "commands": COMMANDS },
            "workspace": { "workspaceFolders": { "supported": true, "changeNotifications": true } },
        });
        if self.client.can.pulls {
            capabilities["diagnosticProvider"] = json!({
                "identifier": "hallmark",
                "interFileDependencies": true,
                "workspaceDiagnostics": false,
            });
        }
        let info = json!({ "name": "hallmark", "version": self.settings.version });
        Ok(json!({ "capabilities": capabilities, "serverInfo": info }))
    }

    fn pull(&mut self, params: &DocumentDiagnosticParams) -> Value {
        let uri = params.text_document.uri.as_str();
        self.bring_up_to_date(uri);
        let items = self.diagnostics(uri);
        let id = diagnostics::result_id(&items);
        if params.previous_result_id.as_deref() == Some(&id) {
            return json!({ "kind": "unchanged", "resultId": id });
        }
        json!({ "kind": "full", "resultId": id, "items": items })
    }

    fn code_actions(&mut self, params: &CodeActionParams) -> Value {
        let uri = params.text_document.uri.as_str();
        let Some(report) = self.report(uri) else { return json!([]) };
        let fixed = if Wanted::new(params).fix_all { self.fixed_text(uri) } else { None };
        let Some(document) = self.documents.get(uri) else { return json!([]) };
        let scene =
            actions::Scene { document, report: &report, client: &self.client, fixed: fixed.as_deref() };
        json!(actions::of(&scene, params, &mut self.pages))
    }

    fn hover(&mut self, params: &HoverParams) -> Value {
        let place = &params.text_document_position_params;
        let uri = place.text_document.uri.as_str();
        let report = self.report(uri).unwrap_or_default();
        let Some(document) = self.documents.get(uri) else { return Value::Null };
        json!(hover::of(&document.text, &report, place.position, &self.pages))
    }

    /// What is said of an open document, brought up to date first.
    fn report(&mut self, uri: &str) -> Option<FileReport> {
        self.bring_up_to_date(uri);
        let (id, path) = self.documents.get(uri)?.place.clone()?;
        self.roots.get_mut(&id)?.file(&path)
    }

    /// The document's text with every safe fix made, round after round; `None` if that is the text it has.
    fn fixed_text(&mut self, uri: &str) -> Option<String> {
        let document = self.documents.get(uri)?;
        let (id, path) = document.place.clone()?;
        let text = document.text.content().clone();
        let root = self.roots.get_mut(&id)?;
        let first = candidates(root.file(&path)?);
        if first.is_empty() {
            return None;
        }
        let mut scan = |text: &str| root.try_text(&path, text).map(candidates).unwrap_or_default();
        let fixed = rounds::fix(&path, text.as_bytes().to_vec(), first, &mut scan);
        // What was tried is no text of the editor's.
        scan(&text);
        fixed.ok().filter(|fixed| fixed.after != *text).map(|fixed| fixed.after)
    }

    fn execute(&mut self, params: ExecuteCommandParams) -> Answer {
        let argument = params.arguments.into_iter().next().unwrap_or(Value::Null);
        let text = |name: &str| argument.get(name).and_then(Value::as_str).map(str::to_owned);
        match params.command.as_str() {
            "hallmark.score" => {
                let scores: Vec<_> = self.roots.values_mut().filter_map(score::of).collect();
                Ok(json!(scores))
            }
            "hallmark.page" => {
                let name = text("rule").or_else(|| argument.as_str().map(str::to_owned)).unwrap_or_default();
                self.pages
                    .text(&name)
                    .map(Value::from)
                    .ok_or_else(|| invalid(&format!("no page of {name:?}")))
            }
            "hallmark.rescan" => {
                let now = std::time::Instant::now();
                self.roots.values_mut().for_each(|root| root.rescan_at = Some(now));
                Ok(Value::Null)
            }
            "hallmark.fixAll" => {
                let uri = text("uri").ok_or_else(|| invalid("hallmark.fixAll takes {uri}"))?;
                self.bring_up_to_date(&uri);
                let Some(after) = self.fixed_text(&uri) else { return Ok(json!({ "applied": false })) };
                let document = self.documents.get(&uri).ok_or_else(|| invalid("the document is not open"))?;
                let changes = edits::of_change(&document.text, &after);
                Ok(self.apply("Fix all of Hallmark's findings", &uri, &changes))
            }
            "hallmark.suppress" => {
                let (uri, rule) = (text("uri"), text("rule"));
                let line = argument.get("line").and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
                let (Some(uri), Some(rule), Some(line)) = (uri, rule, line) else {
                    return Err(invalid("hallmark.suppress takes {uri, rule, line, reason}"));
                };
                let document = self.documents.get(&uri).ok_or_else(|| invalid("the document is not open"))?;
                let reason = text("reason").unwrap_or_default();
                let edit = actions::suppress(document, line, &rule, &reason)
                    .ok_or_else(|| invalid("no comment can be written on this line"))?;
                Ok(self.apply(&format!("Suppress {rule}"), &uri, &[edit]))
            }
            other => Err(invalid(&format!("there is no command {other:?}"))),
        }
    }

    /// Asks the client to make edits of an open document.
    fn apply(&self, label: &str, uri: &str, changes: &[TextEdit]) -> Value {
        let Some(document) = self.documents.get(uri) else { return json!({ "applied": false }) };
        let edit = self.client.edit(&document.uri, Some(document.version), changes);
        self.client.request("workspace/applyEdit", &json!({ "label": label, "edit": edit }));
        json!({ "applied": true })
    }
}

fn candidates(report: FileReport) -> Vec<Candidate> {
    let fixes = report.findings.into_iter().filter_map(|finding| Some((finding.rule, finding.fix?)));
    fixes
        .filter(|(_, fix)| fix.applicability == hallmark_diagnostics::Applicability::Safe)
        .map(|(rule, fix)| Candidate { rule, title: fix.title, edits: fix.edits })
        .collect()
}

fn parse<P: DeserializeOwned>(params: Value) -> Result<P, Refusal> {
    serde_json::from_value(params).map_err(|e| invalid(&e.to_string()))
}

fn invalid(text: &str) -> Refusal {
    Refusal(ErrorCode::InvalidParams, text.to_owned())
}
