//! Tables and indexes: created where they are missing, and migrated where they differ.

mod constraints;
mod ddl;
mod enums;
mod existing;
mod indexes;
pub mod migrate;
mod references;
pub(crate) mod triggers;

use std::sync::Arc;

use deadpool_postgres::Object;
use hallmark_core::{Code, Result};
use serde::Serialize;
use tokio_postgres::GenericClient;

use crate::sql::failure;
use crate::table::Table;
use crate::{codes, limits, names};
pub(crate) use constraints::composite as composite_reference;
use existing::Existing;
pub(crate) use indexes::{search_text, search_vector, searched, wanted as wanted_indexes};
pub(crate) use references::{
    Reference, all as references, followers, of as reference_of, owner as reference_owner,
    target as reference_target,
};

/// What applying the schema did and found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SchemaReport {
    /// The schema.
    pub schema: String,
    /// Tables that were created.
    pub tables_created: Vec<String>,
    /// Enumerations that were created, with the statements that did it.
    pub enums_created: Vec<(String, String)>,
    /// Labels that enumerations lack, in words, with the statements that would add them.
    pub labels_missing: Vec<(String, String)>,
    /// Tables that were there.
    pub tables_existing: Vec<String>,
    /// Columns that were added, as `table.column`.
    pub columns_added: Vec<String>,
    /// Indexes that were created.
    pub indexes_created: Vec<String>,
    /// Indexes that were there.
    pub indexes_existing: usize,
    /// Foreign keys that were created.
    pub references_created: Vec<String>,
    /// Conditions and foreign keys over several columns that were created.
    pub constraints_created: Vec<String>,
    /// Triggers that were created or taken away, as `table.function` and `table.trigger`.
    pub triggers_changed: Vec<String>,
    /// What was not done as declared, and what is declared without effect.
    pub notes: Vec<Note>,
}

impl SchemaReport {
    /// Whether anything was changed.
    #[must_use]
    pub fn changed(&self) -> bool {
        !(self.tables_created.is_empty()
            && self.enums_created.is_empty()
            && self.columns_added.is_empty()
            && self.indexes_created.is_empty()
            && self.references_created.is_empty()
            && self.constraints_created.is_empty()
            && self.triggers_changed.is_empty())
    }

    /// The notes of this code.
    pub fn with_code(&self, code: &'static Code) -> impl Iterator<Item = &Note> {
        self.notes.iter().filter(|n| n.code == code.id)
    }

    fn note(&mut self, code: &'static Code, table: &Table, subject: &str, message: impl Into<String>) {
        self.notes.push(Note {
            code: code.id,
            model: table.model.name.clone(),
            subject: subject.to_owned(),
            message: message.into(),
        });
    }
}

/// One remark of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// The error code, whose page says what to do.
    pub code: &'static str,
    /// The model.
    pub model: String,
    /// The column, index or option.
    pub subject: String,
    /// The sentence.
    pub message: String,
}

/// Applies the schema of these tables.
pub(crate) async fn apply(client: &mut Object, schema: &str, tables: &[Arc<Table>]) -> Result<SchemaReport> {
    let transaction = client.transaction().await.map_err(failure)?;
    {
        let client: &tokio_postgres::Transaction<'_> = &transaction;
        let lock = format!(
            "SET LOCAL lock_timeout = {}; SET LOCAL client_min_messages = warning",
            limits::SCHEMA_LOCK_TIMEOUT_MS
        );
        client.batch_execute(&lock).await.map_err(failure)?;
        let name = format!("hallmark schema {schema}");
        client
            .execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", &[&name])
            .await
            .map_err(failure)?;
    }
    let report = build(&transaction, schema, tables).await?;
    transaction.commit().await.map_err(failure)?;
    Ok(report)
}

/// Creates what is missing, within a transaction of the caller's.
pub(crate) async fn build(
    client: &tokio_postgres::Transaction<'_>,
    schema: &str,
    tables: &[Arc<Table>],
) -> Result<SchemaReport> {
    let mut report = SchemaReport { schema: schema.to_owned(), ..SchemaReport::default() };
    run(client, &format!("CREATE SCHEMA IF NOT EXISTS {}", names::quote(schema)?)).await?;
    enums::create(client, tables, &mut report).await?;
    let mut existing = Existing::read(client, schema).await?;
    for table in tables {
        create_or_extend(client, table, &mut existing, &mut report).await?;
    }
    for table in tables {
        references::create(client, table, tables, &existing, &mut report).await?;
        indexes::create(client, table, &mut existing, &mut report).await?;
        constraints::create(client, table, tables, &existing, &mut report).await?;
        triggers::create(client, table, &mut report).await?;
        for option in &table.options.not_enforced {
            report.note(&codes::NOT_ENFORCED, table, option, format!("`{option}` is declared, not enforced"));
        }
    }
    Ok(report)
}

async fn create_or_extend(
    client: &impl GenericClient,
    table: &Table,
    existing: &mut Existing,
    report: &mut SchemaReport,
) -> Result<()> {
    let Some(columns) = existing.columns.get(&table.name) else {
        run(client, &ddl::create_table(table)).await?;
        report.tables_created.push(table.name.clone());
        return Ok(());
    };
    report.tables_existing.push(table.name.clone());
    for column in &table.columns {
        match columns.get(column.name()) {
            None => {
                let rows = client
                    .query(&format!("SELECT 1 FROM {} LIMIT 1", table.qualified), &[])
                    .await
                    .map_err(failure)?;
                let keep_nulls = column.required() && !rows.is_empty();
                run(client, &ddl::add_column(table, column, keep_nulls)).await?;
                report.columns_added.push(format!("{}.{}", table.name, column.name()));
                if keep_nulls {
                    let message =
                        "the table has rows and the field no default, so the new column takes nulls";
                    report.note(&codes::NULLS_KEPT, table, column.name(), message);
                }
            }
            Some(found) if found != &column.sql_type && !column.is_enum() => {
                let message = format!(
                    "the column is {found} and the model says {}; it was not changed",
                    column.sql_type
                );
                report.note(&codes::TYPE_CHANGE, table, column.name(), message);
            }
            Some(_) => {}
        }
    }
    for name in columns.keys().filter(|n| !table.columns.iter().any(|c| c.name() == n.as_str())) {
        let message = "the column is not in the model any more; it was not dropped";
        report.note(&codes::DESTRUCTIVE, table, name, message);
    }
    Ok(())
}

/// Runs one statement; the extended protocol takes no second one.
async fn run(client: &impl GenericClient, statement: &str) -> Result<()> {
    client.execute(statement, &[]).await.map(|_| ()).map_err(failure)
}

/// Runs one statement that may fail without ending the transaction.
async fn attempt(
    client: &impl GenericClient,
    statement: &str,
) -> Result<std::result::Result<(), tokio_postgres::Error>> {
    client.batch_execute("SAVEPOINT attempt").await.map_err(failure)?;
    match client.execute(statement, &[]).await {
        Ok(_) => {
            client.batch_execute("RELEASE SAVEPOINT attempt").await.map_err(failure)?;
            Ok(Ok(()))
        }
        Err(error) if error.as_db_error().is_some() => {
            client.batch_execute("ROLLBACK TO SAVEPOINT attempt").await.map_err(failure)?;
            Ok(Err(error))
        }
        Err(error) => Err(failure(error)),
    }
}
