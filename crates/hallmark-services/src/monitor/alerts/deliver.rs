//! The channels: each delivers on its own, with a time limit, and tries again where that may help.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use hallmark_core::{Error, Result, Secret, random};
use reqwest::{StatusCode, Url};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;

use super::Tally;
use crate::monitor::{limits, pulse};
use crate::stack::logs;
use crate::{codes, http, url};

/// A way to tell.
pub(super) enum Channel {
    Webhook { client: reqwest::Client, url: Url },
    Command { arguments: Vec<String>, folder: PathBuf },
    Log(PathBuf),
}

/// How one attempt ended.
enum Attempt {
    Done,
    /// Another attempt may succeed.
    Again(String),
    /// No attempt will.
    Never(String),
}

impl Channel {
    /// # Errors
    /// `HM-S002` if the address is none.
    pub(super) fn webhook(address: &Secret) -> Result<Self> {
        let url = Url::parse(address.expose())
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let url = url.ok_or_else(|| {
            Error::new(&codes::ENDPOINT_INVALID, "the webhook of [stack.alerts] is no http or https address")
                .next("hallmark config stack.alerts.webhook.url")
        })?;
        let place = [(url::host(&url), url.port_or_known_default().unwrap_or(443))];
        let timeouts = http::Timeouts::total(limits::ALERT_TIMEOUT);
        let client = if pulse::is_local(&place) {
            http::client(timeouts)?
        } else {
            http::client_through_proxy(timeouts)?
        };
        Ok(Self::Webhook { client, url })
    }

    pub(super) fn command(arguments: Vec<String>, project: &Path) -> Self {
        Self::Command { arguments, folder: project.to_path_buf() }
    }

    pub(super) fn log(path: PathBuf) -> Self {
        Self::Log(path)
    }

    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Webhook { .. } => "webhook",
            Self::Command { .. } => "command",
            Self::Log(_) => "log",
        }
    }

    /// Delivers what comes, in its order, until nothing comes any more.
    pub(super) async fn deliver(self, mut queue: mpsc::Receiver<Arc<Value>>, tally: Tally) {
        while let Some(alert) = queue.recv().await {
            let outcome = match self.insist(&alert).await {
                Ok(()) => "delivered",
                Err(why) => {
                    tracing::warn!(channel = self.name(), why, "an alert was not delivered");
                    "failed"
                }
            };
            tally.add(self.name(), outcome, 1);
        }
    }

    async fn insist(&self, alert: &Value) -> std::result::Result<(), String> {
        let mut last = String::new();
        for attempt in 0..limits::ALERT_ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(random::jittered(limits::ALERT_PAUSE * 2_u32.pow(attempt - 1))).await;
            }
            match self.attempt(alert).await {
                Attempt::Done => return Ok(()),
                Attempt::Again(why) => last = why,
                Attempt::Never(why) => return Err(why),
            }
        }
        Err(format!("{last} ({} attempts)", limits::ALERT_ATTEMPTS))
    }

    async fn attempt(&self, alert: &Value) -> Attempt {
        match self {
            Self::Webhook { client, url } => post(client, url, alert).await,
            Self::Command { arguments, folder } => {
                match tokio::time::timeout(limits::ALERT_TIMEOUT, run(arguments, folder, alert)).await {
                    Ok(attempt) => attempt,
                    // It was killed with its handle. What it did until then is not done twice.
                    Err(_) => Attempt::Never(format!(
                        "the command took longer than {} s",
                        limits::ALERT_TIMEOUT.as_secs()
                    )),
                }
            }
            Self::Log(path) => {
                let (path, line) = (path.clone(), format!("{alert}\n"));
                let written = tokio::task::spawn_blocking(move || {
                    logs::open(&path)
                        .map_err(|e| e.to_string())?
                        .write_all(line.as_bytes())
                        .map_err(|e| e.to_string())
                });
                match written.await {
                    Ok(Ok(())) => Attempt::Done,
                    Ok(Err(why)) => Attempt::Again(why),
                    Err(error) => Attempt::Never(error.to_string()),
                }
            }
        }
    }
}

async fn post(client: &reqwest::Client, url: &Url, alert: &Value) -> Attempt {
    match client.post(url.clone()).json(alert).send().await {
        // The address may hold a token, so it is not repeated.
        Err(error) => Attempt::Again(error.without_url().to_string()),
        Ok(answer) if answer.status().is_success() => Attempt::Done,
        Ok(answer) => {
            let status = answer.status();
            let why = format!("the webhook answered {status}");
            let passing = status.is_server_error()
                || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
            if passing { Attempt::Again(why) } else { Attempt::Never(why) }
        }
    }
}

async fn run(arguments: &[String], folder: &Path, alert: &Value) -> Attempt {
    let Some((program, rest)) = arguments.split_first() else { return Attempt::Done };
    let field = |name: &str| alert[name].as_str().unwrap_or_default().to_owned();
    let spawned = tokio::process::Command::new(program)
        .args(rest)
        .current_dir(folder)
        .env("HALLMARK_ALERT_KIND", field("kind"))
        .env("HALLMARK_ALERT_SERVICE", field("service"))
        .env("HALLMARK_ALERT_STATE", field("to"))
        .env("HALLMARK_ALERT_TEXT", field("text"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => return Attempt::Never(format!("{program} could not be started: {error}")),
    };
    if let Some(mut input) = child.stdin.take() {
        // A command that does not read is none the worse for it.
        let _ = input.write_all(format!("{alert}\n").as_bytes()).await;
    }
    match child.wait().await {
        Ok(status) if status.success() => Attempt::Done,
        Ok(status) => Attempt::Again(format!("the command ended with {status}")),
        Err(error) => Attempt::Again(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_must_be_an_address() {
        for text in ["", "ftp://x/y", "http://", "nonsense"] {
            assert!(Channel::webhook(&Secret::new(text)).is_err(), "{text}");
        }
    }
}
