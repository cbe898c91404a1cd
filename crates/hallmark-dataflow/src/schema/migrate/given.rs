//! What was given for a plan beside the models, held to the tables: what names none of them would say nothing, and whoever gave it
//! would take it for done.

use std::collections::BTreeMap;

use hallmark_core::{Code, Error, Result};

use super::renames::Renames;
use super::shape::{Shape, TableShape};
use crate::codes;

/// Refuses renames of what is neither there nor wanted. One that was made already is none of these.
///
/// # Errors
/// `HM-D085`, with what there is.
pub(super) fn renames(given: &[String], (found, wanted): (&Shape, &Shape), pending: &Renames) -> Result<()> {
    let mut said = Renames::default();
    for text in given {
        said.add(text)?;
    }
    for (new, old) in &said.tables {
        if !wanted.tables.contains_key(new) {
            let message = format!("{old} is said to be {new} now, and no model has that table");
            return Err(refused(&codes::BAD_RENAME, (message, old), tables("models", wanted)));
        }
        if !found.tables.contains_key(old) && !found.tables.contains_key(new) {
            let message = format!("the database has no table {old}, which is said to be {new} now");
            return Err(refused(&codes::BAD_RENAME, (message, old), tables("database", found)));
        }
    }
    for (table, new, old) in &said.columns {
        let place = format!("{table}.{old}");
        let Some(after) = wanted.tables.get(table) else {
            let message = format!("no model has the table {table}, whose {old} is said to be {new} now");
            return Err(refused(&codes::BAD_RENAME, (message, &place), tables("models", wanted)));
        };
        if after.column(new).is_none() {
            let message = format!("{old} of {table} is said to be {new} now, which its model does not have");
            return Err(refused(&codes::BAD_RENAME, (message, &place), columns(table, after)));
        }
        let before = pending.tables.get(table).unwrap_or(table);
        let there = found.tables.get(before);
        if !there.is_some_and(|t| t.column(old).is_some() || t.column(new).is_some()) {
            let message =
                format!("{before} has no column {old} in the database, which is said to be {new} now");
            let next = there.map_or_else(|| tables("database", found), |there| columns(before, there));
            return Err(refused(&codes::BAD_RENAME, (message, &place), next));
        }
    }
    Ok(())
}

/// Refuses values for columns that no table has at any end of the way.
///
/// # Errors
/// `HM-D084`, with what there is.
pub(super) fn backfill(given: &BTreeMap<(String, String), String>, shapes: &[&Shape]) -> Result<()> {
    for (table, column) in given.keys() {
        let known: Vec<&TableShape> = shapes.iter().filter_map(|s| s.tables.get(table)).collect();
        let place = format!("{table}.{column}");
        let Some(first) = known.first() else {
            let message = format!("there is no table {table} to give values of {column}");
            let all = shapes.first().map(|shape| tables("models", shape)).unwrap_or_default();
            return Err(refused(&codes::BAD_BACKFILL, (message, &place), all));
        };
        if known.iter().all(|table| table.column(column).is_none()) {
            let message = format!("{table} has no column {column} to give values of");
            return Err(refused(&codes::BAD_BACKFILL, (message, &place), columns(table, first)));
        }
    }
    Ok(())
}

fn refused(code: &'static Code, (message, place): (String, &str), next: String) -> Error {
    Error::new(code, message).at(place).next(next)
}

fn tables(whose: &str, shape: &Shape) -> String {
    format!("the tables of the {whose} are: {}", shape.names().into_iter().collect::<Vec<_>>().join(", "))
}

fn columns(name: &str, table: &TableShape) -> String {
    let all: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
    format!("the columns of {name} are: {}", all.join(", "))
}
