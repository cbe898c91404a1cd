//! Rules for one field: declared by the model or given with the call, asked of a value or of the rows that are there.

use std::cmp::Ordering;

use hallmark_core::{Error, Result};
use hallmark_python::models::FieldType;
use serde_json::{Map, Value};

use crate::instant::Day;
use crate::sql::{Sql, compared_cast};
use crate::table::{Column, Role, Table};
use crate::value::{self, Bound};
use crate::{codes, limits};

/// A rule for a field.
pub(super) struct FieldRule<'a> {
    /// The field.
    pub(super) column: &'a Column,
    /// Its name, as `max_length`.
    pub(super) name: &'static str,
    /// Its bound as it was given, for messages.
    pub(super) shown: Value,
    check: Check,
}

enum Check {
    Required,
    Least(Bound, bool),
    Most(Bound, bool),
    Shortest(i64),
    Longest(i64),
    Choices(Vec<Value>),
    Pattern(Box<regex::Regex>, String),
}

fn malformed(name: &str, why: &str) -> Error {
    Error::new(&codes::BAD_RULE, format!("the rule {name} {why}")).at("rules")
}

impl<'a> FieldRule<'a> {
    /// Reads the rules that a call gives: field to rules.
    ///
    /// # Errors
    /// `HM-D010` for an unknown field, `HM-D137` for a rule that is unknown, malformed or does not fit the field.
    pub(super) fn read(table: &'a Table, given: &Map<String, Value>) -> Result<Vec<Self>> {
        let mut rules = Vec::new();
        for (field, named) in given {
            let column = table.column(field)?;
            let named = named.as_object().ok_or_else(|| malformed(field, "is an object of rules"))?;
            for (name, bound) in named {
                rules.extend(Self::one(column, name, bound)?);
            }
        }
        if rules.len() > limits::RULES_MAX {
            let message = format!("{} rules are given; at most {} are taken", rules.len(), limits::RULES_MAX);
            return Err(Error::new(&codes::BAD_RULE, message).at("rules"));
        }
        Ok(rules)
    }

