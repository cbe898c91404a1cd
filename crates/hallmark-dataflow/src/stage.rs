//! Many rows at once: staged through COPY, looked at, and moved by one INSERT.

mod referring;

use std::collections::BTreeMap;
use std::pin::Pin;

use hallmark_core::{Error, Result};
use hallmark_python::models::Index;
use hallmark_workflow::Context;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{GenericClient, Row};

use crate::engine::Engine;
use crate::schema::wanted_indexes;
use crate::slow;
use crate::sql::{Sql, failure};
use crate::table::{Column, Role, Table};
use crate::value::{self, Bound};
use crate::write::{Cells, OnConflict, follow, push_conflict};

/// A temporary table that COPY fills and one INSERT empties; it lives as long as the transaction.
pub(crate) struct Stage<'a> {
    engine: &'a Engine,
    /// Positions of the staged columns: key, data, `created_at`.
    columns: Vec<usize>,
}

/// The name of the temporary table.
pub(crate) const STAGE: &str = "hallmark_stage";
/// What fills it.
const COPY: &str = "COPY hallmark_stage FROM STDIN BINARY";

impl<'a> Stage<'a> {
    /// Creates the temporary table.
    pub(crate) async fn create(client: &impl GenericClient, engine: &'a Engine) -> Result<Self> {
        let table = &engine.table;
        let staged = |c: &Column| matches!(c.role, Role::Key | Role::Data | Role::CreatedAt);
        let columns: Vec<usize> = (0..table.columns.len()).filter(|i| staged(&table.columns[*i])).collect();
        let mut parts = vec!["line bigint NOT NULL".to_owned()];
        parts.extend(
            columns.iter().map(|i| format!("c{i} {}", value::wire(table.columns[*i].field.kind).name())),
        );
        let statement = format!("CREATE TEMPORARY TABLE {STAGE} ({}) ON COMMIT DROP", parts.join(", "));
        client.batch_execute(&statement).await.map_err(failure)?;
        Ok(Self { engine, columns })
    }

