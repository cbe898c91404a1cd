//! What a SQL script says about transactions, read as PostgreSQL reads it: past quotes, remarks and the bodies of functions.

/// The first statement that begins or ends a transaction: its line, from 1, and its first word. Save points do neither.
pub(super) fn transaction_control(text: &str) -> Option<(usize, String)> {
    let mut at = Place::default();
    let mut rest = text;
    while let Some(length) = token(rest, at.word.as_str()) {
        let (token, after) = rest.split_at(length);
        if token == ";" && at.parentheses == 0 && at.body == 0 {
            if at.controls() {
                return Some(at.first());
            }
            at.start();
        } else {
            at.take(token);
        }
        at.line += token.matches('\n').count();
        rest = after;
    }
    at.controls().then(|| at.first())
}

/// Where the reader is.
#[derive(Default)]
struct Place {
    /// Lines before.
    line: usize,
    /// The line of the statement's first word.
    began: usize,
    /// Its first words, in capitals.
    words: Vec<String>,
    /// The token before, in capitals, if it was a word and nothing came between.
    word: String,
    /// The word before, wherever it was.
    last: String,
    parentheses: usize,
    /// `BEGIN ATOMIC` and `CASE` that are open in the body of a function.
    body: usize,
}

/// Words that tell what a statement does to a transaction.
const WORDS_MAX: usize = 3;

impl Place {
    /// The next statement begins.
    fn start(&mut self) {
        let line = self.line;
        *self = Self { line, ..Self::default() };
    }

    fn take(&mut self, token: &str) {
        let names = token.starts_with(is_word);
        self.word = if names { token.to_ascii_uppercase() } else { String::new() };
        match token {
            "(" => self.parentheses += 1,
            ")" => self.parentheses = self.parentheses.saturating_sub(1),
            _ if names => self.take_word(),
            _ => {}
        }
    }

    fn take_word(&mut self) {
        if self.words.is_empty() {
            self.began = self.line + 1;
        }
        if self.words.len() < WORDS_MAX {
            self.words.push(self.word.clone());
        }
        match self.word.as_str() {
            "ATOMIC" if self.last == "BEGIN" && self.words[0] == "CREATE" => self.body += 1,
            "CASE" if self.body > 0 => self.body += 1,
            "END" => self.body = self.body.saturating_sub(1),
            _ => {}
        }
        self.last.clone_from(&self.word);
    }

    fn controls(&self) -> bool {
        match self.words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["BEGIN" | "COMMIT" | "END" | "ABORT", ..] | ["START" | "PREPARE", "TRANSACTION", ..] => true,
            ["ROLLBACK", "TO", ..] | ["ROLLBACK", "WORK" | "TRANSACTION", "TO"] => false,
            ["ROLLBACK", ..] => true,
            _ => false,
        }
    }

    fn first(&self) -> (usize, String) {
        (self.began, self.words.first().cloned().unwrap_or_default())
    }
}

fn is_word(sign: char) -> bool {
    sign.is_ascii_alphabetic() || sign == '_' || !sign.is_ascii()
}

/// The length of the next token; `None` at the end. A quote that is not closed reaches to the end. The word is what stands right before.
fn token(text: &str, word: &str) -> Option<usize> {
    let first = text.chars().next()?;
    let until =
        |end: &str, from: usize| text[from..].find(end).map_or(text.len(), |at| from + at + end.len());
    Some(match first {
        '\'' if word == "E" => escaped(text),
        '\'' => until("'", 1),
        '"' => until("\"", 1),
        '$' => match dollar(text) {
            Some(tag) => until(tag, tag.len()),
            None => 1,
        },
        '-' if text.starts_with("--") => until("\n", 2),
        '/' if text.starts_with("/*") => remark(text),
        _ if is_word(first) => {
            let inner = |c: char| is_word(c) || c.is_ascii_digit() || c == '$';
            text.find(|c| !inner(c)).unwrap_or(text.len())
        }
        _ => first.len_utf8(),
    })
}

/// The length of a text in which a backslash escapes.
fn escaped(text: &str) -> usize {
    let mut signs = text.char_indices().skip(1);
    while let Some((at, sign)) = signs.next() {
        match sign {
            '\\' => drop(signs.next()),
            '\'' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// `$$` or `$tag$`, if the text begins with one.
fn dollar(text: &str) -> Option<&str> {
    let end = text[1..].find('$')? + 1;
    let tag = &text[1..end];
    let is_tag = tag.is_empty() || tag.starts_with(is_word);
    (is_tag && tag.chars().all(|c| is_word(c) || c.is_ascii_digit())).then(|| &text[..=end])
}

/// The length of a remark; they nest.
fn remark(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::transaction_control;

    #[test]
    fn what_begins_or_ends_a_transaction_is_found_with_its_line() {
        for (text, line, word) in [
            ("BEGIN; CREATE TABLE a(i int); COMMIT; SELECT 1/0;", 1, "BEGIN"),
            ("SELECT 'it''s;';\n-- BEGIN;\n  /* a /* b */ ; */ commit", 3, "COMMIT"),
            ("SELECT 1;\nSTART TRANSACTION ISOLATION LEVEL SERIALIZABLE;", 2, "START"),
            ("SELECT E'\\';'; END;", 1, "END"),
            ("SELECT 'a\\'; ROLLBACK;--'", 1, "ROLLBACK"),
            ("SAVEPOINT a; ROLLBACK WORK;", 1, "ROLLBACK"),
            ("PREPARE TRANSACTION 'x'", 1, "PREPARE"),
            ("SELECT $a$ ; $$ ; $a$; ABORT", 1, "ABORT"),
        ] {
            assert_eq!(transaction_control(text), Some((line, word.to_owned())), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_left_alone() {
        for text in [
            "",
            "CREATE TABLE \"begin\" (\"end\" text DEFAULT 'COMMIT; ');",
            "DO $$ BEGIN RAISE NOTICE 'x'; END $$; DO $b$BEGIN; COMMIT; END$b$;",
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 1 END; END; SELECT 2;",
            "CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; COMMIT);",
            "SAVEPOINT a; ROLLBACK TO a; ROLLBACK TRANSACTION TO SAVEPOINT a; RELEASE a;",
            "PREPARE begin AS SELECT $1::int; EXECUTE begin(1); -- COMMIT",
            "SELECT 1 AS \u{fc}ber$begin; /* open ; COMMIT;",
            "SELECT 'open; COMMIT;",
        ] {
            assert_eq!(transaction_control(text), None, "{text}");
        }
    }
}
