//! Triggers that models ask for: audit rows (`audit_log`) and notices of what has changed (`cache_invalidation: notify`).
//!
//! They are of statements, with the changed rows as tables: a `COPY` of a million rows is one call and one notice. The functions
//! are the schema's, the same text for every table; what differs is in the triggers' arguments.

use hallmark_core::Result;
use hallmark_workflow::Sensitivity;
use tokio_postgres::GenericClient;

use super::{SchemaReport, run};
use crate::names;
use crate::sql::failure;
use crate::table::Table;

/// What all of Hallmark's triggers begin with; others are left alone.
pub(crate) const PREFIX: &str = "hallmark_";
/// The table of audit rows; it is none of the models'.
pub(crate) const AUDIT: &str = "hallmark_audit";
/// Stands for the schema in texts that are compared.
pub(crate) const SCHEMA: &str = "{schema}";

/// The function that writes audit rows, and the one that gives notices.
const FUNCTIONS: [(&str, &str); 2] =
    [("hallmark_audited", include_str!("audited.sql")), ("hallmark_changed", include_str!("changed.sql"))];

/// The events of a statement, with the names under which its function finds the rows.
const EVENTS: [(&str, &str); 4] = [
    ("insert", " REFERENCING NEW TABLE AS hallmark_new"),
    ("update", " REFERENCING OLD TABLE AS hallmark_old NEW TABLE AS hallmark_new"),
    ("delete", " REFERENCING OLD TABLE AS hallmark_old"),
    ("truncate", ""),
];

/// One trigger of a table.
#[derive(Clone, Debug)]
struct Trigger {
    name: String,
    statement: String,
}

/// The triggers that a table's model asks for, with the functions that they call.
fn wanted(table: &Table) -> Vec<(&'static str, Vec<Trigger>)> {
    let asks = [table.options.audited, table.options.cache_notify];
    let named = ["hallmark_audit", "hallmark_cache"];
    let asked = FUNCTIONS.iter().zip(named).zip(asks).filter(|(_, asks)| *asks);
    asked.map(|(((function, _), name), _)| (*function, triggers(table, function, name))).collect()
}

fn triggers(table: &Table, function: &str, name: &str) -> Vec<Trigger> {
    let schema = names::quote(&table.schema).unwrap_or_default();
    let arguments = arguments(table).map(|text| names::literal(&text)).join(", ");
    let one = |(event, rows): &(&str, &str)| Trigger {
        name: format!("{name}_{event}"),
        statement: format!(
            "CREATE OR REPLACE TRIGGER {name}_{event} AFTER {event} ON {}{rows} FOR EACH STATEMENT EXECUTE FUNCTION {schema}.{function}({arguments})",
            table.qualified
        ),
    };
    EVENTS.iter().map(one).collect()
}

/// The model, its key, what says whose rows they are, and what is masked: lists as JSON.
fn arguments(table: &Table) -> [String; 4] {
    let list = |names: Vec<&str>| serde_json::to_string(&names).unwrap_or_default();
    let masked = table.columns.iter().filter(|c| c.sensitivity != Sensitivity::Plain);
    [
        table.model.name.clone(),
        list(table.keys().iter().map(|c| c.name()).collect()),
        list(table.owners().map(|c| c.name()).collect()),
        list(masked.map(|c| c.name()).collect()),
    ]
}

/// Creates the triggers that are missing or differ; takes away those that no model asks for any more.
pub(super) async fn create(
    client: &impl GenericClient,
    table: &Table,
    report: &mut SchemaReport,
) -> Result<()> {
    let text = "SELECT tgname::text FROM pg_trigger WHERE tgrelid = to_regclass($1) AND NOT tgisinternal AND starts_with(tgname, $2)";
    let rows = client.query(text, &[&table.qualified, &PREFIX]).await.map_err(failure)?;
    let there: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let wanted = wanted(table);
    let named = |name: &String| wanted.iter().flat_map(|(_, all)| all).any(|t| t.name == *name);
    for name in there.iter().filter(|name| !named(name)) {
        run(client, &format!("DROP TRIGGER {} ON {}", names::quote(name)?, table.qualified)).await?;
        report.triggers_changed.push(format!("{}.{name}", table.name));
    }
    for (function, triggers) in &wanted {
        let missing = triggers.iter().any(|t| !there.contains(&t.name));
        for statement in support(function, &table.schema) {
            client.batch_execute(&statement).await.map_err(failure)?;
        }
        for trigger in triggers {
            run(client, &trigger.statement).await?;
        }
        if missing {
            report.triggers_changed.push(format!("{}.{function}", table.name));
        }
    }
    Ok(())
}

/// The statements that make a function, as it is now, and what it needs.
pub(crate) fn support(function: &str, schema: &str) -> Vec<String> {
    let body = FUNCTIONS.iter().find(|(name, _)| *name == function).map_or("", |(_, body)| body);
    functions(function, body, schema)
}

/// The statements that make a function of this text, and what it needs.
pub(crate) fn functions(function: &str, body: &str, schema: &str) -> Vec<String> {
    let Ok(quoted) = names::quote(schema) else { return Vec::new() };
    let mut statements = Vec::new();
    if function == FUNCTIONS[0].0 {
        statements.push(include_str!("audit.sql").replace(SCHEMA, &quoted));
    }
    let name = names::quote(function).unwrap_or_default();
    let body = names::literal(&body.trim().replace(SCHEMA, &quoted));
    statements.push(format!(
        "CREATE OR REPLACE FUNCTION {quoted}.{name}() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS {body}"
    ));
    statements
}

/// The channel on which a schema's tables say what has changed.
pub(crate) fn channel(schema: &str) -> String {
    format!("hallmark_{}", &hallmark_core::digest::sha256(schema.as_bytes())[..32])
}
