//! Declared indexes, those of fields, and that of the full-text search.

use hallmark_core::Result;
use hallmark_python::models::{FieldType, Index};
use tokio_postgres::GenericClient;

use super::{SchemaReport, attempt, existing::Existing};
use crate::sensitivity::Masking;
use crate::table::{Column, Role, Table};
use crate::{codes, names};

/// Creates the indexes that are missing; one that PostgreSQL refuses is noted and does not stop the others.
pub(super) async fn create(
    client: &impl GenericClient,
    table: &Table,
    existing: &mut Existing,
    report: &mut SchemaReport,
) -> Result<()> {
    for index in wanted(table) {
        one(client, table, &index, existing, report).await?;
    }
    if searched(table).next().is_some() {
        let name = names::joined(&["idx", &table.name, "search"]);
        let statement = format!(
            "CREATE INDEX {} ON {} USING gin ({})",
            names::quote(&name)?,
            table.qualified,
            search_vector(table)
        );
        if existing.indexes.contains_key(&name) {
            report.indexes_existing += 1;
        } else {
            made(client, table, (&name, &statement), existing, report).await?;
        }
    }
    Ok(())
}

/// The indexed expression of the full-text search; the search node uses the same text, or the index would not serve it.
#[must_use]
pub(crate) fn search_vector(table: &Table) -> String {
    format!("to_tsvector('{}'::regconfig, {})", table.options.search_language, search_text(table))
}

/// The fields of the search. A secret is none of them, whatever the model says: words and their beginnings would tell it.
pub(crate) fn searched(table: &Table) -> impl Iterator<Item = &Column> {
    let fields = table.options.search_fields.iter().filter_map(|f| table.column(f).ok());
    fields.filter(|c| !Masking::Secrets.hides(c.sensitivity))
}

/// The text that is searched: the fields of the search, one after the other.
#[must_use]
pub(crate) fn search_text(table: &Table) -> String {
    let parts: Vec<String> = searched(table)
        .map(|c| match c.field.kind {
            FieldType::Text => format!("coalesce({}, '')", c.text()),
            _ => format!("coalesce({}::text, '')", c.ident),
        })
        .collect();
    parts.join(" || ' ' || ")
}

/// The declared indexes and those that fields ask for.
pub(crate) fn wanted(table: &Table) -> Vec<Index> {
    let mut indexes = table.model.indexes.clone();
    for column in table.columns.iter().filter(|c| c.role == Role::Data) {
        let field = &column.field;
        if field.unique || field.index {
            indexes.push(Index {
                fields: vec![field.name.clone()],
                unique: field.unique,
                ..Index::default()
            });
        }
    }
    indexes
}

/// The index's name: as declared, or made of table and fields.
pub(crate) fn name_of(table: &Table, index: &Index) -> String {
    let made = || {
        let mut parts = vec!["idx", table.name.as_str()];
        parts.extend(index.fields.iter().map(String::as_str));
        names::joined(&parts)
    };
    index.name.clone().unwrap_or_else(made)
}

async fn one(
    client: &impl GenericClient,
    table: &Table,
    index: &Index,
    existing: &mut Existing,
    report: &mut SchemaReport,
) -> Result<()> {
    let mut name = name_of(table, index);
    if existing.indexes.get(&name).is_some_and(|owner| owner != &table.name) {
        name = names::joined(&[&table.name, &name]);
    }
    if existing.indexes.contains_key(&name) {
        report.indexes_existing += 1;
        return Ok(());
    }
    let columns: Vec<&Column> = match index.fields.iter().map(|f| table.column(f)).collect::<Result<_>>() {
        Ok(columns) => columns,
        Err(error) => {
            report.note(&codes::INDEX_REFUSED, table, &name, error.message());
            return Ok(());
        }
    };
    if names::quote(&name).is_err() {
        report.note(&codes::INDEX_REFUSED, table, &name, "its name cannot be an identifier");
        return Ok(());
    }
    if index.operator_class.as_deref() == Some("gin_trgm_ops") && !existing.extensions.contains_key("pg_trgm")
    {
        // Fails where the extension is not on the server or the user may not add it; the index is then noted below.
        let _ = attempt(client, "CREATE EXTENSION IF NOT EXISTS pg_trgm").await?;
        existing.read_extensions(client).await?;
    }
    let include = included(table, index, &name, report);
    let statement =
        |condition: Option<&str>| text(table, index, (&name, &columns, &include), condition, existing);
    let with_condition = statement(index.condition.as_deref());
    match attempt(client, &with_condition).await? {
        Ok(()) => {}
        Err(error) if is(&error, "42P17") && index.condition.is_some() && !index.unique => {
            let message = "its predicate is not immutable, so it was created without the predicate";
            report.note(&codes::INDEX_PREDICATE, table, &name, message);
            return made(client, table, (&name, &statement(None)), existing, report).await;
        }
        Err(error) if is(&error, "42P17") && index.unique => {
            let message =
                "its predicate is not immutable, and without it uniqueness would be stricter: not created";
            report.note(&codes::INDEX_PREDICATE, table, &name, message);
            return Ok(());
        }
        Err(error) => {
            refused(table, &name, &error, report);
            return Ok(());
        }
    }
    existing.indexes.insert(name.clone(), table.name.clone());
    report.indexes_created.push(name);
    Ok(())
}

