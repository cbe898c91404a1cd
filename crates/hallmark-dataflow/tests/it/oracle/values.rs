//! Values in two forms that know nothing of each other: JSON for the nodes, a literal for plain SQL.

use hallmark_dataflow::FieldType;
use serde_json::{Value, json};

/// One value.
#[derive(Clone, Debug)]
pub(super) struct Val {
    /// As a node takes it.
    pub(super) json: Value,
    /// As SQL has it.
    pub(super) sql: String,
    /// Whether no column of its field can keep it.
    pub(super) bad: bool,
}

impl Val {
    pub(super) fn null() -> Self {
        Self { json: Value::Null, sql: "NULL".to_owned(), bad: false }
    }

    pub(super) fn new(json: Value, sql: String) -> Self {
        Self { json, sql, bad: false }
    }

    pub(super) fn int(int: i64) -> Self {
        Self::new(json!(int), format!("'{int}'::bigint"))
    }

    pub(super) fn is_null(&self) -> bool {
        self.json.is_null()
    }
}

/// A text as a literal.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A name as an identifier.
pub(super) fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The type of a column.
pub(super) fn sql_type(kind: FieldType, digits: Option<(u32, u32)>) -> String {
    match (kind, digits) {
        (FieldType::Decimal, Some((all, places))) => return format!("numeric({all}, {places})"),
        (FieldType::Decimal, None) => "numeric",
        (FieldType::Integer, _) => "int8",
        (FieldType::Text, _) => "text",
        (FieldType::Float, _) => "float8",
        (FieldType::Boolean, _) => "bool",
        (FieldType::Timestamp, _) => "timestamptz",
        (FieldType::Date, _) => "date",
        (FieldType::Time, _) => "time",
        (FieldType::Uuid, _) => "uuid",
        (FieldType::Bytes, _) => "bytea",
        (FieldType::FloatArray, _) => "float8[]",
        _ => "jsonb",
    }
    .to_owned()
}

const TEXTS: [&str; 26] = [
    "",
    " ",
    "a",
    "A",
    "b",
    "ä",
    "Ä",
    "ß",
    "é",
    "e\u{301}",
    "%",
    "_",
    "a_b%",
    "\\",
    "\\x41",
    "'",
    "'; DROP TABLE things; --",
    "\"",
    "{{a}}",
    "${a}",
    "\n\t\r",
    "\u{1F469}\u{200d}\u{1F467}",
    "\u{200b}",
    "NULL",
    "[1]",
    "a rather long text that goes on and on, so that no short column can keep all of it",
];

fn floats(wild: bool) -> Vec<f64> {
    if wild {
        vec![-0.0, 0.1, 1e-300, f64::MAX, f64::MIN, 5e-324, 1.0 / 3.0]
    } else {
        // Their sums are exact in every order.
        vec![0.0, 0.5, -1.25, 3.0, 1024.125, -1e15]
    }
}

fn decimals(digits: Option<(u32, u32)>) -> Vec<Val> {
    let of = |text: &str| Val::new(json!(text), quoted(text) + "::numeric");
    match digits {
        // No two of them are the same number in another form: a group would show either.
        None => [
            "0",
            "-0.1000",
            "1.0",
            "123456789012345678901234567890.000000000000000000001",
            "1e20",
            "1E-10",
            "-99999999999999999999",
            "2.5",
        ]
        .iter()
        .map(|t| of(t))
        .collect(),
        Some((all, places)) => {
            let whole = "9".repeat(usize::try_from(all - places).unwrap());
            let part = "9".repeat(usize::try_from(places).unwrap());
            let mut vals =
                vec![of("0"), of("1.005"), of("-0.01"), of("7"), Val::new(json!(3), "3".to_owned())];
            // Without a digit before the point no number of one or more fits.
            vals.iter_mut()
                .skip(1)
                .filter(|v| all == places && v.sql != "'-0.01'::numeric")
                .for_each(|v| v.bad = true);
            vals.push(of(&format!("{whole}.{part}")));
            vals.push(of(&format!("-{whole}.{part}")));
            vals.push(Val { bad: true, ..of(&format!("{whole}.{part}9")) });
            vals.push(Val { bad: true, ..of(&format!("1{whole}0")) });
            vals
        }
    }
}

fn jsons(kind: FieldType) -> Vec<Value> {
    let objects = vec![
        json!({}),
        json!({"a": 1}),
        json!({"a": {"b": [1, 2.5, null, "x"]}}),
        json!({"'": "\"\\"}),
        json!({"Ö \u{1F600}": [true]}),
        json!({"eq": 1}),
    ];
    let arrays =
        vec![json!([]), json!([1, "a", null]), json!([[]]), json!([{"k": null}]), json!(["\\", "'"])];
    let single = vec![json!("text"), json!(5), json!(-2.5), json!(true), json!(i64::MAX), json!("")];
    match kind {
        FieldType::Object => objects,
        FieldType::Array => arrays,
        _ => [objects, arrays, single].concat(),
    }
}

