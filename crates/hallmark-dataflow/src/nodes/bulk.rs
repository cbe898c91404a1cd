//! The bulk forms of CRUD: many rows in one transaction, all of them or none.

use std::collections::BTreeMap;
use std::time::Duration;

use hallmark_core::{Error, Result, random};
use hallmark_workflow::BoxFuture;
use serde_json::{Map, Value, json};
use tokio_postgres::{GenericClient, Row};

use super::cache;
use super::crud::Call;
use crate::filter::Filter;
use crate::referable::Written;
use crate::sql::{self, Sql, failure};
use crate::stage::Stage;
use crate::table::Role;
use crate::write::{self, Cells, OnConflict};
use crate::{codes, limits};

impl Call<'_> {
    pub(super) async fn bulk_create(&self) -> Result<Value> {
        let given = self.ask.objects("rows", limits::BULK_ROWS_MAX)?;
        let rows = self.complete(&given)?;
        self.make_room().await?;
        let mut client = self.engine.client().await?;
        let transaction = client.transaction().await.map_err(failure)?;
        self.engine.sign(&*transaction, self.context).await?;
        let stage = Stage::create(&*transaction, self.engine).await?;
        let mut writer = stage.writer(&transaction).await?;
        for (line, cells) in (0_i64..).zip(&rows) {
            stage.write(&mut writer, line, cells).await?;
        }
        stage.finish(writer).await?;
        let created = self.moved(&stage, &*transaction, &OnConflict::Error).await?;
        sql::commit(transaction.commit()).await?;
        let ids = created.iter().map(|row| self.table().key_of(row, 0)).collect::<Result<Vec<_>>>()?;
        Ok(json!({"operation": "bulk_create", "created": ids.len(), "ids": ids}))
    }

    /// Rows whose time is over are not there: what they hold is free.
    pub(super) async fn make_room(&self) -> Result<()> {
        match self.table().options.ttl_seconds {
            Some(_) => super::record::purge(self.engine, Some(self.context)).await.map(drop),
            None => Ok(()),
        }
    }

    /// The rows as cells, an error with the place of the row.
    fn complete(&self, given: &[&Map<String, Value>]) -> Result<Vec<Cells>> {
        let complete = |(i, data): (usize, &&Map<String, Value>)| {
            write::complete(self.table(), data).map_err(|e| in_row(i, &e))
        };
        given.iter().enumerate().map(complete).collect()
    }

    /// Each row has its own key and changes; a row that is not there is told, and does not stop the others. Rows are changed in the
    /// order of their keys, so that two calls for the same rows wait for each other and never in a circle.
    async fn update_rows(&self) -> Result<Value> {
        let given = self.ask.objects("rows", limits::BULK_ROWS_MAX)?;
        let rows = given.iter().enumerate().map(|(i, row)| self.update_of(row).map_err(|e| in_row(i, &e)));
        let rows = rows.collect::<Result<Vec<_>>>()?;
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by(|a, b| self.table().key_order(&rows[*a].0, &rows[*b].0));
        let again = order.windows(2).filter(|w| self.table().key_order(&rows[w[0]].0, &rows[w[1]].0).is_eq());
        if let Some(again) = again.map(|w| w[0].max(w[1])).min() {
            let message =
                format!("rows[{again}] has the same {} as an earlier row", self.table().key_label());
            return Err(Error::new(&codes::DUPLICATE, message).at(format!("rows[{again}]")));
        }
        let mut client = self.engine.client().await?;
        let transaction = client.transaction().await.map_err(failure)?;
        self.engine.sign(&*transaction, self.context).await?;
        let mut is_there = vec![false; rows.len()];
        for i in order {
            is_there[i] = rows[i].1.execute(&*transaction).await.map_err(|e| in_row(i, &e))? > 0;
        }
        sql::commit(transaction.commit()).await?;
        let (mut ids, mut missing) = (Vec::new(), Vec::new());
        for ((id, _), is_there) in rows.into_iter().zip(is_there) {
            if is_there { ids.push(id) } else { missing.push(id) }
        }
        cache::forget(self.engine, self.context, &ids).await;
        Ok(json!({"operation": "bulk_update", "updated": ids.len(), "missing": missing}))
    }

    /// The key of a row, and the statement that makes its changes.
    fn update_of(&self, row: &Map<String, Value>) -> Result<(Value, Sql)> {
        let (id, changes) = self.addressed(None, row)?;
        let mut sql = Sql::new(format!("UPDATE {} AS t", self.table().qualified));
        let set = write::push_sets(&mut sql, self.table(), &changes)?;
        sql.push(" WHERE ");
        self.table().push_key(&mut sql, &id)?;
        sql.push(" AND ");
        self.engine.push_scope(&mut sql, self.context, false);
        sql.push(" RETURNING true");
        self.engine.push_guard(&mut sql, self.context, Written::Changed(&set));
        Ok((id, sql))
    }

    /// Rows are created, or change the row that has the same match fields in the fields that they give.
    pub(super) async fn bulk_upsert(&self) -> Result<Value> {
        let given = self.ask.objects("rows", limits::BULK_ROWS_MAX)?;
        let rows = self.complete(&given)?;
        let target = write::target(self.table(), self.ask.get("match_on"))?;
        let skip = self.ask.text("on_conflict") == Some("skip");
        let groups = if skip { vec![(Vec::new(), (0..given.len()).collect())] } else { alike(&given) };
        let mut client = self.engine.client().await?;
        let transaction = client.transaction().await.map_err(failure)?;
        self.engine.sign(&*transaction, self.context).await?;
        let stage = Stage::create(&*transaction, self.engine).await?;
        let (mut ids, mut created) = (Vec::new(), 0_usize);
        if groups.len() > 1 {
            let all: Vec<usize> = (0..rows.len()).collect();
            self.staged(&stage, &transaction, &rows, &all).await?;
            self.refuse_repeats(&stage, &*transaction, &target).await?;
            stage.lock(&*transaction, &target).await?;
            stage.clear(&*transaction).await?;
        }
        for (names, members) in &groups {
            self.staged(&stage, &transaction, &rows, members).await?;
            if groups.len() == 1 {
                self.refuse_repeats(&stage, &*transaction, &target).await?;
                if !skip {
                    stage.lock(&*transaction, &target).await?;
                }
            }
            let given = names.iter().map(|n| self.table().column(n)).collect::<Result<Vec<_>>>()?;
            let conflict =
                if skip { OnConflict::Skip } else { OnConflict::Update { target: target.clone(), given } };
            let moved = self.moved(&stage, &*transaction, &conflict).await?;
            if !skip && moved.len() < members.len() {
                return Err(write::of_another());
            }
            for row in moved {
                ids.push(self.table().key_of(&row, 0)?);
                let new: bool = row.try_get(self.table().keys().len()).map_err(failure)?;
                created += usize::from(new);
            }
            stage.clear(&*transaction).await?;
        }
        sql::commit(transaction.commit()).await?;
        cache::forget(self.engine, self.context, &ids).await;
        let updated = ids.len() - created;
        let skipped = rows.len() - ids.len();
        Ok(
            json!({"operation": "bulk_upsert", "created": created, "updated": updated, "skipped": skipped, "ids": ids}),
        )
    }

    /// Puts these rows on the stage.
    async fn staged(
        &self,
        stage: &Stage<'_>,
        transaction: &tokio_postgres::Transaction<'_>,
        rows: &[Cells],
        members: &[usize],
    ) -> Result<()> {
        let mut writer = stage.writer(transaction).await?;
        for i in members {
            stage.write(&mut writer, i64::try_from(*i).unwrap_or(i64::MAX), &rows[*i]).await?;
        }
        stage.finish(writer).await
    }

    async fn refuse_repeats(
        &self,
        stage: &Stage<'_>,
        client: &impl GenericClient,
        target: &[&crate::Column],
    ) -> Result<()> {
        let Some(line) = stage.repeated(client, target).await?.into_iter().min() else { return Ok(()) };
        let names: Vec<&str> = target.iter().map(|c| c.name()).collect();
        let message = format!("rows[{line}] has the same {} as an earlier row", names.join(", "));
        Err(Error::new(&codes::DUPLICATE, message).at(format!("rows[{line}]")))
    }

    /// Moves the staged rows into the table.
    ///
    /// # Errors
    /// `HM-D021`, at the first row that refers to one that is not there, or not the caller's.
    async fn moved(
        &self,
        stage: &Stage<'_>,
        client: &impl GenericClient,
        conflict: &OnConflict<'_>,
    ) -> Result<Vec<Row>> {
        let moving = stage.insert(client, self.context, conflict);
        match stage.referring(client, (self.context, conflict), moving).await? {
            Ok(moved) => Ok(moved),
            Err(refused) => {
                let (line, (fields, why)) = refused.into_iter().next().unwrap_or_default();
                Err(Error::new(&codes::REFERENCE, why).at(format!("rows[{line}].{fields}")))
            }
        }
    }

    /// Bulk changes name their rows; a filter that says nothing of them would mean the whole table.
    pub(super) fn need_filter(&self) -> Result<Filter<'_>> {
        let filter = self.ask.filter();
        if crate::filter::takes_all(filter.given) {
            let message = "a bulk change needs a filter that is not empty";
            return Err(Error::new(&codes::MISSING_VALUE, message)
                .at("filter")
                .next("to mean all rows, filter on the key with is_null: false"));
        }
        Ok(filter)
    }

    pub(super) async fn bulk_update(&self) -> Result<Value> {
        if self.ask.get("rows").is_some() {
            return self.update_rows().await;
        }
        let (data, filter) = (self.ask.object("data")?, self.need_filter()?);
        let mut sql = Sql::new(format!("UPDATE {} AS t", self.table().qualified));
        let set = write::push_sets(&mut sql, self.table(), data)?;
        sql.push(" WHERE ");
        self.run_bulk((sql, &set), filter, ("bulk_update", "updated")).await
    }

    pub(super) async fn bulk_delete(&self) -> Result<Value> {
        let filter = self.need_filter()?;
        let sql = self.removal();
        self.run_bulk((sql, &[]), filter, ("bulk_delete", "deleted")).await
    }

    /// Runs a statement up to its `WHERE`, which sets these columns, on the rows of the filter.
    async fn run_bulk(
        &self,
        (mut sql, set): (Sql, &[&crate::Column]),
        filter: Filter<'_>,
        (operation, verb): (&str, &str),
    ) -> Result<Value> {
        self.engine.push_scope(&mut sql, self.context, false);
        sql.push(" AND ");
        crate::filter::push(&mut sql, self.table(), filter)?;
        sql.push(" RETURNING ").push(&self.table().key_selected());
        self.engine.push_guard(&mut sql, self.context, Written::Changed(set));
        self.engine.push_signature(&mut sql, self.context);
        let client = self.engine.client().await?;
        let rows = sql.rows(&**client).await?;
        let ids = rows.iter().map(|row| self.table().key_of(row, 0)).collect::<Result<Vec<_>>>()?;
        cache::forget(self.engine, self.context, &ids).await;
        let removes = operation == "bulk_delete" && self.table().with_role(Role::DeletedAt).is_none();
        if removes && !ids.is_empty() {
            cache::forget_followers(self.engine).await;
        }
        let mut answer = json!({"operation": operation});
        answer[verb] = json!(ids.len());
        Ok(answer)
    }
}

