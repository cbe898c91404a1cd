//! What is on record of rows (`history`), and the end of those whose time is over (`purge`): operations of the CRUD node.

use hallmark_core::{Error, Result};
use hallmark_workflow::{Caller, Context};
use serde_json::{Map, Value, json};
use tokio_postgres::Row;

use super::cache;
use super::crud::Call;
use crate::engine::Engine;
use crate::schema::triggers::AUDIT;
use crate::sql::{Sql, failure};
use crate::table::Table;
use crate::value::Bound;
use crate::{codes, limits, names};

/// The columns of an audit row as they are shown.
const SHOWN: [&str; 10] = [
    "id::text",
    "to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
    "operation",
    "key::text",
    "before::text",
    "after::text",
    "caller",
    "session",
    "run",
    "database_user",
];

impl Call<'_> {
    /// The changes of a row, or of all rows that this caller may see, the last one first.
    pub(super) async fn history(&self) -> Result<Value> {
        let table = self.table();
        if !table.options.audited {
            let message = format!("{} keeps no audit rows", table.model.name);
            return Err(Error::new(&codes::NOT_AUDITED, message)
                .next("declare audit_log of the model, then hallmark models migrate"));
        }
        let limit = self.ask.limit()?;
        let mut sql = Sql::new(format!(
            "SELECT {} FROM {}.{AUDIT} WHERE model = ",
            SHOWN.join(", "),
            names::quote(&table.schema)?
        ));
        sql.bind(Bound::Text(table.model.name.clone()), None).push(" AND scope = jsonb_build_array(");
        for (i, (_, owner)) in table.owned(self.context).into_iter().enumerate() {
            sql.push(if i > 0 { ", " } else { "" }).bind(owner, Some("text"));
        }
        sql.push(")");
        if let Some(id) = self.ask.get("id") {
            sql.push(" AND key = jsonb_build_array(");
            for (i, (column, value)) in table.key_values(id)?.into_iter().enumerate() {
                sql.push(if i > 0 { ", " } else { "" }).bind(value, Some(&column.sql_type));
            }
            sql.push(")");
        }
        if let Some(cursor) = self.ask.text("cursor") {
            let before = cursor.parse().map_err(|_| {
                Error::new(&codes::BAD_CURSOR, "the cursor is not one of a history")
                    .next("begin again without a cursor")
            })?;
            sql.push(" AND id < ").bind(Bound::Int(before), None);
        }
        sql.push(&format!(" ORDER BY id DESC LIMIT {}", limit + 1));
        let found = self.engine.read(&sql).await?;
        let page = usize::try_from(limit).unwrap_or(usize::MAX);
        let changes = found.iter().take(page).map(|row| change(table, row)).collect::<Result<Vec<_>>>()?;
        let next = changes.last().filter(|_| found.len() > page).map(|last| last["change"].clone());
        Ok(json!({"operation": "history", "count": changes.len(), "changes": changes, "next_cursor": next}))
    }

    /// Removes this caller's rows whose time is over.
    pub(super) async fn purge(&self) -> Result<Value> {
        let purged = purge(self.engine, Some(self.context)).await?;
        Ok(json!({"operation": "purge", "purged": purged}))
    }
}

fn change(table: &Table, row: &Row) -> Result<Value> {
    let text = |at: usize| row.try_get::<_, Option<String>>(at).map_err(failure);
    let parsed = |at: usize| -> Result<Value> {
        Ok(text(at)?.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    };
    let key: Map<String, Value> = table
        .keys()
        .iter()
        .zip(parsed(3)?.as_array().into_iter().flatten())
        .map(|(column, value)| (column.name().to_owned(), value.clone()))
        .collect();
    Ok(json!({
        "change": text(0)?, "at": text(1)?, "operation": text(2)?, "id": table.key_in(&key), "before": parsed(4)?,
        "after": parsed(5)?, "caller": text(6)?, "session": text(7)?, "run": text(8)?, "database_user": text(9)?,
    }))
}

/// Removes rows whose time is over, a few at a time, so that nobody waits for long: those of this caller, or of all.
pub(crate) async fn purge(engine: &Engine, context: Option<&Context>) -> Result<u64> {
    let table = &engine.table;
    let (Some(alive), Some(column)) = (table.alive(""), table.ttl_column()) else {
        let message = format!("rows of {} do not expire: it declares no ttl", table.model.name);
        return Err(Error::new(&codes::NO_TTL, message));
    };
    let over = format!("({} IS NULL OR NOT {alive})", column.ident);
    let own = Context::new(&Caller::new("hallmark purge"));
    let mut purged = 0;
    for _ in 0..limits::PURGE_ROUNDS_MAX {
        let mut sql = Sql::new(format!(
            "DELETE FROM {0} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {0} WHERE {over}",
            table.qualified
        ));
        for (owner, value) in context.map(|context| table.owned(context)).unwrap_or_default() {
            sql.push(" AND ").push(&owner.ident).push(" = ").bind(value, None);
        }
        sql.push(&format!(" LIMIT {} FOR UPDATE SKIP LOCKED)) AND {over} RETURNING ", limits::PURGE_ROWS));
        sql.push(&table.key_selected());
        engine.push_signature(&mut sql, context.unwrap_or(&own));
        let client = engine.client().await?;
        let rows = sql.rows(&**client).await?;
        drop(client);
        let ids = rows.iter().map(|row| table.key_of(row, 0)).collect::<Result<Vec<_>>>()?;
        if let Some(context) = context {
            cache::forget(engine, context, &ids).await;
        }
        if !ids.is_empty() {
            cache::forget_followers(engine).await;
        }
        purged += ids.len() as u64;
        if ids.is_empty() {
            break;
        }
    }
    Ok(purged)
}
