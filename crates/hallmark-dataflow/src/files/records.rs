//! Records of an import, read on a blocking thread and handed over in batches.

use std::collections::HashSet;
use std::io::{BufRead as _, Read};

use hallmark_core::{Error, Result, json};
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use super::csv;
use super::encoding::Encoding;
use super::input::{Input, Mark, Source, unread_at};
use crate::{codes, limits};

/// How the data is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Comma-separated, with a header.
    Csv,
    /// One JSON object a line.
    Jsonl,
    /// Parquet.
    Parquet,
    /// Arrow's file; where one is read, its stream too.
    Arrow,
    /// Arrow's stream; where one is read, its file too.
    ArrowStream,
    /// The first sheet of a workbook.
    Xlsx,
}

/// The names of all formats, the default first.
pub(crate) const FORMATS: &[&str] = if cfg!(feature = "columnar") {
    &["csv", "jsonl", "parquet", "arrow", "arrow-stream", "xlsx"]
} else {
    &["csv", "jsonl"]
};

impl Format {
    /// The format of this name, one of [`FORMATS`].
    pub(crate) fn named(name: Option<&str>) -> Self {
        match name {
            Some("jsonl") => Self::Jsonl,
            Some("parquet") => Self::Parquet,
            Some("arrow") => Self::Arrow,
            Some("arrow-stream") => Self::ArrowStream,
            Some("xlsx") => Self::Xlsx,
            _ => Self::Csv,
        }
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
            Self::ArrowStream => "arrow-stream",
            Self::Xlsx => "xlsx",
        }
    }

    /// Whether it is text, which can be told inline.
    pub(crate) fn is_text(self) -> bool {
        self.grows()
    }

    /// Whether a file may be gone on with whose end is new: one that consists of lines.
    pub(crate) fn grows(self) -> bool {
        matches!(self, Self::Csv | Self::Jsonl)
    }
}

/// One record: where it was, and its cells by name. CSV cells are texts or null; JSON cells are values.
pub(crate) struct Record {
    /// The line that it begins on, from 1.
    pub(crate) line: u64,
    /// The cells, or why this one record cannot be read.
    pub(crate) cells: Result<Map<String, Value>>,
}

/// Records of one message.
const BATCH_RECORDS: usize = 500;
/// Messages that may wait.
const BATCHES_WAITING_MAX: usize = 4;

/// What is to be read, from where on, and in which parts.
#[derive(Clone)]
pub(crate) struct Reading {
    pub(crate) source: Source,
    pub(crate) format: Format,
    pub(crate) encoding: Encoding,
    /// Where to begin, if not at the first row.
    pub(crate) from: Option<Mark>,
    /// Rows of a part, if it is read in such.
    pub(crate) part_rows: Option<u64>,
}

impl Reading {
    /// Opens the bytes.
    ///
    /// # Errors
    /// As [`Input::open`].
    pub(crate) fn input(&self) -> Result<Input> {
        Input::open(&self.source, self.encoding, self.part_rows.is_some())
    }

    /// The records of what is no CSV.
    ///
    /// # Errors
    /// `HM-D051`, `HM-D052`.
    pub(crate) fn records(&self) -> Result<Box<dyn Records>> {
        Ok(match self.format {
            Format::Csv => {
                let input = self.input()?;
                let mut reader = csv::Reader::new(input, self.encoding);
                let names = names(&mut reader)?;
                self.from.iter().try_for_each(|mark| reader.go_to(mark))?;
                Box::new(Texts { reader, names })
            }
            Format::Jsonl => {
                let mut lines = Lines::new(self.input()?, self.encoding);
                self.from.iter().try_for_each(|mark| lines.go_to(mark))?;
                Box::new(lines)
            }
            #[cfg(feature = "columnar")]
            Format::Xlsx => Box::new(super::sheet::Sheet::open(self)?),
            #[cfg(feature = "columnar")]
            _ => Box::new(super::columnar::Columns::open(self)?),
            #[cfg(not(feature = "columnar"))]
            _ => return Err(Error::new(&codes::BAD_PARAMETER, "this program was built without the format")),
        })
    }

