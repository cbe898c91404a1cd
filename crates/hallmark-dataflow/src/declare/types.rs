//! Types, defaults and conditions of SQL as those of fields.

use std::sync::LazyLock;

use hallmark_python::models::{Field, FieldDefault, FieldType};
use regex::Regex;
use serde_json::Value;

/// A type of SQL as a field's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Typed {
    pub(super) kind: FieldType,
    pub(super) max_length: Option<u32>,
    pub(super) digits: Option<(u32, u32)>,
    /// Whether the database counts (`serial`).
    pub(super) counts: bool,
    /// The type that a table made from the model has, where it is another one than this.
    pub(super) becomes: Option<&'static str>,
}

/// The field type of a type as PostgreSQL writes it; `None` if no field holds its values.
pub(super) fn of_sql(text: &str) -> Option<Typed> {
    let text = text.trim().to_ascii_lowercase();
    let (base, arguments) = match text.split_once('(') {
        Some((base, rest)) => {
            let (inside, after) = rest.split_once(')')?;
            let numbers =
                inside.split(',').map(|n| n.trim().parse::<u32>().ok()).collect::<Option<Vec<_>>>()?;
            (format!("{}{after}", base.trim_end()), numbers)
        }
        None => (text, Vec::new()),
    };
    let plain = |kind| Typed { kind, max_length: None, digits: None, counts: false, becomes: None };
    let wider = |kind, becomes| Typed { becomes: Some(becomes), ..plain(kind) };
    Some(match base.as_str() {
        "bigint" | "int8" => plain(FieldType::Integer),
        "integer" | "int" | "int4" | "smallint" | "int2" => wider(FieldType::Integer, "bigint"),
        "bigserial" | "serial8" => Typed { counts: true, ..plain(FieldType::Integer) },
        "serial" | "serial4" | "smallserial" | "serial2" => {
            Typed { counts: true, ..wider(FieldType::Integer, "bigint") }
        }
        "text" => plain(FieldType::Text),
        "character varying" | "varchar" | "character" | "char" | "bpchar" => {
            let max_length = arguments
                .first()
                .copied()
                .or((base.starts_with("char") && base != "character varying").then_some(1));
            Typed { max_length, ..wider(FieldType::Text, "text") }
        }
        "citext" | "name" => wider(FieldType::Text, "text"),
        "double precision" | "float8" | "float" => plain(FieldType::Float),
        "real" | "float4" => wider(FieldType::Float, "double precision"),
        "numeric" | "decimal" | "dec" => {
            let digits = arguments.first().map(|all| (*all, arguments.get(1).copied().unwrap_or(0)));
            Typed { digits, ..plain(FieldType::Decimal) }
        }
        "boolean" | "bool" => plain(FieldType::Boolean),
        "timestamp with time zone" | "timestamptz" => plain(FieldType::Timestamp),
        "timestamp without time zone" | "timestamp" => {
            wider(FieldType::Timestamp, "timestamp with time zone")
        }
        "date" => plain(FieldType::Date),
        "time without time zone" | "time" => plain(FieldType::Time),
        "uuid" => plain(FieldType::Uuid),
        "bytea" => plain(FieldType::Bytes),
        "jsonb" => plain(FieldType::Json),
        "json" => wider(FieldType::Json, "jsonb"),
        "double precision[]" | "float8[]" => plain(FieldType::FloatArray),
        "real[]" | "float4[]" => wider(FieldType::FloatArray, "double precision[]"),
        other if other.ends_with("[]") => wider(FieldType::Array, "jsonb"),
        _ => return None,
    })
}

impl Typed {
    /// Gives the type to a field.
    pub(super) fn refine(&self, field: &mut Field) {
        field.kind = self.kind;
        field.max_length = self.max_length;
        (field.max_digits, field.decimal_places) = self.digits.unzip();
        if self.counts {
            field.auto_increment = Some(true);
        }
    }
}

static CAST: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let name = r#"(?:"(?:[^"]|"")+"|[a-z_][a-z0-9_ ]*)"#;
    Regex::new(&format!(r"(?is)^(.*?)((::{name}(\.{name})?(\([0-9, ]*\))?(\[\])?)*)$")).ok()
});

