//! The handle on the model API.

use std::sync::Arc;

use hallmark_core::{Error, Result, Secret};
use reqwest::{Method, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::OpenAiConfig;
use crate::{ServiceKind, codes, http, limits, url};

/// A handle on one API. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct OpenAi {
    inner: Option<Arc<Inner>>,
}

struct Inner {
    http: reqwest::Client,
    config: OpenAiConfig,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatMessage {
    /// `system`, `user` or `assistant`.
    pub role: String,
    /// The text.
    pub content: String,
}

impl ChatMessage {
    /// A message of the system.
    pub fn system(content: impl Into<String>) -> Self {
        Self { role: "system".to_owned(), content: content.into() }
    }

    /// A message of the user.
    pub fn user(content: impl Into<String>) -> Self {
        Self { role: "user".to_owned(), content: content.into() }
    }
}

/// What is asked of the model.
#[derive(Clone, Debug, Default)]
pub struct ChatRequest {
    /// The conversation so far.
    pub messages: Vec<ChatMessage>,
    /// The longest answer, in tokens.
    pub max_tokens: u32,
    /// How freely the model chooses; 0 is nearly repeatable. The API's default if `None`.
    pub temperature: Option<f32>,
    /// The answer's form, as OpenAI's `response_format` (a JSON Schema, say).
    pub response_format: Option<Value>,
}

/// The model's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Completion {
    /// The text.
    pub text: String,
    /// Tokens of the question.
    pub prompt_tokens: u64,
    /// Tokens of the answer.
    pub completion_tokens: u64,
    /// Why the answer ended: `stop`, `length` (cut at `max_tokens`) or another word of the API.
    pub finish_reason: String,
}

#[derive(Deserialize)]
struct ChatAnswer {
    choices: Vec<Choice>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    message: AnswerMessage,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct AnswerMessage {
    content: Option<String>,
}

#[derive(Deserialize, Default)]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
}

#[derive(Deserialize)]
struct EmbeddingAnswer {
    data: Vec<Embedding>,
}

#[derive(Deserialize)]
struct Embedding {
    index: usize,
    embedding: Vec<f32>,
}

impl std::fmt::Debug for OpenAi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenAi").field("configured", &self.inner.is_some()).finish_non_exhaustive()
    }
}

impl OpenAi {
    /// A handle on this API. Nothing is contacted yet. An API beyond this machine is reached through the proxy that the
    /// environment names, if any.
    ///
    /// # Errors
    /// `HM-C099` if no HTTP client can be made.
    pub fn new(config: &OpenAiConfig) -> Result<Self> {
        Ok(Self { inner: Some(Arc::new(Inner { http: connection(config)?, config: config.clone() })) })
    }

    pub(crate) fn unconfigured() -> Self {
        Self { inner: None }
    }

    pub(super) fn config(&self) -> Option<&OpenAiConfig> {
        self.inner.as_ref().map(|inner| &inner.config)
    }

    /// The names of the models that chat and embed.
    ///
    /// # Errors
    /// `HM-S001` without an address.
    pub fn models(&self) -> Result<(&str, &str)> {
        let config = &self.inner()?.config;
        Ok((&config.model, &config.embedding_model))
    }

