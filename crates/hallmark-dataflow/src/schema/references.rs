//! Declared foreign keys.

use std::sync::Arc;

use hallmark_core::Result;
use hallmark_python::models::{ForeignKey, OnDelete};
use tokio_postgres::GenericClient;

use super::constraints::composite;
use super::{SchemaReport, attempt, existing::Existing};
use crate::table::{Column, Table};
use crate::{codes, names};

/// The table and column that a declaration like `users.id`, `User.id` or `User` means.
#[must_use]
pub(crate) fn target<'a>(declared: &str, tables: &'a [Arc<Table>]) -> Option<(&'a Table, &'a Column)> {
    shared(declared, tables).map(|(table, column)| (&**table, column))
}

fn shared<'a>(declared: &str, tables: &'a [Arc<Table>]) -> Option<(&'a Arc<Table>, &'a Column)> {
    let (owner, field) = declared.rsplit_once('.').map_or((declared, None), |(o, f)| (o, Some(f)));
    // `schema.table.column` names a table of another schema, which is not one of these.
    let table = self::owner(owner, tables)?;
    let column = match field {
        Some(field) => table.column(field).ok()?,
        None => table.single_key()?,
    };
    Some((table, column))
}

/// What a column refers to, if that is a loaded model.
pub(crate) fn of<'a>(column: &Column, tables: &'a [Arc<Table>]) -> Option<(&'a Arc<Table>, &'a Column)> {
    shared(column.field.foreign_key.as_deref()?, tables)
}

/// The table that a name like `users` or `User` means.
#[must_use]
pub(crate) fn owner<'a>(name: &str, tables: &'a [Arc<Table>]) -> Option<&'a Arc<Table>> {
    let found = tables
        .iter()
        .find(|t| t.name == name || t.model.name == name || names::snake_case(&t.model.name) == name)?;
    Some(found)
}

/// A foreign key: its columns, the table that it refers to, and the columns there.
pub(crate) type Reference<'a> = (Vec<&'a Column>, &'a Arc<Table>, Vec<&'a Column>);

/// The foreign keys of a table to those that are loaded, of one column or several.
pub(crate) fn all<'a>(table: &'a Table, tables: &'a [Arc<Table>]) -> Vec<Reference<'a>> {
    let single =
        table.columns.iter().filter_map(|c| of(c, tables).map(|(to, there)| (vec![c], to, vec![there])));
    let several = table.model.foreign_keys.iter().filter_map(|key| composite(table, key, tables));
    single.chain(several).collect()
}

/// The tables whose rows PostgreSQL itself removes or changes when rows of this one are removed, one behind another.
pub(crate) fn followers(table: &Table, tables: &[Arc<Table>]) -> Vec<Arc<Table>> {
    let mut found: Vec<Arc<Table>> = Vec::new();
    let mut next = 0;
    loop {
        let of = if next == 0 { table } else { &found[next - 1] };
        let more: Vec<Arc<Table>> = tables
            .iter()
            .filter(|other| !found.iter().any(|f| f.name == other.name) && follows(other, of, tables))
            .cloned()
            .collect();
        found.extend(more);
        next += 1;
        if next > found.len() {
            return found;
        }
    }
}

/// Whether a removal in `of` goes on to rows of this table.
fn follows(table: &Table, of: &Table, tables: &[Arc<Table>]) -> bool {
    let acts = |action: Option<OnDelete>| !matches!(action, None | Some(OnDelete::Restrict));
    let by_column = |column: &Column| {
        acts(column.field.on_delete) && self::of(column, tables).is_some_and(|(to, _)| to.name == of.name)
    };
    let by_key = |key: &ForeignKey| {
        acts(key.on_delete) && owner(&key.target, tables).is_some_and(|to| to.name == of.name)
    };
    table.columns.iter().any(by_column) || table.model.foreign_keys.iter().any(by_key)
}

/// Creates the constraints that are missing.
pub(super) async fn create(
    client: &impl GenericClient,
    table: &Table,
    tables: &[Arc<Table>],
    existing: &Existing,
    report: &mut SchemaReport,
) -> Result<()> {
    for column in &table.columns {
        let Some(declared) = &column.field.foreign_key else { continue };
        let name = names::joined(&[&table.name, column.name(), "fkey"]);
        if existing.constraints.contains(&name) {
            continue;
        }
        let Some((to, key)) = target(declared, tables) else {
            let message = format!("`{declared}` names no model or field that is loaded");
            report.note(&codes::REFERENCE_UNRESOLVED, table, column.name(), message);
            continue;
        };
        let statement = format!(
            "ALTER TABLE {} ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({}){}",
            table.qualified,
            names::quote(&name)?,
            column.ident,
            to.qualified,
            key.ident,
            column.field.on_delete.map(|a| format!(" ON DELETE {}", a.sql())).unwrap_or_default()
        );
        match attempt(client, &statement).await? {
            Ok(()) => report.references_created.push(name),
            Err(error) => {
                let reason =
                    error.as_db_error().map_or_else(|| error.to_string(), |e| e.message().to_owned());
                report.note(
                    &codes::REFERENCE_UNRESOLVED,
                    table,
                    column.name(),
                    format!("`{declared}` was refused: {reason}"),
                );
            }
        }
    }
    Ok(())
}
