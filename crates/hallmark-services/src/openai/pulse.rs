//! The light check of a model API: `/health` on this machine, which llama.cpp answers while it generates; the list of
//! models where there is no such path, or the API is not on this machine.

use std::time::Duration;

use hallmark_core::{Error, Result};
use reqwest::{Method, StatusCode, Url};

use super::OpenAiConfig;
use super::client::{connection, send};
use crate::monitor::{limits, pulse};
use crate::{codes, http, url};

/// How long a request of this check may take: longer than it is waited for.
const TOTAL: Duration = Duration::from_secs(limits::HUNG_API.as_secs() + 1);

/// A client, and what it asks.
pub(crate) struct Line {
    http: reqwest::Client,
    config: OpenAiConfig,
    /// Where the server tells of itself; empty if the list of models is asked for.
    health: Vec<Url>,
}

impl pulse::Line for Line {
    type Config = OpenAiConfig;

    async fn open(config: &OpenAiConfig) -> Result<Self> {
        if !pulse::is_local(&places(config)) {
            return Ok(Self { http: connection(config)?, config: config.clone(), health: Vec::new() });
        }
        let http = http::client(http::Timeouts::total(TOTAL))?;
        let mut health = origins(config);
        for url in &mut health {
            url.set_path("/health");
            let answer = http.get(url.clone()).send().await.map_err(|e| http::error(&e))?;
            if answer.status() == StatusCode::NOT_FOUND {
                return Ok(Self { http, config: config.clone(), health: Vec::new() });
            }
        }
        Ok(Self { http, config: config.clone(), health })
    }

    /// Over HTTP a new connection is as good as the old one once it is taken.
    async fn again(&mut self, config: &OpenAiConfig) -> Result<()> {
        pulse::accepts(places(config)).await
    }

    async fn ask(&mut self) -> Result<Option<i64>> {
        if self.health.is_empty() {
            let url = format!("{}/models", self.config.base_url);
            let answer = send(&self.http, &self.config.api_key, Method::GET, &url, None).await?;
            return http::body(answer, crate::limits::HTTP_BODY_BYTES).await.map(|_| None);
        }
        for url in &self.health {
            let answer = self.http.get(url.clone()).send().await.map_err(|e| http::error(&e))?;
            let status = answer.status();
            let words = http::body(answer, crate::limits::HTTP_BODY_BYTES).await?;
            if status == StatusCode::SERVICE_UNAVAILABLE {
                return Err(Error::new(&codes::STARTING, "the model server is still loading its model"));
            }
            if !status.is_success() {
                let words = http::excerpt(&words);
                return Err(Error::new(&codes::API_FAILED, format!("{url} answered {status}: {words}")));
            }
        }
        Ok(None)
    }
}

/// The servers behind the API: text and embeddings may come from two.
fn origins(config: &OpenAiConfig) -> Vec<Url> {
    let mut all: Vec<Url> = [config.base_url.as_str(), config.embeddings_url()]
        .into_iter()
        .filter_map(|base| Url::parse(base).ok())
        .collect();
    all.dedup_by(|a, b| a.origin() == b.origin());
    all
}

/// The host and port of each.
pub(crate) fn places(config: &OpenAiConfig) -> Vec<(String, u16)> {
    let all = origins(config);
    all.iter().map(|base| (url::host(base), base.port_or_known_default().unwrap_or(443))).collect()
}
