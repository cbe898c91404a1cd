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

/// Whether a variable, key or field of this name holds data about a person.
#[must_use]
pub fn is_personal(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "credit_card",
        "card_number",
        "date_of_birth",
        "dob",
        "email",
        "email_address",
        "home_address",
        "phone",
        "phone_number",
        "postal_address",
        "social_security_number",
        "ssn",
        "street_address",
        "tax_id",
        "passport_number",
        "iban",
    ];
    let lower = name.trim_matches('_').to_ascii_lowercase();
    WORDS
        .iter()
        .any(|word| lower.strip_suffix(word).is_some_and(|before| before.is_empty() || before.ends_with('_')))
}

/// Whether a text has the shape of a real token or private key: the prefix of an issuer, the length, and letters and digits
/// mixed as chance mixes them.
#[must_use]
pub fn is_token_shape(text: &str) -> bool {
    /// Prefixes of issuers, with the least number of characters behind them.
    const ISSUERS: &[(&str, usize)] = &[
        ("AIza", 35),
        ("AKIA", 16),
        ("ASIA", 16),
        ("SG.", 40),
        ("dop_v1_", 40),
        ("ghp_", 36),
        ("gho_", 36),
        ("ghs_", 36),
        ("github_pat_", 40),
        ("glpat-", 20),
        ("hf_", 30),
        ("npm_", 36),
        ("pypi-", 50),
        ("sk-ant-", 40),
        ("sk-proj-", 40),
        ("sk-", 32),
        ("sk_live_", 24),
        ("rk_live_", 24),
        ("xoxb-", 24),
        ("xoxp-", 24),
    ];
    let bytes = text.as_bytes();
    if !matches!(
        bytes.first(),
        Some(b'A' | b'S' | b'd' | b'g' | b'h' | b'n' | b'p' | b's' | b'r' | b'x' | b'-')
    ) {
        return false;
    }
    if let Some(rest) = text.strip_prefix("-----BEGIN ") {
        return rest.split("-----").next().is_some_and(|kind| kind.ends_with("PRIVATE KEY"))
            && rest.len() > 200;
    }
    let Some(rest) = ISSUERS
        .iter()
        .find_map(|(issuer, least)| text.strip_prefix(issuer).filter(|rest| rest.len() >= *least))
    else {
        return false;
    };
    let plain = rest.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    let digits = rest.bytes().filter(u8::is_ascii_digit).count();
    let letters = rest.bytes().filter(u8::is_ascii_alphabetic).count();
    let mut kinds: Vec<u8> = rest.bytes().collect();
    kinds.sort_unstable();
    kinds.dedup();
    let lower = rest.to_ascii_lowercase();
    let said = ["example", "placeholder", "your", "test", "fake", "dummy", "xxxx", "1234567890", "abcdef"];
    plain && digits >= 2 && letters >= 6 && kinds.len() >= 10 && !said.iter().any(|word| lower.contains(word))
}

/// Whether a text is SQLite's own address of a database in memory: `file::memory:`, `file:name?mode=memory`.
#[must_use]
pub fn is_memory_file(text: &str) -> bool {
    text.strip_prefix("file:")
        .is_some_and(|rest| rest.starts_with(":memory:") || rest.contains("mode=memory"))
}

/// Whether a text is the address of a SQLite database in memory.
#[must_use]
pub fn is_memory_database(text: &str) -> bool {
    let is_memory = |rest: &str| rest.contains(":memory:") || rest.contains("mode=memory");
    text == ":memory:"
        || text
            .strip_prefix("sqlite")
            .is_some_and(|rest| rest.contains("://") && (is_memory(rest) || rest.ends_with("://")))
}

/// Whether a console of code page 1252 can show a character.
#[must_use]
pub fn is_in_code_page_1252(c: char) -> bool {
    const EXTRA: &str = "\u{20ac}\u{201a}\u{192}\u{201e}\u{2026}\u{2020}\u{2021}\u{2c6}\u{2030}\u{160}\u{2039}\u{152}\u{17d}\u{2018}\u{2019}\u{201c}\u{201d}\u{2022}\u{2013}\u{2014}\u{2dc}\u{2122}\u{161}\u{203a}\u{153}\u{17e}\u{178}";
    c.is_ascii() || ('\u{a0}'..='\u{ff}').contains(&c) || EXTRA.contains(c)
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

/// Whether `unittest.mock` has a tool of this name that builds or places doubles.
#[must_use]
pub fn is_mock_tool(name: &str) -> bool {
    matches!(
        name,
        "AsyncMock"
            | "MagicMock"
            | "Mock"
            | "NonCallableMagicMock"
            | "NonCallableMock"
            | "PropertyMock"
            | "ThreadingMock"
            | "create_autospec"
            | "mock_open"
            | "patch"
    )
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
