//! What a start does with the tables: makes them where there is none, and says what differs where there are.

use hallmark_core::{Error, Result};
use serde::Serialize;

use super::Migrator;
use super::differences::{Difference, differences};
use super::history::{Entry, History, Migration, Origin, State};
use super::look;
use super::renames::Renames;
use super::session::{self, Patience, Session};
use super::shape::Shape;
use crate::sql::failure;
use crate::{codes, limits};

/// What a start found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Started {
    /// Whether the tables were made by this start.
    pub created: bool,
    /// What differs from the models without making nodes fail.
    pub differences: Vec<Difference>,
}

/// Makes the tables of an empty schema; else compares.
pub(crate) async fn start(migrator: &Migrator<'_>) -> Result<Started> {
    if migrator.tables.is_empty() {
        return Ok(Started::default());
    }
    let models = migrator.digest();
    {
        let mut pooled = migrator.postgres.client().await?;
        let client: &mut tokio_postgres::Client = &mut pooled;
        let transaction = client.transaction().await.map_err(failure)?;
        let (last, found) = look::on_record(&transaction, migrator.schema, migrator.tables).await?;
        if let Some(last) = &last {
            unfinished(&transaction, migrator.schema, last).await?;
            // The usual start: the models that were last seen to suit, and nobody touched the tables.
            let known = found.only(&last.after.names());
            if last.state == State::Applied && last.models == models && known.digest() == last.after.digest()
            {
                return Ok(Started::default());
            }
        }
        let own = migrator.tables.iter().any(|t| found.tables.contains_key(&t.name));
        if own || last.is_some_and(|m| m.state == State::Applied && !m.after.tables.is_empty()) {
            let wanted = look::wanted(&transaction, migrator.tables).await?.shape;
            transaction.rollback().await.map_err(failure)?;
            drop(pooled);
            return compared(migrator, &wanted, &found).await;
        }
    }
    create(migrator, &models).await
}

async fn unfinished(
    client: &impl tokio_postgres::GenericClient,
    schema: &str,
    last: &Migration,
) -> Result<()> {
    if !matches!(last.state, State::Running | State::Reverting) {
        return Ok(());
    }
    let message = format!("migration {} of schema {schema} is {}", last.id, last.state.name());
    Err(if session::is_locked(client, schema).await? {
        Error::new(&codes::MIGRATOR_BUSY, message)
            .next("wait until it is done: hallmark models migrate --status")
    } else {
        Error::new(&codes::BEHIND, message).next("hallmark models migrate")
    })
}

/// Nodes fail on some differences: these refuse the start. A server of yesterday's models goes on with the others.
async fn compared(migrator: &Migrator<'_>, wanted: &Shape, found: &Shape) -> Result<Started> {
    let all = differences(wanted, &found.only(&wanted.names()));
    let serious: Vec<&str> = all.iter().filter(|d| d.serious).map(|d| d.message.as_str()).collect();
    if !serious.is_empty() {
        let shown = limits::MIGRATE_DIFFERENCES_SHOWN;
        let more = match serious.len().saturating_sub(shown) {
            0 => String::new(),
            n => format!("; and {n} more"),
        };
        let named: Vec<&str> = serious.iter().take(shown).copied().collect();
        let message = format!("the tables are not those of the models: {}{more}", named.join("; "));
        return Err(
            Error::new(&codes::BEHIND, message).next("hallmark models diff, then hallmark models migrate")
        );
    }
    if all.is_empty() {
        migrator.put_on_record().await?;
    }
    for table in migrator.tables {
        table.loosen(loose(wanted, found, &table.name));
    }
    Ok(Started { created: false, differences: all })
}

/// The columns that take nulls although they should not: a page that is sorted by one must not take it for a range without nulls.
fn loose(wanted: &Shape, found: &Shape, table: &str) -> Vec<String> {
    let columns = |shape: &Shape, is_wanted: bool| -> Vec<String> {
        let table = shape.tables.get(table).into_iter().flat_map(|table| &table.columns);
        table.filter(|column| column.not_null == is_wanted).map(|column| column.name.clone()).collect()
    };
    let (strict, mut loose) = (columns(wanted, true), columns(found, false));
    loose.retain(|name| strict.contains(name));
    loose
}

/// All tables and their record in one transaction: whoever comes second finds them.
async fn create(migrator: &Migrator<'_>, models: &str) -> Result<Started> {
    let history = History::of(migrator.schema);
    let wait = Patience::default().wait;
    let mut session = Session::open(migrator.postgres, migrator.schema, wait, &|| {}).await?;
    let transaction = session.client_mut().transaction().await.map_err(failure)?;
    history.prepare(&transaction).await?;
    let found = Shape::read(&transaction, migrator.schema).await?;
    if migrator.tables.iter().any(|t| found.tables.contains_key(&t.name)) {
        let wanted = look::wanted(&transaction, migrator.tables).await?.shape;
        transaction.rollback().await.map_err(failure)?;
        drop(session);
        return compared(migrator, &wanted, &found).await;
    }
    let wait = format!("SET LOCAL lock_timeout = {}", limits::SCHEMA_LOCK_TIMEOUT_MS);
    transaction.batch_execute(&wait).await.map_err(failure)?;
    // Extensions go where the server puts them by itself, not into the models' schema.
    transaction.batch_execute("SET LOCAL search_path TO DEFAULT").await.map_err(failure)?;
    crate::schema::build(&transaction, migrator.schema, migrator.tables).await?;
    let names = migrator.tables.iter().map(|t| t.name.clone()).collect();
    let after = Shape::read(&transaction, migrator.schema).await?.only(&names);
    let entry = Entry {
        origin: Origin::Created,
        state: State::Applied,
        models,
        before: &Shape::default(),
        after: &after,
        renames: &Renames::default(),
    };
    history.begin(&transaction, &entry).await?;
    transaction.commit().await.map_err(failure)?;
    Ok(Started { created: true, differences: Vec::new() })
}
