//! The model API's embeddings with those behind them that it computed before: the same text under the same model has the same vector.

use std::time::{Duration, Instant};

use hallmark_core::{Result, digest};

use super::OpenAi;
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

    /// A vector for each text. While the API does not answer, those it gave for the same texts before, if it gave all of them.
    ///
    /// # Errors
    /// Those of [`OpenAi::embed`], if the API cannot answer and one of the texts is new.
    pub async fn embed(&self, texts: &[String]) -> Result<Answer<Vec<Vec<f32>>>> {
        let asked = Instant::now();
        match self.line.call(Repeat::Idempotent, || self.openai.embed(texts)).await {
            Ok(vectors) => {
                for (text, vector) in texts.iter().zip(&vectors) {
                    self.keep(text, vector, asked);
                }
                self.line.note(&Source::Primary);
                Ok(Answer::new(vectors, Source::Primary))
            }
            Err(failure) if is_outage(&failure) && self.line.policy().fallback => {
                self.precomputed(texts).ok_or_else(|| failure.because_text("not all of the texts were embedded before"))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Keeps a vector that the model computed for the text at an earlier time, wherever it was kept since.
    pub fn keep(&self, text: &str, vector: &[f32], computed: Instant) {
        let Some(key) = self.key(text) else { return };
        let kept = (vector.to_vec(), (vector.len() * 4) as u64);
        self.shelf.put(self.shelf.since(), &key, kept, computed, None);
    }

    /// Notes that a model in this process answers instead.
    pub fn note_local(&self) {
        self.line.note(&Source::Fallback { stand: Stand::LocalModel, age: Some(Duration::ZERO) });
    }

    fn precomputed(&self, texts: &[String]) -> Option<Answer<Vec<Vec<f32>>>> {
        let now = Instant::now();
        let found: Option<Vec<_>> = texts.iter().map(|text| self.shelf.get(&self.key(text)?, now)).collect();
        let found = found?;
        let age = found.iter().map(|(_, age)| *age).max();
        let source = Source::Fallback { stand: Stand::Precomputed, age };
        self.line.note(&source);
        Some(Answer::new(found.into_iter().map(|(vector, _)| vector.as_ref().clone()).collect(), source))
    }

    fn key(&self, text: &str) -> Option<String> {
        let (_, model) = self.openai.models().ok()?;
        Some(digest::sha256(format!("{model}\n{text}").as_bytes()))
    }
}
