//! What every node of a model shares: its table, the handles, and the limits of what a caller may see.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use hallmark_core::{Error, Result};
use hallmark_services::postgres::{Held, Writer};
use hallmark_services::{Answer, Guarded, Handles};
use hallmark_workflow::Context;
use serde_json::{Map, Value, json};
use tokio_postgres::{GenericClient, Row};

use crate::coherence::Coherence;
use crate::filter::Filter;
use crate::nodes::cache::flights::Flights;
use crate::nodes::cache::stats::Tallies;
use crate::slow::SlowLog;
use crate::sql::Sql;
use crate::table::{Column, Table};
use crate::trace::Trace;
use crate::value::{self, Bound};
use crate::{codes, filter};

/// What all models of one configuration share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) handles: Handles,
    pub(crate) guarded: Guarded,
    pub(crate) prefix: String,
    pub(crate) export_dir: PathBuf,
    pub(crate) tables: Vec<Arc<Table>>,
    /// Whether cached rows may be believed.
    pub(crate) coherence: Coherence,
    /// Cached rows that are being loaded.
    pub(crate) flights: Arc<Flights>,
    /// What is counted of caches.
    pub(crate) tallies: Tallies,
    /// Where slow statements are written down, if they are.
    pub(crate) slow: Option<Arc<SlowLog>>,
}

/// A table with the means to work on it.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) table: Arc<Table>,
    pub(crate) shared: Arc<Shared>,
}

impl Engine {
    /// The table.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The engine of another model of the same configuration.
    pub(crate) fn beside(&self, table: &Table) -> Option<Self> {
        let found = self.shared.tables.iter().find(|t| t.name == table.name)?;
        Some(Self { table: Arc::clone(found), shared: Arc::clone(&self.shared) })
    }

    /// A connection to the primary, for what may write or must see the newest: reads that are begun after it was given back see
    /// what was written with it, wherever they are answered.
    pub(crate) async fn client(&self) -> Result<Writer> {
        self.shared.guarded.postgres().writer().await
    }

    /// The rows of a statement that only reads: from a replica in good order or the primary, and while that does not answer from
    /// a replica with its age. The ledger of the call is told which.
    pub(crate) async fn read(&self, sql: &Sql) -> Result<Vec<Row>> {
        let work = |client: Held| async move { sql.rows(&**client).await };
        self.shared.guarded.postgres().read(work).await.map(Answer::into_value)
    }

    /// The rows of a statement that only plans: it is not itself explained.
    pub(crate) async fn estimate(&self, sql: &Sql) -> Result<Vec<Row>> {
        let work = |client: Held| async move { sql.rows_unseen(&**client).await };
        self.shared.guarded.postgres().read(work).await.map(Answer::into_value)
    }

    /// As [`Engine::read`], for a statement that finds rows by their keys and whose text is one of few.
    pub(crate) async fn lookup(&self, sql: &Sql) -> Result<Vec<Row>> {
        if Trace::current().is_some() {
            return Box::pin(self.read(sql)).await;
        }
        sql.lookup(self.shared.guarded.postgres()).await
    }

    /// The rows that a statement returns which writes, is a transaction of its own, and whose text is one of few.
    pub(crate) async fn write(&self, sql: &Sql) -> Result<Vec<Row>> {
        if Trace::current().is_some() {
            let explained = async { sql.rows_prepared(&*self.client().await?).await };
            return Box::pin(explained).await;
        }
        sql.write(self.shared.guarded.postgres()).await
    }

    /// The tenant whose rows the caller sees; without one, those of the empty tenant.
    pub(crate) fn tenant(context: &Context) -> &str {
        context.tenant.as_deref().unwrap_or_default()
    }

    /// Who changes rows, as audit rows say it; `None` if the model keeps none.
    fn signature(&self, context: &Context) -> Option<Bound> {
        self.table.options.audited.then(|| {
            let by = json!({"caller": context.caller, "session": context.session, "run": context.run_id});
            Bound::Text(by.to_string())
        })
    }

    /// Appends to a `RETURNING` list who makes the change: the trigger of the statement, which comes after, puts it on record. So
    /// one statement is enough.
    pub(crate) fn push_signature(&self, sql: &mut Sql, context: &Context) {
        if let Some(by) = self.signature(context) {
            sql.push(", set_config('hallmark.by', ").bind(by, None).push(", true)");
        }
    }

