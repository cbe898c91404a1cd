//! References to rows that have owners: a caller makes them to his own rows only, whoever's keys he knows.
//!
//! PostgreSQL looks whether the row is there, not whose it is. What comes in a single statement is looked at by that statement, which
//! fails as a whole; rows that come through a stage or a `COPY` are looked at together, in their transaction and behind the
//! constraints, which keep the rows that are referred to where they are.

use std::sync::Arc;

use hallmark_core::Error;
use hallmark_workflow::Context;

use crate::engine::Engine;
use crate::schema::{self, Reference};
use crate::sql::Sql;
use crate::table::{Column, Role, Table};
use crate::write::OnConflict;
use crate::{codes, names};

/// The setting that a statement asks for, and no server has, where a reference leads to no row of the caller: PostgreSQL has no other
/// way for an expression to end a statement with words of its own.
const REFUSED: &str = "hallmark.refused";
/// What stands between the words behind it.
const BETWEEN: char = '|';

/// The references of a table that callers make to rows with owners.
pub(crate) fn guarded<'a>(table: &'a Table, tables: &'a [Arc<Table>]) -> Vec<Reference<'a>> {
    let by_callers = |column: &&Column| !matches!(column.role, Role::Tenant | Role::Ruled(_));
    let mut references = schema::references(table, tables);
    references.retain(|(from, to, _)| to.owners().next().is_some() && from.iter().any(by_callers));
    references
}

/// What a statement may have changed in the rows that it returns.
#[derive(Clone, Copy)]
pub(crate) enum Written<'a> {
    /// Everything: they are new.
    New,
    /// These columns.
    Changed(&'a [&'a Column]),
    /// These columns, or everything where the row is new.
    Upserted(&'a [&'a Column]),
}

impl Engine {
    /// Appends to the `RETURNING` list of a statement on the table, under the alias `t`, what ends the statement if a reference that
    /// it wrote leads to no row of the caller.
    pub(crate) fn push_guard(&self, sql: &mut Sql, context: &Context, written: Written<'_>) {
        for reference in guarded(&self.table, &self.shared.tables) {
            let touches = |columns: &[&Column]| reference.0.iter().any(|c| contains(columns, c));
            let only_new = match written {
                Written::New => false,
                Written::Changed(columns) if touches(columns) => false,
                Written::Changed(_) => continue,
                Written::Upserted(columns) => !touches(columns),
            };
            push_look(sql, &self.table, (&reference, only_new), context);
        }
    }

    /// The same for a statement that moves rows from a stage: for what [`is_for_stage`] leaves.
    pub(crate) fn push_guard_of_stage(&self, sql: &mut Sql, context: &Context, conflict: &OnConflict<'_>) {
        for reference in guarded(&self.table, &self.shared.tables) {
            if !is_for_stage(&self.table, &reference, conflict) {
                let given = given(conflict);
                let only_new = given.is_some_and(|given| !reference.0.iter().any(|c| contains(given, c)));
                push_look(sql, &self.table, (&reference, only_new), context);
            }
        }
    }
}

/// Whether it is on the stage, behind the statement that moves its rows, that a reference is looked at. There it is seen of many rows at
/// once, and rows are seen that came with them; but not which of the rows were moved, nor what those have that were there.
pub(crate) fn is_for_stage(table: &Table, (from, to, _): &Reference<'_>, conflict: &OnConflict<'_>) -> bool {
    let is_own = to.name == table.name;
    match (conflict, given(conflict)) {
        (OnConflict::Error, _) => true,
        (_, Some(given)) => is_own && from.iter().all(|c| contains(given, c)),
        _ => is_own,
    }
}

/// The columns that an upsert changes of rows that are there.
fn given<'a>(conflict: &'a OnConflict<'_>) -> Option<&'a [&'a Column]> {
    if let OnConflict::Update { given, .. } = conflict { Some(given) } else { None }
}

pub(crate) fn contains(columns: &[&Column], column: &Column) -> bool {
    columns.iter().any(|c| c.name() == column.name())
}

/// Appends the look at one reference; `only_new` passes over rows that were there.
fn push_look(sql: &mut Sql, table: &Table, (reference, only_new): (&Reference<'_>, bool), context: &Context) {
    let (from, to, there) = reference;
    sql.push(", CASE WHEN ");
    if only_new {
        sql.push("t.xmax <> 0");
        // One whose time was over is made anew, with its defaults, at this moment.
        let made = table.with_role(Role::CreatedAt).filter(|_| table.options.ttl_seconds.is_some());
        if let Some(made) = made {
            sql.push(" AND t.").push(&made.ident).push(" <> now()");
        }
        sql.push(" OR ");
    }
    for column in from {
        sql.push("t.").push(&column.ident).push(" IS NULL OR ");
    }
    if to.name == table.name {
        // The row itself is not there yet for what looks at the table.
        sql.push("(").push(&same(from, there, "t")).push(") OR ");
    }
    sql.push("EXISTS (SELECT FROM ").push(&to.qualified).push(" r WHERE ");
    sql.push(&same(from, there, "r")).push(" AND ");
    to.push_owned(sql, context);
    let words = [REFUSED, &listed(from), &to.model.name, &listed(there), ""].join(&BETWEEN.to_string());
    sql.push(") THEN NULL ELSE current_setting(").push(&names::literal(&words)).push(") END");
}

/// That the columns of `t` which refer have the values of those of `other`.
fn same(from: &[&Column], there: &[&Column], other: &str) -> String {
    let pairs = from.iter().zip(there).map(|(here, key)| format!("{other}.{} = t.{}", key.ident, here.ident));
    pairs.collect::<Vec<_>>().join(" AND ")
}

pub(crate) fn listed(columns: &[&Column]) -> String {
    columns.iter().map(|c| c.name()).collect::<Vec<_>>().join(",")
}

/// What is said of a reference to a row that is not there, or not the caller's: nobody learns which.
pub(crate) fn missing(to: &str, keys: &str) -> String {
    format!("no {to} has this {keys}")
}

/// The error that a statement ended with which asked for [`REFUSED`], by PostgreSQL's message.
pub(crate) fn refusal(message: &str) -> Option<Error> {
    let mut words = message.split_once(REFUSED)?.1.split(BETWEEN).skip(1);
    let (fields, to, keys) = (words.next()?, words.next()?, words.next()?);
    Some(Error::new(&codes::REFERENCE, missing(to, keys)).at(fields))
}

#[cfg(test)]
mod tests {
    use super::refusal;

    #[test]
    fn the_refusal_is_read_in_any_language() {
        for message in [
            "unrecognized configuration parameter \"hallmark.refused|team_id|Team|id|\"",
            "nicht erkannter Konfigurationsparameter »hallmark.refused|team_id|Team|id|«",
        ] {
            let error = refusal(message).unwrap();
            assert_eq!((error.message(), error.place()), ("no Team has this id", Some("team_id")));
        }
        assert!(refusal("unrecognized configuration parameter \"foo.bar\"").is_none());
    }
}
