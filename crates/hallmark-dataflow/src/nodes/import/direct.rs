//! The fast way of an import: rows are checked and put into PostgreSQL's binary form on a thread of their own, and copied straight
//! into the table, in one transaction. It is taken when no row of the table may be in the way; if one is, or the file asks for
//! what only a statement can do, nothing has happened and the import begins anew through the stage.

use std::io::BufRead;
use std::pin::Pin;
use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::SinkExt as _;
use hallmark_core::{Error, Result};
use tokio::sync::mpsc;
use tokio_postgres::error::SqlState;
use tokio_postgres::{CopyInSink, Transaction};

use super::binary;
use super::rows::{Rules, Tally, is_managed};
use crate::Progress;
use crate::files::{self, Encoding, Format, Lines, Reader, Record, Row, Source};
use crate::sql::failure;
use crate::table::{Role, Table};
use crate::value::{self, Bound};
use crate::write::Cells;

/// Bytes of one message to the server.
const BATCH_BYTES: usize = 256 * 1024;
/// Messages that may wait.
const BATCHES_WAITING_MAX: usize = 4;

/// What is to be imported.
pub(super) struct Asked {
    pub(super) source: Source,
    pub(super) encoding: Encoding,
    pub(super) rules: Rules,
    pub(super) tenant: String,
    /// Whether bad rows are left out rather than ending the import.
    pub(super) skip_errors: bool,
}

/// How it went.
pub(super) enum Outcome {
    /// So many rows were copied, and these are the highest numbers given for columns that the database counts.
    Copied { rows: u64, tally: Tally, highest: Vec<(usize, i64)> },
    /// Rows were refused and the import is to end: whoever wants to know all that is wrong goes through the stage.
    Refused,
    /// The stage has to be used.
    Unsuited,
}

/// Copies the rows into the table; the caller moves the sequences and commits.
///
/// # Errors
/// Those of the file; a row that PostgreSQL refuses, at its row.
pub(super) async fn copy(transaction: &Transaction<'_>, asked: Asked) -> Result<Outcome> {
    let table = Arc::clone(&asked.rules.table);
    let (skip_errors, started) = (asked.skip_errors, started(transaction).await?);
    let (sender, mut receiver) = mpsc::channel(BATCHES_WAITING_MAX);
    let progress = Progress::current();
    // The thread ends when the file does, or at the first batch that nobody takes.
    drop(tokio::task::spawn_blocking(move || {
        let mut work = Work::new(asked, started, progress, &sender);
        if let Err(error) = work.run() {
            let _ = sender.blocking_send(Err(error));
        }
    }));
    let mut sink: Option<Pin<Box<CopyInSink<Bytes>>>> = None;
    while let Some(message) = receiver.recv().await {
        match message? {
            Message::Columns(columns) => sink = Some(open(transaction, &table, &columns).await?),
            Message::Rows(bytes) => {
                if let Some(sink) = &mut sink
                    && let Err(error) = sink.send(bytes).await
                {
                    return refused(error);
                }
            }
            Message::Unsuited => return Ok(Outcome::Unsuited),
            Message::Done { tally, highest } => {
                if !tally.refused.is_empty() && !skip_errors {
                    return Ok(Outcome::Refused);
                }
                let Some(mut sink) = sink else { return Ok(Outcome::Copied { rows: 0, tally, highest }) };
                let last = sink.send(Bytes::from_static(binary::TRAILER)).await;
                let copied = match last {
                    Ok(()) => sink.as_mut().finish().await,
                    Err(error) => Err(error),
                };
                return match copied {
                    Ok(rows) => Ok(Outcome::Copied { rows, tally, highest }),
                    Err(error) => refused(error),
                };
            }
        }
    }
    Err(Error::new(&hallmark_core::codes::INTERNAL, "the import's thread ended without a word"))
}

