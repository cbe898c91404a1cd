//! The fast way of an import: rows are checked and put into PostgreSQL's binary form on a thread of their own, and copied straight
//! into the table, in one transaction or in parts. It is taken when no row of the table may be in the way; if one is, or the file
//! asks for what only a statement can do, nothing has happened and the import goes on through the stage.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::SinkExt as _;
use hallmark_core::{Error, Result};
use hallmark_workflow::Context;
use tokio::sync::mpsc;
use tokio_postgres::error::SqlState;
use tokio_postgres::{CopyInSink, GenericClient, Transaction};

use super::binary;
use super::referred::Referred;
use super::rows::{Rules, Tally};
use super::work::Work;
use crate::Progress;
use crate::engine::Engine;
use crate::files::{Mark, Reading};
use crate::slow::Clock;
use crate::sql::failure;
use crate::table::{Role, Table};

/// Messages that may wait.
const BATCHES_WAITING_MAX: usize = 4;

/// What is to be imported.
pub(super) struct Asked {
    pub(super) reading: Reading,
    pub(super) rules: Rules,
    pub(super) engine: Engine,
    pub(super) context: Context,
    /// Whether bad rows are left out rather than ending the import.
    pub(super) skip_errors: bool,
    /// Rows that were refused before.
    pub(super) refused_before: usize,
}

/// How a part went.
pub(super) enum Outcome {
    /// So many rows were copied.
    Copied(u64, Ended),
    /// Rows were refused and the import is to end: whoever wants to know all that is wrong goes through the stage.
    Refused,
    /// The stage has to be used.
    Unsuited,
}

/// What the thread says.
pub(super) enum Message {
    /// The columns that every row gives, beside the tenant.
    Columns(Vec<usize>),
    /// Whole rows, and those that were refused since the message before.
    Rows(Bytes, Vec<u64>),
    /// What the rows refer to that came since the message of this kind before: the rows behind it are a `COPY` of their own.
    Referred(Referred),
    /// A row cannot be copied as it is.
    Unsuited,
    /// A part is at its end.
    End(Box<Ended>),
}

/// What there is to know of a part.
pub(super) struct Ended {
    /// What was read by now, and what of the part was refused.
    pub(super) tally: Tally,
    /// The highest numbers that were given by now for columns that the database counts.
    pub(super) highest: Vec<(usize, i64)>,
    /// What its last rows refer to.
    pub(super) referred: Referred,
    /// The place behind it.
    pub(super) mark: Mark,
    /// Whether nothing comes after it.
    pub(super) is_last: bool,
}

/// The rows as they come.
pub(super) struct Feed {
    receiver: mpsc::Receiver<Result<Message>>,
    engine: Engine,
    context: Context,
    skip_errors: bool,
    /// The columns of every row, once they are known.
    columns: Option<Vec<usize>>,
    /// Rows before the part at hand.
    before: u64,
    /// Rows of the part that were refused by now, in their order: they are not among those that are copied.
    left_out: Vec<u64>,
}

