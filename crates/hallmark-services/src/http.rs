//! The one place where HTTP clients are made: with timeouts, without redirects, with bodies that end.

use std::time::Duration;

use hallmark_core::{Error, Result};
use reqwest::{Client, Response, redirect};
use serde::de::DeserializeOwned;

use crate::{codes, limits};

/// How long parts of a request may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Until the connection is made.
    pub connect: Duration,
    /// Until the whole answer is there.
    pub total: Duration,
}

impl Timeouts {
    /// The usual time to connect, and this much for the whole.
    #[must_use]
    pub const fn total(total: Duration) -> Self {
        Self { connect: limits::CONNECT_TIMEOUT, total }
    }
}

/// Installs the process's TLS provider (ring). Calling it again does nothing.
pub fn install_tls_provider() {
    // An error means that a provider is already installed, which is what was asked for.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A client that goes straight to the address it is given: the services of a stack are named by address, and a proxy
/// from the environment would answer for a service that is down. It follows no redirect: a redirected request would
/// carry its key elsewhere.
///
/// # Errors
/// `HM-C099` if the TLS provider does not start.
pub fn client(timeouts: Timeouts) -> Result<Client> {
    build(Client::builder().no_proxy(), timeouts)
}

/// As [`client`], but through the proxy that the environment names; for an API on the internet.
///
/// # Errors
/// As [`client`].
pub fn client_through_proxy(timeouts: Timeouts) -> Result<Client> {
    build(Client::builder(), timeouts)
}

fn build(builder: reqwest::ClientBuilder, timeouts: Timeouts) -> Result<Client> {
    install_tls_provider();
    builder
        .connect_timeout(timeouts.connect)
        .timeout(timeouts.total)
        .redirect(redirect::Policy::none())
        .user_agent(concat!("hallmark/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|e| Error::new(&hallmark_core::codes::INTERNAL, "no HTTP client could be made").because(&e))
}

/// The body, refused as soon as it is longer than `limit` bytes.
///
/// # Errors
/// `HM-S009` beyond the limit; the errors of [`error`] if the connection breaks.
pub async fn body(mut response: Response, limit: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| error(&e))? {
        if bytes.len() + chunk.len() > limit {
            return Err(Error::new(
                &codes::ANSWER_TOO_LARGE,
                format!("the answer has more than {limit} bytes"),
            ));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// The body read as JSON, within [`limits::HTTP_BODY_BYTES`].
///
/// # Errors
/// `HM-S010` if it is not the JSON that was expected; those of [`body`].
pub async fn json<T: DeserializeOwned>(response: Response) -> Result<T> {
    let bytes = body(response, limits::HTTP_BODY_BYTES).await?;
    serde_json::from_slice(&bytes).map_err(|e| {
        Error::new(
            &codes::ANSWER_INVALID,
            format!("the answer is not the JSON expected: {}", excerpt(&bytes)),
        )
        .because(&e)
    })
}

/// The first bytes of an answer, on one line, for an error's text.
#[must_use]
pub fn excerpt(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(limits::REFUSAL_BYTES)]);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a failed request means.
#[must_use]
pub fn error(error: &reqwest::Error) -> Error {
    let (code, sentence) = if error.is_timeout() {
        (&codes::TIMED_OUT, "the request was not answered in time")
    } else if error.is_connect() {
        (&codes::UNREACHABLE, "no connection could be made")
    } else if error.is_decode() {
        (&codes::ANSWER_INVALID, "the answer is not HTTP as expected")
    } else {
        (&codes::CONNECTION_LOST, "the request broke off")
    };
    let place = error.url().map(|u| hallmark_core::secret::mask_url(u.as_str()));
    let coded = Error::new(code, sentence).because(error);
    match place {
        Some(place) => coded.at(place),
        None => coded,
    }
}