/// Creates with this statement, noting a refusal.
async fn made(
    client: &impl GenericClient,
    table: &Table,
    (name, statement): (&str, &str),
    existing: &mut Existing,
    report: &mut SchemaReport,
) -> Result<()> {
    match attempt(client, statement).await? {
        Ok(()) => {
            existing.indexes.insert(name.to_owned(), table.name.clone());
            report.indexes_created.push(name.to_owned());
        }
        Err(error) => refused(table, name, &error, report),
    }
    Ok(())
}

fn is(error: &tokio_postgres::Error, state: &str) -> bool {
    error.code().is_some_and(|c| c.code() == state)
}

fn refused(table: &Table, name: &str, error: &tokio_postgres::Error, report: &mut SchemaReport) {
    let reason = error.as_db_error().map_or_else(|| error.to_string(), |e| e.message().to_owned());
    // 42704: no such method or operator class.
    let code = if is(error, "42704") { &codes::INDEX_METHOD } else { &codes::INDEX_REFUSED };
    report.note(code, table, name, format!("it was not created: {reason}"));
}

/// The covering columns, without those whose values could exceed what an index row holds (and fail inserts later).
fn included<'a>(table: &'a Table, index: &Index, name: &str, report: &mut SchemaReport) -> Vec<&'a Column> {
    let mut kept = Vec::new();
    for field in &index.include {
        match table.column(field) {
            Ok(c)
                if c.field.kind.is_json()
                    || matches!(c.field.kind, FieldType::Bytes | FieldType::FloatArray) =>
            {
                let message =
                    format!("`{field}` is {} of any size and was left out of the index", c.field.kind.name());
                report.note(&codes::INDEX_INCLUDE, table, name, message);
            }
            Ok(column) => kept.push(column),
            Err(error) => report.note(&codes::INDEX_INCLUDE, table, name, error.message()),
        }
    }
    kept
}

fn text(
    table: &Table,
    index: &Index,
    (name, columns, include): (&str, &[&Column], &[&Column]),
    condition: Option<&str>,
    existing: &Existing,
) -> String {
    let class = index.operator_class.as_deref().map(|class| {
        let schema = existing.extensions.get("pg_trgm").filter(|_| class.ends_with("_trgm_ops"));
        let quoted = names::quote(class).unwrap_or_default();
        schema.map_or_else(|| format!(" {quoted}"), |s| format!(" {s}.{quoted}"))
    });
    let mut indexed: Vec<String> =
        columns.iter().map(|c| format!("{}{}", c.ident, class.as_deref().unwrap_or_default())).collect();
    // Uniqueness holds within a tenant: across tenants it would tell one what the other has.
    if let Some(tenant) = table.with_role(Role::Tenant).filter(|_| index.unique) {
        indexed.insert(0, tenant.ident.clone());
    }
    let method = index
        .method
        .as_deref()
        .map(|m| format!(" USING {}", names::quote(&m.to_lowercase()).unwrap_or_default()));
    let mut text = format!(
        "CREATE {}INDEX {} ON {}{} ({})",
        if index.unique { "UNIQUE " } else { "" },
        names::quote(name).unwrap_or_default(),
        table.qualified,
        method.unwrap_or_default(),
        indexed.join(", ")
    );
    if !include.is_empty() {
        let idents: Vec<&str> = include.iter().map(|c| c.ident.as_str()).collect();
        text.push_str(&format!(" INCLUDE ({})", idents.join(", ")));
    }
    if let Some(condition) = condition {
        text.push_str(&format!(" WHERE ({condition})"));
    }
    text
}
