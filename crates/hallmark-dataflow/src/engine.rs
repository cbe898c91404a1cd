//! What every node of a model shares: its table, the handles, and the limits of what a caller may see.

use std::path::PathBuf;
use std::sync::Arc;

use deadpool_postgres::Object;
use hallmark_core::{Error, Result};
use hallmark_services::postgres::Writer;
use hallmark_services::{Answer, Guarded, Handles};
use hallmark_workflow::Context;
use serde_json::{Map, Value};
use tokio_postgres::{GenericClient, Row};

use crate::sql::Sql;
use crate::table::{Column, Role, Table};
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

    /// A connection to the primary, for what may write or must see the newest: reads that are begun after it was given back see
    /// what was written with it, wherever they are answered.
    pub(crate) async fn client(&self) -> Result<Writer> {
        self.shared.guarded.postgres().writer().await
    }

    /// The rows of a statement that only reads: from a replica in good order or the primary, and while that does not answer from
    /// a replica with its age. The ledger of the call is told which.
    pub(crate) async fn read(&self, sql: &Sql) -> Result<Vec<Row>> {
        let work = |client: Object| async move { sql.rows(&**client).await };
        self.shared.guarded.postgres().read(work).await.map(Answer::into_value)
    }

    /// As [`Engine::read`], for a statement that finds rows by their keys and whose text is one of few.
    pub(crate) async fn lookup(&self, sql: &Sql) -> Result<Vec<Row>> {
        if Trace::current().is_some() {
            return self.read(sql).await;
        }
        sql.lookup(self.shared.guarded.postgres()).await
    }

    /// A row by its key from the primary, and whether it is that: while the primary does not answer, from a replica.
    pub(crate) async fn newest(
        &self,
        context: &Context,
        key: &Value,
    ) -> Result<(Option<Map<String, Value>>, bool)> {
        let work = |client: Object| async move { self.by_key(&**client, context, key, false).await };
        let answer = self.shared.guarded.postgres().newest(work).await?;
        let fresh = answer.source().is_primary();
        Ok((answer.into_value(), fresh))
    }

    /// The tenant whose rows the caller sees; without one, those of the empty tenant.
    pub(crate) fn tenant(context: &Context) -> &str {
        context.tenant.as_deref().unwrap_or_default()
    }

    /// Appends the condition that a row is one the caller may see.
    pub(crate) fn push_scope(&self, sql: &mut Sql, context: &Context, deleted_too: bool) {
        sql.push("true");
        if let Some(tenant) = self.table.with_role(Role::Tenant) {
            sql.push(" AND ").push(&tenant.ident).push(" = ");
            sql.bind(Bound::Text(Self::tenant(context).to_owned()), None);
        }
        if let Some(deleted) = self.table.with_role(Role::DeletedAt).filter(|_| !deleted_too) {
            sql.push(" AND ").push(&deleted.ident).push(" IS NULL");
        }
    }

    /// Appends ` FROM table WHERE` scope and filter.
    pub(crate) fn push_from(
        &self,
        sql: &mut Sql,
        context: &Context,
        given: &Value,
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

    /// The select list of these columns.
    pub(crate) fn select_list(columns: &[&Column]) -> String {
        columns.iter().map(|c| value::selected(c)).collect::<Vec<_>>().join(", ")
    }

    /// The row as an object.
    pub(crate) fn object(columns: &[&Column], row: &Row) -> Result<Map<String, Value>> {
        value::row(row, columns)
    }

    /// Reads one row by its key.
    pub(crate) async fn by_key(
        &self,
        client: &impl GenericClient,
        context: &Context,
        key: &Value,
        deleted_too: bool,
    ) -> Result<Option<Map<String, Value>>> {
        let columns: Vec<&Column> = self.table.shown().collect();
        let mut sql =
            Sql::new(format!("SELECT {} FROM {} WHERE ", Self::select_list(&columns), self.table.qualified));
        self.table.push_key(&mut sql, key)?;
        sql.push(" AND ");
        self.push_scope(&mut sql, context, deleted_too);
        sql.first(client).await?.map(|row| Self::object(&columns, &row)).transpose()
    }
}
