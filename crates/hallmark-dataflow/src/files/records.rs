//! Records of an import, read on a blocking thread and handed over in batches.

use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::PathBuf;

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
    pub(super) fn decode(self, bytes: Vec<u8>, line: u64) -> Result<String> {
        match self {
            Self::Latin1 => Ok(bytes.iter().map(|b| char::from(*b)).collect()),
            Self::Utf8 => String::from_utf8(bytes).map_err(|e| {
                let at = e.utf8_error().valid_up_to();
                let byte = e.as_bytes().get(at).copied().unwrap_or_default();
                let message = format!("line {line}, byte {}: 0x{byte:02X} is not UTF-8", at + 1);
                Error::new(&codes::INPUT_UNREADABLE, message)
                    .next("if the file is Latin-1, say so: \"encoding\": \"latin-1\"")
            }),
        }
    }
}

/// Where the bytes come from.
pub(crate) enum Source {
    /// A file.
    File(PathBuf),
    /// A text given with the call.
    Text(String),
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

fn open(source: Source) -> Result<Box<dyn BufRead>> {
    let path = match source {
        Source::Text(text) => return Ok(Box::new(Cursor::new(text.into_bytes()))),
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
    Ok(Box::new(BufReader::new(file.take(limits::IMPORT_BYTES_MAX))))
}

fn read_csv(input: Box<dyn BufRead>, encoding: Encoding, out: &mut Out<'_>) -> Result<()> {
    let mut reader = csv::Reader::new(input, encoding);
    let Some((_, header)) = reader.next()? else {
        return Err(Error::new(&codes::INPUT_UNREADABLE, "the file is empty: it needs a header line"));
    };
    let names: Vec<String> = header.into_iter().map(|c| c.unwrap_or_default().trim().to_owned()).collect();
    if let Some(twice) = names.iter().enumerate().find(|(i, n)| n.is_empty() || names[..*i].contains(n)) {
        let message = format!("column {} of the header is empty or named twice: {:?}", twice.0 + 1, twice.1);
        return Err(Error::new(&codes::INPUT_UNREADABLE, message));
    }
    while let Some((line, cells)) = reader.next()? {
        let cells = if cells.len() == names.len() {
            Ok(names
                .iter()
                .cloned()
                .zip(cells.into_iter().map(|c| c.map_or(Value::Null, Value::from)))
                .collect())
        } else {
            let message = format!("the row has {} cells and the header {}", cells.len(), names.len());
            Err(Error::new(&codes::INPUT_UNREADABLE, message))
        };
        out.push(Record { line, cells })?;
    }
    Ok(())
}

fn read_jsonl(mut input: Box<dyn BufRead>, encoding: Encoding, out: &mut Out<'_>) -> Result<()> {
    let mut line = 0;
    loop {
        line += 1;
        let mut bytes = Vec::new();
        let mut limited = Read::take(&mut input, limits::VALUE_BYTES_MAX as u64 + 1);
        let read = limited.read_until(b'\n', &mut bytes);
        let read = read.map_err(|e| {
            Error::new(&codes::FILE_FAILED, format!("line {line} could not be read")).because(&e)
        })?;
        if read == 0 {
            return Ok(());
        }
        if bytes.len() > limits::VALUE_BYTES_MAX {
            return Err(Error::new(
                &codes::INPUT_UNREADABLE,
                format!("line {line} has more than {} bytes", limits::VALUE_BYTES_MAX),
            ));
        }
        let text = encoding.decode(bytes, line)?;
        let text = text.trim();
        if text.is_empty() {
            continue;
        }
        let cells = serde_json::from_str::<Map<String, Value>>(text)
            .map_err(|e| Error::new(&codes::INPUT_UNREADABLE, format!("the line is no JSON object: {e}")));
        out.push(Record { line, cells })?;
    }
}
