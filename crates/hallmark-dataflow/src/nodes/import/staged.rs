//! The thorough way of an import: rows wait in a temporary table, are looked at together, and moved by one statement.

use std::collections::BTreeMap;

use hallmark_core::{Error, Result};
use tokio::sync::mpsc;
use tokio_postgres::{GenericClient, Transaction};

use super::rows::Tally;
use super::{Job, Stored, lock, long_statements};
use crate::files::{self, Batch, End, Source};
use crate::sql::{self, failure};
use crate::stage::Stage;
use crate::write::{self, OnConflict};
use crate::{Progress, codes};

/// The line of each row, kept where it is not the one after the row before.
#[derive(Default)]
struct Lines {
    begins: BTreeMap<u64, u64>,
}

impl Lines {
    fn note(&mut self, row: u64, line: u64) {
        if self.of(row) != line {
            self.begins.insert(row, line);
        }
    }

    fn of(&self, row: u64) -> u64 {
        let (at, line) = self.begins.range(..=row).next_back().map_or((0, 0), |(at, line)| (*at, *line));
        line + (row - at)
    }
}

impl Job<'_> {
    /// Imports through the stage, all or nothing.
    ///
    /// # Errors
    /// `HM-D053` if rows were refused and the import is to end with that; those of file and database.
    pub(super) async fn staged(&mut self, source: Source) -> Result<Stored> {
        self.tally = Tally::default();
        let name = self.lock_name(&source).await?;
        self.make_room().await?;
        let mut batches = files::read(self.reading(source));
        let mut client = self.engine.client().await?;
        let transaction = client.transaction().await.map_err(failure)?;
        lock::for_transaction(&*transaction, name.as_deref()).await?;
        long_statements(&*transaction).await?;
        let (stored, _) = self.stage_part(&transaction, &mut batches).await?;
        self.write_refusals().await?;
        if self.is_committed() {
            sql::commit(transaction.commit()).await?;
        } else if self.ask.truth("dry_run") {
            transaction.rollback().await.map_err(failure)?;
        } else {
            return Err(self.aborted());
        }
        Ok(stored)
    }

    /// Rows whose time is over are not there: what they hold is free.
    pub(super) async fn make_room(&self) -> Result<()> {
        if self.engine.table.options.ttl_seconds.is_some() {
            crate::nodes::record::purge(self.engine, Some(self.context)).await?;
        }
        Ok(())
    }

    /// Puts the rows of the next part on the stage and from there into the table, if none is refused or such are left out.
    ///
    /// # Errors
    /// Those of file and database; a disk that is full at the row that was read last.
    pub(super) async fn stage_part(
        &mut self,
        transaction: &Transaction<'_>,
        batches: &mut mpsc::Receiver<Result<Batch>>,
    ) -> Result<(Stored, End)> {
        let staged = self.stage_rows(transaction, batches).await;
        staged.map_err(|error| match error.place() {
            None if error.is(&codes::DISK_FULL) => error.at(format!("row {}", self.tally.read)),
            _ => error,
        })
    }

    async fn stage_rows(
        &mut self,
        transaction: &Transaction<'_>,
        batches: &mut mpsc::Receiver<Result<Batch>>,
    ) -> Result<(Stored, End)> {
        let (mut lines, progress, mut end) = (Lines::default(), Progress::current(), None);
        let engine = self.engine;
        engine.sign(transaction, self.context).await?;
        let stage = Stage::create(transaction, engine).await?;
        let mut writer = stage.writer(transaction).await?;
        while end.is_none()
            && let Some(batch) = batches.recv().await
        {
            progress.set(self.tally.read);
            let batch = batch?;
            for record in batch.records {
                self.tally.read += 1;
                let (line, row) = (record.line, self.tally.read);
                lines.note(row, line);
                match self.rules.row(record, &mut self.tally.ignored) {
                    Ok(cells) => {
                        stage.write(&mut writer, i64::try_from(row).unwrap_or(i64::MAX), &cells).await?;
                    }
                    Err(error) => self.tally.refuse(row, line, &error)?,
                }
            }
            end = batch.end;
        }
        let end = end.ok_or_else(|| {
            Error::new(&hallmark_core::codes::INTERNAL, "the import's thread ended without a word")
        })?;
        stage.finish(writer).await?;
        self.rules.refuse_unmet(!self.is_parted())?;
        let stored = self.store(transaction, &stage, &lines).await?;
        if self.is_committed() {
            stage.follow(transaction).await?;
        }
        Ok((stored, end))
    }

    /// Refuses colliding rows, then moves the others into the table.
    async fn store(
        &mut self,
        client: &impl GenericClient,
        stage: &Stage<'_>,
        lines: &Lines,
    ) -> Result<Stored> {
        let table = &self.engine.table;

        let update = self.rules.update;
        let target = if update { write::target(table, self.ask.get("match_on"))? } else { Vec::new() };
        let skip = self.ask.text("on_conflict") == Some("skip");
        if !skip {
            let collisions = stage.collisions(client, self.context, &target).await?;
            for (row, fields) in &collisions {
                self.collide(*row, lines, fields, "the values are already taken")?;
            }
            stage.remove(client, &collisions.into_keys().collect::<Vec<_>>()).await?;
        }
        if update {
            let others = stage.of_others(client, self.context, &target).await?;
            for row in &others {
                let fields = target.iter().map(|c| c.name()).collect::<Vec<_>>().join(",");
                let error = write::of_another().at(fields);
                let row = row.unsigned_abs();
                self.tally.refuse(row, lines.of(row), &error)?;
            }
            stage.remove(client, &others).await?;
            let repeated = stage.repeated(client, &target).await?;
            let fields: Vec<&str> = target.iter().map(|c| c.name()).collect();
            for row in &repeated {
                let fields = fields.join(",");
                self.collide(*row, lines, &fields, "an earlier row has the same values")?;
            }
            stage.remove(client, &repeated).await?;
        }
        if !self.tally.refused.is_empty() && !self.skip_errors {
            return Ok(Stored::default());
        }
        let given = self.rules.given.iter().flatten().map(|n| table.column(n)).collect::<Result<Vec<_>>>()?;
        let conflict = match (skip, update) {
            (true, _) => OnConflict::Skip,
            (_, true) => {
                stage.lock(client, &target).await?;
                OnConflict::Update { target, given }
            }
            _ => OnConflict::Error,
        };
        let Some((stored, new)) = self.moved(client, stage, (lines, &conflict)).await? else {
            return Ok(Stored::default());
        };
        let staged = self.tally.read - self.tally.began - self.tally.refused.len() as u64;
        Ok(Stored { new, updated: stored - new, skipped: staged.saturating_sub(stored) })
    }

    /// Moves the staged rows into the table, but for those that refer to rows which are not there, or not the caller's; `None` if there
    /// are such and the import is to end with that.
    async fn moved(
        &mut self,
        client: &impl GenericClient,
        stage: &Stage<'_>,
        (lines, conflict): (&Lines, &OnConflict<'_>),
    ) -> Result<Option<(u64, u64)>> {
        loop {
            let moving = stage.count_inserted(client, self.context, conflict);
            let refused = match stage.referring(client, (self.context, conflict), moving).await? {
                Ok(moved) => return Ok(Some(moved)),
                Err(refused) => refused,
            };
            for (row, (fields, why)) in &refused {
                let error = Error::new(&codes::REFERENCE, why.clone()).at(fields.clone());
                let row = row.unsigned_abs();
                self.tally.refuse(row, lines.of(row), &error)?;
            }
            if !self.skip_errors {
                return Ok(None);
            }
            stage.remove(client, &refused.into_keys().collect::<Vec<_>>()).await?;
        }
    }

    fn collide(&mut self, row: i64, lines: &Lines, fields: &str, why: &str) -> Result<()> {
        let error = Error::new(&codes::DUPLICATE, format!("{why}: {fields}")).at(fields.to_owned());
        let row = row.unsigned_abs();
        self.tally.refuse(row, lines.of(row), &error)
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn lines_are_told_of_rows_that_run_over_several() {
        let mut lines = Lines::default();
        for (row, line) in [(1, 2), (2, 3), (3, 7), (4, 8), (5, 12)] {
            lines.note(row, line);
        }
        assert_eq!(lines.begins.len(), 3);
        assert_eq!((1..=6).map(|row| lines.of(row)).collect::<Vec<_>>(), [2, 3, 7, 8, 12, 13]);
    }
}
