//! Whether the model API is usable: that a model is behind it, not only something that answers.

use std::time::Instant;

use hallmark_core::{Error, Result, Secret};
use reqwest::{Method, Url};
use serde_json::Value;

use super::client::{connection, send};
use super::{ChatMessage, OpenAi, OpenAiConfig};
use crate::recorder::{Recorder, Sample, Seen, Stopped, judge_wrong_password, nonce, tcp};
use crate::{ServiceKind, codes, http, limits, url};

/// The longest answer that a probe asks for, in tokens; a shorter one must be shorter.
const LONG_TOKENS: u32 = 8;
const SHORT_TOKENS: u32 = 2;

/// Two vectors of one text must agree this much.
const SAME_TEXT: f64 = 0.999;

pub(crate) async fn probe(config: &OpenAiConfig, recorder: &mut Recorder) -> Result<(), Stopped> {
    recorder.step("tcp", reachable(&config.base_url)).await?;
    if let Some(other) = &config.embeddings_base_url {
        recorder.step("tcp", reachable(other)).await?;
    }
    recorder.allow(limits::PROBE_HANDSHAKE);
    recorder.step("handshake", handshake(config)).await?;
    recorder.allow(limits::PROBE_STEP);
    let models = recorder.step("authentication", list(config)).await?;
    if config.api_key.is_empty() {
        recorder.note("no authentication: whoever reaches the address may ask the model");
    }
    if recorder.verifies_authentication() {
        recorder.lesser_step("refuses_wrong_password", wrong_key(config)).await;
    }
    recorder.identify(models.join(", "), models.join(", "));
    recorder.allow(limits::PROBE_MODEL_STEP);
    recorder.step("canary", completes(config)).await?;
    recorder.step("canary", embeds(config)).await?;
    recorder.stable(|| sample(config)).await
}

async fn reachable(base_url: &str) -> Seen<()> {
    let parsed = url::parse(ServiceKind::OpenAi, base_url, &["http", "https"])?;
    if through_proxy(&parsed) {
        return Ok(((), "an address on the internet: left to the first request".to_owned()));
    }
    tcp(&url::host(&parsed), parsed.port_or_known_default().unwrap_or(443)).await
}

/// Whether the way may lead through a proxy, so that no connection of our own tells anything.
fn through_proxy(url: &Url) -> bool {
    url.scheme() == "https"
}

/// Asked without a key, a model API lists its models or says in JSON why not.
async fn handshake(config: &OpenAiConfig) -> Seen<()> {
    match models(config, &Secret::default()).await {
        Ok(_) => Ok(((), "speaks OpenAI's protocol, and asks for no key".to_owned())),
        Err(error) if error.is(&codes::AUTHENTICATION) => {
            Ok(((), "speaks OpenAI's protocol and asks for a key".to_owned()))
        }
        Err(error) => Err(error),
    }
}

/// The models' names, sorted.
async fn models(config: &OpenAiConfig, key: &Secret) -> Result<Vec<String>> {
    let response =
        send(&connection(config)?, key, Method::GET, &format!("{}/models", config.base_url), None).await?;
    let answer: Value = http::json(response).await.map_err(|e| not_openai(e.message()))?;
    let ids = answer["data"]
        .as_array()
        .map(|all| all.iter().filter_map(|m| m["id"].as_str().map(ToOwned::to_owned)));
    let mut ids: Vec<String> = ids.map(Iterator::collect).unwrap_or_default();
    if ids.is_empty() {
        return Err(not_openai("it lists no models"));
    }
    ids.sort();
    Ok(ids)
}

fn not_openai(seen: &str) -> Error {
    Error::new(&codes::WRONG_SERVER, format!("the server does not speak OpenAI's protocol: {seen}"))
        .next("check that the base URL ends where the API begins, usually in /v1")
}

async fn list(config: &OpenAiConfig) -> Seen<Vec<String>> {
    let models = models(config, &config.api_key).await?;
    let detail = format!("{} models, the first {}", models.len(), models[0]);
    Ok((models, detail))
}

async fn wrong_key(config: &OpenAiConfig) -> Seen<()> {
    judge_wrong_password(ServiceKind::OpenAi, models(config, &Secret::new(nonce()?)).await.map(drop))
}

/// A model's own count of tokens follows the question and the limit; the question is new each time.
async fn completes(config: &OpenAiConfig) -> Seen<()> {
    let openai = OpenAi::new(config)?;
    let word = nonce()?;
    let long = format!("Write the word {word} and then count from one to twenty in words.");
    let longer = format!("{long} {long}");
    let first = openai.chat(&[ChatMessage::user(&long)], LONG_TOKENS).await?;
    let second = openai.chat(&[ChatMessage::user(&longer)], SHORT_TOKENS).await?;
    let counted = first.completion_tokens >= 1
        && first.completion_tokens <= u64::from(LONG_TOKENS)
        && second.completion_tokens <= u64::from(SHORT_TOKENS)
        && first.prompt_tokens > 0
        && second.prompt_tokens > first.prompt_tokens;
    if !counted {
        return Err(Error::new(
            &codes::ANSWERS_SUSPECT,
            format!(
                "asked for {LONG_TOKENS} and {SHORT_TOKENS} tokens it counts {} and {}, for questions of {} and {}",
                first.completion_tokens, second.completion_tokens, first.prompt_tokens, second.prompt_tokens
            ),
        ));
    }
    if second.finish_reason != "length" {
        return Err(Error::new(&codes::ANSWERS_SUSPECT, "an answer cut at its limit does not say so"));
    }
    Ok((
        (),
        format!(
            "a new question of {} tokens got {} tokens back",
            first.prompt_tokens, first.completion_tokens
        ),
    ))
}

/// Fresh words have vectors of one length that differ, and the same words the same vector.
async fn embeds(config: &OpenAiConfig) -> Seen<()> {
    let openai = OpenAi::new(config)?;
    let (one, other) = (format!("steel hammer {}", nonce()?), format!("orange juice {}", nonce()?));
    let vectors = openai.embed(&[one.clone(), other]).await?;
    let again = openai.embed(&[one]).await?;
    let suspect = |sentence: &str| Err(Error::new(&codes::ANSWERS_SUSPECT, sentence));
    let (same, different) = (cosine(&vectors[0], &again[0]), cosine(&vectors[0], &vectors[1]));
    if vectors[0].len() != again[0].len() || same < SAME_TEXT {
        return suspect("the same text has two different vectors");
    }
    if different > SAME_TEXT {
        return suspect("two different texts have the same vector");
    }
    Ok(((), format!("vectors of {} numbers; two random texts agree to {different:.2}", vectors[0].len())))
}

pub(super) fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(p, q)| f64::from(*p) * f64::from(*q)).sum::<f64>();
    let size = (dot(a, a) * dot(b, b)).sqrt();
    if size > 0.0 { dot(a, b) / size } else { 0.0 }
}

async fn sample(config: &OpenAiConfig) -> Result<Sample> {
    let start = Instant::now();
    let identity = models(config, &config.api_key).await?.join(", ");
    Ok(Sample { identity, round_trip: start.elapsed() })
}
