//! The thread of the fast way: it reads the file, checks rows, and puts them into PostgreSQL's binary form.

use std::sync::Arc;

use bytes::{BufMut as _, BytesMut};
use hallmark_core::{Error, Result};
use tokio::sync::mpsc;

use super::binary;
use super::direct::{Asked, Ended, Message};
use super::referred::Referred;
use super::rows::{Tally, is_managed};
use crate::Progress;
use crate::engine::Engine;
use crate::files::{self, Format, Mark, Reader, Record, Row};
use crate::table::Role;
use crate::value::{self, Bound};
use crate::write::Cells;

/// Bytes of one message to the server.
const BATCH_BYTES: usize = 256 * 1024;

/// Where a column's value comes from, in the order of the table.
struct Part {
    /// Its position in the table.
    column: usize,
    /// The cell of the file, if it has one.
    cell: Option<usize>,
    /// The highest number that the file gave, if the database counts the column.
    highest: i64,
}

/// The thread's work.
pub(super) struct Work<'a> {
    asked: Asked,
    started: jiff::Timestamp,
    sender: &'a mpsc::Sender<Result<Message>>,
    /// The row after which the part ends.
    part_end: u64,
    parts: Vec<Part>,
    /// The tenant as a cell.
    tenant: Vec<u8>,
    rows: BytesMut,
    tally: Tally,
    /// How many of the refused rows the receiver knows.
    told: usize,
    referred: Referred,
    progress: Progress,
}

/// What became of a row.
enum Taken {
    Yes,
    Refused(Error),
    Unsuited,
}

impl<'a> Work<'a> {
    pub(super) fn new(
        asked: Asked,
        started: jiff::Timestamp,
        progress: Progress,
        sender: &'a mpsc::Sender<Result<Message>>,
    ) -> Self {
        let (mut tenant, of) = (BytesMut::new(), Engine::tenant(&asked.context));
        if asked.rules.table.with_role(Role::Tenant).is_some() {
            tenant.put_i32(i32::try_from(of.len()).unwrap_or(i32::MAX));
            tenant.put_slice(of.as_bytes());
        }
        let rows = BytesMut::with_capacity(BATCH_BYTES + BATCH_BYTES / 4);
        let first = asked.reading.first();
        Self {
            part_end: asked.reading.part_end(first),
            started,
            sender,
            parts: Vec::new(),
            tenant: tenant.to_vec(),
            rows,
            tally: Tally::from(first, asked.refused_before),
            told: 0,
            referred: Referred::default(),
            progress,
            asked,
        }
    }

    /// Reads the file and says all that there is to say.
    pub(super) fn run(&mut self) -> Result<()> {
        let end = match self.asked.rules.format {
            Format::Csv => self.csv()?,
            _ => self.others()?,
        };
        if end.is_some() {
            self.asked.rules.refuse_unmet(self.asked.reading.part_rows.is_none())?;
        }
        match end {
            Some(mark) => self.end_part(mark, true),
            None => self.send(Message::Unsuited),
        }
    }

    /// Ends a part.
    fn end_part(&mut self, mark: Mark, is_last: bool) -> Result<()> {
        self.flush()?;
        let highest = self.parts.iter().filter(|part| part.highest > 0);
        let highest = highest.map(|part| (part.column, part.highest)).collect();
        self.part_end = self.asked.reading.part_end(self.tally.read);
        let tally = self.tally.next();
        self.told = 0;
        let referred = self.referred.take();
        self.send(Message::End(Box::new(Ended { tally, highest, referred, mark, is_last })))?;
        if !is_last {
            self.rows.put_slice(binary::HEADER);
        }
        Ok(())
    }

    /// Reads CSV; gives the place of its end, or nothing if the stage has to be used.
    fn csv(&mut self) -> Result<Option<Mark>> {
        let mut reader = Reader::new(self.asked.reading.input()?, self.asked.reading.encoding);
        let names = files::names(&mut reader)?;
        if !self.plan(&names)? {
            return Ok(None);
        }
        if let Some(mark) = &self.asked.reading.from {
            reader.go_to(mark)?;
        }
        while let Some(row) = reader.next()? {
            self.tally.read += 1;
            let at = self.rows.len();
            if row.len() == names.len() && self.put(&row) {
                self.end_row(at)?;
            } else {
                self.rows.truncate(at);
                if !self.slowly(files::record(&names, row))? {
                    return Ok(None);
                }
            }
            if self.tally.read == self.part_end {
                self.end_part(reader.mark(), false)?;
            }
        }
        Ok(Some(reader.mark()))
    }

    /// Reads what is no CSV.
    fn others(&mut self) -> Result<Option<Mark>> {
        let mut records = self.asked.reading.records()?;
        let mut first = true;
        while let Some(record) = records.next()? {
            if std::mem::take(&mut first) {
                let names: Vec<String> = record.cells.iter().flat_map(|c| c.keys().cloned()).collect();
                if !self.plan(&names)? {
                    return Ok(None);
                }
            }
            self.tally.read += 1;
            if !self.slowly(record)? {
                return Ok(None);
            }
            if self.tally.read == self.part_end {
                self.end_part(records.mark(), false)?;
            }
        }
        Ok(Some(records.mark()))
    }

    /// Where the value of each column comes from; `false` if the names leave that open.
    fn plan(&mut self, names: &[String]) -> Result<bool> {
        let rules = &mut self.asked.rules;
        rules.unmet.retain(|column| !names.contains(column));
        rules.has_names = true;
        rules.refuse_unmet(false)?;
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
        let columns: Vec<usize> = self.parts.iter().map(|part| part.column).collect();
        self.referred = Referred::new(&self.asked.engine, &columns);
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
        let (line, at) = (record.line, self.rows.len());
        let checked = self.asked.rules.row(record, &mut self.tally.ignored);
        match checked.map_or_else(Taken::Refused, |cells| self.put_cells(&cells)) {
            Taken::Yes => self.end_row(at)?,
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

    /// Ends the row that begins here.
    fn end_row(&mut self, at: usize) -> Result<()> {
        if !self.is_given_up() {
            self.referred.note(&self.rows[at..]);
        }
        if self.referred.is_full() {
            self.flush()?;
            let referred = self.referred.take();
            self.send(Message::Referred(referred))?;
            self.rows.put_slice(binary::HEADER);
        }
        if self.rows.len() >= BATCH_BYTES { self.flush() } else { Ok(()) }
    }

    /// Whether nothing will be kept: the rest is only looked at.
    fn is_given_up(&self) -> bool {
        !self.tally.refused.is_empty() && !self.asked.skip_errors
    }

    fn flush(&mut self) -> Result<()> {
        self.progress.set(self.tally.read);
        let batch = self.rows.split().freeze();
        self.rows.reserve(BATCH_BYTES + BATCH_BYTES / 4);
        if self.is_given_up() || batch.is_empty() {
            return Ok(());
        }
        let left_out = self.tally.refused[self.told..].iter().map(|refusal| refusal.row).collect();
        self.told = self.tally.refused.len();
        self.send(Message::Rows(batch, left_out))
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
