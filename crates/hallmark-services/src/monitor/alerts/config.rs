//! `[stack.alerts]` of `hallmark.toml`: who is told when a service changes.

use serde::Deserialize;

use crate::monitor::Health;
use crate::section::SecretSource;
use hallmark_core::Secret;

/// `[stack.alerts]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct AlertsConfig {
    /// `[stack.alerts.webhook]`: an address that gets each alert as a POST of JSON.
    pub webhook: WebhookSource,
    /// A program and its arguments; it reads the alert as JSON from its standard input.
    pub command: Vec<String>,
    /// A file, relative to the project, to which each alert is appended as a line of JSON.
    pub log: Option<String>,
    /// The least that is worth an alert.
    pub min_state: MinState,
    /// Beyond a burst of four, one alert in this many seconds is sent for each service.
    pub pause_s: u64,
}

impl Default for AlertsConfig {
    fn default() -> Self {
        Self {
            webhook: WebhookSource::default(),
            command: Vec::new(),
            log: None,
            min_state: MinState::default(),
            pause_s: 60,
        }
    }
}

/// The least that is worth an alert.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MinState {
    /// Whatever is not healthy.
    #[default]
    Degraded,
    /// Only what is down.
    Down,
}

impl MinState {
    /// How bad a state is: 0 needs no alert.
    pub(crate) const fn level(self, health: Health) -> u8 {
        match (self, health) {
            (_, Health::Down) => 2,
            (Self::Degraded, Health::Degraded) => 1,
            _ => 0,
        }
    }
}

/// Where the webhook's address comes from: it may hold a token, so it need not stand in the file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct WebhookSource {
    /// The address itself.
    pub url: Option<Secret>,
    /// The environment variable that holds it, as the supervisor sees it.
    pub env: Option<String>,
    /// The file that holds it, relative to the project.
    pub file: Option<String>,
}

impl WebhookSource {
    /// The address; `None` if none is given.
    pub(crate) fn read(&self, project: &std::path::Path) -> hallmark_core::Result<Option<Secret>> {
        if self.url.is_some() {
            return Ok(self.url.clone());
        }
        let source = SecretSource { env: self.env.clone(), file: self.file.clone() };
        source.value("the webhook of [stack.alerts]", project)
    }
}
