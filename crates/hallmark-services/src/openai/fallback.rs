//! The model API's embeddings with those behind them that it computed before: the same text under the same model has the same vector.

use std::time::{Duration, Instant};

use hallmark_core::{Result, digest};

use super::{OpenAi, pulse};
use crate::monitor::pulse::Line as _;
use crate::resilience::{Answer, Line, Repeat, Shelf, Source, Stand, is_outage};

/// Embeddings, and those that this process was given lately.
#[derive(Debug)]
pub struct Models {
    openai: OpenAi,
    line: Line,
    shelf: Shelf<Vec<f32>>,
}

impl Models {
    /// Nothing is contacted yet.
    #[must_use]
    pub(crate) fn new(openai: OpenAi, line: Line) -> Self {
        let shelf = Shelf::new(line.policy().memory_bytes, line.policy().ttl);
        Self { openai, line, shelf }
    }

    /// The guarded way to the model API.
    #[must_use]
    pub fn line(&self) -> &Line {
        &self.line
    }

    /// A vector for each text. While the API does not answer, those it gave for the same texts before, if it gave all of them: to this
    /// process, or wherever `known` finds them, with their age.
    ///
    /// # Errors
    /// Those of [`OpenAi::embed`], if the API cannot answer and one of the texts is new.
    pub async fn embed(
        &self,
        texts: &[String],
        known: impl Fn(&str) -> Option<(Vec<f32>, Duration)>,
    ) -> Result<Answer<Vec<Vec<f32>>>> {
        let asked = Instant::now();
        match self.line.call_watched(Repeat::Idempotent, || self.openai.embed(texts), || self.beats()).await {
            Ok(vectors) => {
                for (text, vector) in texts.iter().zip(&vectors) {
                    self.keep(text, vector, asked);
                }
                self.line.note(&Source::Primary);
                Ok(Answer::new(vectors, Source::Primary))
            }
            Err(failure) if is_outage(&failure) && self.line.policy().fallback => self
                .precomputed(texts, known)
                .ok_or_else(|| failure.because_text("not all of the texts were embedded before")),
            Err(failure) => Err(failure),
        }
    }

    async fn beats(&self) -> bool {
        let Some(config) = self.openai.config() else { return false };
        let Ok(mut line) = pulse::Line::open(config).await else { return false };
        line.ask().await.is_ok()
    }

    fn keep(&self, text: &str, vector: &[f32], computed: Instant) {
        let Some(key) = self.key(text) else { return };
        let kept = (vector.to_vec(), (vector.len() * 4) as u64);
        self.shelf.put(self.shelf.since(computed), &key, kept, None);
    }

    /// Notes that a model in this process answers instead.
    pub fn note_local(&self) {
        self.line.note(&Source::Fallback { stand: Stand::LocalModel, age: Some(Duration::ZERO) });
    }

    fn precomputed(
        &self,
        texts: &[String],
        known: impl Fn(&str) -> Option<(Vec<f32>, Duration)>,
    ) -> Option<Answer<Vec<Vec<f32>>>> {
        let now = Instant::now();
        let own = |text: &str| {
            let (vector, age) = self.shelf.get(&self.key(text)?, now)?;
            Some((vector.as_ref().clone(), age))
        };
        let found: Option<Vec<_>> = texts.iter().map(|text| own(text).or_else(|| known(text))).collect();
        let (vectors, ages): (Vec<_>, Vec<_>) = found?.into_iter().unzip();
        let source = Source::Fallback { stand: Stand::Precomputed, age: ages.into_iter().max() };
        self.line.note(&source);
        Some(Answer::new(vectors, source))
    }

    fn key(&self, text: &str) -> Option<String> {
        let (_, model) = self.openai.models().ok()?;
        Some(digest::sha256(format!("{model}\n{text}").as_bytes()))
    }
}
