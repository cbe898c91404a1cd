//! Reading a governed input: the registry has checked types, these give the values.

use hallmark_core::{Error, Result};
use hallmark_workflow::Input;
use serde_json::{Map, Value};

use crate::filter::Filter;
use crate::sensitivity::Masking;
use crate::{codes, limits};

/// A node's input, read by name.
#[derive(Debug)]
pub(crate) struct Ask<'a>(pub(crate) &'a Input);

impl<'a> Ask<'a> {
    /// The value, unless it is missing or null.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|v| !v.is_null())
    }

    /// The value.
    pub(crate) fn need(&self, name: &str) -> Result<&'a Value> {
        self.get(name).ok_or_else(|| {
            let operation = self.text("operation").unwrap_or("this operation");
            Error::new(&codes::MISSING_VALUE, format!("`{name}` is required for {operation}")).at(name)
        })
    }

    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        self.get(name).and_then(Value::as_str)
    }

    pub(crate) fn truth(&self, name: &str) -> bool {
        self.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    pub(crate) fn object(&self, name: &str) -> Result<&'a Map<String, Value>> {
        self.need(name)?.as_object().ok_or_else(|| bad(name, "an object"))
    }

    pub(crate) fn array(&self, name: &str) -> Result<&'a Vec<Value>> {
        self.need(name)?.as_array().ok_or_else(|| bad(name, "an array"))
    }

    /// The objects of an array parameter.
    pub(crate) fn objects(&self, name: &str, most: usize) -> Result<Vec<&'a Map<String, Value>>> {
        let items = self.array(name)?;
        if items.len() > most {
            return Err(Error::new(
                &codes::TOO_MUCH,
                format!("{name} has {} items; at most {most} are taken", items.len()),
            ));
        }
        items.iter().map(|v| v.as_object().ok_or_else(|| bad(name, "an array of objects"))).collect()
    }

    /// The filter; none is the empty one.
    pub(crate) fn filter(&self) -> Filter<'a> {
        Filter { given: self.get("filter").unwrap_or(&Value::Null), masking: masking(self.0) }
    }

    /// A count within bounds; more than the most is an error, not silently less.
    pub(crate) fn count(&self, name: &str, default: u64, most: u64) -> Result<u64> {
        match self.get(name) {
            None => Ok(default),
            Some(value) => value.as_u64().filter(|n| (1..=most).contains(n)).ok_or_else(|| {
                Error::new(&codes::TOO_MUCH, format!("`{name}` must be a whole number from 1 to {most}"))
                    .at(name)
            }),
        }
    }

    /// The rows of a page.
    pub(crate) fn limit(&self) -> Result<u64> {
        self.count("limit", limits::PAGE_ROWS_DEFAULT, limits::PAGE_ROWS_MAX)
    }
}

fn bad(name: &str, what: &str) -> Error {
    Error::new(&codes::BAD_PARAMETER, format!("`{name}` must be {what}")).at(name)
}

/// Refuses a member that is none of these: a misspelt one would be passed over.
pub(crate) fn known(given: &Map<String, Value>, what: &str, known: &[&str]) -> Result<()> {
    match given.keys().find(|k| !known.contains(&k.as_str())) {
        None => Ok(()),
        Some(other) => Err(Error::new(&codes::BAD_PARAMETER, format!("{what} has no member {other:?}"))
            .at(what.to_owned())
            .next(format!("it takes {}", known.join(", ")))),
    }
}

/// A text member, if there is one.
pub(crate) fn text_in<'a>(given: &'a Map<String, Value>, what: &str, name: &str) -> Result<Option<&'a str>> {
    match given.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(bad(&format!("{what}.{name}"), "a text")),
    }
}

/// A finite number member within bounds, if there is one.
pub(crate) fn number_in(
    given: &Map<String, Value>,
    what: &str,
    name: &str,
    (low, high): (f64, f64),
) -> Result<Option<f64>> {
    match given.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_f64().filter(|n| (low..=high).contains(n)) {
            Some(number) => Ok(Some(number)),
            None if low == f64::MIN_POSITIVE => {
                Err(bad(&format!("{what}.{name}"), &format!("a number above 0 and up to {high:e}")))
            }
            None => Err(bad(&format!("{what}.{name}"), &format!("a number from {low} to {high}"))),
        },
    }
}

/// The names of a list member.
pub(crate) fn names_in<'a>(given: &'a Map<String, Value>, what: &str, name: &str) -> Result<Vec<&'a str>> {
    match given.get(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items
            .iter()
            .map(|v| v.as_str().ok_or_else(|| bad(&format!("{what}.{name}"), "a list of names")))
            .collect(),
        Some(_) => Err(bad(&format!("{what}.{name}"), "a list of names")),
    }
}

/// What a row for the application masks: secrets, unless asked for.
pub(crate) fn masking(input: &Input) -> Masking {
    if input.get("include_pii").and_then(Value::as_bool) == Some(true) {
        Masking::None
    } else {
        Masking::Secrets
    }
}
