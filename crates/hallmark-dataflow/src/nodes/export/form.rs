//! The form in which rows are written.

use hallmark_core::Result;
use tokio_postgres::Row;

use super::line::{self, Cell, Form};
use crate::files::{self, Format};
use crate::table::Column;

/// A file that is being written.
pub(super) enum Written {
    /// Line by line.
    Lines(Form),
    /// Batch by batch.
    #[cfg(feature = "columnar")]
    Table(Box<super::binary::Table>),
    /// Row by row into a sheet.
    #[cfg(feature = "columnar")]
    Sheet(Box<super::sheet::Sheet>),
}

impl Written {
    /// Begins a file; what comes before all rows is appended.
    ///
    /// # Errors
    /// `HM-D024` if there are too many columns for it.
    pub(super) fn begin(format: Format, of: (&[&Column], &[Cell]), out: &mut Vec<u8>) -> Result<Self> {
        let (columns, _cells) = of;
        match format {
            Format::Jsonl => Ok(Self::Lines(Form::Jsonl)),
            #[cfg(feature = "columnar")]
            Format::Parquet | Format::Arrow | Format::ArrowStream => {
                super::binary::Table::new(format, columns, _cells).map(|table| Self::Table(Box::new(table)))
            }
            #[cfg(feature = "columnar")]
            Format::Xlsx => {
                super::sheet::Sheet::new(columns, _cells).map(|sheet| Self::Sheet(Box::new(sheet)))
            }
            _ => {
                files::push_header(out, columns.iter().map(|c| c.name()));
                Ok(Self::Lines(Form::Csv))
            }
        }
    }

    /// Takes a row; what is ready of the file is appended.
    ///
    /// # Errors
    /// `HM-D031` if a column has another type than the model says; those of what the form does not hold.
    pub(super) fn push(&mut self, row: &Row, cells: &[Cell], out: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Lines(form) => line::push(out, *form, row, cells),
            #[cfg(feature = "columnar")]
            Self::Table(table) => table.push(row, out),
            #[cfg(feature = "columnar")]
            Self::Sheet(sheet) => sheet.push(row, out),
        }
    }

    /// Ends the file; what comes after all rows is appended.
    ///
    /// # Errors
    /// `HM-C099`.
    pub(super) fn finish(self, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Lines(_) => {
                let _ = out;
                Ok(())
            }
            #[cfg(feature = "columnar")]
            Self::Table(table) => table.finish(out),
            #[cfg(feature = "columnar")]
            Self::Sheet(sheet) => sheet.finish(out),
        }
    }
}
