//! The steps: read once, applied to each row.

use std::collections::BTreeSet;

use hallmark_core::{Error, Result, Secret};
use hallmark_python::models::FieldType;
use serde_json::{Map, Value};

use super::cast::{TARGETS, cast};
use super::enrich::Enrich;
use super::mask::Mask;
use crate::codes;
use crate::nodes::expression::{Expression, truth};

/// One step.
pub(super) enum Step {
    Rename(Vec<(String, String)>),
    Keep(Vec<String>),
    Drop(Vec<String>),
    Default(Vec<(String, Value)>),
    Cast(Vec<(String, FieldType)>),
    Mask(Vec<(String, Mask)>),
    Map(Vec<(String, Mapping)>),
    Compute(Vec<(String, Expression)>),
    Where(Expression),
    Enrich(Box<Enrich>),
}

/// What values become.
pub(super) struct Mapping {
    values: Map<String, Value>,
    /// What every other value becomes; itself, if nothing is said.
    other: Option<Value>,
}

pub(super) fn bad(message: impl Into<String>) -> Error {
    Error::new(&codes::BAD_STEP, message)
}

fn missing(field: &str) -> Error {
    bad(format!("the row has no field {field:?}"))
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

fn target(given: &Value) -> Result<FieldType> {
    let name = text(given)?;
    TARGETS.iter().find(|(n, _)| *n == name).map(|(_, kind)| *kind).ok_or_else(|| {
        let known: Vec<&str> = TARGETS.iter().map(|(n, _)| *n).collect();
        bad(format!("cannot cast to {name:?}; to {}", known.join(", ")))
    })
}

impl Mapping {
    fn read(given: &Value) -> Result<Self> {
        let members =
            given.as_object().ok_or_else(|| bad("a mapping is {\"values\": {..}, \"else\": ..}"))?;
        crate::input::known(members, "map", &["values", "else"])?;
        let values = members.get("values").and_then(Value::as_object);
        let values = values.ok_or_else(|| bad("a mapping has values, an object"))?.clone();
        Ok(Self { values, other: members.get("else").cloned() })
    }

    /// Numbers and truths are named by their texts, null by `null`.
    fn apply(&self, value: &Value) -> Value {
        let name = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.values.get(&name).or(self.other.as_ref()).unwrap_or(value).clone()
    }
}

impl Step {
    /// Reads a step.
    ///
    /// # Errors
    /// `HM-D060`, `HM-D061`.
    pub(super) fn read(given: &Map<String, Value>) -> Result<Self> {
        let mut members = given.iter();
        let (Some((kind, value)), None) = (members.next(), members.next()) else {
            return Err(bad("a step has exactly one member, its kind"));
        };
        match kind.as_str() {
            "rename" => pairs(value, |v| text(v).map(str::to_owned)).map(Self::Rename),
            "keep" => names(value).map(Self::Keep),
            "drop" => names(value).map(Self::Drop),
            "default" => pairs(value, |v| Ok(v.clone())).map(Self::Default),
            "cast" => pairs(value, target).map(Self::Cast),
            "mask" => pairs(value, Mask::read).map(Self::Mask),
            "map" => pairs(value, Mapping::read).map(Self::Map),
            "compute" => pairs(value, |v| Expression::parse(text(v)?)).map(Self::Compute),
            "where" => Expression::parse(text(value)?).map(Self::Where),
            "enrich" => Enrich::read(value).map(|e| Self::Enrich(Box::new(e))),
            other => Err(bad(format!("unknown step {other:?}"))
                .next("use rename, keep, drop, default, cast, mask, map, compute, where or enrich")),
        }
    }

    /// Notes which fields hold decimals once the step is done; an enrichment is noted where it is made.
    pub(super) fn note(&self, decimals: &mut BTreeSet<String>) {
        match self {
            Self::Rename(names) => {
                let taken: Vec<_> = names.iter().filter(|(old, _)| decimals.remove(old)).collect();
                decimals.extend(taken.into_iter().map(|(_, new)| new.clone()));
            }
            Self::Cast(fields) => fields.iter().for_each(|(field, kind)| {
                if *kind == FieldType::Decimal {
                    decimals.insert(field.clone())
                } else {
                    decimals.remove(field)
                };
            }),
            Self::Mask(fields) => fields.iter().for_each(|(field, _)| {
                decimals.remove(field);
            }),
            Self::Map(fields) => fields.iter().for_each(|(field, _)| {
                decimals.remove(field);
            }),
            // In their order, as they are computed.
            Self::Compute(fields) => fields.iter().for_each(|(field, expression)| {
                if expression.is_exact(decimals) {
                    decimals.insert(field.clone())
                } else {
                    decimals.remove(field)
                };
            }),
            Self::Keep(_) | Self::Drop(_) | Self::Default(_) | Self::Where(_) | Self::Enrich(_) => {}
        }
    }

    /// Changes the row, in which these fields hold decimals; false if it is left out. An enrichment is made of all rows at once, elsewhere.
    ///
    /// # Errors
    /// `HM-D060`, `HM-D061` if the step does not fit the row.
    pub(super) fn apply(
        &self,
        row: &mut Map<String, Value>,
        decimals: &BTreeSet<String>,
        key: Option<&Secret>,
    ) -> Result<bool> {
        match self {
            Self::Rename(names) => rename(row, names)?,
            Self::Keep(names) => row.retain(|k, _| names.contains(k)),
            Self::Drop(names) => row.retain(|k, _| !names.contains(k)),
            Self::Default(values) => {
                for (field, value) in values {
                    if row.get(field).is_none_or(Value::is_null) {
                        row.insert(field.clone(), value.clone());
                    }
                }
            }
            Self::Cast(fields) => change(row, fields, |field, value, kind| {
                cast(value, *kind)
                    .ok_or_else(|| bad(format!("the value of {field} cannot be cast to {}", kind.name())))
            })?,
            Self::Mask(fields) => change(row, fields, |_, value, mask| mask.apply(value, key))?,
            Self::Map(fields) => change(row, fields, |_, value, mapping| Ok(mapping.apply(value)))?,
            Self::Compute(fields) => {
                // One that was computed may take part in the next.
                let mut decimals = decimals.clone();
                for (field, expression) in fields {
                    let value = expression.evaluate(row, &decimals)?;
                    row.insert(field.clone(), value);
                    if expression.is_exact(&decimals) {
                        decimals.insert(field.clone())
                    } else {
                        decimals.remove(field)
                    };
                }
            }
            Self::Where(condition) => return truth(&condition.evaluate(row, decimals)?),
            Self::Enrich(_) => {}
        }
        Ok(true)
    }
}

fn rename(row: &mut Map<String, Value>, names: &[(String, String)]) -> Result<()> {
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
    Ok(())
}

/// Puts another value in place of each of these fields.
fn change<T>(
    row: &mut Map<String, Value>,
    fields: &[(String, T)],
    make: impl Fn(&str, &Value, &T) -> Result<Value>,
) -> Result<()> {
    for (field, how) in fields {
        let value = row.get_mut(field).ok_or_else(|| missing(field))?;
        *value = make(field, value, how)?;
    }
    Ok(())
}
