//! Staged rows that refer to others.

use std::collections::BTreeMap;

use hallmark_core::Result;
use hallmark_workflow::Context;
use tokio_postgres::GenericClient;

use super::{STAGE, Stage, lines};
use crate::codes;
use crate::referable;
use crate::schema::{self, Reference};
use crate::sql::{Sql, failure};
use crate::table::{Column, Role};

/// Lines, with the fields that refer and what is to be said.
pub(crate) type Refused = BTreeMap<i64, (String, String)>;

impl Stage<'_> {
    /// Moves staged rows by `moving`, and takes that back if lines refer to rows that are not there, or not the caller's: they are
    /// given instead. PostgreSQL is asked first: what it does not enforce is no reason to refuse a row.
    ///
    /// # Errors
    /// Those of `moving`; `HM-D021` if it cannot be told which line.
    pub(crate) async fn referring<T>(
        &self,
        client: &impl GenericClient,
        context: &Context,
        moving: impl Future<Output = Result<T>>,
    ) -> Result<std::result::Result<T, Refused>> {
        if schema::references(self.table(), &self.engine.shared.tables).is_empty() {
            return moving.await.map(Ok);
        }
        client.batch_execute("SAVEPOINT moving").await.map_err(failure)?;
        let moved = match moving.await {
            Err(error) if !error.is(&codes::REFERENCE) => return Err(error),
            moved => moved,
        };
        if let Ok(moved) = moved {
            let strays = self.strays(client, context).await?;
            if strays.is_empty() {
                return Ok(Ok(moved));
            }
            client.batch_execute("ROLLBACK TO SAVEPOINT moving").await.map_err(failure)?;
            return Ok(Err(strays));
        }
        client.batch_execute("ROLLBACK TO SAVEPOINT moving").await.map_err(failure)?;
        let orphans = self.orphans(client, context).await?;
        if orphans.is_empty() { moved.map(Ok) } else { Ok(Err(orphans)) }
    }

    /// The lines that refer to rows which neither the stage nor the table has, or which are not the caller's.
    async fn orphans(&self, client: &impl GenericClient, context: &Context) -> Result<Refused> {
        let references = schema::references(self.table(), &self.engine.shared.tables);
        self.without(client, references, (context, true)).await
    }

    /// The lines that refer to rows which are not the caller's. After the staged rows were moved: then PostgreSQL has seen that the
    /// others are there, and keeps them.
    async fn strays(&self, client: &impl GenericClient, context: &Context) -> Result<Refused> {
        let references = referable::guarded(self.table(), &self.engine.shared.tables);
        self.without(client, references, (context, false)).await
    }

    async fn without(
        &self,
        client: &impl GenericClient,
        references: Vec<Reference<'_>>,
        (context, with_stage): (&Context, bool),
    ) -> Result<Refused> {
        let mut found = Refused::new();
        for (from, to, there) in references {
            if !from.iter().all(|c| self.place(c).is_some() || is_owner(c)) {
                continue;
            }
            let mut sql = Sql::new(format!("SELECT s.line FROM {STAGE} s WHERE true"));
            for i in from.iter().filter_map(|c| self.place(c)) {
                sql.push(&format!(" AND s.c{i} IS NOT NULL"));
            }
            sql.push(" AND NOT EXISTS (SELECT FROM ").push(&to.qualified).push(" t WHERE ");
            for (here, key) in from.iter().zip(&there) {
                sql.push("t.").push(&key.ident).push(" = ");
                self.push_value(&mut sql, (here, "s."), context);
                sql.push(" AND ");
            }
            to.push_owned(&mut sql, context);
            sql.push(")");
            let is_staged = there.iter().all(|c| self.place(c).is_some() || is_owner(c));
            if with_stage && is_staged && to.name == self.table().name {
                sql.push(&format!(" AND NOT EXISTS (SELECT FROM {STAGE} o WHERE true"));
                for (here, key) in from.iter().zip(&there) {
                    sql.push(" AND ");
                    self.push_value(&mut sql, (key, "o."), context);
                    sql.push(" = ");
                    self.push_value(&mut sql, (here, "s."), context);
                }
                sql.push(")");
            }
            let why = referable::missing(&to.model.name, &referable::listed(&there));
            for line in lines(&sql.rows(client).await?)? {
                found.entry(line).or_insert_with(|| (referable::listed(&from), why.clone()));
            }
        }
        Ok(found)
    }

    /// What a row of the stage, by its alias, has in a column: owners are not staged, and the same for all.
    fn push_value(&self, sql: &mut Sql, (column, prefix): (&Column, &str), context: &Context) {
        let owned = self.table().owned(context).into_iter().find(|(owner, _)| owner.name() == column.name());
        match (self.place(column), owned) {
            (Some(i), _) => sql.push(&self.typed(prefix, i)),
            (None, Some((owner, value))) => sql.bind(value, Some(&owner.sql_type)),
            (None, None) => sql.push("NULL"),
        };
    }
}

fn is_owner(column: &Column) -> bool {
    matches!(column.role, Role::Tenant | Role::Ruled(_))
}
