//! Where the model API is.

use hallmark_core::{Result, Secret};

use crate::{ServiceKind, url};

/// The model that chats unless the configuration names one: the stack's own.
pub const DEFAULT_MODEL: &str = "smollm2-135m-instruct";

/// The model that embeds unless the configuration names one: the stack's own.
pub const DEFAULT_EMBEDDING_MODEL: &str = "all-minilm-l6-v2";

/// An API and the models that are asked of it.
#[derive(Clone, Debug)]
pub struct OpenAiConfig {
    /// `https://host/v1`, without a slash at its end.
    pub base_url: String,
    /// Where embeddings are answered, if elsewhere.
    pub embeddings_base_url: Option<String>,
    /// The key; empty if the API asks for none.
    pub api_key: Secret,
    /// The model that chats.
    pub model: String,
    /// The model that embeds.
    pub embedding_model: String,
}

impl OpenAiConfig {
    /// An API at this base URL, with this key and the stack's own models.
    ///
    /// # Errors
    /// `HM-S002` if that is no such URL.
    pub fn new(base_url: &str, api_key: Secret) -> Result<Self> {
        Ok(Self {
            base_url: url::base(&url::parse(ServiceKind::OpenAi, base_url, &["http", "https"])?),
            embeddings_base_url: None,
            api_key,
            model: DEFAULT_MODEL.to_owned(),
            embedding_model: DEFAULT_EMBEDDING_MODEL.to_owned(),
        })
    }

    /// The base URL that embeddings are asked of.
    #[must_use]
    pub fn embeddings_url(&self) -> &str {
        self.embeddings_base_url.as_deref().unwrap_or(&self.base_url)
    }
}
