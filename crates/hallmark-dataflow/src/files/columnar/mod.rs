//! Parquet and Arrow: batches of columns as records.

mod value;

use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _, SeekFrom};

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, Schema};
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

fn parquet(mut file: File, skipped: u64) -> Result<Batches> {
    check_footer(&mut file)?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| damaged("Parquet", &e))?;
    check_columns(builder.schema())?;
    let reader = builder
        .with_batch_size(BATCH_ROWS)
        .with_offset(usize::try_from(skipped).unwrap_or(usize::MAX))
        .build()
        .map_err(|e| damaged("Parquet", &e))?;
    Ok(Box::new(reader.map(|batch| batch.map_err(|e| damaged("Parquet", &e)))))
}

/// Whether the file says little enough of itself to be read: its columns are known only when all of that is in memory.
fn check_footer(file: &mut File) -> Result<()> {
    let mut last = [0_u8; 8];
    let read = file.seek(SeekFrom::End(-8)).and_then(|_| file.read_exact(&mut last));
    let [a, b, c, d, magic @ ..] = last;
    let (bytes, most) = (u32::from_le_bytes([a, b, c, d]), limits::PARQUET_FOOTER_BYTES_MAX);
    // What is no such file at all is told by the reader.
    if read.is_err() || &magic != b"PAR1" || bytes <= most {
        return Ok(());
    }
    let message = format!("the file describes its columns in {bytes} bytes; at most {most} are read");
    Err(Error::new(&codes::TOO_MUCH, message).next("write it with fewer columns, or in larger row groups"))
}

fn check_columns(schema: &Schema) -> Result<()> {
    let (found, most) = (schema.fields().len(), limits::IMPORT_COLUMNS_MAX);
    if found <= most {
        return Ok(());
    }
    Err(Error::new(&codes::TOO_MUCH, format!("the file has {found} columns; at most {most} are read")))
}

fn arrow(input: BufReader<File>, is_file: bool) -> Result<Batches> {
    let unread = |e: ArrowError| {
        // The reader itself refuses about a million columns.
        if e.to_string().contains("TooManyTables") {
            let message =
                format!("the file has too many columns; at most {} are read", limits::IMPORT_COLUMNS_MAX);
            return Error::new(&codes::TOO_MUCH, message).because(&e);
        }
        damaged("Arrow", &e)
    };
    let bad = |e: ArrowError| damaged("Arrow", &e);
    Ok(if is_file {
        let reader = arrow_ipc::reader::FileReader::try_new(input, None).map_err(unread)?;
        check_columns(&reader.schema())?;
        Box::new(reader.map(move |batch| batch.map_err(bad)))
    } else {
        let reader = arrow_ipc::reader::StreamReader::try_new(input, None).map_err(unread)?;
        check_columns(&reader.schema())?;
        Box::new(reader.map(move |batch| batch.map_err(bad)))
    })
}

/// Whether a stream was written to its end: one that is cut between two batches looks whole otherwise.
fn ended(file: &mut File) -> Result<()> {
    let mut last = [0_u8; END.len()];
    let back = i64::try_from(END.len()).unwrap_or(0);
    let read = file.seek(SeekFrom::End(-back)).and_then(|_| file.read_exact(&mut last));
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
    .next("get the file again, or write it with another compression: zstd, snappy, gzip or lz4")
}

impl Records for Columns {
    fn next(&mut self) -> Result<Option<Record>> {
        while self.batch.as_ref().is_none_or(|batch| self.at >= batch.num_rows()) {
            let next = guarded(|| self.batches.next().transpose());
            let next = next.map_err(|e| e.at(format!("row {}", self.rows + 1)))?;
            let Some(batch) = next else { return Ok(None) };
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

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int8Array};
    use arrow_ipc::CompressionType;
    use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
    use arrow_schema::{DataType, Field};
    use parquet::arrow::ArrowWriter;
    use parquet::basic::{Compression, GzipLevel, ZstdLevel};
    use parquet::file::properties::WriterProperties;

    use super::*;

    fn wide(columns: usize) -> RecordBatch {
        let fields: Vec<Field> =
            (0..columns).map(|n| Field::new(format!("c{n}"), DataType::Int8, true)).collect();
        let one: ArrayRef = Arc::new(Int8Array::from(vec![1]));
        RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![one; columns]).unwrap()
    }

