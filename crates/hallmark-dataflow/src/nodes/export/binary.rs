//! Files of Parquet and Arrow, written batch by batch into memory that is taken away as it fills.

use std::io::Write;

use arrow_array::RecordBatch;
use arrow_ipc::writer::{FileWriter, StreamWriter};
use arrow_schema::Schema;
use hallmark_core::{Error, Result};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use tokio_postgres::Row;

use super::columns::Columns;
use super::line::Cell;
use crate::files::Format;
use crate::table::Column;

/// Rows of a batch.
const BATCH_ROWS: usize = 4_096;
/// Rows of a group of Parquet, which is held until it is full.
const GROUP_ROWS: usize = 128 * 1_024;
/// Bytes after which a group ends before that.
const GROUP_BYTES: usize = 32 * 1024 * 1024;

/// Bytes that were written.
#[derive(Default)]
struct Written(Vec<u8>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

enum Form {
    Parquet(ArrowWriter<Written>),
    File(FileWriter<Written>),
    Stream(StreamWriter<Written>),
}

/// A file that is being written.
pub(super) struct Table {
    columns: Columns,
    form: Form,
}

fn failed(error: &(dyn std::error::Error + 'static)) -> Error {
    Error::new(&hallmark_core::codes::INTERNAL, "the rows could not be written as columns").because(error)
}

impl Table {
    /// Begins a file.
    ///
    /// # Errors
    /// `HM-C099` if the columns have no such form.
    pub(super) fn new(format: Format, columns: &[&Column], cells: &[Cell]) -> Result<Self> {
        let columns = Columns::new(columns, cells);
        let (schema, written): (&Schema, _) = (columns.schema(), Written::default());
        let form = match format {
            Format::Arrow => Form::File(FileWriter::try_new(written, schema).map_err(|e| failed(&e))?),
            Format::ArrowStream => {
                Form::Stream(StreamWriter::try_new(written, schema).map_err(|e| failed(&e))?)
            }
            _ => {
                let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
                let schema = std::sync::Arc::new(schema.clone());
                Form::Parquet(
                    ArrowWriter::try_new(written, schema, Some(properties)).map_err(|e| failed(&e))?,
                )
            }
        };
        Ok(Self { columns, form })
    }

    /// Takes a row; what is ready of the file is appended.
    ///
    /// # Errors
    /// As [`Columns::push`].
    pub(super) fn push(&mut self, row: &Row, out: &mut Vec<u8>) -> Result<()> {
        self.columns.push(row)?;
        if self.columns.rows() >= BATCH_ROWS {
            let batch = self.columns.take()?;
            self.write(&batch)?;
            out.append(&mut self.written().0);
        }
        Ok(())
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match &mut self.form {
            Form::Parquet(writer) => {
                writer.write(batch).map_err(|e| failed(&e))?;
                if writer.in_progress_rows() >= GROUP_ROWS || writer.in_progress_size() >= GROUP_BYTES {
                    writer.flush().map_err(|e| failed(&e))?;
                }
                Ok(())
            }
            Form::File(writer) => writer.write(batch).map_err(|e| failed(&e)),
            Form::Stream(writer) => writer.write(batch).map_err(|e| failed(&e)),
        }
    }

    fn written(&mut self) -> &mut Written {
        match &mut self.form {
            Form::Parquet(writer) => writer.inner_mut(),
            Form::File(writer) => writer.get_mut(),
            Form::Stream(writer) => writer.get_mut(),
        }
    }

    /// Ends the file.
    ///
    /// # Errors
    /// `HM-C099`.
    pub(super) fn finish(mut self, out: &mut Vec<u8>) -> Result<()> {
        if self.columns.rows() > 0 {
            let batch = self.columns.take()?;
            self.write(&batch)?;
        }
        let mut rest = match self.form {
            Form::Parquet(writer) => writer.into_inner().map_err(|e| failed(&e))?,
            Form::File(writer) => writer.into_inner().map_err(|e| failed(&e))?,
            Form::Stream(writer) => writer.into_inner().map_err(|e| failed(&e))?,
        };
        out.append(&mut rest.0);
        Ok(())
    }
}
