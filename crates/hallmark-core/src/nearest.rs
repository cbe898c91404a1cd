//! What a person who mistyped a name may have meant.

/// The name that differs least from `wanted`, if any is near enough to be meant; of equally near ones the first by name.
pub fn nearest<'n>(wanted: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let limit = (wanted.len() / 3).max(2);
    // Names differ by their lengths at least: most are told apart without being compared.
    let alike = names.into_iter().filter(|name| name.len().abs_diff(wanted.len()) <= limit);
    let near = alike.map(|name| (distance(wanted, name), name));
    near.filter(|(distance, _)| *distance <= limit).min().map(|(_, name)| name)
}

/// The Levenshtein distance in bytes; upper and lower case are the same.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let substituted = diagonal + usize::from(!x.eq_ignore_ascii_case(&y));
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_of_the_keys_is_understood() {
        let names = ["relative-import", "star-import", "mock-in-test"];
        assert_eq!(nearest("relativ-import", names), Some("relative-import"));
        assert_eq!(nearest("postgres", names), None);
    }
}