    fn write(folder: &Path, batch: &RecordBatch) -> [PathBuf; 3] {
        let paths = ["w.parquet", "w.arrow", "w.stream"].map(|name| folder.join(name));
        let [parquet, arrow, stream] = paths.each_ref().map(|path| File::create(path).unwrap());
        let mut writer = ArrowWriter::try_new(parquet, batch.schema(), None).unwrap();
        writer.write(batch).unwrap();
        writer.close().unwrap();
        let mut writer = FileWriter::try_new(arrow, &batch.schema()).unwrap();
        writer.write(batch).unwrap();
        writer.finish().unwrap();
        let mut writer = StreamWriter::try_new(stream, &batch.schema()).unwrap();
        writer.write(batch).unwrap();
        writer.finish().unwrap();
        paths
    }

    fn opened(path: &Path) -> Result<Batches> {
        let file = File::open(path).unwrap();
        match path.extension().unwrap().to_str().unwrap() {
            "parquet" => parquet(file, 0),
            extension => arrow(BufReader::new(file), extension == "arrow"),
        }
    }

    /// Writers choose Zstandard if nobody chooses for them.
    #[test]
    fn every_compression_that_is_told_of_is_read() {
        let folder = std::env::temp_dir().join(format!("hallmark-packed-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let batch = wide(3);
        for compression in [
            Compression::SNAPPY,
            Compression::GZIP(GzipLevel::default()),
            Compression::LZ4_RAW,
            Compression::ZSTD(ZstdLevel::default()),
        ] {
            let path = folder.join("packed.parquet");
            let properties = WriterProperties::builder().set_compression(compression).build();
            let file = File::create(&path).unwrap();
            let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
            writer.write(&batch).unwrap();
            writer.close().unwrap();
            assert_eq!(opened(&path).unwrap().next().unwrap().unwrap(), batch, "{compression}");
        }
        for compression in [CompressionType::LZ4_FRAME, CompressionType::ZSTD] {
            let path = folder.join("packed.arrow");
            let options = IpcWriteOptions::default().try_with_compression(Some(compression)).unwrap();
            let file = File::create(&path).unwrap();
            let mut writer = FileWriter::try_new_with_options(file, &batch.schema(), options).unwrap();
            writer.write(&batch).unwrap();
            writer.finish().unwrap();
            assert_eq!(opened(&path).unwrap().next().unwrap().unwrap(), batch, "{compression:?}");
        }
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn more_columns_than_are_read_are_refused_before_a_row_is_read() {
        let folder = std::env::temp_dir().join(format!("hallmark-wide-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for path in write(&folder, &wide(limits::IMPORT_COLUMNS_MAX)) {
            assert_eq!(opened(&path).unwrap().next().unwrap().unwrap().num_rows(), 1, "{}", path.display());
        }
        for path in write(&folder, &wide(limits::IMPORT_COLUMNS_MAX + 1)) {
            let refused = opened(&path).err().unwrap();
            assert!(refused.is(&codes::TOO_MUCH) && refused.message().contains("16385"), "{refused:?}");
        }
        let claims = folder.join("claims.parquet");
        let mut bytes = b"PAR1".to_vec();
        bytes.extend((limits::PARQUET_FOOTER_BYTES_MAX + 1).to_le_bytes());
        bytes.extend(b"PAR1");
        hallmark_core::fs::write_unsynced(&claims, &bytes).unwrap();
        let refused = opened(&claims).err().unwrap();
        assert!(refused.is(&codes::TOO_MUCH), "{refused:?}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