    /// The same for a statement that returns nothing.
    pub(crate) fn push_signature_alone(&self, sql: &mut Sql, context: &Context) {
        if self.table.options.audited {
            sql.push(" RETURNING true");
            self.push_signature(sql, context);
        }
    }

    /// Says for the rest of a transaction who makes its changes.
    pub(crate) async fn sign(&self, client: &impl GenericClient, context: &Context) -> Result<()> {
        let Some(by) = self.signature(context) else { return Ok(()) };
        let mut sql = Sql::new("SELECT set_config('hallmark.by', ");
        sql.bind(by, None).push(", true)");
        sql.rows(client).await.map(drop)
    }

    /// Appends the condition that a row is one the caller may see ([`Table::push_scope`]).
    pub(crate) fn push_scope(&self, sql: &mut Sql, context: &Context, deleted_too: bool) {
        self.table.push_scope(sql, context, deleted_too);
    }

    /// Appends ` FROM table WHERE` scope and filter.
    pub(crate) fn push_from(
        &self,
        sql: &mut Sql,
        context: &Context,
        given: Filter<'_>,
        deleted_too: bool,
    ) -> Result<()> {
        sql.push(" FROM ").push(&self.table.qualified).push(" WHERE ");
        self.push_scope(sql, context, deleted_too);
        sql.push(" AND ");
        filter::push(sql, &self.table, given)
    }

    /// The columns of a `fields` parameter, all shown ones by default.
    pub(crate) fn columns(&self, fields: Option<&Value>) -> Result<Vec<&Column>> {
        match fields {
            None | Some(Value::Null) => Ok(self.table.shown().collect()),
            Some(Value::Array(names)) if !names.is_empty() => {
                let mut columns: Vec<&Column> = Vec::new();
                for name in names {
                    let name = name
                        .as_str()
                        .ok_or_else(|| Error::new(&codes::BAD_PARAMETER, "fields is a list of names"))?;
                    let column = self.table.column(name)?;
                    if !columns.iter().any(|c| c.name() == name) {
                        columns.push(column);
                    }
                }
                Ok(columns)
            }
            Some(_) => Err(Error::new(&codes::BAD_PARAMETER, "fields is a list of names")),
        }
    }

    /// The row as an object.
    pub(crate) fn object(columns: &[&Column], row: &Row) -> Result<Map<String, Value>> {
        value::row(row, columns)
    }

    /// The statement that finds one row by its key, if it is one that the caller may see.
    ///
    /// # Errors
    /// As [`Table::key_values`].
    pub(crate) fn find(&self, list: &str, context: &Context, key: &Value, deleted_too: bool) -> Result<Sql> {
        let table = &self.table;
        let keys = table.key_values(key)?;
        let text = match deleted_too {
            // The text is the same for every caller and key: only what is bound is another.
            false => {
                Cow::Borrowed(table.usual_find.get_or_init(|| self.find_tail(&keys, context, false)).as_str())
            }
            true => Cow::Owned(self.find_tail(&keys, context, true)),
        };
        let owned = table.owned(context);
        let values = keys.into_iter().chain(owned).map(|(_, value)| value).collect();
        Ok(Sql::bound(["SELECT ", list, &text].concat(), values))
    }

    /// What follows the select list of [`Engine::find`].
    fn find_tail(&self, keys: &[(&Column, Bound)], context: &Context, deleted_too: bool) -> String {
        let mut sql = Sql::new([" FROM ", &self.table.qualified, " WHERE "].concat());
        Table::push_key_values(&mut sql, keys.to_vec());
        sql.push(" AND ");
        self.push_scope(&mut sql, context, deleted_too);
        sql.text().to_owned()
    }

    /// Reads one row by its key.
    pub(crate) async fn by_key(
        &self,
        client: &impl GenericClient,
        context: &Context,
        key: &Value,
        deleted_too: bool,
    ) -> Result<Option<Map<String, Value>>> {
        let (columns, list) = self.table.row();
        let sql = self.find(list, context, key, deleted_too)?;
        sql.first(client).await?.map(|row| Self::object(&columns, &row)).transpose()
    }
}
