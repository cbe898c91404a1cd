//! Parquet and Arrow: batches of columns as records.

mod value;

use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _};

use arrow_array::RecordBatch;
use hallmark_core::{Error, Result};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Map;

use super::input::{Mark, Source, whole};
use super::records::{Format, Reading, Record, Records, guarded};
use crate::{codes, limits};

/// Rows of a batch of Parquet.
const BATCH_ROWS: usize = 1_024;
/// What a file of Arrow begins with; a stream does not.
const ARROW: &[u8] = b"ARROW1";
/// What a stream ends with.
const END: [u8; 8] = [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0];

type Batches = Box<dyn Iterator<Item = Result<RecordBatch>>>;

/// Records of a file with columns.
pub(super) struct Columns {
    batches: Batches,
    batch: Option<RecordBatch>,
    /// The row of the batch that is next.
    at: usize,
    rows: u64,
    /// The end of the file: it is known as a whole or not at all.
    whole: Mark,
}

impl Columns {
    /// Opens the file, and passes over the rows before the place to begin at.
    ///
    /// # Errors
    /// `HM-D025` if it is no file; `HM-D051`, `HM-D052` if it cannot be read; `HM-D024` if it is too large.
    pub(super) fn open(reading: &Reading) -> Result<Self> {
        let Source::File(path) = &reading.source else {
            let message = "Parquet and Arrow are read from a file: give its `path`";
            return Err(Error::new(&codes::BAD_PARAMETER, message).at("content"));
        };
        let failed = |e: std::io::Error| {
            Error::new(&codes::FILE_FAILED, format!("could not read {}", path.display())).because(&e)
        };
        let mut file = File::open(path).map_err(failed)?;
        if file.metadata().map_err(failed)?.len() > limits::IMPORT_BYTES_MAX {
            let message = format!("at most {} bytes are imported", limits::IMPORT_BYTES_MAX);
            return Err(Error::new(&codes::TOO_MUCH, message).next("split the file"));
        }
        let whole = if reading.part_rows.is_some() { whole(&reading.source)? } else { Mark::default() };
        let skipped = reading.first();
        let mut columns = Self { batches: Box::new(std::iter::empty()), batch: None, at: 0, rows: 0, whole };
        if reading.format == Format::Parquet {
            columns.batches = guarded(|| parquet(file, skipped))?;
            columns.rows = skipped;
            return Ok(columns);
        }
        let mut first = Vec::new();
        file.by_ref().take(ARROW.len() as u64).read_to_end(&mut first).map_err(failed)?;
        if first != ARROW {
            ended(&mut file)?;
        }
        file.rewind().map_err(failed)?;
        columns.batches = guarded(|| arrow(BufReader::new(file), first == ARROW))?;
        guarded(|| columns.skip(skipped))?;
        Ok(columns)
    }

    /// Passes over rows.
    fn skip(&mut self, mut rows: u64) -> Result<()> {
        self.rows = rows;
        while rows > 0 {
            let Some(batch) = self.batches.next().transpose()? else { return Ok(()) };
            let here = batch.num_rows() as u64;
            if here > rows {
                self.at = usize::try_from(rows).unwrap_or(usize::MAX);
                self.batch = Some(batch);
                return Ok(());
            }
            rows -= here;
        }
        Ok(())
    }
}

fn parquet(file: File, skipped: u64) -> Result<Batches> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| damaged("Parquet", &e))?;
    let reader = builder
        .with_batch_size(BATCH_ROWS)
        .with_offset(usize::try_from(skipped).unwrap_or(usize::MAX))
        .build()
        .map_err(|e| damaged("Parquet", &e))?;
    Ok(Box::new(reader.map(|batch| batch.map_err(|e| damaged("Parquet", &e)))))
}

fn arrow(input: BufReader<File>, is_file: bool) -> Result<Batches> {
    let bad = |e: arrow_schema::ArrowError| damaged("Arrow", &e);
    Ok(if is_file {
        let reader = arrow_ipc::reader::FileReader::try_new(input, None).map_err(bad)?;
        Box::new(reader.map(move |batch| batch.map_err(bad)))
    } else {
        let reader = arrow_ipc::reader::StreamReader::try_new(input, None).map_err(bad)?;
        Box::new(reader.map(move |batch| batch.map_err(bad)))
    })
}

/// Whether a stream was written to its end: one that is cut between two batches looks whole otherwise.
fn ended(file: &mut File) -> Result<()> {
    let mut last = [0_u8; END.len()];
    let back = i64::try_from(END.len()).unwrap_or(0);
    let read = file.seek(std::io::SeekFrom::End(-back)).and_then(|_| file.read_exact(&mut last));
    if read.is_ok() && last == END {
        return Ok(());
    }
    let message = "this is no file of Arrow, and no stream of it that was written to its end";
    Err(Error::new(&codes::INPUT_UNREADABLE, message).next("get the file again"))
}

fn damaged(form: &str, error: &(dyn std::error::Error + 'static)) -> Error {
    Error::new(
        &codes::INPUT_UNREADABLE,
        format!("this is no whole file of {form}, or one of a kind that is not read"),
    )
    .because(error)
    .next("get the file again, or write it with another compression: snappy, gzip or lz4")
}

impl Records for Columns {
    fn next(&mut self) -> Result<Option<Record>> {
        while self.batch.as_ref().is_none_or(|batch| self.at >= batch.num_rows()) {
            let next = guarded(|| self.batches.next().transpose());
            let next = next.map_err(|e| e.at(format!("row {}", self.rows + 1)))?;
            let Some(batch) = next else { return Ok(None) };
            if batch.num_columns() > limits::IMPORT_COLUMNS_MAX {
                let message = format!("at most {} columns are read", limits::IMPORT_COLUMNS_MAX);
                return Err(Error::new(&codes::TOO_MUCH, message));
            }
            (self.batch, self.at) = (Some(batch), 0);
        }
        let Some(batch) = &self.batch else { return Ok(None) };
        let schema = batch.schema_ref();
        let mut cells = Ok(Map::new());
        for (field, column) in schema.fields().iter().zip(batch.columns()) {
            match (value::of(column, self.at), &mut cells) {
                (Ok(value), Ok(cells)) => drop(cells.insert(field.name().clone(), value)),
                (Err(error), Ok(_)) => cells = Err(error.at(field.name().clone())),
                _ => {}
            }
        }
        self.at += 1;
        self.rows += 1;
        Ok(Some(Record { line: self.rows, cells }))
    }

    fn mark(&self) -> Mark {
        Mark { rows: self.rows, line: self.rows + 1, ..self.whole.clone() }
    }
}
