//! Records of an import, read on a blocking thread and handed over in batches.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::PathBuf;
use std::sync::Arc;

use hallmark_core::{Error, Result};
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use super::csv;
use crate::{codes, limits};

/// How the data is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Comma-separated, with a header.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

/// The encoding of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// UTF-8; anything else is refused with its place.
    Utf8,
    /// ISO 8859-1.
    Latin1,
}

impl Encoding {
    /// The text of these bytes, which begin on this line of the file.
    ///
    /// # Errors
    /// `HM-D052` with line and byte.
    pub(super) fn decode(self, bytes: &[u8], line: u64) -> Result<Cow<'_, str>> {
        match self {
            Self::Latin1 if bytes.is_ascii() => Ok(String::from_utf8_lossy(bytes)),
            Self::Latin1 => Ok(bytes.iter().map(|b| char::from(*b)).collect::<String>().into()),
            Self::Utf8 => std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|e| {
                let before = &bytes[..e.valid_up_to()];
                let line = line + memchr::memchr_iter(b'\n', before).count() as u64;
                let at = before.len() - memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
                let byte = bytes.get(before.len()).copied().unwrap_or_default();
                let message = format!("line {line}, byte {}: 0x{byte:02X} is not UTF-8", at + 1);
                Error::new(&codes::INPUT_UNREADABLE, message)
                    .next("if the file is Latin-1, say so: \"encoding\": \"latin-1\"")
            }),
        }
    }
}

/// Where the bytes come from.
#[derive(Clone)]
pub(crate) enum Source {
    /// A file.
    File(PathBuf),
    /// A text given with the call.
    Text(Arc<str>),
}

/// A text as bytes.
struct Shared(Arc<str>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
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
/// Bytes that are read of a file at once.
const READ_BYTES: usize = 256 * 1024;
/// Messages that may wait.
const BATCHES_WAITING_MAX: usize = 4;

/// Reads all records; the last message is an error if the file cannot be read to its end.
pub(crate) fn read(
    source: Source,
    format: Format,
    encoding: Encoding,
) -> mpsc::Receiver<Result<Vec<Record>>> {
    let (sender, receiver) = mpsc::channel(BATCHES_WAITING_MAX);
    // The thread ends when the file does, or at the first batch that nobody takes.
    drop(tokio::task::spawn_blocking(move || {
        let mut out = Out { sender: &sender, batch: Vec::new() };
        let done = open(source).and_then(|input| match format {
            Format::Csv => read_csv(input, encoding, &mut out),
            Format::Jsonl => read_jsonl(input, encoding, &mut out),
        });
        if let Err(error) = done.and_then(|()| out.send()) {
            let _ = sender.blocking_send(Err(error));
        }
    }));
    receiver
}

struct Out<'a> {
    sender: &'a mpsc::Sender<Result<Vec<Record>>>,
    batch: Vec<Record>,
}

impl Out<'_> {
    fn push(&mut self, record: Record) -> Result<()> {
        self.batch.push(record);
        if self.batch.len() >= BATCH_RECORDS { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> Result<()> {
        let gone = |_| Error::new(&codes::INPUT_UNREADABLE, "the import was given up");
        self.sender.blocking_send(Ok(std::mem::take(&mut self.batch))).map_err(gone)
    }
}

/// Opens what is to be read.
///
/// # Errors
/// `HM-D051` if it cannot be read, `HM-D024` if it is too large.
pub(crate) fn open(source: Source) -> Result<Box<dyn BufRead>> {
    let path = match source {
        Source::Text(text) => return Ok(Box::new(Cursor::new(Shared(text)))),
        Source::File(path) => path,
    };
    let failed =
        |e| Error::new(&codes::FILE_FAILED, format!("could not read {}", path.display())).because(&e);
    let file = std::fs::File::open(&path).map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    if bytes > limits::IMPORT_BYTES_MAX {
        let message = format!(
            "{} has {bytes} bytes; at most {} are imported",
            path.display(),
            limits::IMPORT_BYTES_MAX
        );
        return Err(Error::new(&codes::TOO_MUCH, message).next("split the file"));
    }
    Ok(Box::new(BufReader::with_capacity(READ_BYTES, file.take(limits::IMPORT_BYTES_MAX))))
}

fn read_csv(input: Box<dyn BufRead>, encoding: Encoding, out: &mut Out<'_>) -> Result<()> {
    let mut reader = csv::Reader::new(input, encoding);
    let names = names(&mut reader)?;
    while let Some(row) = reader.next()? {
        out.push(record(&names, row))?;
    }
    Ok(())
}

/// The names of the header.
///
/// # Errors
/// `HM-D052` if there is none, or a name is missing or stands twice.
pub(crate) fn names<R: BufRead>(reader: &mut csv::Reader<R>) -> Result<Vec<String>> {
    let Some(header) = reader.next()? else {
        return Err(Error::new(&codes::INPUT_UNREADABLE, "the file is empty: it needs a header line"));
    };
    let names: Vec<String> = header.iter().map(|cell| cell.unwrap_or_default().trim().to_owned()).collect();
    let mut seen = HashSet::with_capacity(names.len());
    if let Some(at) = names.iter().position(|name| name.is_empty() || !seen.insert(name)) {
        let message = format!("column {} of the header is empty or named twice: {:?}", at + 1, names[at]);
        return Err(Error::new(&codes::INPUT_UNREADABLE, message));
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

fn read_jsonl(input: Box<dyn BufRead>, encoding: Encoding, out: &mut Out<'_>) -> Result<()> {
    let mut lines = Lines::new(input, encoding);
    while let Some(record) = lines.next()? {
        out.push(record)?;
    }
    Ok(())
}

/// Reads JSON lines one by one.
pub(crate) struct Lines<R> {
    input: R,
    encoding: Encoding,
    line: u64,
    bytes: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(input: R, encoding: Encoding) -> Self {
        Self { input, encoding, line: 0, bytes: Vec::new() }
    }

    /// The next record; blank lines are passed over.
    ///
    /// # Errors
    /// `HM-D052` if the bytes are not of the encoding or a line is too long; reading cannot go on after it.
    pub(crate) fn next(&mut self) -> Result<Option<Record>> {
        loop {
            self.line += 1;
            self.bytes.clear();
            let line = self.line;
            let mut limited = Read::take(&mut self.input, limits::VALUE_BYTES_MAX as u64 + 1);
            let read = limited.read_until(b'\n', &mut self.bytes).map_err(|e| {
                Error::new(&codes::FILE_FAILED, format!("line {line} could not be read")).because(&e)
            })?;
            if read == 0 {
                return Ok(None);
            }
            if self.bytes.len() > limits::VALUE_BYTES_MAX {
                let message = format!("line {line} has more than {} bytes", limits::VALUE_BYTES_MAX);
                return Err(Error::new(&codes::INPUT_UNREADABLE, message));
            }
            let text = self.encoding.decode(&self.bytes, line)?;
            let text = text.trim();
            if text.is_empty() {
                continue;
            }
            let cells = serde_json::from_str::<Map<String, Value>>(text).map_err(|e| {
                Error::new(&codes::INPUT_UNREADABLE, format!("the line is no JSON object: {e}"))
            });
            return Ok(Some(Record { line, cells }));
        }
    }
}
