//! Rows reshaped by steps: given rows or those of a query. Nothing is written.

use hallmark_core::{Error, Result, digest};
use hallmark_python::models::FieldType;
use hallmark_workflow::{BoxFuture, Context, Input, Param};
use serde_json::{Map, Value, json};

use super::expression::{Expression, truth};
use super::{Kind, filter, include_pii, masking};
use crate::engine::Engine;
use crate::input::Ask;
use crate::sql::Sql;
use crate::table::{Column, Table};
use crate::{codes, limits, page};

/// The kind `Transform`.
pub(super) struct Transform;

impl Kind for Transform {
    fn name(&self) -> &'static str {
        "Transform"
    }

    fn summary(&self) -> &'static str {
        "Renames, casts, masks and computes fields of rows of {}, given or queried; writes nothing"
    }

    fn operations(&self) -> &'static [&'static str] {
        &["transform"]
    }

    fn params(&self, _: &Table) -> Vec<Param> {
        vec![
            Param::array("rows").describe("The rows; without them those of the filter are read").max_length(limits::ROWS_GIVEN_MAX).pii(),
            Param::array("steps")
                .required()
                .describe(
                    "In order: {\"rename\": {\"old\": \"new\"}}, {\"keep\": [..]}, {\"drop\": [..]}, {\"default\": {field: value}}, \
                     {\"cast\": {field: \"integer|float|text|boolean\"}}, {\"mask\": {field: \"hash|redact|partial\"}}, \
                     {\"compute\": {field: \"expression\"}}, {\"where\": \"expression\"}",
                )
                .max_length(limits::STEPS_MAX),
            filter(),
            Param::any("sort").describe("Fields to read by, `-` in front for descending"),
            Param::integer("limit").describe("The most rows to read").range(1.0, 1_000.0),
            include_pii(),
        ]
    }

    fn read_only(&self) -> bool {
        true
    }

    fn run<'a>(
        &'a self,
        engine: &'a Engine,
        context: &'a Context,
        _: &'a str,
        input: &'a Input,
    ) -> BoxFuture<'a, Result<Value>> {
        Box::pin(run(engine, context, Ask(input)))
    }
}

async fn run(engine: &Engine, context: &Context, ask: Ask<'_>) -> Result<Value> {
    let steps =
        ask.objects("steps", limits::STEPS_MAX)?.into_iter().map(Step::read).collect::<Result<Vec<_>>>()?;
    let rows: Vec<Map<String, Value>> = if ask.get("rows").is_some() {
        ask.objects("rows", limits::ROWS_GIVEN_MAX)?.into_iter().cloned().collect()
    } else {
        query(engine, context, &ask).await?
    };
    let read = rows.len();
    let mut out = Vec::with_capacity(read);
    'rows: for (i, mut row) in rows.into_iter().enumerate() {
        for (n, step) in steps.iter().enumerate() {
            let kept = step.apply(&mut row).map_err(|e| {
                Error::new(e.code(), e.message().to_owned()).at(format!("rows[{i}], steps[{n}]"))
            })?;
            if !kept {
                continue 'rows;
            }
        }
        out.push(Value::Object(row));
    }
    Ok(json!({"operation": "transform", "read": read, "count": out.len(), "rows": out}))
}

async fn query(engine: &Engine, context: &Context, ask: &Ask<'_>) -> Result<Vec<Map<String, Value>>> {
    let columns: Vec<&Column> = engine.table.shown().collect();
    let mut sql = Sql::new(format!("SELECT {}", Engine::select_list(&columns)));
    engine.push_from(&mut sql, context, ask.filter(), false)?;
    page::push_order(&mut sql, &page::keys(&engine.table, ask.get("sort"))?);
    sql.push(&format!(" LIMIT {}", ask.limit()?));
    let rows = engine.read(&sql).await?;
    rows.iter()
        .map(|row| {
            let mut object = Engine::object(&columns, row)?;
            masking(ask.0).apply(&engine.table, &mut object);
            Ok(object)
        })
        .collect()
}

#[derive(Clone, Copy)]
enum Mask {
    Hash,
    Redact,
    Partial,
}

enum Step {
    Rename(Vec<(String, String)>),
    Keep(Vec<String>),
    Drop(Vec<String>),
    Default(Vec<(String, Value)>),
    Cast(Vec<(String, FieldType)>),
    Mask(Vec<(String, Mask)>),
    Compute(Vec<(String, Expression)>),
    Where(Expression),
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(&codes::BAD_STEP, message)
}

fn pairs<T>(given: &Value, read: impl Fn(&Value) -> Result<T>) -> Result<Vec<(String, T)>> {
    let members = given.as_object().ok_or_else(|| bad("the step takes an object of fields"))?;
    members.iter().map(|(k, v)| Ok((k.clone(), read(v)?))).collect()
}

