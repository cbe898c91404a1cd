//! Every setting of a configuration: what `hallmark config` explains and the JSON schema is made of.
//!
//! The sections' own types, in the crates that read them, decide what is accepted; a test of the binary holds this table against
//! them, key by key.

use serde_json::{Map, Value, json};

mod table;

pub use table::ALL;

/// What values a setting takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number, with the least and the greatest.
    Integer(u64, u64),
    /// A number, with the least and the greatest.
    Number(f64, f64),
    /// A text.
    Text,
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// A list of texts.
    Texts,
}

impl Kind {
    /// The kind in words: `"2025" or "2026"`, `a list of texts`.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Bool => "true or false".to_owned(),
            Self::Integer(least, u64::MAX) => format!("a whole number from {least}"),
            Self::Integer(least, greatest) => format!("a whole number from {least} to {greatest}"),
            Self::Number(least, greatest) => format!("a number from {least} to {greatest}"),
            Self::Text => "a text".to_owned(),
            Self::Choice(texts) => {
                let quoted: Vec<String> = texts.iter().map(|t| format!("{t:?}")).collect();
                match quoted.split_last() {
                    Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
                    _ => quoted.join(""),
                }
            }
            Self::Texts => "a list of texts".to_owned(),
        }
    }

    /// Whether this is a number of the right kind that lies outside of its bounds.
    #[must_use]
    pub fn is_out_of_bounds(self, value: &Value) -> bool {
        match self {
            Self::Integer(least, greatest) => match (value.as_u64(), value.as_i64()) {
                (Some(number), _) => number < least || number > greatest,
                (None, Some(_)) => true,
                (None, None) => false,
            },
            Self::Number(least, greatest) => value.as_f64().is_some_and(|n| !(least..=greatest).contains(&n)),
            _ => false,
        }
    }

    fn schema(self) -> Value {
        match self {
            Self::Bool => json!({ "type": "boolean" }),
            Self::Integer(least, u64::MAX) => json!({ "type": "integer", "minimum": least }),
            Self::Integer(least, greatest) => {
                json!({ "type": "integer", "minimum": least, "maximum": greatest })
            }
            Self::Number(least, greatest) => {
                json!({ "type": "number", "minimum": least, "maximum": greatest })
            }
            Self::Text => json!({ "type": "string" }),
            Self::Choice(texts) => json!({ "enum": texts }),
            Self::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        }
    }
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The dotted key. A part in capitals stands for any name; `[]` behind a part says that it is a list of tables.
    pub key: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What counts without it, as TOML or in words; empty if nothing does.
    pub default: &'static str,
    /// A value as TOML.
    pub example: &'static str,
    /// What it does, in sentences.
    pub doc: &'static str,
}

impl Setting {
    /// Whether a dotted key, as [`super::Config::values`] writes it, is one of this setting.
    #[must_use]
    pub fn fits(&self, key: &str) -> bool {
        let (own, given) = (parts(self.key), parts(key));
        own.len() == given.len() && own.iter().zip(&given).all(|(own, given)| is_any(own) || own == given)
    }

    /// A line of TOML that sets it, below the header of its table.
    #[must_use]
    pub fn example_text(&self) -> String {
        match self.key.rsplit_once('.') {
            Some((table, key)) if table.ends_with("[]") => {
                format!("[[{}]]\n{key} = {}", table.trim_end_matches("[]"), self.example)
            }
            Some((table, key)) => format!("[{}]\n{} = {}", named(table), named(key), self.example),
            None => format!("{} = {}", self.key, self.example),
        }
    }
}

/// The setting that a dotted key belongs to.
#[must_use]
pub fn find(key: &str) -> Option<&'static Setting> {
    ALL.iter().find(|setting| setting.key == key).or_else(|| ALL.iter().find(|setting| setting.fits(key)))
}

/// The names that a configuration may have at its top.
#[must_use]
pub fn top_level() -> Vec<&'static str> {
    let mut names: Vec<&str> =
        ALL.iter().map(|s| s.key.split(['.', '[']).next().unwrap_or_default()).collect();
    names.dedup();
    names
}

/// A dotted key in its parts; quoted ones keep their dots and lose their quotes.
fn parts(key: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut quoted = false;
    for c in key.chars() {
        match c {
            '"' => quoted = !quoted,
            '.' if !quoted => out.push(String::new()),
            c => {
                if let Some(last) = out.last_mut() {
                    last.push(c);
                }
            }
        }
    }
    out
}

/// Whether a part stands for any name.
fn is_any(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|b| b.is_ascii_uppercase())
}

/// A key with names in the place of the parts that stand for any.
fn named(key: &str) -> String {
    let name = |part: &str| match part {
        "GLOB" => "\"legacy/**\"".to_owned(),
        "RULE" => "star-import".to_owned(),
        "SERVICE" => "neo4j".to_owned(),
        "NAME" => "MALLOC_ARENA_MAX".to_owned(),
        part => part.to_owned(),
    };
    key.split('.').map(name).collect::<Vec<_>>().join(".")
}

