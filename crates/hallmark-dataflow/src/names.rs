//! Names: table names from class names, and quoting. The only place where text becomes SQL.

use hallmark_core::{Error, Result};

use crate::{codes, limits};

/// `ProductCatalog` as `product_catalog`; runs of capitals stay together (`ETIMAttribute` is `etim_attribute`).
#[must_use]
pub fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::with_capacity(name.len() + 4);
    for (i, letter) in letters.iter().enumerate() {
        if letter.is_uppercase() {
            let after_lower = i > 0 && (letters[i - 1].is_lowercase() || letters[i - 1].is_ascii_digit());
            let before_lower = i > 0
                && letters[i - 1].is_uppercase()
                && letters.get(i + 1).is_some_and(|c| c.is_lowercase());
            if after_lower || before_lower {
                out.push('_');
            }
            out.extend(letter.to_lowercase());
        } else {
            out.push(*letter);
        }
    }
    out
}

/// The English plural of a snake-case name; a name that ends in `metrics`, `data` or `news` is one already.
#[must_use]
pub fn plural(name: &str) -> String {
    const ALREADY: [&str; 5] = ["metrics", "data", "news", "series", "status_info"];
    if ALREADY.iter().any(|w| name.ends_with(w)) {
        return name.to_owned();
    }
    let before_y = name.strip_suffix('y').and_then(|s| s.chars().last());
    if before_y.is_some_and(|c| !"aeiou".contains(c)) {
        return format!("{}ies", &name[..name.len() - 1]);
    }
    if ["s", "x", "z", "ch", "sh"].iter().any(|e| name.ends_with(e)) {
        return format!("{name}es");
    }
    format!("{name}s")
}

/// The identifier in double quotes.
///
/// # Errors
/// `HM-D003` if it is empty, longer than PostgreSQL keeps, or has a NUL.
pub fn quote(name: &str) -> Result<String> {
    if name.is_empty() || name.len() > limits::IDENTIFIER_BYTES_MAX || name.contains('\0') {
        let max = limits::IDENTIFIER_BYTES_MAX;
        return Err(Error::new(
            &codes::BAD_IDENTIFIER,
            format!("{name:?} is no identifier of 1 to {max} bytes"),
        ));
    }
    Ok(["\"", &name.replace('"', "\"\""), "\""].concat())
}

/// A text as an SQL literal, for the places where PostgreSQL takes no parameter (defaults, checks).
#[must_use]
pub fn literal(text: &str) -> String {
    let doubled = text.replace('\'', "''").replace('\0', "");
    if doubled.contains('\\') {
        format!("E'{}'", doubled.replace('\\', "\\\\"))
    } else {
        format!("'{doubled}'")
    }
}

/// `prefix_a_b`, shortened with a digest where PostgreSQL would cut it off.
#[must_use]
pub fn joined(parts: &[&str]) -> String {
    let whole = parts.join("_");
    if whole.len() <= limits::IDENTIFIER_BYTES_MAX {
        return whole;
    }
    let digest = &hallmark_core::digest::sha256(whole.as_bytes())[..8];
    let mut end = limits::IDENTIFIER_BYTES_MAX - 9;
    while !whole.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}_{digest}", &whole[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_named_as_people_expect() {
        let table = |n| plural(&snake_case(n));
        assert_eq!(table("Company"), "companies");
        assert_eq!(table("ETIMAttribute"), "etim_attributes");
        assert_eq!(table("ClassificationMetrics"), "classification_metrics");
        assert_eq!(table("DocumentProcessingQueue"), "document_processing_queues");
        assert_eq!(table("ProductCategory"), "product_categories");
        assert_eq!(table("Address"), "addresses");
        assert_eq!(table("ToolBox2Day"), "tool_box2_days");
    }

    #[test]
    fn quoting_leaves_no_way_out() {
        assert_eq!(quote("a\"; DROP TABLE x; --").unwrap(), "\"a\"\"; DROP TABLE x; --\"");
        assert!(quote("").is_err() && quote("a\0b").is_err() && quote(&"x".repeat(64)).is_err());
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("a\\'b"), "E'a\\\\''b'");
        assert_eq!(joined(&["a", &"b".repeat(80)]).len(), 63);
    }
}
