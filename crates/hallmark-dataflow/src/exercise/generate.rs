//! Rows for any model: deterministic, valid, different in every unique field.

use hallmark_python::models::{Field, FieldType, Limit};
use serde_json::{Map, Value, json};

use crate::table::{Column, Role, Table};

/// The n-th row of a model: every field that a create call may set, the generated key excepted.
#[must_use]
pub fn row(table: &Table, n: u64) -> Map<String, Value> {
    let mut row = Map::new();
    for column in &table.columns {
        let wanted = matches!(column.role, Role::Data | Role::Key) && !column.identity;
        if wanted {
            row.insert(column.name().to_owned(), fitting(column, n));
        }
    }
    row
}

/// The value of a field, within its bounds and such as its pattern wants.
fn fitting(column: &Column, n: u64) -> Value {
    let field = &column.field;
    let made = value(field, n);
    if column.field.choices.is_empty() && crate::value::for_column(column, &made).is_err() {
        let candidates: Vec<Value> = match field.kind {
            FieldType::Text => texts(field, n).into_iter().map(Value::from).collect(),
            FieldType::Integer | FieldType::Float | FieldType::Decimal => numbers(field, n),
            _ => Vec::new(),
        };
        let fits = |v: &Value| crate::value::for_column(column, v).is_ok();
        return candidates.into_iter().find(fits).unwrap_or(made);
    }
    made
}

/// Texts of the forms that patterns usually ask for.
fn texts(field: &Field, n: u64) -> Vec<String> {
    let letters: String = format!("{n:04}").bytes().map(|b| char::from(b'A' + (b - b'0'))).collect();
    let mut texts = vec![
        format!("u{n:04}@example.org"),
        format!("https://example.org/{n:04}"),
        format!("+49 30 {n:07}"),
        format!("00000000-0000-4000-8000-{n:012x}"),
        format!("{n:04}"),
        letters.clone(),
        letters.to_lowercase(),
        format!("{letters}{n:04}"),
        format!("{}-{n:04}", letters.to_lowercase()),
        format!("{}_{n:04}", letters.to_lowercase()),
    ];
    if let Some(least) = field.min_length {
        texts.push(format!("{n:0>width$}", width = usize::try_from(least).unwrap_or(0)));
    }
    texts
}

/// Numbers at and inside the bounds.
fn numbers(field: &Field, n: u64) -> Vec<Value> {
    let of = |limit: &Option<Limit>| {
        let value = &limit.as_ref()?.value;
        value.as_f64().or_else(|| value.as_str()?.parse().ok())
    };
    let (least, most) = (of(&field.minimum), of(&field.maximum));
    let least = least.or(most.map(|m| m - 1_000.0)).unwrap_or(0.0);
    let most = most.unwrap_or(least + 1_000.0);
    let part = f64::from(u32::try_from(n % 97).unwrap_or(0) + 1) / 99.0;
    let inside = least + (most - least) * part;
    let number = |x: f64| match field.kind {
        #[expect(clippy::cast_possible_truncation, reason = "a bound of a field of 64 bits")]
        FieldType::Integer => json!(x as i64),
        FieldType::Decimal => {
            let places = usize::try_from(field.decimal_places.unwrap_or(2)).unwrap_or(2).min(12);
            json!(format!("{x:.places$}"))
        }
        _ => json!(x),
    };
    vec![number(inside), number(inside.ceil()), number(least), number(most)]
}

fn value(field: &Field, n: u64) -> Value {
    if !field.choices.is_empty() {
        let at = usize::try_from(n).unwrap_or(0) % field.choices.len();
        return field.choices[at].clone();
    }
    match field.kind {
        FieldType::Integer => json!(n * 7 + 1),
        FieldType::Float => json!(f64::from(u32::try_from(n).unwrap_or(0)) * 1.5 + 0.25),
        FieldType::Decimal => {
            let places = usize::try_from(field.decimal_places.unwrap_or(2)).unwrap_or(2).min(12);
            json!(if places == 0 {
                format!("{}", n % 10)
            } else {
                format!("{}.{}", n % 10, "1".repeat(places))
            })
        }
        FieldType::Boolean => json!(n.is_multiple_of(2)),
        FieldType::Text => json!(text(field, n)),
        FieldType::Timestamp => {
            json!(format!("2026-{:02}-{:02}T08:30:00.123456Z", n / 28 % 12 + 1, n % 28 + 1))
        }
        FieldType::Date => json!(format!("2026-{:02}-{:02}", n / 28 % 12 + 1, n % 28 + 1)),
        FieldType::Time => json!(format!("{:02}:{:02}:00", n / 60 % 24, n % 60)),
        FieldType::Uuid => json!(format!("00000000-0000-4000-8000-{n:012x}")),
        FieldType::Bytes => json!(format!("\\x00ff{n:016x}")),
        FieldType::Object => {
            json!({"number": n, "text": "Ünïcode \"quoted\"", "nested": {"list": [1, null, true]}})
        }
        FieldType::Array => json!([n, "it's", {"k": null}]),
        FieldType::FloatArray => json!([0.5, -1.25, f64::from(u32::try_from(n).unwrap_or(0))]),
        FieldType::Json => json!({"any": n}),
    }
}

/// A text that begins with the number, so that a length limit cannot make two of them equal.
fn text(field: &Field, n: u64) -> String {
    let whole = format!("{n:04} {} Größe 'x' \"y\"; -- 工具", field.name.replace('_', " "));
    let most = field.max_length.map_or(usize::MAX, |m| usize::try_from(m).unwrap_or(usize::MAX));
    whole.chars().take(most).collect::<String>().trim_end().to_owned()
}