    fn table(&self) -> &'a Table {
        &self.engine.table
    }

    /// Opens the COPY.
    pub(crate) async fn writer(
        &self,
        client: &tokio_postgres::Transaction<'_>,
    ) -> Result<Pin<Box<BinaryCopyInWriter>>> {
        let sink = client.copy_in(COPY).await.map_err(failure)?;
        let mut types = vec![Type::INT8];
        types.extend(self.columns.iter().map(|i| value::wire(self.table().columns[*i].field.kind)));
        Ok(Box::pin(BinaryCopyInWriter::new(sink, &types)))
    }

    /// Closes the COPY. Its time is taken from here on: before, it waits for whoever makes the rows.
    pub(crate) async fn finish(&self, mut writer: Pin<Box<BinaryCopyInWriter>>) -> Result<()> {
        let work = async { writer.as_mut().finish().await.map_err(failure) };
        slow::timed(COPY, |rows| *rows, work).await.map(drop)
    }

    /// Writes one completed row.
    pub(crate) async fn write(
        &self,
        writer: &mut Pin<Box<BinaryCopyInWriter>>,
        line: i64,
        cells: &Cells,
    ) -> Result<()> {
        let mut ordered: Vec<Bound> = Vec::with_capacity(self.columns.len() + 1);
        ordered.push(Bound::Int(line));
        let mut given = cells.iter().peekable();
        for i in &self.columns {
            match given.peek() {
                Some((at, bound)) if at == i => {
                    ordered.push(bound.clone());
                    given.next();
                }
                _ => ordered.push(Bound::Null(value::wire(self.table().columns[*i].field.kind))),
            }
        }
        let references: Vec<&(dyn ToSql + Sync)> = ordered.iter().map(|b| b as &(dyn ToSql + Sync)).collect();
        writer.as_mut().write(&references).await.map_err(failure)
    }

    /// The statement that moves the staged rows into the table, and returns this of each.
    fn moving(&self, context: &Context, conflict: &OnConflict<'_>, begins: &str, returned: &str) -> Sql {
        let table = &self.engine.table;
        let mut idents: Vec<&str> = self.columns.iter().map(|i| table.columns[*i].ident.as_str()).collect();
        let owned = table.owned(context);
        idents.extend(owned.iter().map(|(column, _)| column.ident.as_str()));
        let mut sql =
            Sql::new(format!("{begins}INSERT INTO {} AS t ({}) SELECT ", table.qualified, idents.join(", ")));
        for (n, i) in self.columns.iter().enumerate() {
            let column = &table.columns[*i];
            sql.push(if n > 0 { ", " } else { "" });
            match column.role {
                _ if column.identity => {
                    sql.push(&format!("COALESCE(c{i}, nextval(pg_get_serial_sequence("));
                    sql.bind(Bound::Text(table.qualified.clone()), None).push(", ");
                    sql.bind(Bound::Text(column.name().to_owned()), None).push(")))");
                }
                Role::CreatedAt => {
                    sql.push(&format!("COALESCE(c{i}, now())"));
                }
                _ => {
                    sql.push(&format!("c{i}::{}", column.sql_type));
                }
            }
        }
        for (_, value) in owned {
            sql.push(", ").bind(value, None);
        }
        sql.push(&format!(" FROM {STAGE} ORDER BY line"));
        push_conflict(&mut sql, table, conflict);
        sql.push(&format!(" RETURNING {returned}"));
        self.engine.push_guard_of_stage(&mut sql, context, conflict);
        sql
    }

    /// Moves the staged rows into the table; returns how many there are now, and how many of them are new. What was moved stays
    /// where it is, however much that is; the sequences are the caller's to move.
    pub(crate) async fn count_inserted(
        &self,
        client: &impl GenericClient,
        context: &Context,
        conflict: &OnConflict<'_>,
    ) -> Result<(u64, u64)> {
        let mut sql = self.moving(context, conflict, "WITH moved AS (", "(t.xmax = 0) AS is_new");
        sql.push(") SELECT count(*), count(*) FILTER (WHERE is_new) FROM moved");
        let row = sql.first(client).await?.ok_or_else(|| {
            Error::new(&hallmark_core::codes::INTERNAL, "the insert did not tell how much it moved")
        })?;
        let number = |at| row.try_get::<_, i64>(at).map_err(failure).map(i64::unsigned_abs);
        Ok((number(0)?, number(1)?))
    }

    /// Moves the staged rows into the table; within [`Stage::referring`]. Returns the columns of each key, and after them whether the row is new. Sequences go
    /// first, so that no key that is made for one row is that which another one gives.
    pub(crate) async fn insert(
        &self,
        client: &impl GenericClient,
        context: &Context,
        conflict: &OnConflict<'_>,
    ) -> Result<Vec<Row>> {
        let returned = format!("{}, (t.xmax = 0)", self.table().key_selected());
        self.follow(client).await?;
        self.moving(context, conflict, "", &returned).rows(client).await
    }

    /// Moves the sequences of counted columns past what the staged rows gave. That is not taken back with a transaction.
    pub(crate) async fn follow(&self, client: &impl GenericClient) -> Result<()> {
        for i in self.columns.iter().filter(|i| self.table().columns[**i].identity) {
            let highest = Sql::new(format!("SELECT max(c{i}) FROM {STAGE}")).first(client).await?;
            let highest: Option<i64> = highest.map(|r| r.try_get(0)).transpose().map_err(failure)?.flatten();
            if let Some(highest) = highest {
                follow(client, self.table(), &[(*i, highest)]).await?;
            }
        }
        Ok(())
    }

    /// The lines whose unique values are taken, by a row of the table or by an earlier line, with the fields that collide;
    /// `except` are the fields that an upsert matches on.
    pub(crate) async fn collisions(
        &self,
        client: &impl GenericClient,
        context: &Context,
        except: &[&Column],
    ) -> Result<BTreeMap<i64, String>> {
        let mut found = BTreeMap::new();
        for columns in self.unique_sets() {
            let matched = columns.len() == except.len()
                && except.iter().all(|e| columns.iter().any(|i| self.table().columns[*i].name() == e.name()));
            if matched {
                continue;
            }
            let fields: Vec<&str> = columns.iter().map(|i| self.table().columns[*i].name()).collect();
            let mut lines = self.repeats(client, &columns).await?;
            lines.append(&mut self.taken(client, context, (&columns, except)).await?);
            for line in lines {
                found.entry(line).or_insert_with(|| fields.join(","));
            }
        }
        Ok(found)
    }

    /// The lines that repeat the match fields of an earlier one: one statement cannot update a row twice.
    pub(crate) async fn repeated(&self, client: &impl GenericClient, target: &[&Column]) -> Result<Vec<i64>> {
        match self.places(target) {
            Some(columns) => self.repeats(client, &columns).await,
            None => Ok(Vec::new()),
        }
    }

    /// Locks the rows that the staged ones will change, in the order of what they are matched by: two that stage the same rows wait
    /// for each other, and never in a circle.
    pub(crate) async fn lock(&self, client: &impl GenericClient, target: &[&Column]) -> Result<()> {
        let Some(columns) = self.places(target) else { return Ok(()) };
        let idents: Vec<String> =
            columns.iter().map(|i| format!("t.{}", self.table().columns[*i].ident)).collect();
        let staged: Vec<String> = columns.iter().map(|i| self.typed("", *i)).collect();
        let (idents, staged) = (idents.join(", "), staged.join(", "));
        let sql = Sql::new(format!(
            "SELECT count(*) FROM (SELECT FROM {} t WHERE ({idents}) IN (SELECT {staged} FROM {STAGE}) ORDER BY {idents} \
             FOR NO KEY UPDATE) locked",
            self.table().qualified
        ));
        sql.rows(client).await.map(drop)
    }

    /// Empties the stage for the next rows.
    pub(crate) async fn clear(&self, client: &impl GenericClient) -> Result<()> {
        client.batch_execute(&format!("TRUNCATE {STAGE}")).await.map_err(failure)
    }

    /// Takes lines off the stage.
    pub(crate) async fn remove(&self, client: &impl GenericClient, lines: &[i64]) -> Result<()> {
        let statement = format!("DELETE FROM {STAGE} WHERE line = ANY($1)");
        let work = async { client.execute(&statement, &[&lines]).await.map_err(failure) };
        slow::timed(&statement, |rows| *rows, work).await.map(drop)
    }

    /// The positions of the columns of every uniqueness that can be foreseen: the key, plain unique indexes, and those
    /// whose predicate only leaves out nulls. Another predicate is left to the index itself.
    fn unique_sets(&self) -> Vec<Vec<usize>> {
        let foreseen = |i: &Index| {
            let not_null = |c: &str| i.fields.len() == 1 && c == format!("{} IS NOT NULL", i.fields[0]);
            i.unique && i.condition.as_deref().is_none_or(not_null)
        };
        let mut sets = vec![self.table().keys().iter().map(|c| c.name().to_owned()).collect()];
        sets.extend(wanted_indexes(self.table()).into_iter().filter(foreseen).map(|i| i.fields));
        let at = |f: &String| self.columns.iter().copied().find(|i| self.table().columns[*i].name() == f);
        sets.iter().filter_map(|fields| fields.iter().map(at).collect()).collect()
    }

    /// The position of a column, if it is staged.
    fn place(&self, column: &Column) -> Option<usize> {
        self.columns.iter().copied().find(|i| self.table().columns[*i].name() == column.name())
    }

    /// The positions of columns, if all are staged.
    fn places(&self, columns: &[&Column]) -> Option<Vec<usize>> {
        columns.iter().map(|c| self.place(c)).collect()
    }

    fn typed(&self, prefix: &str, column: usize) -> String {
        format!("{prefix}c{column}::{}", self.table().columns[column].sql_type)
    }

    async fn repeats(&self, client: &impl GenericClient, columns: &[usize]) -> Result<Vec<i64>> {
        let present: Vec<String> = columns.iter().map(|i| format!("c{i} IS NOT NULL")).collect();
        let values: Vec<String> = columns.iter().map(|i| self.typed("", *i)).collect();
        let sql = Sql::new(format!(
            "SELECT line FROM (SELECT line, row_number() OVER (PARTITION BY {} ORDER BY line) AS nth FROM {STAGE} WHERE {}) d WHERE nth > 1",
            values.join(", "),
            present.join(" AND ")
        ));
        lines(&sql.rows(client).await?)
    }

    async fn taken(
        &self,
        client: &impl GenericClient,
        context: &Context,
        (columns, except): (&[usize], &[&Column]),
    ) -> Result<Vec<i64>> {
        let table = self.table();
        let mut sql = Sql::new(format!("SELECT s.line FROM {STAGE} s JOIN {} t ON ", table.qualified));
        sql.push(&self.same(columns));
        // A key is unique across tenants, everything else within one.
        let named: Vec<&Column> = columns.iter().map(|i| &table.columns[*i]).collect();
        let tenant = table.with_role(Role::Tenant);
        let mine = |sql: &mut Sql| {
            if let Some(tenant) = tenant {
                sql.push(" AND t.").push(&tenant.ident).push(" = ");
                sql.bind(Bound::Text(Engine::tenant(context).to_owned()), None);
            }
        };
        if !table.is_key(&named) {
            mine(&mut sql);
        }
        // The row that is to be changed is not in its own way.
        if let Some(target) = self.places(except).filter(|target| !target.is_empty()) {
            sql.push(" WHERE (").push(&self.same(&target));
            mine(&mut sql);
            sql.push(") IS NOT TRUE");
        }
        lines(&sql.rows(client).await?)
    }

    /// The lines that an upsert would change rows by which are not the caller's.
    pub(crate) async fn of_others(
        &self,
        client: &impl GenericClient,
        context: &Context,
        target: &[&Column],
    ) -> Result<Vec<i64>> {
        let table = self.table();
        let Some(columns) = self.places(target).filter(|_| table.owners().next().is_some()) else {
            return Ok(Vec::new());
        };
        let mut sql = Sql::new(format!("SELECT s.line FROM {STAGE} s JOIN {} t ON ", table.qualified));
        sql.push(&self.same(&columns));
        if let Some(tenant) = table.with_role(Role::Tenant).filter(|_| !table.is_key(target)) {
            sql.push(" AND t.").push(&tenant.ident).push(" = ");
            sql.bind(Bound::Text(Engine::tenant(context).to_owned()), None);
        }
        sql.push(" WHERE NOT (");
        table.push_owned(&mut sql, context);
        sql.push(")");
        lines(&sql.rows(client).await?)
    }

    /// That a row of the table has the staged values of these columns.
    fn same(&self, columns: &[usize]) -> String {
        let same = columns
            .iter()
            .map(|i| format!("t.{} = {}", self.table().columns[*i].ident, self.typed("s.", *i)));
        same.collect::<Vec<_>>().join(" AND ")
    }
}

fn lines(rows: &[Row]) -> Result<Vec<i64>> {
    rows.iter().map(|r| r.try_get(0).map_err(failure)).collect()
}
