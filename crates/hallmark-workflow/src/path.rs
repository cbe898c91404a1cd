//! Output paths: how a connection or a node names a place in a JSON value.
//!
//! `$` is the whole value; `a.b.0` walks members and indices; a text that begins with `/` is a JSON pointer (RFC 6901),
//! for names that hold dots.

use hallmark_core::{Error, Result};
use serde_json::Value;

use crate::{codes, govern::echo, limits};

/// A parsed output path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    text: String,
    segments: Vec<String>,
}

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// `HM-W024` if it is empty, has an empty segment or more than [`limits::PATH_MAX_SEGMENTS`] segments.
    pub fn parse(text: &str) -> Result<Self> {
        let segments: Vec<String> = match text {
            "$" => Vec::new(),
            _ if text.starts_with('/') => {
                text.split('/').skip(1).map(|s| s.replace("~1", "/").replace("~0", "~")).collect()
            }
            _ => text.trim_start_matches("$.").split('.').map(str::to_owned).collect(),
        };
        let pointer = text.starts_with('/');
        if (!pointer && segments.iter().any(String::is_empty)) || segments.len() > limits::PATH_MAX_SEGMENTS {
            return Err(Error::new(&codes::BAD_DEFINITION, format!("{} is no output path", echo(text)))
                .next("write `$` for the whole result, `items.0.name` for a member, or a JSON pointer"));
        }
        Ok(Self { text: text.to_owned(), segments })
    }

    /// The path as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The value at this path, if there is one.
    #[must_use]
    pub fn get<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.segments.iter().try_fold(value, |value, segment| match value {
            Value::Object(members) => members.get(segment),
            Value::Array(items) => items.get(index(segment)?),
            _ => None,
        })
    }

    /// The first member that the path walks into; `None` if it is the whole value.
    #[must_use]
    pub fn head(&self) -> Option<&str> {
        self.segments.first().map(String::as_str)
    }

    /// Replaces the value at this path; whether there was one.
    pub(crate) fn set(&self, value: &mut Value, new: Value) -> bool {
        let mut place = value;
        for segment in &self.segments {
            let next = match place {
                Value::Object(members) => members.get_mut(segment),
                Value::Array(items) => index(segment).and_then(|i| items.get_mut(i)),
                _ => None,
            };
            let Some(next) = next else { return false };
            place = next;
        }
        *place = new;
        true
    }
}

fn index(segment: &str) -> Option<usize> {
    (segment.bytes().all(|b| b.is_ascii_digit())).then(|| segment.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn walks_members_indices_and_pointers() {
        let value = json!({"a": {"b": [1, {"c.d": 2}]}, "": 3});
        let get = |path: &str| Path::parse(path).unwrap().get(&value).cloned();
        assert_eq!(get("a.b.0"), Some(json!(1)));
        assert_eq!(get("$.a.b.0"), Some(json!(1)));
        assert_eq!(get("/a/b/1/c.d"), Some(json!(2)));
        assert_eq!(get("/"), Some(json!(3)));
        assert_eq!(get("$"), Some(value.clone()));
        assert_eq!(get("a.x"), None);
        assert_eq!(get("a.b.-1"), None);
        for wrong in ["", "a..b", ".a"] {
            assert!(Path::parse(wrong).is_err(), "{wrong}");
        }
    }
}
