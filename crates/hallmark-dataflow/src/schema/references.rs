//! Declared foreign keys.

use std::sync::Arc;

use hallmark_core::Result;
use tokio_postgres::GenericClient;

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