    /// What the model itself says of its fields.
    pub(super) fn declared(table: &'a Table) -> Vec<Self> {
        let mut rules = Vec::new();
        for column in table.shown().filter(|c| c.role == Role::Data) {
            let field = &column.field;
            let mut add = |name: &'static str, shown: Value, check: Option<Check>| {
                rules.extend(check.map(|check| Self { column, name, shown, check }));
            };
            let length = |l: Option<u32>| l.map(|l| (Value::from(l), i64::from(l)));
            add("required", Value::Bool(true), (!field.nullable).then_some(Check::Required));
            let bound = |limit: &Value| value::encode(field.kind, limit).ok();
            if let Some(limit) = &field.minimum {
                add(
                    "min",
                    limit.value.clone(),
                    bound(&limit.value).map(|b| Check::Least(b, limit.exclusive)),
                );
            }
            if let Some(limit) = &field.maximum {
                add("max", limit.value.clone(), bound(&limit.value).map(|b| Check::Most(b, limit.exclusive)));
            }
            if field.kind == FieldType::Text {
                if let Some((shown, most)) = length(field.max_length) {
                    add("max_length", shown, Some(Check::Longest(most)));
                }
                if let Some((shown, least)) = length(field.min_length) {
                    add("min_length", shown, Some(Check::Shortest(least)));
                }
            }
            if let (Some(pattern), Some(text)) = (&column.pattern, &field.pattern) {
                add(
                    "pattern",
                    text.as_str().into(),
                    Some(Check::Pattern(Box::new(pattern.clone()), text.clone())),
                );
            }
            if !field.choices.is_empty() && !field.kind.is_json() {
                add("choices", field.choices.clone().into(), Some(Check::Choices(field.choices.clone())));
            }
        }
        rules
    }

    fn one(column: &'a Column, name: &str, bound: &Value) -> Result<Option<Self>> {
        let kind = column.field.kind;
        let ordered = !kind.is_json()
            && !matches!(
                kind,
                FieldType::Boolean
                    | FieldType::FloatArray
                    | FieldType::Bytes
                    | FieldType::Uuid
                    | FieldType::Text
            );
        let edge = |name: &str| {
            if !ordered {
                return Err(malformed(
                    name,
                    &format!("does not fit {}, which is {}", column.name(), kind.name()),
                ));
            }
            match value::encode(kind, bound) {
                Ok(Bound::Null(_)) | Err(_) => {
                    Err(malformed(name, &format!("has no bound of type {}", kind.name())))
                }
                Ok(bound) => Ok(bound),
            }
        };
        let size = |name: &str| {
            let fits = matches!(kind, FieldType::Text | FieldType::Array | FieldType::FloatArray);
            let size = bound.as_u64().and_then(|n| i64::try_from(n).ok()).filter(|_| fits);
            size.ok_or_else(|| malformed(name, "takes a whole number, of a text or a list"))
        };
        let (name, check) = match name {
            "required" => match bound {
                Value::Bool(true) => ("required", Check::Required),
                Value::Bool(false) => return Ok(None),
                _ => return Err(malformed(name, "is true or false")),
            },
            "min" => ("min", Check::Least(edge(name)?, false)),
            "max" => ("max", Check::Most(edge(name)?, false)),
            "min_length" => ("min_length", Check::Shortest(size(name)?)),
            "max_length" => ("max_length", Check::Longest(size(name)?)),
            "choices" => {
                let items = bound.as_array().ok_or_else(|| malformed(name, "takes a list"))?;
                let fit =
                    !kind.is_json() && items.iter().all(|v| !v.is_null() && value::encode(kind, v).is_ok());
                if !fit || items.len() > limits::FILTER_IN_VALUES_MAX {
                    return Err(malformed(name, &format!("takes a list of values of type {}", kind.name())));
                }
                ("choices", Check::Choices(items.clone()))
            }
            "pattern" => {
                let text = bound
                    .as_str()
                    .filter(|_| kind == FieldType::Text && !bound.as_str().is_some_and(|t| t.contains('\0')));
                let read = text.and_then(|t| Some((crate::table::compiled(t)?, t.to_owned())));
                let (pattern, text) =
                    read.ok_or_else(|| malformed(name, "takes a regular expression, of a text"))?;
                ("pattern", Check::Pattern(Box::new(pattern), text))
            }
            other => {
                return Err(malformed(other, "is unknown")
                    .next("use required, min, max, min_length, max_length, choices, pattern"));
            }
        };
        Ok(Some(Self { column, name, shown: bound.clone(), check }))
    }

    /// Whether a value breaks it. Null breaks `required` only, and what has the wrong type is told elsewhere.
    pub(super) fn is_broken(&self, given: &Value) -> bool {
        let length = || {
            let letters = given.as_str().map(|t| t.chars().count());
            letters.or_else(|| given.as_array().map(Vec::len)).and_then(|n| i64::try_from(n).ok())
        };
        let order = |bound: &Bound| order(&value::encode(self.column.field.kind, given).ok()?, bound);
        match &self.check {
            Check::Required => given.is_null(),
            Check::Least(bound, false) => order(bound) == Some(Ordering::Less),
            Check::Least(bound, true) => order(bound).is_some_and(Ordering::is_le),
            Check::Most(bound, false) => order(bound) == Some(Ordering::Greater),
            Check::Most(bound, true) => order(bound).is_some_and(Ordering::is_ge),
            Check::Shortest(least) => length().is_some_and(|n| n < *least),
            Check::Longest(most) => length().is_some_and(|n| n > *most),
            Check::Choices(choices) => !given.is_null() && !choices.contains(given),
            Check::Pattern(pattern, _) => given.as_str().is_some_and(|t| !pattern.is_match(t)),
        }
    }

    /// Appends the condition that a row that is there breaks it; null where it does not apply.
    ///
    /// # Errors
    /// Those of values.
    pub(super) fn push_broken(&self, sql: &mut Sql) -> Result<()> {
        let ident = &self.column.ident;
        let kind = self.column.field.kind;
        let length = match kind {
            FieldType::Array => {
                format!("CASE jsonb_typeof({ident}) WHEN 'array' THEN jsonb_array_length({ident}) END")
            }
            FieldType::FloatArray => format!("cardinality({ident})"),
            _ => format!("char_length({})", self.column.text()),
        };
        let mut compare = |left: &str, symbol: &str, bound: Bound| {
            sql.push(left).push(symbol).bind(bound, compared_cast(kind).filter(|_| left == ident));
        };
        match &self.check {
            Check::Required => drop(sql.push(&format!("{ident} IS NULL"))),
            Check::Least(bound, exclusive) => {
                compare(ident, if *exclusive { " <= " } else { " < " }, bound.clone());
            }
            Check::Most(bound, exclusive) => {
                compare(ident, if *exclusive { " >= " } else { " > " }, bound.clone());
            }
            Check::Shortest(least) => compare(&length, " < ", Bound::Int(*least)),
            Check::Longest(most) => compare(&length, " > ", Bound::Int(*most)),
            Check::Pattern(_, text) => compare(&self.column.text(), " !~ ", Bound::Text(text.clone())),
            Check::Choices(choices) if choices.is_empty() => drop(sql.push(&format!("{ident} IS NOT NULL"))),
            Check::Choices(choices) => {
                sql.push(ident).push(" NOT IN (");
                for (i, choice) in choices.iter().enumerate() {
                    sql.push(if i > 0 { ", " } else { "" });
                    sql.bind_compared(self.column, choice)?;
                }
                sql.push(")");
            }
        }
        Ok(())
    }
}

/// The order of two checked values of one type.
fn order(a: &Bound, b: &Bound) -> Option<Ordering> {
    match (a, b) {
        (Bound::Int(a), Bound::Int(b)) => Some(a.cmp(b)),
        (Bound::Float(a), Bound::Float(b)) => a.partial_cmp(b),
        (Bound::Timestamp(a), Bound::Timestamp(b)) => Some(a.cmp(b)),
        // Decimals and days; times are written so that their texts are in order.
        (Bound::Text(a), Bound::Text(b)) => match (a.parse::<f64>(), b.parse::<f64>()) {
            (Ok(a), Ok(b)) => a.partial_cmp(&b),
            _ => Some(Day::read(a).zip(Day::read(b)).map_or_else(|| a.cmp(b), |(a, b)| a.cmp(&b))),
        },
        _ => None,
    }
}
