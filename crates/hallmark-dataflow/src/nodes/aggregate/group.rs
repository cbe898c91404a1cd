//! What rows are grouped by, and over which of it subtotals run.

use hallmark_core::{Error, Result};
use hallmark_python::models::FieldType;
use serde_json::Value;

use crate::input::{Ask, known, text_in};
use crate::nodes::refuse_masked;
use crate::sql::Sql;
use crate::table::{Column, Table};
use crate::value::Bound;
use crate::{codes, limits};

/// The steps of a date bucket.
pub(in crate::nodes) const BUCKETS: [&str; 8] =
    ["minute", "hour", "day", "week", "month", "quarter", "year", "second"];

/// One field, or the step of time that it falls in.
pub(in crate::nodes) struct Key<'a> {
    pub(in crate::nodes) alias: String,
    pub(in crate::nodes) kind: FieldType,
    column: &'a Column,
    /// The step and the time zone that it begins in.
    bucket: Option<(&'static str, String)>,
}

/// All keys, and the sets of them that rows are grouped by.
pub(in crate::nodes) struct Grouping<'a> {
    pub(in crate::nodes) keys: Vec<Key<'a>>,
    /// Which keys each set has, by their places; `None` for all of them at once.
    sets: Option<Vec<Vec<usize>>>,
}

fn bad(message: impl Into<String>, place: &str) -> Error {
    Error::new(&codes::BAD_PARAMETER, message).at(place.to_owned())
}

/// A time zone that is known by name.
///
/// # Errors
/// `HM-D135`.
pub(in crate::nodes) fn time_zone(name: &str) -> Result<String> {
    // Names only: PostgreSQL would read `XYZ+3` too, the other way round. Where this machine keeps no zones, PostgreSQL tells.
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-' | b'+'));
    if plain && (name.contains('/') || name == "UTC" || jiff::tz::TimeZone::get(name).is_ok()) {
        return Ok(name.to_owned());
    }
    Err(Error::new(&codes::UNKNOWN_TIME_ZONE, format!("there is no time zone {name:?}"))
        .at("time_zone")
        .next("use a name like UTC, Europe/Berlin or America/New_York"))
}

/// The step of this name.
///
/// # Errors
/// `HM-D025`.
pub(in crate::nodes) fn step(name: &str) -> Result<&'static str> {
    let found = BUCKETS.iter().copied().find(|b| *b == name);
    found.ok_or_else(|| {
        bad(format!("unknown bucket {name:?}"), "bucket").next(format!("use {}", BUCKETS.join(", ")))
    })
}

impl<'a> Key<'a> {
    /// The start of the step that a time falls in.
    ///
    /// # Errors
    /// `HM-D025` if the field holds no times.
    pub(in crate::nodes) fn bucket(column: &'a Column, step: &'static str, zone: &str) -> Result<Self> {
        if !matches!(column.field.kind, FieldType::Timestamp | FieldType::Date) {
            let message =
                format!("{} is {} and has no time buckets", column.name(), column.field.kind.name());
            return Err(bad(message, "bucket"));
        }
        let alias = format!("{}_{step}", column.name());
        Ok(Self { alias, kind: FieldType::Timestamp, column, bucket: Some((step, zone.to_owned())) })
    }

    fn read(table: &'a Table, given: &Value, zone: &str, ask: &Ask<'_>) -> Result<Self> {
        let malformed =
            || bad("group_by takes field names or {\"field\": …, \"bucket\": …, \"as\": …}", "group_by");
        let (name, bucket, alias) = match given {
            Value::String(name) => (name.as_str(), None, None),
            Value::Object(members) => {
                known(members, "group_by", &["field", "bucket", "as"])?;
                let text = |k: &str| text_in(members, "group_by", k);
                (text("field")?.ok_or_else(malformed)?, text("bucket")?, text("as")?)
            }
            _ => return Err(malformed()),
        };
        let column = table.column(name)?;
        refuse_masked(column, ask.0, "group_by")?;
        let mut key = match bucket {
            Some(bucket) => Self::bucket(column, step(bucket)?, zone)?,
            None => Self { alias: name.to_owned(), kind: column.field.kind, column, bucket: None },
        };
        if let Some(alias) = alias {
            crate::names::quote(alias)?;
            alias.clone_into(&mut key.alias);
        }
        Ok(key)
    }

    /// Appends the expression.
    pub(in crate::nodes) fn push(&self, sql: &mut Sql) {
        let ident = &self.column.ident;
        let Some((step, zone)) = &self.bucket else {
            sql.push(&self.column.text());
            return;
        };
        if self.column.field.kind == FieldType::Date {
            // A day is that day wherever one is: it begins at midnight of the zone.
            sql.push(&format!("date_trunc('{step}', {ident}::timestamp) AT TIME ZONE "));
            sql.bind(Bound::Text(zone.clone()), None);
        } else {
            sql.push(&format!("date_trunc('{step}', {ident}, "));
            sql.bind(Bound::Text(zone.clone()), None).push(")");
        }
    }
}

