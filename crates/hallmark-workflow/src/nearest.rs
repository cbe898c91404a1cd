//! "Did you mean": the names nearest to a wrong one.

use hallmark_core::nearest_few;

/// The most names that are offered.
const OFFERED: usize = 3;

/// A next step that names them, or the general one.
pub(crate) fn hint<'a>(wrong: &str, known: impl Iterator<Item = &'a str>, otherwise: &str) -> String {
    let names = nearest_few(wrong, known, OFFERED);
    if names.is_empty() { otherwise.to_owned() } else { format!("did you mean {}?", names.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::hint;

    #[test]
    fn the_near_are_offered_and_the_far_are_not() {
        let known = ["ProductCRUDNode", "ProductSearchNode", "MergeNode"];
        assert_eq!(hint("ProductCrudNod", known.into_iter(), "list"), "did you mean ProductCRUDNode?");
        assert_eq!(hint("zzz", known.into_iter(), "list"), "list");
    }
}
