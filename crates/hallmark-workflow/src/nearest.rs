//! "Did you mean": the names nearest to a wrong one.

use crate::limits;

/// Up to three known names that are close to the wrong one, nearest first.
pub(crate) fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let wrong: Vec<char> = wrong.to_lowercase().chars().take(limits::NAME_MAX_CHARS).collect();
    let mut scored: Vec<(usize, &str)> = known
        .filter_map(|name| {
            let lower: Vec<char> = name.to_lowercase().chars().take(limits::NAME_MAX_CHARS).collect();
            let distance = distance(&wrong, &lower);
            (distance <= 1 + wrong.len().max(lower.len()) / 3).then_some((distance, name))
        })
        .collect();
    scored.sort_unstable();
    scored.into_iter().take(3).map(|(_, name)| name).collect()
}

/// A next step that names them, or the general one.
pub(crate) fn hint<'a>(wrong: &str, known: impl Iterator<Item = &'a str>, otherwise: &str) -> String {
    let names = nearest(wrong, known);
    if names.is_empty() { otherwise.to_owned() } else { format!("did you mean {}?", names.join(", ")) }
}

fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_near_and_leaves_the_far() {
        let known = ["ProductCRUDNode", "ProductSearchNode", "MergeNode"];
        assert_eq!(nearest("ProductCrudNod", known.into_iter())[0], "ProductCRUDNode");
        assert!(nearest("zzz", known.into_iter()).is_empty());
    }
}
