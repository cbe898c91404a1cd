//! Staged rows that refer to others.

use std::collections::BTreeMap;

use hallmark_core::Result;
use hallmark_workflow::Context;
use tokio_postgres::GenericClient;

use super::{STAGE, Stage, lines};
use crate::codes;
use crate::engine::Engine;
use crate::referable;
use crate::schema::{self, Reference};
use crate::sql::{Sql, failure};
use crate::table::{Column, Role};
use crate::value::Bound;
use crate::write::OnConflict;

/// Lines, with the fields that refer and what is to be said.
pub(crate) type Refused = BTreeMap<i64, (String, String)>;

/// A statement that finds lines, the fields that it is about, and what is to be said.
struct Look {
    sql: Sql,
    fields: String,
    why: String,
}

impl Stage<'_> {
    /// Moves staged rows by `moving`, and takes that back if lines refer to rows that are not there, or not the caller's: they are
    /// given instead. PostgreSQL is asked first: what it does not enforce is no reason to refuse a row.
    ///
    /// # Errors
    /// Those of `moving`; `HM-D021` if it cannot be told which line.
    pub(crate) async fn referring<T>(
        &self,
        client: &impl GenericClient,
        (context, conflict): (&Context, &OnConflict<'_>),
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
            let strays = self.strays(client, (context, conflict)).await?;
            if strays.is_empty() {
                return Ok(Ok(moved));
            }
            client.batch_execute("ROLLBACK TO SAVEPOINT moving").await.map_err(failure)?;
            return Ok(Err(strays));
        }
        client.batch_execute("ROLLBACK TO SAVEPOINT moving").await.map_err(failure)?;
        let orphans = self.orphans(client, (context, conflict)).await?;
        if orphans.is_empty() { moved.map(Ok) } else { Ok(Err(orphans)) }
    }

    /// The lines that refer to rows which neither the stage nor the table has, or which are not the caller's.
    async fn orphans(
        &self,
        client: &impl GenericClient,
        (context, conflict): (&Context, &OnConflict<'_>),
    ) -> Result<Refused> {
        let references = schema::references(self.table(), &self.engine.shared.tables);
        let looks = references.iter().map(|r| self.look(r, (context, conflict), true));
        let mut found = self.all(client, looks.collect()).await?;
        self.add_followers(client, (&references, context), &mut found).await?;
        if matches!(conflict, OnConflict::Skip) {
            // What is passed over refers to nothing, unless that is all that can be told.
            let passed = self.collisions(client, context, &[]).await?;
            if found.keys().any(|line| !passed.contains_key(line)) {
                found.retain(|line, _| !passed.contains_key(line));
            }
        }
        Ok(found)
    }

    /// Adds the lines that refer to lines which are refused, one behind another: found one by one, each would cost a move of all the
    /// others.
    async fn add_followers(
        &self,
        client: &impl GenericClient,
        (references, context): (&[Reference<'_>], &Context),
        found: &mut Refused,
    ) -> Result<()> {
        // The line that is referred to, the one that refers, and by what.
        let mut steps: Vec<(i64, i64, usize)> = Vec::new();
        for (which, reference) in references.iter().enumerate().filter(|_| !found.is_empty()) {
            let Some(sql) = self.steps(reference, context) else { continue };
            for row in sql.rows(client).await? {
                steps.push((row.try_get(0).map_err(failure)?, row.try_get(1).map_err(failure)?, which));
            }
        }
        steps.sort_unstable();
        let mut open: Vec<i64> = found.keys().copied().collect();
        while let Some(line) = open.pop() {
            let first = steps.partition_point(|(to, _, _)| *to < line);
            for (_, behind, which) in steps[first..].iter().take_while(|(to, _, _)| *to == line) {
                let (from, to, there) = &references[*which];
                found.entry(*behind).or_insert_with(|| {
                    open.push(*behind);
                    let why = referable::missing(&to.model.name, &referable::listed(there));
                    (referable::listed(from), why)
                });
            }
        }
        Ok(())
    }

    /// The statement that finds the lines that refer to other lines, and to no row of the table: those first, these behind them.
    fn steps(&self, (from, to, there): &Reference<'_>, context: &Context) -> Option<Sql> {
        let is_staged = |c: &&Column| self.place(c).is_some() || is_owner(c);
        if to.name != self.table().name || !from.iter().chain(there).all(is_staged) {
            return None;
        }
        let mut sql = Sql::new(format!("SELECT o.line, s.line FROM {STAGE} s JOIN {STAGE} o ON true"));
        for (here, key) in from.iter().zip(there) {
            self.push_value(sql.push(" AND "), (here, "s."), context);
            self.push_value(sql.push(" = "), (key, "o."), context);
        }
        sql.push(" WHERE NOT EXISTS (SELECT FROM ").push(&to.qualified).push(" r WHERE ");
        for (here, key) in from.iter().zip(there) {
            self.push_value(sql.push("r.").push(&key.ident).push(" = "), (here, "s."), context);
            sql.push(" AND ");
        }
        to.push_owned(&mut sql, context);
        sql.push(")");
        Some(sql)
    }

    /// The lines that refer to rows which are not the caller's. After the staged rows were moved: then PostgreSQL has seen that the
    /// others are there, and keeps them.
    async fn strays(
        &self,
        client: &impl GenericClient,
        (context, conflict): (&Context, &OnConflict<'_>),
    ) -> Result<Refused> {
        let mut references = referable::guarded(self.table(), &self.engine.shared.tables);
        references.retain(|r| referable::is_for_stage(self.table(), r, conflict));
        let looks = references.iter().map(|r| self.look(r, (context, &OnConflict::Error), false));
        self.all(client, looks.collect()).await
    }

    /// Runs statements that find lines.
    async fn all(&self, client: &impl GenericClient, looks: Vec<Option<Look>>) -> Result<Refused> {
        let mut found = Refused::new();
        for Look { sql, fields, why } in looks.into_iter().flatten() {
            for line in lines(&sql.rows(client).await?)? {
                found.entry(line).or_insert_with(|| (fields.clone(), why.clone()));
            }
        }
        Ok(found)
    }

    /// The statement that finds the lines of which a reference leads to no row of the caller; `None` if the stage does not have all of
    /// it. `ahead`: the rows are to be moved yet, so that what they refer to may be on the stage too.
    fn look(
        &self,
        (from, to, there): &Reference<'_>,
        (context, conflict): (&Context, &OnConflict<'_>),
        ahead: bool,
    ) -> Option<Look> {
        let is_known = |c: &&Column| self.place(c).is_some() || is_owner(c);
        if !from.iter().all(is_known) {
            return None;
        }
        let mut sql = Sql::new(format!("SELECT s.line FROM {STAGE} s"));
        // Of rows that are there, an upsert changes what is given.
        let mut given: Option<&[&Column]> = None;
        if let OnConflict::Update { target, given: changed } = conflict
            && let Some(target) = self.places(target)
        {
            given = Some(changed);
            let table = self.table();
            sql.push(" LEFT JOIN ").push(&table.qualified).push(" t ON ").push(&self.same(&target));
            if let Some(tenant) = table.with_role(Role::Tenant) {
                sql.push(" AND t.").push(&tenant.ident).push(" = ");
                sql.bind(Bound::Text(Engine::tenant(context).to_owned()), None);
            }
        }
        let key = self.table().keys().first().map(|key| format!("t.{}", key.ident)).unwrap_or_default();
        let value = |sql: &mut Sql, column: &Column| match given {
            Some(given) if !referable::contains(given, column) && !is_owner(column) => {
                sql.push(&format!("CASE WHEN {key} IS NULL THEN "));
                self.push_value(sql, (column, "s."), context);
                sql.push(&format!(" ELSE t.{} END", column.ident));
            }
            _ => self.push_value(sql, (column, "s."), context),
        };
        sql.push(" WHERE true");
        if given.is_some_and(|given| !from.iter().any(|c| referable::contains(given, c))) {
            sql.push(&format!(" AND {key} IS NULL"));
        }
        for column in from {
            value(sql.push(" AND "), column);
            sql.push(" IS NOT NULL");
        }
        sql.push(" AND NOT EXISTS (SELECT FROM ").push(&to.qualified).push(" r WHERE ");
        for (here, key) in from.iter().zip(there) {
            value(sql.push("r.").push(&key.ident).push(" = "), here);
            sql.push(" AND ");
        }
        to.push_owned(&mut sql, context);
        sql.push(")");
        if ahead && to.name == self.table().name && there.iter().all(is_known) {
            sql.push(&format!(" AND NOT EXISTS (SELECT FROM {STAGE} o WHERE true"));
            for (here, key) in from.iter().zip(there) {
                self.push_value(sql.push(" AND "), (key, "o."), context);
                value(sql.push(" = "), here);
            }
            sql.push(")");
        }
        let why = referable::missing(&to.model.name, &referable::listed(there));
        Some(Look { sql, fields: referable::listed(from), why })
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
