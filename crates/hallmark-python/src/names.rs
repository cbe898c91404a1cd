//! What names say about the values they hold.

/// Whether a variable, key or parameter of this name holds a secret.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    const ENDS: &[&str] = &[
        "password",
        "passwd",
        "pwd",
        "secret",
        "secret_key",
        "api_key",
        "apikey",
        "access_key",
        "private_key",
        "auth_token",
        "access_token",
        "refresh_token",
        "client_secret",
        "encryption_key",
        "signing_key",
        "jwt_secret",
        "bearer_token",
        "api_token",
        "token",
    ];
    /// What a token is that opens nothing: a place in a list, a piece of a text, progress.
    const PLAIN_TOKENS: &[&str] = &[
        "bos",
        "continuation",
        "end",
        "eos",
        "mask",
        "next",
        "pad",
        "page",
        "progress",
        "sep",
        "start",
        "stop",
        "unk",
    ];
    // Nearly every name ends here: none of the words ends in another letter.
    let last = name.trim_end_matches(['_', '-']).bytes().last().unwrap_or_default().to_ascii_lowercase();
    if !matches!(last, b'd' | b'n' | b't' | b'y') {
        return false;
    }
    let lower = name.to_ascii_lowercase().replace('-', "_");
    let lower = lower.trim_matches('_');
    if let Some(before) = lower.strip_suffix("_token")
        && PLAIN_TOKENS.contains(&before.rsplit('_').next().unwrap_or(before))
    {
        return false;
    }
    ENDS.iter()
        .any(|end| lower.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('_')))
}

/// Whether a variable of this name says that its value is made up.
#[must_use]
pub fn is_invented(name: &str) -> bool {
    const STARTS: &[&str] = &["simulated_", "fake_", "mock_", "mocked_", "dummy_", "fabricated_"];
    const ENDS: &[&str] = &[
        "data",
        "response",
        "responses",
        "result",
        "results",
        "records",
        "rows",
        "items",
        "user",
        "users",
        "products",
        "values",
        "payload",
        "embedding",
        "embeddings",
        "metrics",
        "output",
    ];
    let lower = name.trim_start_matches('_');
    STARTS
        .iter()
        .any(|start| lower.strip_prefix(start).is_some_and(|rest| ENDS.iter().any(|end| rest.ends_with(end))))
}

/// The word at the start or the end of a class name that marks a hand-written test double.
#[must_use]
pub fn double_word(name: &str) -> Option<&'static str> {
    const WORDS: &[&str] = &["Fake", "Mock", "Stub", "Dummy", "Spy"];
    let name = name.trim_start_matches('_');
    WORDS.iter().copied().find(|word| {
        let starts = name.strip_prefix(word).is_some_and(|rest| {
            rest.is_empty()
                || rest.starts_with(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        });
        let ends = name
            .strip_suffix(word)
            .is_some_and(|rest| rest.ends_with(|c: char| c.is_ascii_lowercase() || c == '_'));
        starts || ends
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_by_whole_words() {
        assert!(is_secret("password") && is_secret("DB_PASSWORD") && is_secret("openai-api-key"));
        assert!(
            !is_secret("passwords_hint")
                && !is_secret("max_tokens")
                && !is_secret("monkey")
                && !is_secret("next_page_token")
        );
    }

    #[test]
    fn doubles_are_told_by_whole_words() {
        assert_eq!(double_word("FakeRedis"), Some("Fake"));
        assert_eq!(double_word("_RedisStub"), Some("Stub"));
        assert_eq!(double_word("Spyglass"), None);
        assert_eq!(double_word("Mockingbird"), None);
    }
}
