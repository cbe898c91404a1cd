//! Files of exports and imports: where they may be, and how they are written and read.

#[cfg(feature = "columnar")]
mod columnar;
mod csv;
mod encoding;
mod folder;
mod gzip;
mod input;
mod records;
#[cfg(feature = "columnar")]
mod sheet;

pub(crate) use csv::{Reader, Row, push_header, push_text};
pub(crate) use encoding::{Encoding, NAMES as ENCODINGS};
pub(crate) use folder::{NewFile, existing};
pub(crate) use gzip::{Zipper, is_named as is_gzip};
pub(crate) use input::{Mark, Prefix, Source, fingerprint, prefixes};
pub(crate) use records::{Batch, End, FORMATS, Format, Reading, Record, names, read, record, rounded};