/// The text without the casts behind it and the parentheses around it.
fn bare(text: &str) -> &str {
    let mut text = text.trim();
    loop {
        let shorter = match CAST.as_ref().and_then(|c| c.captures(text)) {
            Some(found) if found.get(2).is_some_and(|m| !m.is_empty()) => {
                found.get(1).map_or(text, |m| m.as_str())
            }
            _ => text,
        };
        let shorter = unwrapped(shorter);
        if shorter == text {
            return text;
        }
        text = shorter;
    }
}

/// `(x)` as `x`, if the parentheses belong together.
fn unwrapped(text: &str) -> &str {
    let Some(inner) = text.strip_prefix('(').and_then(|t| t.strip_suffix(')')) else { return text };
    let mut depth = 0_i32;
    for c in inner.chars() {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        if depth < 0 {
            return text;
        }
    }
    inner.trim()
}

/// The text of an SQL literal.
fn literal(text: &str) -> Option<String> {
    let text = text.strip_prefix(['E', 'e']).unwrap_or(text);
    let inner = text.strip_prefix('\'')?.strip_suffix('\'')?;
    (!inner.replace("''", "").contains('\'')).then(|| inner.replace("''", "'"))
}

/// What a default means.
pub(super) enum Default {
    /// A default of a field.
    Is(FieldDefault),
    /// The database counts.
    Counts,
    /// An expression that no field has.
    Other,
}

/// The default of a column of this type.
pub(super) fn default(text: &str, kind: FieldType) -> Default {
    let plain = bare(text);
    let lower = plain.to_ascii_lowercase();
    match lower.as_str() {
        "now()" | "current_timestamp" | "current_timestamp()" | "localtimestamp" => {
            return Default::Is(FieldDefault::Now);
        }
        "current_date" => return Default::Is(FieldDefault::Today),
        "gen_random_uuid()" | "uuid_generate_v4()" => return Default::Is(FieldDefault::Uuid),
        "null" => return Default::Is(FieldDefault::Value(Value::Null)),
        "true" => return Default::Is(FieldDefault::Value(true.into())),
        "false" => return Default::Is(FieldDefault::Value(false.into())),
        _ if lower.starts_with("nextval(") => return Default::Counts,
        _ => {}
    }
    let text = literal(plain);
    let given = text.as_deref().unwrap_or(plain);
    let value = match kind {
        FieldType::Integer => given.parse::<i64>().ok().map(Value::from),
        FieldType::Float => given.parse::<f64>().ok().filter(|f| f.is_finite()).map(Value::from),
        FieldType::Decimal => given.parse::<f64>().ok().map(|_| Value::from(given)),
        FieldType::Object | FieldType::Array | FieldType::Json => serde_json::from_str(given).ok(),
        FieldType::FloatArray => {
            let inner = given.strip_prefix('{').and_then(|t| t.strip_suffix('}'));
            inner.and_then(|t| serde_json::from_str(&format!("[{t}]")).ok())
        }
        FieldType::Boolean => None,
        _ => text.map(Value::from),
    };
    value.map_or(Default::Other, |value| Default::Is(FieldDefault::Value(value)))
}

static LENGTH: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)^\(?(?:char_)?length\(\(*"?(\w+)"?\)*(?:::text)?\)*\s*(<=|>=)\s*(\d+)\)?$"#).ok()
});
static JSON: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)^\(?jsonb_typeof\("?(\w+)"?\) = '(object|array)'(?:::text)?\)?$"#).ok()
});
static ONE_OF: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?is)^\(*"?(\w+)"?(?:\)?::text)?\)?\s*(?:= ANY \(+ARRAY\[(.*?)\]\)?(?:::text\[\])?\)+|IN \((.*)\)+)$"#).ok()
});

/// Takes a condition that says something of one field alone; false if it is a condition of the whole row.
pub(super) fn take_check(fields: &mut [Field], condition: &str) -> bool {
    let condition = condition.trim();
    if let Some(found) = LENGTH.as_ref().and_then(|r| r.captures(condition))
        && let Some(field) = fields.iter_mut().find(|f| f.name == found[1] && f.kind == FieldType::Text)
        && let Ok(count) = found[3].parse::<u32>()
    {
        let bound = if &found[2] == "<=" { &mut field.max_length } else { &mut field.min_length };
        *bound = Some(count);
        return true;
    }
    if let Some(found) = JSON.as_ref().and_then(|r| r.captures(condition))
        && let Some(field) = fields.iter_mut().find(|f| f.name == found[1] && f.kind == FieldType::Json)
    {
        field.kind =
            if found[2].eq_ignore_ascii_case("object") { FieldType::Object } else { FieldType::Array };
        return true;
    }
    if let Some(found) = ONE_OF.as_ref().and_then(|r| r.captures(condition))
        && let Some(field) = fields.iter_mut().find(|f| f.name == found[1] && f.kind == FieldType::Text)
        && let Some(list) = found.get(2).or_else(|| found.get(3))
    {
        let values: Option<Vec<String>> = items(list.as_str()).iter().map(|t| literal(bare(t))).collect();
        if let Some(values) = values.filter(|v| !v.is_empty()) {
            field.choices = values.into_iter().map(Value::from).collect();
            return true;
        }
    }
    false
}

