//! Enumerations of the database that columns have as their types: made where they are missing, and what labels they lack.

use std::collections::BTreeMap;
use std::sync::Arc;

use hallmark_core::{Error, Result};
use hallmark_python::models::FieldDefault;
use serde_json::Value;
use tokio_postgres::GenericClient;

use super::{SchemaReport, run};
use crate::sql::failure;
use crate::table::{Column, Table, enum_name};
use crate::{codes, names};

/// Creates the types that are missing. One that is there stays as it is: what would add the labels that it lacks is told, for PostgreSQL
/// lets nobody use a label in the transaction that added it.
///
/// # Errors
/// `HM-D003` for a name that PostgreSQL cannot keep; `HM-D115` for a default that the type does not have yet; the services' codes.
pub(super) async fn create(
    client: &impl GenericClient,
    tables: &[Arc<Table>],
    report: &mut SchemaReport,
) -> Result<()> {
    let mut known: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for table in tables {
        for column in &table.columns {
            let Some(declared) = &column.field.enum_type else { continue };
            let (schema, name) = enum_name(declared, &table.schema);
            let key = (schema.to_owned(), name.to_owned());
            let labels = match known.get(&key) {
                Some(labels) => labels.clone(),
                None => match labels(client, schema, name).await? {
                    Some(labels) => labels,
                    None => made(client, (schema, name), column, report).await?,
                },
            };
            let labels = lacking(table, column, labels, report)?;
            known.insert(key, labels);
        }
    }
    Ok(())
}

/// The labels with those that the field has beside them, each of which is told with the statement that would add it where the field has it.
fn lacking(
    table: &Table,
    column: &Column,
    mut labels: Vec<String>,
    report: &mut SchemaReport,
) -> Result<Vec<String>> {
    let declared = column.field.enum_type.as_deref().unwrap_or_default();
    let choices: Vec<&str> = column.field.choices.iter().filter_map(Value::as_str).collect();
    for (at, label) in choices.iter().enumerate() {
        if labels.iter().any(|known| known == label) {
            continue;
        }
        let message = format!("the enumeration {declared} has no label {label:?}");
        if column.field.default == Some(FieldDefault::Value((*label).into())) {
            return Err(Error::new(&codes::ENUM_DIFFERS, format!("{message}, which is a default"))
                .at(format!("{}.{}", table.name, column.name()))
                .next("migrate without the default first: PostgreSQL takes no default that is new"));
        }
        // Behind the choice before it, or before the first label that is there.
        let place = match (at.checked_sub(1).and_then(|before| choices.get(before)), labels.first()) {
            (Some(before), _) => format!(" AFTER {}", names::literal(before)),
            (None, Some(first)) => format!(" BEFORE {}", names::literal(first)),
            (None, None) => String::new(),
        };
        let name = &column.sql_type;
        let statement = format!("ALTER TYPE {name} ADD VALUE IF NOT EXISTS {}{place}", names::literal(label));
        report
            .labels_missing
            .push((format!("add the label {label:?} to the enumeration {declared}"), statement));
        report.note(&codes::ENUM_DIFFERS, table, column.name(), format!("{message}; it was not changed"));
        labels.push((*label).to_owned());
    }
    Ok(labels)
}

/// The labels of an enumeration in their order; of another type none, and `None` if there is no such type.
async fn labels(client: &impl GenericClient, schema: &str, name: &str) -> Result<Option<Vec<String>>> {
    let text = "SELECT ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder)
        FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = $1 AND t.typname = $2";
    let row = client.query_opt(text, &[&schema, &name]).await.map_err(failure)?;
    row.map(|row| row.try_get(0).map_err(failure)).transpose()
}

async fn made(
    client: &impl GenericClient,
    (schema, name): (&str, &str),
    column: &Column,
    report: &mut SchemaReport,
) -> Result<Vec<String>> {
    let labels: Vec<String> =
        column.field.choices.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let listed: Vec<String> = labels.iter().map(|label| names::literal(label)).collect();
    let statement = format!("CREATE TYPE {} AS ENUM ({})", column.sql_type, listed.join(", "));
    run(client, &format!("CREATE SCHEMA IF NOT EXISTS {}", names::quote(schema)?)).await?;
    run(client, &statement).await?;
    report.enums_created.push((format!("{schema}.{name}"), statement));
    Ok(labels)
}