    /// The row after which a part ends that begins after this one.
    pub(crate) fn part_end(&self, row: u64) -> u64 {
        self.part_rows.map_or(u64::MAX, |rows| row.saturating_add(rows))
    }

    /// The rows before the first one that is read.
    pub(crate) fn first(&self) -> u64 {
        self.from.as_ref().map_or(0, |mark| mark.rows)
    }
}

/// A reader of others that is given damaged bytes may panic instead of saying so.
#[cfg(feature = "columnar")]
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Error::new(&codes::INPUT_UNREADABLE, "the file is damaged")))
}

/// Records one by one.
pub(crate) trait Records {
    /// The next record.
    ///
    /// # Errors
    /// `HM-D051`, `HM-D052` if reading cannot go on.
    fn next(&mut self) -> Result<Option<Record>>;

    /// The place before the next record.
    fn mark(&self) -> Mark;
}

/// Records of CSV.
struct Texts {
    reader: csv::Reader<Input>,
    names: Vec<String>,
}

impl Records for Texts {
    fn next(&mut self) -> Result<Option<Record>> {
        Ok(self.reader.next()?.map(|row| record(&self.names, row)))
    }

    fn mark(&self) -> Mark {
        self.reader.mark()
    }
}

/// Records, and whether a part ends with them.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) records: Vec<Record>,
    pub(crate) end: Option<End>,
}

/// The end of a part.
pub(crate) struct End {
    /// The place behind it.
    pub(crate) mark: Mark,
    /// Whether nothing comes after it.
    pub(crate) is_last: bool,
}

/// Reads all records; the last message ends the last part, or is an error if the file cannot be read to its end.
pub(crate) fn read(reading: Reading) -> mpsc::Receiver<Result<Batch>> {
    let (sender, receiver) = mpsc::channel(BATCHES_WAITING_MAX);
    // The thread ends when the file does, or at the first batch that nobody takes.
    drop(tokio::task::spawn_blocking(move || {
        if let Err(error) = hand_over(&reading, &sender) {
            let _ = sender.blocking_send(Err(error));
        }
    }));
    receiver
}

fn hand_over(reading: &Reading, sender: &mpsc::Sender<Result<Batch>>) -> Result<()> {
    let gone = |_| Error::new(&codes::INPUT_UNREADABLE, "the import was given up");
    let mut records = reading.records()?;
    let (mut row, mut batch) = (reading.first(), Batch::default());
    let mut part_end = reading.part_end(row);
    while let Some(record) = records.next()? {
        row += 1;
        batch.records.push(record);
        if row == part_end {
            part_end = reading.part_end(row);
            batch.end = Some(End { mark: records.mark(), is_last: false });
        }
        if batch.end.is_some() || batch.records.len() >= BATCH_RECORDS {
            sender.blocking_send(Ok(std::mem::take(&mut batch))).map_err(gone)?;
        }
    }
    batch.end = Some(End { mark: records.mark(), is_last: true });
    sender.blocking_send(Ok(batch)).map_err(gone)
}

/// The names of the header.
///
/// # Errors
/// `HM-D052` if there is none, or a name is missing, stands twice or has a NUL; `HM-D024` if there are too many.
pub(crate) fn names<R: std::io::BufRead>(reader: &mut csv::Reader<R>) -> Result<Vec<String>> {
    let Some(header) = reader.next()? else {
        return Err(Error::new(&codes::INPUT_UNREADABLE, "the file is empty: it needs a header line"));
    };
    let (found, most) = (header.len(), limits::IMPORT_COLUMNS_MAX);
    if found > most {
        let message = format!("the header has {found} columns; at most {most} are read");
        return Err(Error::new(&codes::TOO_MUCH, message).at("the header"));
    }
    let names = self::header(header.iter().map(|cell| cell.unwrap_or_default().trim().to_owned()).collect())?;
    reader.name(&names);
    Ok(names)
}