/// When the transaction began, as its `now()` says.
async fn started(transaction: &Transaction<'_>) -> Result<jiff::Timestamp> {
    let row = transaction.query_one("SELECT now()", &[]).await.map_err(failure)?;
    row.try_get(0).map_err(failure)
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

/// What a `COPY` that failed means: taken values are listed by the stage, and so is a table whose columns have other types.
fn refused(error: tokio_postgres::Error) -> Result<Outcome> {
    const STAGED: [SqlState; 3] =
        [SqlState::UNIQUE_VIOLATION, SqlState::INVALID_BINARY_REPRESENTATION, SqlState::PROTOCOL_VIOLATION];
    if error.code().is_some_and(|code| STAGED.contains(code)) {
        return Ok(Outcome::Unsuited);
    }
    Err(binary::failure(error))
}

/// What the thread says.
enum Message {
    /// The columns that every row gives, beside the tenant.
    Columns(Vec<usize>),
    /// Whole rows.
    Rows(Bytes),
    /// A row cannot be copied as it is.
    Unsuited,
    /// The file is at its end; the highest numbers that it gave for columns that the database counts.
    Done { tally: Tally, highest: Vec<(usize, i64)> },
}

/// Where a column's value comes from, in the order of the table.
struct Part {
    /// Its position in the table.
    column: usize,
    /// The cell of the file, if it has one.
    cell: Option<usize>,
    /// The highest number that the file gave, if the database counts the column.
    highest: i64,
}

struct Work<'a> {
    asked: Asked,
    started: jiff::Timestamp,
    sender: &'a mpsc::Sender<Result<Message>>,
    parts: Vec<Part>,
    /// The tenant as a cell.
    tenant: Vec<u8>,
    rows: BytesMut,
    tally: Tally,
    progress: Progress,
}

/// What became of a row.
enum Taken {
    Yes,
    Refused(Error),
    Unsuited,
}

impl<'a> Work<'a> {
    fn new(
        asked: Asked,
        started: jiff::Timestamp,
        progress: Progress,
        sender: &'a mpsc::Sender<Result<Message>>,
    ) -> Self {
        let mut tenant = BytesMut::new();
        if asked.rules.table.with_role(Role::Tenant).is_some() {
            tenant.put_i32(i32::try_from(asked.tenant.len()).unwrap_or(i32::MAX));
            tenant.put_slice(asked.tenant.as_bytes());
        }
        let rows = BytesMut::with_capacity(BATCH_BYTES + BATCH_BYTES / 4);
        Self {
            asked,
            started,
            sender,
            parts: Vec::new(),
            tenant: tenant.to_vec(),
            rows,
            tally: Tally::default(),
            progress,
        }
    }

    fn run(&mut self) -> Result<()> {
        let input = files::open(self.asked.source.clone())?;
        let whole = match self.asked.rules.format {
            Format::Csv => self.csv(input)?,
            Format::Jsonl => self.jsonl(input)?,
        };
        if !whole {
            return self.send(Message::Unsuited);
        }
        self.flush()?;
        let tally = std::mem::take(&mut self.tally);
        let highest = self.parts.iter().filter(|part| part.highest > 0);
        let highest = highest.map(|part| (part.column, part.highest)).collect();
        self.send(Message::Done { tally, highest })
    }

