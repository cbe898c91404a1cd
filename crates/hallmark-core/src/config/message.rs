//! What the reader of a section says of a value, in the words of a configuration and without the value itself.

/// The message without the value that stands where another kind of value is wanted: it may be a secret, and the place points to it.
pub(super) fn without_value(message: &str) -> String {
    let message = message.trim();
    let told = message.strip_prefix("invalid type: ").and_then(|told| told.rsplit_once(", expected "));
    let Some((met, wanted)) = told else { return message.to_owned() };
    let kind = met.split(['"', '`']).next().unwrap_or_default().trim_end();
    let wanted = if wanted.starts_with("struct ") { "a table" } else { wanted };
    format!("invalid type: {kind}, expected {wanted}")
}

#[cfg(test)]
mod tests {
    use super::without_value;

    #[test]
    fn a_value_of_the_wrong_kind_is_not_repeated() {
        for (message, wanted) in [
            (
                "invalid type: string \"a, expected `b\", expected struct X",
                "invalid type: string, expected a table",
            ),
            ("invalid type: integer `1234`, expected a string", "invalid type: integer, expected a string"),
            ("invalid type: map, expected a string", "invalid type: map, expected a string"),
            ("invalid value: integer `70000`, expected u16", "invalid value: integer `70000`, expected u16"),
            ("unknown field `a`, expected `b`", "unknown field `a`, expected `b`"),
        ] {
            assert_eq!(without_value(message), wanted);
        }
    }
}