/// Checks the names of a header.
///
/// # Errors
/// `HM-D052` if a name is missing, stands twice or has a NUL.
pub(super) fn header(names: Vec<String>) -> Result<Vec<String>> {
    let mut seen = HashSet::with_capacity(names.len());
    if let Some(at) = names.iter().position(|name| name.is_empty() || !seen.insert(name)) {
        let message = format!("column {} of the header is empty or named twice: {:?}", at + 1, names[at]);
        return Err(Error::new(&codes::INPUT_UNREADABLE, message).at("the header"));
    }
    if let Some(at) = names.iter().position(|name| name.contains('\0')) {
        let message = format!("column {} of the header has a NUL", at + 1);
        return Err(Error::new(&codes::INPUT_UNREADABLE, message)
            .at("the header")
            .next("if the file is UTF-16, say so: \"encoding\": \"utf-16\""));
    }
    Ok(names)
}

/// A row under the names of the header.
pub(crate) fn record(names: &[String], row: csv::Row<'_>) -> Record {
    let cells = if row.len() == names.len() {
        let values = row.iter().map(|cell| cell.map_or(Value::Null, Value::from));
        Ok(names.iter().cloned().zip(values).collect())
    } else {
        let message = format!("the row has {} cells and the header {}", row.len(), names.len());
        Err(Error::new(&codes::INPUT_UNREADABLE, message))
    };
    Record { line: row.line, cells }
}

/// The error of JSON with a number that would be rounded: PostgreSQL would have kept all of it.
pub(crate) fn rounded() -> Error {
    let message = "a number has more than 17 digits, and would be rounded: give it as a text";
    Error::new(&codes::WRONG_VALUE, message)
}

/// Reads JSON lines one by one; blank lines are passed over.
struct Lines {
    input: Input,
    encoding: Encoding,
    /// The line that is read next, from 1.
    line: u64,
    rows: u64,
    bytes: Vec<u8>,
}

impl Lines {
    fn new(input: Input, encoding: Encoding) -> Self {
        Self { input, encoding, line: 1, rows: 0, bytes: Vec::new() }
    }

    fn go_to(&mut self, mark: &Mark) -> Result<()> {
        if self.input.skip_to(mark.offset)?.is_none() {
            return Err(Error::new(&codes::INPUT_UNREADABLE, "the file became shorter while it was read"));
        }
        (self.line, self.rows) = (mark.line, mark.rows);
        Ok(())
    }
}

impl Records for Lines {
    fn next(&mut self) -> Result<Option<Record>> {
        loop {
            self.bytes.clear();
            let line = self.line;
            let mut limited = Read::take(&mut self.input, limits::VALUE_BYTES_MAX as u64 + 1);
            let read = limited.read_until(b'\n', &mut self.bytes);
            let read = read.map_err(|e| unread_at(&e, || format!("row {}", self.rows + 1)))?;
            if read == 0 {
                return Ok(None);
            }
            self.line += 1;
            if self.bytes.len() > limits::VALUE_BYTES_MAX {
                let message = format!("line {line} has more than {} bytes", limits::VALUE_BYTES_MAX);
                return Err(
                    Error::new(&codes::INPUT_UNREADABLE, message).at(format!("row {}", self.rows + 1))
                );
            }
            let text = self.encoding.decode(&self.bytes, line);
            let text = text.map_err(|e| e.at(format!("row {}", self.rows + 1)))?;
            let text = text.trim_start_matches('\u{FEFF}').trim();
            if text.is_empty() {
                continue;
            }
            self.rows += 1;
            let cells = serde_json::from_str::<Map<String, Value>>(text).map_err(|e| {
                Error::new(&codes::INPUT_UNREADABLE, format!("the line is no JSON object: {e}"))
            });
            let cells = cells.and_then(|cells| {
                if json::rounded(text.as_bytes()).is_some() { Err(rounded()) } else { Ok(cells) }
            });
            return Ok(Some(Record { line, cells }));
        }
    }

    fn mark(&self) -> Mark {
        self.input.mark(self.rows, self.line)
    }
}
