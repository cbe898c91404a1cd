//! Questions to the model API. It keeps nothing, so its answers are held against those from before the first fault.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hallmark_core::Result;
use hallmark_services::openai::ChatMessage;
use hallmark_services::{Handles, OpenAi};

use super::Load;
use crate::failure::{Failure, Outcome};
use crate::ledger::Violation;

const TEXTS: [&str; 8] = [
    "a hammer drill with two speeds",
    "the safety data sheet of acetone",
    "gloves for work at great heat",
    "ein Schraubendreher mit Magnet",
    "stainless steel bolts, M8 by 40",
    "a ladder of aluminium, three parts",
    "paint for wooden fences",
    "a lamp for explosive atmospheres",
];

/// The least cosine between two vectors of the same text.
const SAME: f32 = 0.999;

/// Tokens of an answer: the load is to be light.
const TOKENS: u32 = 4;

/// What was answered before the first fault.
struct Reference {
    vectors: Vec<Vec<f32>>,
    prompt_tokens: Vec<u64>,
}

/// The load of the model API.
pub(super) struct Questions {
    handles: RwLock<Handles>,
    reference: RwLock<Option<Reference>>,
    turns: AtomicU64,
    answered: AtomicU64,
}

impl Questions {
    pub(super) fn new(handles: Handles) -> Self {
        Self {
            handles: RwLock::new(handles),
            reference: RwLock::new(None),
            turns: AtomicU64::new(0),
            answered: AtomicU64::new(0),
        }
    }

    fn api(&self) -> OpenAi {
        self.handles.read().unwrap_or_else(PoisonError::into_inner).openai.clone()
    }

    fn place(&self) -> usize {
        usize::try_from(self.turns.fetch_add(1, Ordering::Relaxed)).unwrap_or_default() % TEXTS.len()
    }

    async fn learn(&self) -> Result<()> {
        let api = self.api();
        let vectors = api.embed(&TEXTS.map(str::to_owned)).await?;
        let mut prompt_tokens = Vec::new();
        for text in TEXTS {
            prompt_tokens.push(api.chat(&[ChatMessage::user(text)], TOKENS).await?.prompt_tokens);
        }
        let learnt = Some(Reference { vectors, prompt_tokens });
        *self.reference.write().unwrap_or_else(PoisonError::into_inner) = learnt;
        Ok(())
    }

    async fn chat(&self) -> Result<Vec<Violation>> {
        let place = self.place();
        let answer = self.api().chat(&[ChatMessage::user(TEXTS[place])], TOKENS).await?;
        let counts = self.reference(|known| known.prompt_tokens[place]);
        let wrong = counts
            .filter(|count| *count != answer.prompt_tokens || answer.completion_tokens > u64::from(TOKENS));
        let what =
            || format!("{:?} counted as {} tokens, {wrong:?} before", TEXTS[place], answer.prompt_tokens);
        Ok(wrong.map(|_| Violation::Answer { what: what() }).into_iter().collect())
    }

    async fn embed(&self, places: &[usize]) -> Result<Vec<Violation>> {
        let texts: Vec<String> = places.iter().map(|place| TEXTS[*place].to_owned()).collect();
        let vectors = self.api().embed(&texts).await?;
        let mut found = Vec::new();
        for (place, vector) in places.iter().zip(&vectors) {
            let near = self.reference(|known| cosine(&known.vectors[*place], vector));
            if let Some(near) = near.filter(|near| *near < SAME) {
                let what = format!("the vector of {:?} lies at {near:.4} of the former one", TEXTS[*place]);
                found.push(Violation::Answer { what });
            }
        }
        Ok(found)
    }

    fn reference<T>(&self, look: impl FnOnce(&Reference) -> T) -> Option<T> {
        self.reference.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(look)
    }
}

impl Load for Questions {
    fn prepare(&self) -> BoxFuture<'_, Outcome> {
        Box::pin(async { self.learn().await.map_err(|e| Failure(super::words(&e))) })
    }

    /// Both servers are asked: a turn is done when both answered.
    fn write(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async {
            let mut found = self.chat().await?;
            found.extend(self.embed(&[self.place()]).await?);
            if let Some(violation) = found.first() {
                // A wrong answer is no acknowledgement; the reader, who tells, asks the same.
                return Err(hallmark_core::Error::new(
                    &hallmark_services::codes::ANSWER_INVALID,
                    violation.to_string(),
                ));
            }
            self.answered.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
    }

    fn read(&self) -> BoxFuture<'_, Result<Vec<Violation>>> {
        Box::pin(async {
            let place = self.place();
            if place == 0 { self.chat().await } else { self.embed(&[place]).await }
        })
    }

    fn verify(&self) -> BoxFuture<'_, Result<Vec<Violation>>> {
        Box::pin(async {
            let mut found = self.embed(&(0..TEXTS.len()).collect::<Vec<_>>()).await?;
            found.extend(self.chat().await?);
            Ok(found)
        })
    }

    fn renew(&self, writing: Handles, _reading: Handles) {
        *self.handles.write().unwrap_or_else(PoisonError::into_inner) = writing;
    }

    fn acknowledged(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    fn pauses(&self) -> (Duration, Duration) {
        (Duration::from_millis(800), Duration::from_millis(700))
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    if a.len() != b.len() {
        return 0.0;
    }
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    dot(a, b) / (dot(a, a).sqrt() * dot(b, b).sqrt()).max(f32::MIN_POSITIVE)
}