impl Feed {
    /// Begins to read; rows that give no time of their own were made at the beginning of the transaction at hand.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    pub(super) async fn start(client: &impl GenericClient, asked: Asked) -> Result<Self> {
        let row = client.query_one("SELECT now()", &[]).await.map_err(failure)?;
        let started: jiff::Timestamp = row.try_get(0).map_err(failure)?;
        let (engine, context, skip_errors) = (asked.engine.clone(), asked.context.clone(), asked.skip_errors);
        let before = asked.reading.first();
        let (sender, receiver) = mpsc::channel(BATCHES_WAITING_MAX);
        let progress = Progress::current();
        // The thread ends when the file does, or at the first batch that nobody takes.
        drop(tokio::task::spawn_blocking(move || {
            let mut work = Work::new(asked, started, progress, &sender);
            if let Err(error) = work.run() {
                let _ = sender.blocking_send(Err(error));
            }
        }));
        Ok(Self { receiver, engine, context, skip_errors, columns: None, before, left_out: Vec::new() })
    }

    /// Copies the next part into the table; the caller moves the sequences and commits.
    ///
    /// # Errors
    /// Those of the file; a row that PostgreSQL refuses, at its row.
    pub(super) async fn part(&mut self, transaction: &Transaction<'_>) -> Result<Outcome> {
        let table = Arc::clone(&self.engine.table);
        let (mut sink, mut copied) = (None, 0);
        if let Some(columns) = &self.columns {
            sink = Some(open(transaction, &table, columns).await?);
        }
        while let Some(message) = self.receiver.recv().await {
            let (referred, end) = match message? {
                Message::Columns(columns) => {
                    sink = Some(open(transaction, &table, &columns).await?);
                    self.columns = Some(columns);
                    continue;
                }
                Message::Rows(bytes, left_out) => {
                    self.left_out.extend(left_out);
                    if let Some(sink) = &mut sink
                        && let Err(error) = sink.send(bytes).await
                    {
                        return refused(error, |row| self.row(copied + row));
                    }
                    continue;
                }
                Message::Unsuited => return Ok(Outcome::Unsuited),
                Message::Referred(referred) => (referred, None),
                Message::End(mut end) => (std::mem::take(&mut end.referred), Some(end)),
            };
            if end.as_ref().is_some_and(|end| !end.tally.refused.is_empty()) && !self.skip_errors {
                return Ok(Outcome::Refused);
            }
            if let Some(sink) = sink.take() {
                match finish(sink, &table).await {
                    Ok(rows) => copied += rows,
                    Err(error) => return refused(error, |row| self.row(copied + row)),
                }
            }
            if !referred.are_of(transaction, &self.engine, &self.context).await? {
                return Ok(Outcome::Unsuited);
            }
            if let Some(end) = end {
                (self.before, self.left_out) = (end.mark.rows, Vec::new());
                return Ok(Outcome::Copied(copied, *end));
            }
            if let Some(columns) = &self.columns {
                sink = Some(open(transaction, &table, columns).await?);
            }
        }
        Err(Error::new(&hallmark_core::codes::INTERNAL, "the import's thread ended without a word"))
    }

    /// The row of the file that was copied as this one of the part.
    fn row(&self, copied: u64) -> u64 {
        self.left_out.iter().fold(self.before + copied, |row, left| row + u64::from(*left <= row))
    }
}

async fn open(
    transaction: &Transaction<'_>,
    table: &Table,
    columns: &[usize],
) -> Result<Pin<Box<CopyInSink<Bytes>>>> {
    let mut idents: Vec<&str> = columns.iter().map(|i| table.columns[*i].ident.as_str()).collect();
    idents.extend(table.with_role(Role::Tenant).map(|tenant| tenant.ident.as_str()));
    let statement = format!("COPY {} ({}) FROM STDIN BINARY", table.qualified, idents.join(", "));
    transaction.copy_in(&statement).await.map(Box::pin).map_err(failure)
}

/// Ends the `COPY`. Its time is taken from here on: before, it waits for the file.
async fn finish(
    mut sink: Pin<Box<CopyInSink<Bytes>>>,
    table: &Table,
) -> std::result::Result<u64, tokio_postgres::Error> {
    let text = format!("COPY {} FROM STDIN BINARY", table.qualified);
    let mut clock = Clock::start(&text, &[]);
    let copied = match sink.send(Bytes::from_static(binary::TRAILER)).await {
        Ok(()) => sink.as_mut().finish().await,
        Err(error) => Err(error),
    };
    clock.stop(copied.as_ref().copied().map_err(|error| error.code().map_or("", SqlState::code)));
    copied
}

/// What a `COPY` that failed means: taken values and missing rows are listed by the stage, and so is a table whose columns have
/// other types.
fn refused(error: tokio_postgres::Error, row: impl Fn(u64) -> u64) -> Result<Outcome> {
    const STAGED: [SqlState; 4] = [
        SqlState::UNIQUE_VIOLATION,
        SqlState::FOREIGN_KEY_VIOLATION,
        SqlState::INVALID_BINARY_REPRESENTATION,
        SqlState::PROTOCOL_VIOLATION,
    ];
    if error.code().is_some_and(|code| STAGED.contains(code)) {
        return Ok(Outcome::Unsuited);
    }
    Err(binary::failure(error, row))
}