impl<'a> Grouping<'a> {
    /// Reads `group_by` and how subtotals are asked for.
    ///
    /// # Errors
    /// `HM-D010`, `HM-D025`, `HM-D135`.
    pub(in crate::nodes) fn read(table: &'a Table, ask: &Ask<'_>) -> Result<Self> {
        let zone = time_zone(ask.text("time_zone").unwrap_or("UTC"))?;
        let given: &[Value] = if ask.get("group_by").is_some() { ask.array("group_by")? } else { &[] };
        let keys = given.iter().map(|g| Key::read(table, g, &zone, ask)).collect::<Result<Vec<_>>>()?;
        if let Some(twice) =
            keys.iter().enumerate().find(|(i, k)| keys[..*i].iter().any(|o| o.alias == k.alias))
        {
            return Err(bad(format!("two groups are called {:?}", twice.1.alias), "group_by"));
        }
        let sets = Self::wanted(&keys, ask)?;
        Ok(Self { keys, sets })
    }

    fn wanted(keys: &[Key<'_>], ask: &Ask<'_>) -> Result<Option<Vec<Vec<usize>>>> {
        let (rollup, cube) = (ask.truth("rollup"), ask.truth("cube"));
        let sets = ask.get("grouping_sets").is_some();
        if usize::from(rollup) + usize::from(cube) + usize::from(sets) > 1 {
            return Err(bad(
                "rollup, cube and grouping_sets are three ways to say one thing",
                "grouping_sets",
            ));
        }
        let count = keys.len();
        if rollup {
            return Ok((count > 0).then(|| (0..=count).rev().map(|n| (0..n).collect()).collect()));
        }
        if cube {
            if count > limits::CUBE_FIELDS_MAX {
                let message = format!("cube takes at most {} groups", limits::CUBE_FIELDS_MAX);
                return Err(bad(message, "cube"));
            }
            let chosen = |bits: usize| (0..count).filter(|i| bits >> (count - 1 - i) & 1 == 1).collect();
            return Ok((count > 0).then(|| (0..1_usize << count).rev().map(chosen).collect()));
        }
        if !sets {
            return Ok(None);
        }
        let listed = || bad("grouping_sets is a list of lists of groups", "grouping_sets");
        let place = |name: &Value| {
            let found = keys.iter().position(|k| name.as_str() == Some(k.alias.as_str()));
            found.ok_or_else(|| bad(format!("{name} is no group"), "grouping_sets"))
        };
        let read: Vec<Vec<usize>> = (ask.array("grouping_sets")?.iter())
            .map(|set| {
                let mut places =
                    set.as_array().ok_or_else(listed)?.iter().map(place).collect::<Result<Vec<_>>>()?;
                places.sort_unstable();
                places.dedup();
                Ok(places)
            })
            .collect::<Result<_>>()?;
        if read.is_empty() || read.iter().enumerate().any(|(i, set)| read[..i].contains(set)) {
            return Err(bad("grouping_sets names at least one set, and each once", "grouping_sets"));
        }
        if let Some(key) = (0..count).find(|place| !read.iter().any(|set| set.contains(place))) {
            let message = format!("the group {:?} stands in no set", keys[key].alias);
            return Err(bad(message, "grouping_sets"));
        }
        Ok(Some(read))
    }

    /// Whether there are subtotals.
    pub(in crate::nodes) fn has_subtotals(&self) -> bool {
        self.sets.is_some()
    }

    /// The expression whose bits tell which keys a row runs over; the first key is the highest bit.
    pub(super) fn bits(&self, names: &[String]) -> String {
        if self.sets.is_some() {
            format!("grouping({})::bigint", names.join(", "))
        } else {
            "0::bigint".to_owned()
        }
    }

    /// What stands behind `GROUP BY`; `further` is a column that every set has.
    pub(super) fn sets(&self, names: &[String], further: Option<&str>) -> String {
        let set = |places: &[usize]| {
            let chosen = places.iter().map(|i| names[*i].as_str()).chain(further);
            format!("({})", chosen.collect::<Vec<_>>().join(", "))
        };
        match &self.sets {
            Some(sets) => {
                format!("GROUPING SETS ({})", sets.iter().map(|s| set(s)).collect::<Vec<_>>().join(", "))
            }
            None if names.is_empty() && further.is_none() => "()".to_owned(),
            None => names.iter().map(String::as_str).chain(further).collect::<Vec<_>>().join(", "),
        }
    }

    /// The names of the keys that a subtotal runs over.
    pub(super) fn over(&self, bits: u64) -> Vec<&str> {
        let count = self.keys.len();
        let chosen = self.keys.iter().enumerate().filter(|(i, _)| bits >> (count - 1 - i) & 1 == 1);
        chosen.map(|(_, k)| k.alias.as_str()).collect()
    }
}
