//! Secrets stay out of evidence: what a child process or a server said is masked before anything is kept.

use hallmark_core::secret::{MASK, mask_url};
use hallmark_evidence::Evidence;
use serde_json::Value;

use crate::certificate::ServiceFact;
use crate::limits::REASON_CHARS_MAX;
use crate::section::Section;

/// The shortest value that is replaced wherever it occurs; a shorter one would mask ordinary words.
const SECRET_CHARS_MIN: usize = 5;

/// Replaces known secrets in texts.
#[derive(Clone, Default)]
pub(crate) struct Masker(Vec<String>);

impl Masker {
    /// Masks these values; the longest first, so that one inside another leaves nothing.
    pub(crate) fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut secrets: Vec<String> =
            secrets.into_iter().filter(|s| s.chars().count() >= SECRET_CHARS_MIN).collect();
        secrets.sort_by_key(|s| std::cmp::Reverse(s.len()));
        secrets.dedup();
        Self(secrets)
    }

    /// The text without secrets and without the user information of URLs.
    pub(crate) fn text(&self, text: &str) -> String {
        let masked = self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), MASK));
        if !masked.contains("://") {
            return masked;
        }
        masked
            .split_inclusive(char::is_whitespace)
            .map(|word| if word.contains('@') { mask_url(word) } else { word.to_owned() })
            .collect()
    }

    fn value(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|v| self.value(v)),
            Value::Object(members) => members.values_mut().for_each(|v| self.value(v)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Masks every text of the section that came from outside.
    pub(crate) fn section(&self, section: &mut Section) {
        for evidence in &mut section.evidence {
            self.evidence(evidence);
        }
        for control in &mut section.controls {
            control.observed = shortened(&self.text(&control.observed));
        }
        for failure in &mut section.hard_failures {
            failure.what = self.text(&failure.what);
        }
    }

    /// The service's facts without secrets.
    pub(crate) fn service(&self, mut fact: ServiceFact) -> ServiceFact {
        for text in fact.notes.iter_mut().chain(&mut fact.next).chain([&mut fact.identity, &mut fact.version])
        {
            *text = self.text(text);
        }
        fact
    }

    fn evidence(&self, evidence: &mut Evidence) {
        evidence.reason = shortened(&self.text(&evidence.reason));
        let before = evidence.measured.clone();
        self.value(&mut evidence.measured);
        // A digest of what is shown must match what is shown.
        if before != evidence.measured {
            evidence.digest = hallmark_core::digest::sha256(
                hallmark_core::canonical::to_string(&evidence.measured).as_bytes(),
            );
        }
    }
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= REASON_CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(REASON_CHARS_MAX).collect::<String>() + " …"
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_known_secret_and_a_url_lose_what_is_private() {
        let masker = Masker::new(["pgsecret".to_owned(), "pg".to_owned()]);
        let text = masker.text("could not log in with pgsecret at redis://:x@127.0.0.1:1/0 as pg");
        assert!(!text.contains("pgsecret") && !text.contains(":x@"), "{text}");
        assert!(text.contains("127.0.0.1:1") && text.ends_with("as pg"));
    }

    #[test]
    fn evidence_is_masked_and_its_digest_follows() {
        let mut evidence = Evidence::new("R", "c", "w")
            .measured(json!({"rows": ["s3cret-key"]}), false)
            .because("s3cret-key");
        let digest = evidence.digest.clone();
        Masker::new(["s3cret-key".to_owned()]).evidence(&mut evidence);
        assert!(!json!(evidence).to_string().contains("s3cret"));
        assert_ne!(evidence.digest, digest);
    }
}