/// The items of a list, separated by commas outside texts.
fn items(list: &str) -> Vec<&str> {
    let (mut items, mut begin, mut inside) = (Vec::new(), 0, false);
    for (i, c) in list.char_indices() {
        match c {
            '\'' => inside = !inside,
            ',' if !inside => {
                items.push(list[begin..i].trim());
                begin = i + 1;
            }
            _ => {}
        }
    }
    items.push(list[begin..].trim());
    items
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn types_are_those_of_postgresql() {
        let kind = |t| of_sql(t).map(|t| (t.kind, t.max_length, t.digits, t.becomes.is_some()));
        assert_eq!(kind("character varying(50)"), Some((FieldType::Text, Some(50), None, true)));
        assert_eq!(kind("NUMERIC(12, 2)"), Some((FieldType::Decimal, None, Some((12, 2)), false)));
        assert_eq!(kind("timestamp(3) with time zone"), Some((FieldType::Timestamp, None, None, false)));
        assert_eq!(kind("double precision[]"), Some((FieldType::FloatArray, None, None, false)));
        assert_eq!(kind("tsvector"), None);
        assert!(of_sql("serial").is_some_and(|t| t.counts));
    }

    #[test]
    fn defaults_are_read_without_their_casts() {
        let value = |text, kind| match default(text, kind) {
            Default::Is(default) => Some(default),
            _ => None,
        };
        let is = |v: Value| Some(FieldDefault::Value(v));
        assert_eq!(value("'it''s'::text", FieldType::Text), is(json!("it's")));
        assert_eq!(value("'a::b'::character varying(5)", FieldType::Text), is(json!("a::b")));
        assert_eq!(value("'ok'::shop.\"Mood of \"\"it\"", FieldType::Text), is(json!("ok")));
        assert_eq!(value("'ok'::mood", FieldType::Text), is(json!("ok")));
        assert_eq!(value("'-3'::integer", FieldType::Integer), is(json!(-3)));
        assert_eq!(value("(-1.50)::numeric(5,2)", FieldType::Decimal), is(json!("-1.50")));
        assert_eq!(value("'{\"a\": [1]}'::jsonb", FieldType::Json), is(json!({"a": [1]})));
        assert_eq!(value("'{1,2.5}'::double precision[]", FieldType::FloatArray), is(json!([1, 2.5])));
        assert_eq!(value("CURRENT_TIMESTAMP", FieldType::Timestamp), Some(FieldDefault::Now));
        assert!(matches!(default("nextval('a_seq'::regclass)", FieldType::Integer), Default::Counts));
        assert!(matches!(default("lower('X')", FieldType::Text), Default::Other));
    }

    #[test]
    fn conditions_of_one_field_are_its_own() {
        let mut fields = vec![Field::new("a", FieldType::Text), Field::new("j", FieldType::Json)];
        for condition in [
            "(char_length(a) <= 12)",
            "(length((a)::text) >= 2)",
            "(jsonb_typeof(j) = 'object'::text)",
            "(a = ANY (ARRAY['x'::text, 'y, ''z'::text]))",
        ] {
            assert!(take_check(&mut fields, condition), "{condition}");
        }
        assert_eq!((fields[0].max_length, fields[0].min_length), (Some(12), Some(2)));
        assert_eq!(fields[0].choices, [json!("x"), json!("y, 'z")]);
        assert_eq!(fields[1].kind, FieldType::Object);
        assert!(take_check(&mut fields, "a IN ('p', 'q')"));
        assert_eq!(fields[0].choices, [json!("p"), json!("q")]);
        assert!(!take_check(&mut fields, "(a <> j)"));
    }
}
