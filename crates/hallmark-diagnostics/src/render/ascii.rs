//! The same document in ASCII bytes only, by the escapes of its own syntax where it has some.

use super::text;

/// How a document writes a character that is not ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// Text for people: a twin that looks alike, or `?`.
    Plain,
    /// JSON: `\u00e9`, with surrogate pairs.
    Json,
    /// XML and HTML: `&#233;`.
    Markup,
}

/// The document without a byte above 127; a reader of JSON or markup still gets the same characters.
#[must_use]
pub fn ascii(document: &str, syntax: Syntax) -> String {
    if document.is_ascii() {
        return document.to_owned();
    }
    match syntax {
        Syntax::Plain => text::ascii(document),
        Syntax::Json => {
            let mut out = String::with_capacity(document.len() + 64);
            let mut units = [0; 2];
            for c in document.chars() {
                if c.is_ascii() {
                    out.push(c);
                } else {
                    for unit in c.encode_utf16(&mut units) {
                        out.push_str(&format!("\\u{unit:04x}"));
                    }
                }
            }
            out
        }
        Syntax::Markup => {
            let mut out = String::with_capacity(document.len() + 64);
            for c in document.chars() {
                if c.is_ascii() {
                    out.push(c);
                } else {
                    out.push_str(&format!("&#{};", u32::from(c)));
                }
            }
            out
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_syntax_keeps_its_characters() {
        let json = ascii("{\"a\": \"é😀\"}", Syntax::Json);
        assert_eq!(json, "{\"a\": \"\\u00e9\\ud83d\\ude00\"}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap()["a"], "é😀");
        assert_eq!(ascii("<p>é</p>", Syntax::Markup), "<p>&#233;</p>");
        assert_eq!(ascii("“é”", Syntax::Plain), "\"?\"");
    }
}
