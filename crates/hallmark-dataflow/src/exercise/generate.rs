//! Rows for any model: deterministic, valid, different in every unique field.

use hallmark_python::models::{Field, FieldType};
use serde_json::{Map, Value, json};

use crate::table::{Role, Table};

/// The n-th row of a model: every field that a create call may set, the generated key excepted.
#[must_use]
pub fn row(table: &Table, n: u64) -> Map<String, Value> {
    let mut row = Map::new();
    for column in &table.columns {
        let wanted =
            column.role == Role::Data || column.role == Role::Key && column.field.kind != FieldType::Integer;
        if wanted {
            row.insert(column.name().to_owned(), value(&column.field, n));
        }
    }
    row
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
