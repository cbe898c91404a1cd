//! The columns of a result as callers name them: conditions on them, and their order.

use hallmark_core::{Error, Result};
use hallmark_python::models::FieldType;
use serde_json::{Map, Value};

use super::measure::shown;
use crate::input::Ask;
use crate::sql::{Sql, compared_cast};
use crate::value::{self, Bound};
use crate::{codes, names};

/// One column.
#[derive(Clone)]
pub(super) struct Named {
    /// Its name in the answer.
    pub(super) alias: String,
    /// Its name in the statement, or its quoted name in the table.
    pub(super) ident: String,
    /// The type of its values.
    pub(super) kind: FieldType,
}

/// All columns, in order.
#[derive(Clone, Default)]
pub(super) struct Columns(pub(super) Vec<Named>);

impl Columns {
    /// Adds one.
    ///
    /// # Errors
    /// `HM-D003` if its name cannot be one, `HM-D025` if it is taken.
    pub(super) fn add(&mut self, alias: &str, ident: String, kind: FieldType, place: &str) -> Result<()> {
        names::quote(alias)?;
        if self.find(alias).is_some() {
            return Err(twice(alias).at(place.to_owned()));
        }
        self.0.push(Named { alias: alias.to_owned(), ident, kind });
        Ok(())
    }

    /// Keeps names for what is added to each row.
    ///
    /// # Errors
    /// `HM-D025` if a column has one of them.
    pub(super) fn reserve(&self, names: &[&str]) -> Result<()> {
        match names.iter().find(|name| self.find(name).is_some()) {
            None => Ok(()),
            Some(name) => Err(twice(name)),
        }
    }

    /// The column of this name.
    pub(super) fn find(&self, alias: &str) -> Option<&Named> {
        self.0.iter().find(|n| n.alias == alias)
    }

    /// The select list, as the driver reads it; no output has a name that `ORDER BY` could take for another's.
    pub(super) fn selected(&self) -> String {
        self.0.iter().map(|n| format!("{} AS _shown", shown(&n.ident, n.kind))).collect::<Vec<_>>().join(", ")
    }

    /// A row that was selected so.
    pub(super) fn object(&self, row: &tokio_postgres::Row) -> Result<Map<String, Value>> {
        let mut object = Map::new();
        for (i, named) in self.0.iter().enumerate() {
            object.insert(named.alias.clone(), value::decode(row, i, named.kind)?);
        }
        Ok(object)
    }

    /// Appends the conditions of `having` on these columns, each after ` AND `; tells which names it did not know.
    pub(super) fn push_conditions<'a>(
        &self,
        sql: &mut Sql,
        having: &'a Map<String, Value>,
    ) -> Result<Vec<&'a str>> {
        let mut unknown = Vec::new();
        for (alias, conditions) in having {
            let Some(named) = self.find(alias) else {
                unknown.push(alias.as_str());
                continue;
            };
            let plain = Map::from_iter([("eq".to_owned(), conditions.clone())]);
            for (operator, operand) in conditions.as_object().unwrap_or(&plain) {
                let symbol = symbol(operator)?;
                let bound = value::encode(named.kind, operand).map_err(|e| e.at(alias.clone()))?;
                if matches!(bound, Bound::Null(_)) {
                    return Err(
                        Error::new(&codes::BAD_FILTER, "having cannot compare with null").at("having")
                    );
                }
                sql.push(" AND ").push(&named.ident).push(symbol).bind(bound, compared_cast(named.kind));
            }
        }
        Ok(unknown)
    }

    /// The order of a list of names, `-` in front for descending.
    pub(super) fn order<'a>(&self, given: impl Iterator<Item = &'a str>) -> Result<Vec<String>> {
        given
            .map(|text| {
                let (name, direction) = text.strip_prefix('-').map_or((text, "ASC"), |n| (n, "DESC"));
                let named = self.find(name).ok_or_else(|| {
                    let known: Vec<&str> = self.0.iter().map(|n| n.alias.as_str()).collect();
                    Error::new(&codes::BAD_SORT, format!("{name:?} is no column of the result"))
                        .at("sort")
                        .next(format!("its columns are: {}", known.join(", ")))
                })?;
                Ok(format!("{} {direction} NULLS LAST", named.ident))
            })
            .collect()
    }

    /// The order that `sort` asks for.
    pub(super) fn sorted(&self, ask: &Ask<'_>) -> Result<Vec<String>> {
        let malformed = || Error::new(&codes::BAD_SORT, "sort is a list of names").at("sort");
        match ask.get("sort") {
            None => Ok(Vec::new()),
            Some(Value::String(one)) => self.order(one.split(',').map(str::trim).filter(|s| !s.is_empty())),
            Some(Value::Array(items)) => {
                let names: Vec<&str> =
                    items.iter().map(|v| v.as_str().ok_or_else(malformed)).collect::<Result<_>>()?;
                self.order(names.into_iter())
            }
            Some(_) => Err(malformed()),
        }
    }
}

fn twice(alias: &str) -> Error {
    Error::new(&codes::BAD_PARAMETER, format!("two columns are called {alias:?}"))
        .next("give one of them another name with as")
}

fn symbol(operator: &str) -> Result<&'static str> {
    Ok(match operator.strip_prefix('$').unwrap_or(operator) {
        "eq" => " = ",
        "ne" => " <> ",
        "lt" => " < ",
        "lte" => " <= ",
        "gt" => " > ",
        "gte" => " >= ",
        other => {
            return Err(Error::new(&codes::BAD_FILTER, format!("unknown operator {other:?} in having"))
                .next("use eq, ne, lt, lte, gt, gte"));
        }
    })
}
