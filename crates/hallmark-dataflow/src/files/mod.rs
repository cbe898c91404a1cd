//! Files of exports and imports: where they may be, and how CSV is written and read.

mod csv;
mod folder;
mod records;

pub(crate) use csv::{Reader, Row, push_header, push_text};
pub(crate) use folder::{NewFile, existing};
pub(crate) use records::{Encoding, Format, Lines, Record, Source, names, open, read, record};