/// The values that fields of this type get, most of them at an edge.
pub(super) fn pool(kind: FieldType, digits: Option<(u32, u32)>, wild: bool) -> Vec<Val> {
    let cast = |texts: &[&str], to: &str| -> Vec<Val> {
        texts.iter().map(|t| Val::new(json!(t), format!("{}::{to}", quoted(t)))).collect()
    };
    match kind {
        FieldType::Integer => {
            let edges = [0, 1, -1, 7, 42, (1 << 53) + 1, i64::MAX, i64::MIN];
            edges.iter().map(|i| Val::int(*i)).collect()
        }
        FieldType::Text => cast(&TEXTS, "text"),
        FieldType::Float => {
            floats(wild).into_iter().map(|f| Val::new(json!(f), format!("'{f:e}'::float8"))).collect()
        }
        FieldType::Decimal => decimals(digits),
        FieldType::Boolean => [true, false].map(|b| Val::new(json!(b), b.to_string())).to_vec(),
        FieldType::Timestamp => cast(
            &[
                "2026-11-24T21:14:16.123456Z",
                "1970-01-01T00:00:00Z",
                "0001-01-01T00:00:00Z",
                "9999-12-31T23:59:59.999999Z",
                "2026-03-29T02:30:00+01:00",
                "1969-12-31T23:59:59.999999Z",
                "2024-02-29T12:00:00-11:30",
            ],
            "timestamptz",
        ),
        FieldType::Date => {
            cast(&["2026-11-24", "0001-01-01", "9999-12-31", "2024-02-29", "1969-12-31"], "date")
        }
        FieldType::Time => cast(&["00:00:00", "23:59:59.999999", "12:30:00", "12:30:00.5"], "time"),
        FieldType::Uuid => cast(
            &[
                "00000000-0000-0000-0000-000000000000",
                "ffffffff-ffff-ffff-ffff-ffffffffffff",
                "6F9619FF-8B86-D011-B42D-00C04FC964FF",
                "6f9619ff-8b86-d011-b42d-00c04fc964fe",
            ],
            "uuid",
        ),
        FieldType::Bytes => cast(&["\\x", "\\x00", "\\x00ff", "\\xDEADbeef", "\\x27"], "bytea"),
        FieldType::FloatArray => [vec![], vec![0.5, -1.25], vec![1e300], vec![0.5]]
            .into_iter()
            .map(|f: Vec<f64>| {
                let texts: Vec<String> = f.iter().map(|x| format!("{x:e}")).collect();
                Val::new(json!(f), format!("'{{{}}}'::float8[]", texts.join(",")))
            })
            .collect(),
        FieldType::Object | FieldType::Array | FieldType::Json => jsons(kind)
            .into_iter()
            .map(|v| Val::new(v.clone(), format!("{}::jsonb", quoted(&v.to_string()))))
            .collect(),
    }
}

/// How a column is read so that its text says the value exactly. The text has a name that no column has, or `ORDER BY` would take it
/// for the column.
pub(super) fn selected(kind: FieldType, expression: &str) -> String {
    match kind {
        FieldType::Timestamp => {
            format!("to_char({expression} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS said")
        }
        _ => format!("({expression})::text AS said"),
    }
}

/// What PostgreSQL's text of a value says, in a form that [`of_json`] has too.
pub(super) fn of_text(kind: FieldType, text: Option<&str>) -> Option<String> {
    let text = text?;
    Some(match kind {
        FieldType::Float => float(text.parse().unwrap()),
        FieldType::FloatArray => {
            let inner = text.trim_matches(['{', '}']);
            let parts = inner.split(',').filter(|p| !p.is_empty()).map(|p| float(p.parse().unwrap()));
            parts.collect::<Vec<_>>().join(",")
        }
        FieldType::Object | FieldType::Array | FieldType::Json => {
            sorted(&serde_json::from_str(text).unwrap()).to_string()
        }
        _ => text.to_owned(),
    })
}

/// What a node's value says; a value of another type becomes a text that no column gives.
pub(super) fn of_json(kind: FieldType, value: &Value) -> Option<String> {
    let strange = || format!("not {}: {value}", kind.name());
    Some(match (kind, value) {
        (_, Value::Null) => return None,
        (FieldType::Integer, Value::Number(n)) if n.is_i64() => n.to_string(),
        (FieldType::Float, Value::Number(n)) => n.as_f64().map_or_else(strange, float),
        (FieldType::Boolean, Value::Bool(b)) => b.to_string(),
        (FieldType::FloatArray, Value::Array(items)) => {
            let parts: Option<Vec<String>> = items.iter().map(|v| v.as_f64().map(float)).collect();
            parts.map_or_else(strange, |p| p.join(","))
        }
        (FieldType::Object, Value::Object(_))
        | (FieldType::Array, Value::Array(_))
        | (FieldType::Json, _) => sorted(value).to_string(),
        (FieldType::Timestamp, Value::String(text)) => match text.strip_suffix('Z') {
            Some(rest) => {
                let (seconds, part) = rest.split_once('.').unwrap_or((rest, ""));
                format!("{seconds}.{part:0<6}Z")
            }
            None => strange(),
        },
        (
            FieldType::Text
            | FieldType::Decimal
            | FieldType::Date
            | FieldType::Time
            | FieldType::Uuid
            | FieldType::Bytes,
            Value::String(text),
        ) => text.clone(),
        _ => strange(),
    })
}

fn float(f: f64) -> String {
    // Both zeros are the same number.
    format!("{:?}", f + 0.0)
}

/// The value with its members in order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Object(members) => {
            let mut pairs: Vec<(String, Value)> =
                members.iter().map(|(k, v)| (k.clone(), sorted(v))).collect();
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(pairs.into_iter().collect())
        }
        other => other.clone(),
    }
}
