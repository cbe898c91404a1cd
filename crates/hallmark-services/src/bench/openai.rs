//! The model API: nothing to load; every question is new, so that no answer comes from a cache.

use hallmark_core::Result;

use super::scene::{Scene, unexpected};
use super::target::{Bound, Loaded, Subject, Target};
use crate::ServiceKind;
use crate::openai::ChatMessage;

/// Tokens of a completion at most.
const ANSWER_TOKENS: u32 = 48;

/// Tokens that name a category.
const LABEL_TOKENS: u32 = 4;

const LABELS: &str = "safety, power tools, cleaning, lighting, storage";

pub(super) static SUBJECT: Subject = Subject {
    service: ServiceKind::OpenAi,
    load: |_| Box::pin(async { Ok(Loaded { items: 0, made: false }) }),
    purge: |_| Box::pin(async { Ok(()) }),
    targets: &[
        Target {
            id: "openai.completion",
            what: "a description of up to 48 tokens of a new product",
            bounds: &[Bound::p95(2_000.0)],
            work: |scene, number| Box::pin(completion(scene, number)),
        },
        Target {
            id: "openai.classification",
            what: "one of five categories for a new product, up to 4 tokens",
            bounds: &[Bound::p95(500.0)],
            work: |scene, number| Box::pin(classification(scene, number)),
        },
    ],
    capacity: None,
};

async fn completion(scene: &Scene, number: u64) -> Result<()> {
    let question = format!(
        "Describe product {} (lot {number}), a cordless drill, for a catalogue.",
        scene.product(number)
    );
    answered(scene, &[ChatMessage::user(question)], ANSWER_TOKENS).await
}

async fn classification(scene: &Scene, number: u64) -> Result<()> {
    let rule = format!("Answer with one category of: {LABELS}.");
    let question = format!("Product: insulated gloves {}, lot {number}. Category:", scene.product(number));
    answered(scene, &[ChatMessage::system(rule), ChatMessage::user(question)], LABEL_TOKENS).await
}

async fn answered(scene: &Scene, messages: &[ChatMessage], tokens: u32) -> Result<()> {
    let answer = scene.handles.openai.chat(messages, tokens).await?;
    let counted = answer.completion_tokens >= 1 && answer.completion_tokens <= u64::from(tokens);
    if counted { Ok(()) } else { Err(unexpected("an answer without tokens, or with too many")) }
}
