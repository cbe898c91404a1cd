//! Two shapes compared, in words: what a start finds, and what others changed.

use serde::Serialize;

use super::shape::{ColumnShape, OWN, Shape, TableShape};

/// One difference between what is expected and what is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The table.
    pub table: String,
    /// The sentence.
    pub message: String,
    /// Whether nodes would fail because of it.
    pub serious: bool,
}

/// What is not as expected.
pub(super) fn differences(expected: &Shape, found: &Shape) -> Vec<Difference> {
    let mut all = Vec::new();
    for (name, wanted) in &expected.tables {
        let mut note = |message: String, serious: bool| {
            all.push(Difference { table: name.clone(), message, serious });
        };
        match found.tables.get(name) {
            None => note(format!("table {name} is missing"), true),
            Some(there) => tables(name, wanted, there, &mut note),
        }
    }
    for name in
        found.tables.keys().filter(|n| !expected.tables.contains_key(*n) && !OWN.contains(&n.as_str()))
    {
        all.push(Difference {
            table: name.clone(),
            message: format!("table {name} is more than expected"),
            serious: false,
        });
    }
    all
}

fn tables(name: &str, wanted: &TableShape, there: &TableShape, note: &mut dyn FnMut(String, bool)) {
    for column in &wanted.columns {
        match there.column(&column.name) {
            None => note(format!("column {name}.{} is missing", column.name), true),
            Some(found) => columns(name, column, found, note),
        }
    }
    for column in there.columns.iter().filter(|c| wanted.column(&c.name).is_none()) {
        let needed = column.not_null && column.default.is_none() && column.identity.is_none();
        let more = if needed { ", and needs a value in every new row" } else { "" };
        note(format!("column {name}.{} is more than expected{more}", column.name), needed);
    }
    for (constraint, shape) in &wanted.constraints {
        // A key over other columns, or none, by which nodes find no row, and one that no upsert works on. How it is called is
        // nothing to them.
        let key = shape.kind == super::shape::ConstraintKind::Key
            && there.key().is_none_or(|(_, found)| {
                found.columns != shape.columns || found.definition.contains(" DEFERRABLE")
            });
        match there.constraints.get(constraint) {
            Some(found) if found.kind == shape.kind && found.definition == shape.definition => {
                if !found.validated {
                    note(format!("constraint {constraint} of {name} is not validated"), false);
                }
            }
            Some(found) => note(
                format!(
                    "constraint {constraint} of {name} is {} instead of {}",
                    found.definition, shape.definition
                ),
                key,
            ),
            None => note(format!("constraint {constraint} of {name} is missing"), key),
        }
    }
    for constraint in there.constraints.keys().filter(|c| !wanted.constraints.contains_key(*c)) {
        note(format!("constraint {constraint} of {name} is more than expected"), false);
    }
    for (index, shape) in &wanted.indexes {
        match there.indexes.get(index) {
            Some(found) if !found.valid => note(format!("index {index} of {name} is incomplete"), false),
            Some(found) if found.unique == shape.unique && found.definition == shape.definition => {}
            Some(_) => note(format!("index {index} of {name} is another one"), false),
            None => note(format!("index {index} of {name} is missing"), false),
        }
    }
    for index in there.indexes.keys().filter(|i| !wanted.indexes.contains_key(*i)) {
        note(format!("index {index} of {name} is more than expected"), false);
    }
    for (trigger, shape) in &wanted.triggers {
        match there.triggers.get(trigger) {
            Some(found) if found == shape => {}
            Some(_) => note(format!("trigger {trigger} of {name} is another one"), false),
            None => note(format!("trigger {trigger} of {name} is missing"), false),
        }
    }
    for trigger in there.triggers.keys().filter(|t| !wanted.triggers.contains_key(*t)) {
        note(format!("trigger {trigger} of {name} is more than expected"), false);
    }
}

fn columns(table: &str, wanted: &ColumnShape, found: &ColumnShape, note: &mut dyn FnMut(String, bool)) {
    let name = &wanted.name;
    if wanted.kind != found.kind {
        let serious = !super::types::serves(&found.kind, &wanted.kind);
        note(format!("column {table}.{name} is {} instead of {}", found.kind, wanted.kind), serious);
    }
    if wanted.collation != found.collation {
        note(format!("column {table}.{name} has another collation"), false);
    }
    if wanted.not_null != found.not_null {
        let how = if found.not_null { "takes no nulls" } else { "takes nulls" };
        note(format!("column {table}.{name} {how}"), found.not_null);
    }
    if (&wanted.default, &wanted.identity, wanted.generated)
        != (&found.default, &found.identity, found.generated)
    {
        let none = found.default.is_none() && found.identity.is_none() && found.not_null;
        note(format!("column {table}.{name} has another default"), none);
    }
}