fn names(given: &Value) -> Result<Vec<String>> {
    let items = given
        .as_array()
        .and_then(|a| a.iter().map(|v| v.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>());
    items.ok_or_else(|| bad("the step takes a list of field names"))
}

fn text(given: &Value) -> Result<&str> {
    given.as_str().ok_or_else(|| bad("a text was expected"))
}

impl Step {
    fn read(given: &Map<String, Value>) -> Result<Self> {
        let mut members = given.iter();
        let (Some((kind, value)), None) = (members.next(), members.next()) else {
            return Err(bad("a step has exactly one member, its kind"));
        };
        match kind.as_str() {
            "rename" => pairs(value, |v| text(v).map(str::to_owned)).map(Self::Rename),
            "keep" => names(value).map(Self::Keep),
            "drop" => names(value).map(Self::Drop),
            "default" => pairs(value, |v| Ok(v.clone())).map(Self::Default),
            "cast" => pairs(value, |v| match text(v)? {
                "integer" => Ok(FieldType::Integer),
                "float" => Ok(FieldType::Float),
                "text" => Ok(FieldType::Text),
                "boolean" => Ok(FieldType::Boolean),
                other => Err(bad(format!("cannot cast to {other:?}; to integer, float, text or boolean"))),
            })
            .map(Self::Cast),
            "mask" => pairs(value, |v| match text(v)? {
                "hash" => Ok(Mask::Hash),
                "redact" => Ok(Mask::Redact),
                "partial" => Ok(Mask::Partial),
                other => Err(bad(format!("unknown mask {other:?}; use hash, redact or partial"))),
            })
            .map(Self::Mask),
            "compute" => pairs(value, |v| Expression::parse(text(v)?)).map(Self::Compute),
            "where" => Expression::parse(text(value)?).map(Self::Where),
            other => Err(bad(format!("unknown step {other:?}"))
                .next("use rename, keep, drop, default, cast, mask, compute or where")),
        }
    }

    /// Changes the row; false if it is left out.
    fn apply(&self, row: &mut Map<String, Value>) -> Result<bool> {
        match self {
            Self::Rename(names) => {
                // All are taken out first, so that two fields can swap their names.
                let taken: Vec<(String, Value)> = names
                    .iter()
                    .map(|(old, new)| row.remove(old).map(|v| (new.clone(), v)).ok_or_else(|| missing(old)))
                    .collect::<Result<_>>()?;
                for (new, value) in taken {
                    if row.insert(new.clone(), value).is_some() {
                        return Err(bad(format!("the row already has a field {new:?}")));
                    }
                }
            }
            Self::Keep(names) => row.retain(|k, _| names.contains(k)),
            Self::Drop(names) => row.retain(|k, _| !names.contains(k)),
            Self::Default(values) => {
                for (field, value) in values {
                    if row.get(field).is_none_or(Value::is_null) {
                        row.insert(field.clone(), value.clone());
                    }
                }
            }
            Self::Cast(fields) => {
                for (field, kind) in fields {
                    let value = row.get_mut(field).ok_or_else(|| missing(field))?;
                    *value = cast(value, *kind).ok_or_else(|| {
                        bad(format!("the value of {field} cannot be cast to {}", kind.name()))
                    })?;
                }
            }
            Self::Mask(fields) => {
                for (field, mask) in fields {
                    let value = row.get_mut(field).ok_or_else(|| missing(field))?;
                    if !value.is_null() {
                        *value = Value::String(masked(value, *mask));
                    }
                }
            }
            Self::Compute(fields) => {
                for (field, expression) in fields {
                    let value = expression.evaluate(row)?;
                    row.insert(field.clone(), value);
                }
            }
            Self::Where(condition) => return truth(&condition.evaluate(row)?),
        }
        Ok(true)
    }
}

fn missing(field: &str) -> Error {
    bad(format!("the row has no field {field:?}"))
}

/// The cast value; `None` if it would lose something. Null stays null.
fn cast(value: &Value, kind: FieldType) -> Option<Value> {
    let plain = match value {
        Value::Null => return Some(Value::Null),
        Value::String(text) => text.trim().to_owned(),
        Value::Array(_) | Value::Object(_) if kind != FieldType::Text => return None,
        other => other.to_string(),
    };
    match kind {
        FieldType::Text => Some(Value::String(value.as_str().map_or(plain, str::to_owned))),
        FieldType::Integer => plain.parse::<i64>().ok().map(Value::from).or_else(|| {
            let whole = plain.strip_suffix(".0").unwrap_or_default();
            whole.parse::<i64>().ok().map(Value::from)
        }),
        FieldType::Float => {
            plain.parse::<f64>().ok().and_then(serde_json::Number::from_f64).map(Value::Number)
        }
        _ => match plain.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Some(Value::Bool(true)),
            "false" | "no" | "0" => Some(Value::Bool(false)),
            _ => None,
        },
    }
}

fn masked(value: &Value, mask: Mask) -> String {
    let plain = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match mask {
        Mask::Redact => hallmark_core::secret::MASK.to_owned(),
        // Hides the value and still tells equal ones apart from different ones.
        Mask::Hash => digest::sha256(plain.as_bytes()),
        Mask::Partial => {
            let letters: Vec<char> = plain.chars().collect();
            let shown = if letters.len() >= 8 { 2 } else { 0 };
            let stars = "*".repeat(letters.len().saturating_sub(2 * shown).max(4));
            let (head, tail) = (&letters[..shown], &letters[letters.len() - shown..]);
            format!("{}{stars}{}", head.iter().collect::<String>(), tail.iter().collect::<String>())
        }
    }
}
