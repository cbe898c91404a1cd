//! Declared conditions and foreign keys over several columns: created where they are missing, told where PostgreSQL refuses.

use std::sync::Arc;

use hallmark_core::Result;
use hallmark_python::models::ForeignKey;
use tokio_postgres::GenericClient;

use super::{SchemaReport, attempt, existing::Existing, references};
use crate::table::{Column, Table};
use crate::{codes, names};

/// Creates the constraints that are missing.
pub(super) async fn create(
    client: &impl GenericClient,
    table: &Table,
    tables: &[Arc<Table>],
    existing: &Existing,
    report: &mut SchemaReport,
) -> Result<()> {
    for (n, check) in table.model.checks.iter().enumerate() {
        let name =
            check.name.clone().unwrap_or_else(|| names::joined(&[&table.name, "check", &n.to_string()]));
        // The condition is the model's own text, as the predicate of an index is.
        add(client, table, (&name, &format!("CHECK ({})", check.condition)), existing, report).await?;
    }
    for key in &table.model.foreign_keys {
        let made = || {
            let mut parts = vec![table.name.as_str()];
            parts.extend(key.fields.iter().map(String::as_str));
            parts.push("fkey");
            names::joined(&parts)
        };
        let name = key.name.clone().unwrap_or_else(made);
        match reference(table, key, tables) {
            Some(text) => add(client, table, (&name, &text), existing, report).await?,
            None => {
                let message = format!("`{}` names no model or fields that are loaded", key.target);
                report.note(&codes::REFERENCE_UNRESOLVED, table, &name, message);
            }
        }
    }
    Ok(())
}

/// The columns of a foreign key, the other table, and its columns in the same order; `None` if a part of it is not there.
pub(crate) fn composite<'a>(
    table: &'a Table,
    key: &ForeignKey,
    tables: &'a [Arc<Table>],
) -> Option<(Vec<&'a Column>, &'a Arc<Table>, Vec<&'a Column>)> {
    let to = references::owner(&key.target, tables)?;
    let list = |owner: &'a Table, names: &[String]| -> Option<Vec<&'a Column>> {
        names.iter().map(|name| owner.column(name).ok()).collect()
    };
    let from = list(table, &key.fields)?;
    let columns = if key.columns.is_empty() { to.keys() } else { list(to, &key.columns)? };
    Some((from, to, columns))
}

/// `FOREIGN KEY (…) REFERENCES …`; `None` if the other table or a column is not there.
fn reference(table: &Table, key: &ForeignKey, tables: &[Arc<Table>]) -> Option<String> {
    let (from, to, columns) = composite(table, key, tables)?;
    let idents =
        |columns: &[&Column]| columns.iter().map(|c| c.ident.as_str()).collect::<Vec<_>>().join(", ");
    let action = key.on_delete.map(|a| format!(" ON DELETE {}", a.sql())).unwrap_or_default();
    Some(format!(
        "FOREIGN KEY ({}) REFERENCES {} ({}){action}",
        idents(&from),
        to.qualified,
        idents(&columns)
    ))
}

async fn add(
    client: &impl GenericClient,
    table: &Table,
    (name, text): (&str, &str),
    existing: &Existing,
    report: &mut SchemaReport,
) -> Result<()> {
    if existing.constraints.contains(name) {
        return Ok(());
    }
    let statement = format!("ALTER TABLE {} ADD CONSTRAINT {} {text}", table.qualified, names::quote(name)?);
    match attempt(client, &statement).await? {
        Ok(()) => report.constraints_created.push(name.to_owned()),
        Err(error) => {
            let reason = error.as_db_error().map_or_else(|| error.to_string(), |e| e.message().to_owned());
            report.note(&codes::CONSTRAINT_REFUSED, table, name, format!("it was not created: {reason}"));
        }
    }
    Ok(())
}
