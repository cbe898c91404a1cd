//! What a person who mistyped a name may have meant.

/// The longest text that is taken for a mistyped name: the work grows with the square of it.
const NAME_BYTES: usize = 256;

/// The name that differs least from `wanted`, if any is near enough to be meant; of equally near ones the first by name.
pub fn nearest<'n>(wanted: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    if wanted.len() > NAME_BYTES {
        return None;
    }
    let limit = (wanted.len() / 3).max(2);
    let mut row = Vec::new();
    let closer = |best: Option<(usize, &'n str)>, name: &'n str| {
        let limit = best.map_or(limit, |(distance, _)| distance);
        let found = distance_within(limit, wanted, name, &mut row).map(|distance| (distance, name));
        match (best, found) {
            (Some(best), Some(found)) => Some(best.min(found)),
            (best, found) => best.or(found),
        }
    };
    names.into_iter().fold(None, closer).map(|(_, name)| name)
}

/// As many names as are wanted of those that differ little from `wanted`, the nearest first.
///
/// What is longer than 256 bytes is no name, and nothing is near it.
pub fn nearest_few<'n>(wanted: &str, names: impl IntoIterator<Item = &'n str>, most: usize) -> Vec<&'n str> {
    if wanted.len() > NAME_BYTES {
        return Vec::new();
    }
    let limit = (wanted.len() / 3).max(2);
    let mut row = Vec::new();
    let near = |name| Some((distance_within(limit, wanted, name, &mut row)?, name));
    let mut all: Vec<(usize, &str)> = names.into_iter().filter_map(near).collect();
    all.sort_unstable();
    all.into_iter().take(most).map(|(_, name)| name).collect()
}

/// The Levenshtein distance in bytes, unless it is above the limit; upper and lower case are the same. `row` is a place to
/// work in.
fn distance_within(limit: usize, a: &str, b: &str, row: &mut Vec<usize>) -> Option<usize> {
    // Texts differ by their lengths at least: most are told apart without being compared.
    if a.len().abs_diff(b.len()) > limit {
        return None;
    }
    row.clear();
    row.extend(0..=b.len());
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        let mut least = row[0];
        for (j, y) in b.bytes().enumerate() {
            let substituted = diagonal + usize::from(!x.eq_ignore_ascii_case(&y));
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
            least = least.min(row[j + 1]);
        }
        // No row ends below the least of the one before it.
        if least > limit {
            return None;
        }
    }
    Some(row[b.len()]).filter(|distance| *distance <= limit)
}

#[cfg(test)]
mod tests {
    use super::{nearest, nearest_few};

    #[test]
    fn a_slip_of_the_keys_is_understood() {
        let names = ["relative-import", "star-import", "mock-in-test"];
        assert_eq!(nearest("relativ-import", names), Some("relative-import"));
        assert_eq!(nearest("postgres", names), None);
        assert_eq!(nearest("STAR-inport", names), Some("star-import"));
    }

    #[test]
    fn the_nearest_comes_before_the_first_by_name() {
        assert_eq!(nearest("abcdef", ["abcxyf", "abcdxf", "abcdef"]), Some("abcdef"));
        assert_eq!(nearest("abcdef", ["abcdxf", "abcdaf", "abcxyf"]), Some("abcdaf"));
        assert_eq!(nearest("", ["ab", "abc"]), Some("ab"));
        assert_eq!(nearest_few("abcdef", ["abcxyf", "zzz", "abcdxf", "abcdef"], 2), ["abcdef", "abcdxf"]);
        assert_eq!(nearest(&"a".repeat(100_000), ["a"]), None);
    }
}