    /// A vector for each text, in their order, all of one length.
    ///
    /// # Errors
    /// `HM-S001` without an address; `HM-S003`, `HM-S004`, `HM-S022` if the API cannot be used; `HM-S005` (401, 403),
    /// `HM-S018` (404), `HM-S019` (429), `HM-S020` (other 4xx), `HM-S021` (5xx); `HM-S010` if the answer does not fit
    /// the question. Nothing is repeated.
    pub async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        let inner = self.inner()?;
        let url = format!("{}/embeddings", inner.config.embeddings_url());
        let mut vectors = Vec::with_capacity(texts.len());
        for part in texts.chunks(limits::EMBEDDING_BATCH) {
            let body =
                json!({"model": inner.config.embedding_model, "input": part, "encoding_format": "float"});
            let response = send(&inner.http, &inner.config.api_key, Method::POST, &url, Some(body)).await?;
            let mut answer: EmbeddingAnswer = http::json(response).await?;
            answer.data.sort_by_key(|e| e.index);
            let length = answer.data.first().map_or(0, |e| e.embedding.len());
            if answer.data.len() != part.len()
                || length == 0
                || answer.data.iter().any(|e| e.embedding.len() != length)
            {
                return Err(Error::new(
                    &codes::ANSWER_INVALID,
                    format!("{} texts were sent, and {} vectors came back", part.len(), answer.data.len()),
                ));
            }
            vectors.extend(answer.data.into_iter().map(|e| e.embedding));
        }
        Ok(vectors)
    }

    /// The model's answer to the conversation, at most `max_tokens` long.
    ///
    /// # Errors
    /// As [`OpenAi::embed`].
    pub async fn chat(&self, messages: &[ChatMessage], max_tokens: u32) -> Result<Completion> {
        self.complete(&ChatRequest { messages: messages.to_vec(), max_tokens, ..ChatRequest::default() })
            .await
    }

    /// As [`OpenAi::chat`], with everything that can be said.
    ///
    /// # Errors
    /// As [`OpenAi::embed`].
    pub async fn complete(&self, request: &ChatRequest) -> Result<Completion> {
        let inner = self.inner()?;
        let mut body = json!({"model": inner.config.model, "messages": request.messages, "max_tokens": request.max_tokens});
        if let Some(temperature) = request.temperature {
            body["temperature"] = json!(temperature);
        }
        if let Some(format) = &request.response_format {
            body["response_format"] = format.clone();
        }
        let url = format!("{}/chat/completions", inner.config.base_url);
        let response = send(&inner.http, &inner.config.api_key, Method::POST, &url, Some(body)).await?;
        let answer: ChatAnswer = http::json(response).await?;
        let usage = answer.usage.unwrap_or_default();
        let choice =
            answer.choices.into_iter().next().ok_or_else(|| {
                Error::new(&codes::ANSWER_INVALID, "the model API answered without a choice")
            })?;
        Ok(Completion {
            text: choice.message.content.unwrap_or_default(),
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: usage.completion_tokens,
            finish_reason: choice.finish_reason.unwrap_or_default(),
        })
    }

    /// The API's whole answer to a request of the caller's own; the model is added.
    pub(super) async fn complete_raw(&self, mut body: Value) -> Result<Value> {
        let inner = self.inner()?;
        body["model"] = json!(inner.config.model);
        let url = format!("{}/chat/completions", inner.config.base_url);
        let response = send(&inner.http, &inner.config.api_key, Method::POST, &url, Some(body)).await?;
        http::json(response).await
    }

    fn inner(&self) -> Result<&Inner> {
        self.inner.as_deref().ok_or_else(|| url::not_configured(ServiceKind::OpenAi))
    }
}

/// A client for this API: straight to this machine, else through the environment's proxy.
pub(super) fn connection(config: &OpenAiConfig) -> Result<reqwest::Client> {
    let timeouts = http::Timeouts::total(limits::MODEL_TIMEOUT);
    let host = reqwest::Url::parse(&config.base_url).ok().map(|u| url::host(&u)).unwrap_or_default();
    let local = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if local { http::client(timeouts) } else { http::client_through_proxy(timeouts) }
}

/// One request; a status beyond 299 becomes an error whose code keeps what it means.
pub(super) async fn send(
    client: &reqwest::Client,
    key: &Secret,
    method: Method,
    url: &str,
    body: Option<Value>,
) -> Result<Response> {
    let mut request = client.request(method, url);
    if !key.is_empty() {
        request = request.bearer_auth(key.expose());
    }
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await.map_err(|e| http::error(&e))?;
    let status = response.status();
    if status.is_success() { Ok(response) } else { Err(refusal(status, response).await) }
}

async fn refusal(status: StatusCode, response: Response) -> Error {
    let retry_after = response
        .headers()
        .get(reqwest::header::RETRY_AFTER)
        .and_then(|v| v.to_str().ok())
        .map(|v| format!("wait {v} (the API's own figure), then try again"));
    let code = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => &codes::AUTHENTICATION,
        StatusCode::NOT_FOUND => &codes::API_NOT_FOUND,
        StatusCode::TOO_MANY_REQUESTS => &codes::API_RATE_LIMITED,
        StatusCode::SERVICE_UNAVAILABLE => &codes::STARTING,
        status if status.is_server_error() => &codes::API_FAILED,
        _ => &codes::API_REQUEST,
    };
    let words = match http::body(response, limits::HTTP_BODY_BYTES).await {
        Ok(bytes) => http::excerpt(&bytes),
        Err(error) => error.message().to_owned(),
    };
    let error = Error::new(code, format!("the model API answered {status}: {words}"));
    match retry_after {
        Some(step) if status == StatusCode::TOO_MANY_REQUESTS => error.next(step),
        _ => error,
    }
}