    /// Reads the file; `false` if the stage has to be used.
    fn csv(&mut self, input: Box<dyn BufRead>) -> Result<bool> {
        let mut reader = Reader::new(input, self.asked.encoding);
        let names = files::names(&mut reader)?;
        if !self.plan(&names)? {
            return Ok(false);
        }
        while let Some(row) = reader.next()? {
            self.tally.read += 1;
            let at = self.rows.len();
            if row.len() == names.len() && self.put(&row) {
                self.end_row()?;
                continue;
            }
            self.rows.truncate(at);
            if !self.slowly(files::record(&names, row))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn jsonl(&mut self, input: Box<dyn BufRead>) -> Result<bool> {
        let mut lines = Lines::new(input, self.asked.encoding);
        let mut first = true;
        while let Some(record) = lines.next()? {
            if std::mem::take(&mut first) {
                let names: Vec<String> = record.cells.iter().flat_map(|c| c.keys().cloned()).collect();
                if !self.plan(&names)? {
                    return Ok(false);
                }
            }
            self.tally.read += 1;
            if !self.slowly(record)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Where the value of each column comes from; `false` if the names leave that open.
    fn plan(&mut self, names: &[String]) -> Result<bool> {
        let rules = &self.asked.rules;
        let mut fields: Vec<Option<&str>> = Vec::with_capacity(names.len());
        for name in names {
            let field = rules.field(name)?;
            match field.map(|f| rules.table.column(f)) {
                // A name that no field has refuses every row, one by one.
                Some(Err(_)) => return Ok(false),
                Some(Ok(column)) if is_managed(column) => {
                    self.tally.ignored.insert(column.name().to_owned());
                    fields.push(None);
                }
                _ if field.is_some() && fields.contains(&field) => return Ok(false),
                _ => fields.push(field),
            }
        }
        let mut parts = Vec::new();
        for (column, it) in rules.table.columns.iter().enumerate() {
            let cell = fields.iter().position(|field| *field == Some(it.name()));
            let wanted = match it.role {
                // What the database counts is left to it where the file says nothing.
                Role::Data | Role::Key => cell.is_some() || !it.identity,
                Role::CreatedAt => cell.is_some(),
                _ => false,
            };
            if wanted {
                parts.push(Part { column, cell, highest: 0 });
            }
        }
        self.parts = parts;
        let columns = self.parts.iter().map(|part| part.column).collect();
        self.send(Message::Columns(columns))?;
        self.rows.put_slice(binary::HEADER);
        Ok(true)
    }

    /// Appends a row whose cells are all plain; `false` if one is not.
    fn put(&mut self, row: &Row<'_>) -> bool {
        let table = &self.asked.rules.table;
        self.rows.put_i16(count(&self.parts, &self.tenant));
        for part in &mut self.parts {
            let column = &table.columns[part.column];
            let Some(text) = part.cell.and_then(|at| row.get(at)) else {
                // Without a default, nothing is null, or it is a row that has to be looked at.
                if part.cell.is_some() && column.role == Role::CreatedAt {
                    if binary::put_bound(column, &Bound::Timestamp(self.started), &mut self.rows).is_err() {
                        return false;
                    }
                } else if column.identity {
                    return false;
                } else if column.field.nullable && (part.cell.is_some() || column.field.default.is_none()) {
                    binary::put_null(&mut self.rows);
                } else {
                    match crate::write::default(column) {
                        Ok(Some(bound)) if binary::put_bound(column, &bound, &mut self.rows).is_ok() => {}
                        _ => return false,
                    }
                }
                continue;
            };
            if !binary::put_text(column, text, &mut self.rows) {
                return false;
            }
            if column.identity
                && let Ok(number) = text.trim().parse()
            {
                part.highest = part.highest.max(number);
            }
        }
        self.rows.put_slice(&self.tenant);
        true
    }

    /// Checks a record by the rules and appends it, or refuses it; `false` if the stage has to be used.
    fn slowly(&mut self, record: Record) -> Result<bool> {
        let line = record.line;
        let checked = self.asked.rules.row(record, &mut self.tally.ignored);
        match checked.map_or_else(Taken::Refused, |cells| self.put_cells(&cells)) {
            Taken::Yes => self.end_row()?,
            Taken::Unsuited => return Ok(false),
            Taken::Refused(error) => {
                let row = self.tally.read;
                self.tally.refuse(row, line, &error)?;
            }
        }
        Ok(true)
    }

    fn put_cells(&mut self, cells: &Cells) -> Taken {
        let table = Arc::clone(&self.asked.rules.table);
        let at = self.rows.len();
        self.rows.put_i16(count(&self.parts, &self.tenant));
        let mut given = cells.iter().peekable();
        for part in &mut self.parts {
            let column = &table.columns[part.column];
            let cell = given.next_if(|(at, _)| *at == part.column).map(|(_, bound)| bound);
            let made = match (cell, column.role) {
                (Some(bound), _) => bound.clone(),
                (None, Role::CreatedAt) => Bound::Timestamp(self.started),
                (None, Role::Data) if !column.identity => Bound::Null(value::wire(column.field.kind)),
                // The database counts only where no row gives a number.
                (None, _) => {
                    self.rows.truncate(at);
                    return Taken::Unsuited;
                }
            };
            if let (Bound::Int(number), true) = (&made, column.identity) {
                part.highest = part.highest.max(*number);
            }
            if let Err(error) = binary::put_bound(column, &made, &mut self.rows) {
                self.rows.truncate(at);
                return Taken::Refused(error);
            }
        }
        if given.next().is_some() {
            // It gives a key or a time that the first row did not.
            self.rows.truncate(at);
            return Taken::Unsuited;
        }
        self.rows.put_slice(&self.tenant);
        Taken::Yes
    }

    fn end_row(&mut self) -> Result<()> {
        if self.rows.len() >= BATCH_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        self.progress.set(self.tally.read);
        let batch = self.rows.split().freeze();
        self.rows.reserve(BATCH_BYTES + BATCH_BYTES / 4);
        if !self.tally.refused.is_empty() && !self.asked.skip_errors {
            // Nothing will be kept: the rest is only looked at.
            return Ok(());
        }
        if batch.is_empty() { Ok(()) } else { self.send(Message::Rows(batch)) }
    }

    fn send(&self, message: Message) -> Result<()> {
        let gone = |_| Error::new(&crate::codes::INPUT_UNREADABLE, "the import was given up");
        self.sender.blocking_send(Ok(message)).map_err(gone)
    }
}

/// How many fields a row has.
fn count(parts: &[Part], tenant: &[u8]) -> i16 {
    // A table has at most 1,600 columns.
    i16::try_from(parts.len() + usize::from(!tenant.is_empty())).unwrap_or(i16::MAX)
}
