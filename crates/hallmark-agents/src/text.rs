//! Words of product names: the lexical part of the classifier.
//!
//! MiniLM places "Smoke Alarm, 10 Year Sealed Battery" near batteries. A person reads the words: "smoke alarm" occurs in one
//! category only. The lexical score counts exactly that: words and pairs of words, weighted by how few categories have them.

use std::collections::{BTreeMap, BTreeSet};

/// Words that say nothing about the kind of product: units, packaging, articles.
const STOP: &[&str] = &[
    "in", "inch", "ft", "mm", "cm", "m", "oz", "lb", "kg", "gal", "l", "ml", "pack", "box", "set", "kit",
    "with", "for", "and", "of", "the", "pair", "piece", "x", "w", "v", "a", "type", "class",
];

/// Endings that a stem loses, if at least four letters remain.
const ENDINGS: &[&str] = &["ing", "ers", "er", "es", "s"];

fn stem(word: &str) -> String {
    let word = word.to_lowercase();
    let ending = ENDINGS.iter().find(|e| word.ends_with(**e) && word.len() - e.len() >= 4);
    ending.map_or_else(|| word.clone(), |e| word[..word.len() - e.len()].to_owned())
}

/// The stems of a name's words of two letters and more, in order; numbers, units and packaging are left out.
pub(crate) fn stems(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| word.len() >= 2 && word.starts_with(|c: char| c.is_ascii_alphabetic()))
        .map(stem)
        .filter(|word| !STOP.contains(&word.as_str()))
        .collect()
}

/// Stems and pairs of neighbouring stems, each once.
fn features(text: &str) -> BTreeSet<String> {
    let stems = stems(text);
    let pairs = stems.windows(2).map(|pair| pair.join(" "));
    pairs.collect::<Vec<_>>().into_iter().chain(stems.iter().cloned()).collect()
}

/// A text with case, order, numbers and punctuation taken away, to tell the same thing written twice.
pub(crate) fn fingerprint(text: &str) -> String {
    stems(text).into_iter().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" ")
}

/// Case, punctuation and plural folded, for the comparison of names that people type.
pub(crate) fn fold(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty());
    words.map(|w| w.to_lowercase()).collect::<Vec<_>>().join(" ")
}

/// How often each word or pair occurs in each category.
#[derive(Debug, Default)]
pub(crate) struct Lexicon {
    counts: BTreeMap<String, BTreeMap<usize, f64>>,
    categories: usize,
}

impl Lexicon {
    /// Counts the features of texts that are labelled with a category's index.
    pub(crate) fn new<'a>(texts: impl IntoIterator<Item = (usize, &'a str)>, categories: usize) -> Self {
        let mut counts: BTreeMap<String, BTreeMap<usize, f64>> = BTreeMap::new();
        for (category, text) in texts {
            for feature in features(text) {
                *counts.entry(feature).or_default().entry(category).or_default() += 1.0;
            }
        }
        Self { counts, categories }
    }

    /// A score from 0 upwards for each category: for each known feature its share in the category, weighted by rarity.
    pub(crate) fn scores(&self, text: &str) -> Vec<f64> {
        let mut scores = vec![0.0; self.categories];
        let known: Vec<_> = features(text).into_iter().filter_map(|f| self.counts.get(&f)).collect();
        let all = f64::from(u32::try_from(self.categories).unwrap_or(u32::MAX)).max(2.0);
        let norm = f64::from(u32::try_from(known.len().max(1)).unwrap_or(u32::MAX)).sqrt();
        for by_category in known {
            let spread = f64::from(u32::try_from(by_category.len()).unwrap_or(u32::MAX));
            let rarity = (all / spread).ln() / all.ln();
            let total: f64 = by_category.values().sum();
            for (category, count) in by_category {
                scores[*category] += rarity * count / (total + 1.0) / norm;
            }
        }
        scores
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_numbers_units_and_packaging() {
        assert_eq!(stems("Foam Ear Plugs, 200 Pair (32 dB)"), ["foam", "ear", "plug", "db"]);
        assert_eq!(fingerprint("Safety Goggles 2 Pack"), fingerprint("goggles, SAFETY"));
        assert_eq!(fold("  Tools & Hardware "), "tools hardware");
        assert!(stems("€ 漢字 \u{202e}--").is_empty());
    }

    #[test]
    fn a_rare_word_weighs_more_than_a_common_one() {
        let texts =
            [(0, "smoke alarm"), (0, "fire alarm battery"), (1, "battery pack"), (2, "battery drill")];
        let lexicon = Lexicon::new(texts, 3);
        let scores = lexicon.scores("Smoke Alarm with Battery");
        assert!(scores[0] > 2.0 * scores[1] && scores[0] > 2.0 * scores[2], "{scores:?}");
        assert!(lexicon.scores("gibberish").iter().all(|s| *s == 0.0));
    }
}