/// Does again what was taken back as a whole because it was the one to give way in a deadlock.
pub(super) async fn again<'a>(work: impl Fn() -> BoxFuture<'a, Result<Value>> + Send) -> Result<Value> {
    for attempt in 1..limits::DEADLOCK_ATTEMPTS_MAX {
        match work().await {
            Err(error) if error.is(&codes::DEADLOCK) => {
                tracing::debug!(attempt, "a bulk call gave way in a deadlock, and is done again");
                let pause = Duration::from_millis(limits::DEADLOCK_PAUSE_MS * u64::from(attempt));
                tokio::time::sleep(random::jittered(pause)).await;
            }
            done => return done,
        }
    }
    work().await
}

/// Rows that give the same fields change the same columns and go in one statement, those of the first row first.
fn alike<'r>(given: &[&'r Map<String, Value>]) -> Vec<(Vec<&'r String>, Vec<usize>)> {
    let mut groups: Vec<(Vec<&String>, Vec<usize>)> = Vec::new();
    let mut known: BTreeMap<Vec<&String>, usize> = BTreeMap::new();
    for (i, row) in given.iter().enumerate() {
        let mut names: Vec<&String> = row.keys().collect();
        names.sort();
        let at = *known.entry(names).or_insert_with_key(|names| {
            groups.push((names.clone(), Vec::new()));
            groups.len() - 1
        });
        groups[at].1.push(i);
    }
    groups
}

/// The error of one row, with its place.
fn in_row(i: usize, error: &Error) -> Error {
    let place = match error.place() {
        Some(place) => format!("rows[{i}].{place}"),
        None => format!("rows[{i}]"),
    };
    Error::new(error.code(), error.message().to_owned()).at(place)
}