/// The JSON schema of `hallmark.toml`, draft 2020-12.
#[must_use]
pub fn schema() -> Value {
    let mut root = object();
    for setting in ALL {
        let mut leaf = setting.kind.schema();
        if let Some(members) = leaf.as_object_mut() {
            members.insert("description".to_owned(), setting.doc.into());
            if let Some(default) = default_of(setting) {
                members.insert("default".to_owned(), default);
            }
        }
        insert(&mut root, &parts(setting.key), leaf);
    }
    root.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
    root.insert(
        "title".to_owned(),
        "The configuration of Hallmark: hallmark.toml, or [tool.hallmark]".into(),
    );
    root.into()
}

fn default_of(setting: &Setting) -> Option<Value> {
    let table: toml::Table = toml::from_str(&format!("value = {}", setting.default)).ok()?;
    serde_json::to_value(table.get("value")?).ok()
}

fn object() -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("type".to_owned(), "object".into());
    out.insert("additionalProperties".to_owned(), false.into());
    out
}

/// Puts a leaf where its key says, making the objects on the way.
fn insert(object_schema: &mut Map<String, Value>, key: &[String], leaf: Value) {
    let Some((first, rest)) = key.split_first() else { return };
    let (name, is_list) = first.strip_suffix("[]").map_or((first.as_str(), false), |name| (name, true));
    let slot = if is_any(name) {
        object_schema.entry("additionalProperties").and_modify(|v| {
            if v.is_boolean() {
                *v = Value::Null;
            }
        })
    } else {
        let properties = object_schema.entry("properties").or_insert_with(|| Map::new().into());
        let Some(properties) = properties.as_object_mut() else { return };
        properties.entry(name)
    };
    let slot = slot.or_insert(Value::Null);
    if rest.is_empty() {
        *slot = leaf;
        return;
    }
    if slot.is_null() {
        *slot = if is_list { json!({ "type": "array", "items": object() }) } else { object().into() };
    }
    let inner = if is_list { slot.get_mut("items") } else { Some(slot) };
    if let Some(Value::Object(inner)) = inner {
        insert(inner, rest, leaf);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_fit_their_settings() {
        let found = |key: &str| find(key).map(|s| s.key);
        assert_eq!(found("standards.edition"), Some("standards.edition"));
        assert_eq!(found("standards.rules.star-import.weight"), Some("standards.rules.RULE.weight"));
        assert_eq!(found("standards.tiers.\"a.b/**\""), Some("standards.tiers.GLOB"));
        assert_eq!(found("standards.nonsense"), None);
    }

    #[test]
    fn numbers_are_held_to_their_bounds_and_other_kinds_are_not_looked_at() {
        let out = |kind: Kind, value: Value| kind.is_out_of_bounds(&value);
        let port = Kind::Integer(1, 65_535);
        assert!(out(port, json!(0)) && out(port, json!(-1)) && out(port, json!(70_000)));
        assert!(!out(port, json!(65_535)) && !out(port, json!("70000")) && !out(port, json!(0.5)));
        assert!(!out(Kind::Integer(0, u64::MAX), json!(u64::MAX)));
        let share = Kind::Number(0.0, 1.0);
        assert!(out(share, json!(1.5)) && out(share, json!(2)) && !out(share, json!(1)));
    }

    #[test]
    fn every_example_and_default_is_toml() {
        for setting in ALL {
            let text = format!("value = {}", setting.example);
            assert!(toml::from_str::<toml::Table>(&text).is_ok(), "{}: {text}", setting.key);
            assert!(toml::from_str::<toml::Table>(&setting.example_text()).is_ok(), "{}", setting.key);
            assert!(setting.doc.ends_with('.'), "{}", setting.key);
        }
    }

    #[test]
    fn the_schema_takes_every_example_and_refuses_what_is_unknown() {
        let validator = jsonschema::validator_for(&schema()).unwrap();
        let takes = |text: &str| {
            let table: toml::Table = toml::from_str(text).unwrap();
            validator.is_valid(&serde_json::to_value(table).unwrap())
        };
        for setting in ALL {
            assert!(takes(&setting.example_text()), "{}", setting.example_text());
        }
        for wrong in [
            "nonsense = 1",
            "[standards]\nedtion = \"2026\"",
            "[standards]\nedition = \"1999\"",
            "[standards]\npreview = \"yes\"",
            "[standards.rules.star-import]\nweight = 2.0",
            "[standards.rules.star-import]\nlevel = 1",
            "[[certify.exempt]]\nchek = \"x\"",
        ] {
            assert!(!takes(wrong), "{wrong}");
        }
    }

    #[test]
    fn the_schema_nests() {
        let schema = schema();
        let rules = &schema["properties"]["standards"]["properties"]["rules"];
        assert_eq!(rules["additionalProperties"]["properties"]["weight"]["maximum"], 1.0);
        assert_eq!(schema["additionalProperties"], false);
        let exempt = &schema["properties"]["certify"]["properties"]["exempt"];
        assert_eq!(exempt["items"]["properties"]["check"]["type"], "string");
    }
}
