//! Rows as columns, for Parquet and Arrow: each field in the type that holds its values exactly.

use std::sync::Arc;

use arrow_array::builder::{
    ArrayBuilder, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Decimal256Builder,
    FixedSizeBinaryBuilder, Float64Builder, Int64Builder, ListBuilder, StringBuilder,
    Time64MicrosecondBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_buffer::i256;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use hallmark_core::{Error, Result};
use hallmark_python::models::FieldType;
use serde_json::Value;
use tokio_postgres::Row;

use super::line::Cell;
use crate::instant::{Day, Instant};
use crate::table::Column;
use crate::value::{self, Bound};
use crate::{codes, decimal};

/// Where a column's values are gathered.
enum Builder {
    Integer(Int64Builder),
    Float(Float64Builder),
    Boolean(BooleanBuilder),
    Text(StringBuilder),
    Decimal(Decimal128Builder, usize),
    Large(Decimal256Builder, usize),
    Timestamp(TimestampMicrosecondBuilder),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder),
    Uuid(FixedSizeBinaryBuilder),
    Bytes(BinaryBuilder),
    Floats(ListBuilder<Float64Builder>),
}

/// A column of the batch.
struct Gathered {
    kind: FieldType,
    name: String,
    builder: Builder,
}

/// A batch that is being gathered.
pub(super) struct Columns {
    columns: Vec<Gathered>,
    schema: SchemaRef,
    rows: usize,
    /// The rows of all batches.
    taken: u64,
}

/// The digits before and after the point of a decimal that has a fixed number of them.
fn digits(column: &Column) -> Option<(u8, i8)> {
    let (all, places) = decimal::digits(&column.field)?;
    let all = u8::try_from(all).ok().filter(|all| (1..=76).contains(all))?;
    Some((all, i8::try_from(places).ok()?))
}

/// The type of a column, and where its values are gathered.
fn built(column: &Column, cell: &Cell) -> (DataType, Builder) {
    let kind = if cell.masked { FieldType::Text } else { column.field.kind };
    match kind {
        FieldType::Integer => (DataType::Int64, Builder::Integer(Int64Builder::new())),
        FieldType::Float => (DataType::Float64, Builder::Float(Float64Builder::new())),
        FieldType::Boolean => (DataType::Boolean, Builder::Boolean(BooleanBuilder::new())),
        FieldType::Decimal => match digits(column) {
            Some((all, places)) if all <= 38 => {
                let kind = DataType::Decimal128(all, places);
                let builder = Decimal128Builder::new().with_data_type(kind.clone());
                (kind, Builder::Decimal(builder, usize::from(places.unsigned_abs())))
            }
            Some((all, places)) => {
                let kind = DataType::Decimal256(all, places);
                let builder = Decimal256Builder::new().with_data_type(kind.clone());
                (kind, Builder::Large(builder, usize::from(places.unsigned_abs())))
            }
            // Digits without end fit no decimal of Arrow: a text keeps them.
            None => (DataType::Utf8, Builder::Text(StringBuilder::new())),
        },
        FieldType::Timestamp => (
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Builder::Timestamp(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
        ),
        FieldType::Date => (DataType::Date32, Builder::Date(Date32Builder::new())),
        FieldType::Time => {
            (DataType::Time64(TimeUnit::Microsecond), Builder::Time(Time64MicrosecondBuilder::new()))
        }
        FieldType::Uuid => (DataType::FixedSizeBinary(16), Builder::Uuid(FixedSizeBinaryBuilder::new(16))),
        FieldType::Bytes => (DataType::Binary, Builder::Bytes(BinaryBuilder::new())),
        FieldType::FloatArray => {
            let builder = ListBuilder::new(Float64Builder::new());
            let item = Arc::new(Field::new_list_field(DataType::Float64, true));
            (DataType::List(item), Builder::Floats(builder))
        }
        FieldType::Text | FieldType::Object | FieldType::Array | FieldType::Json => {
            (DataType::Utf8, Builder::Text(StringBuilder::new()))
        }
    }
}

/// What Arrow calls a type beyond its own.
fn extension(column: &Column, cell: &Cell) -> Option<&'static str> {
    match column.field.kind {
        _ if cell.masked => None,
        FieldType::Uuid => Some("arrow.uuid"),
        FieldType::Object | FieldType::Array | FieldType::Json => Some("arrow.json"),
        _ => None,
    }
}

impl Columns {
    pub(super) fn new(columns: &[&Column], cells: &[Cell]) -> Self {
        let (mut fields, mut gathered) = (Vec::new(), Vec::new());
        for (column, cell) in columns.iter().zip(cells) {
            let (kind, builder) = built(column, cell);
            let mut field = Field::new(column.name(), kind, true);
            if let Some(name) = extension(column, cell) {
                let metadata = [("ARROW:extension:name", name), ("ARROW:extension:metadata", "")];
                let metadata = metadata.map(|(name, value)| (name.to_owned(), value.to_owned()));
                field.set_metadata(std::collections::HashMap::from(metadata));
            }
            fields.push(field);
            let kind = if cell.masked { FieldType::Text } else { column.field.kind };
            gathered.push(Gathered { kind, name: column.name().to_owned(), builder });
        }
        Self { columns: gathered, schema: Arc::new(Schema::new(fields)), rows: 0, taken: 0 }
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The rows that are gathered.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Takes a row.
    ///
    /// # Errors
    /// `HM-D031` if a column has another type than the model says; `HM-D012` for a decimal that is no number, a day or an instant that is infinite.
    pub(super) fn push(&mut self, row: &Row) -> Result<()> {
        for (at, column) in self.columns.iter_mut().enumerate() {
            let value = super::cell::of(row, at, column.kind)?;
            column.push(&value).map_err(|e| e.at(format!("row {}, {}", self.taken + 1, column.name)))?;
        }
        self.taken += 1;
        self.rows += 1;
        Ok(())
    }

    /// The batch so far; the next one begins empty.
    ///
    /// # Errors
    /// `HM-C099` if its columns are not those of the schema.
    pub(super) fn take(&mut self) -> Result<RecordBatch> {
        self.rows = 0;
        let arrays = self.columns.iter_mut().map(|c| c.builder.finish()).collect();
        RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(|e| internal(&e))
    }
}

fn internal(error: &ArrowError) -> Error {
    Error::new(&hallmark_core::codes::INTERNAL, "columns could not be put together").because(error)
}

impl Builder {
    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Integer(b) => ArrayBuilder::finish(b),
            Self::Float(b) => ArrayBuilder::finish(b),
            Self::Boolean(b) => ArrayBuilder::finish(b),
            Self::Text(b) => ArrayBuilder::finish(b),
            Self::Decimal(b, _) => ArrayBuilder::finish(b),
            Self::Large(b, _) => ArrayBuilder::finish(b),
            Self::Timestamp(b) => ArrayBuilder::finish(b),
            Self::Date(b) => ArrayBuilder::finish(b),
            Self::Time(b) => ArrayBuilder::finish(b),
            Self::Uuid(b) => ArrayBuilder::finish(b),
            Self::Bytes(b) => ArrayBuilder::finish(b),
            Self::Floats(b) => ArrayBuilder::finish(b),
        }
    }
}

impl Gathered {
    fn push(&mut self, found: &Value) -> Result<()> {
        let is_null = found.is_null();
        let text = found.as_str();
        match &mut self.builder {
            Builder::Integer(b) => b.append_option(found.as_i64()),
            // What JSON cannot say comes as its name.
            Builder::Float(b) => b.append_option(found.as_f64().or_else(|| text?.parse().ok())),
            Builder::Boolean(b) => b.append_option(found.as_bool()),
            Builder::Text(b) => match found {
                Value::Null => b.append_null(),
                Value::String(text) => b.append_value(text),
                other => b.append_value(other.to_string()),
            },
            Builder::Decimal(b, places) => {
                b.append_option(
                    text.map(|t| unscaled(t, *places))
                        .transpose()?
                        .map(|t| t.parse())
                        .transpose()
                        .map_err(wide)?,
                );
            }
            Builder::Large(b, places) => {
                let scaled = text.map(|t| unscaled(t, *places)).transpose()?;
                b.append_option(scaled.as_deref().and_then(i256::from_string));
            }
            Builder::Timestamp(b) => {
                b.append_option(text.map(instant).transpose()?);
            }
            Builder::Date(b) => b.append_option(text.map(days).transpose()?),
            Builder::Time(b) => b.append_option(text.map(micros).transpose()?),
            Builder::Uuid(b) => match text.map(uuid::Uuid::parse_str) {
                Some(Ok(id)) => b.append_value(id.as_bytes()).map_err(|e| internal(&e))?,
                _ => b.append_null(),
            },
            Builder::Bytes(b) => match value::encode(FieldType::Bytes, found)? {
                Bound::Bytes(bytes) => b.append_value(bytes),
                _ => b.append_null(),
            },
            Builder::Floats(b) => {
                for item in found.as_array().into_iter().flatten() {
                    b.values().append_option(item.as_f64().or_else(|| item.as_str()?.parse().ok()));
                }
                b.append(!is_null);
            }
        }
        Ok(())
    }
}

fn wide(_: std::num::ParseIntError) -> Error {
    Error::new(&codes::OUT_OF_RANGE, "a decimal has more digits than the model says")
}

/// The digits of a decimal without its point, which stands in front of so many of them.
fn unscaled(text: &str, places: usize) -> Result<String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = whole.trim_start_matches('-').bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit());
    if !is_number || fraction.len() > places {
        let message = "a decimal is no number of the digits that the model says";
        return Err(Error::new(&codes::OUT_OF_RANGE, message));
    }
    Ok(format!("{whole}{fraction:0<places$}"))
}

fn instant(text: &str) -> Result<i64> {
    let micros = match value::encode(FieldType::Timestamp, &Value::from(text)) {
        Ok(Bound::Timestamp(near)) => Some(near.as_microsecond()),
        Ok(Bound::FarTimestamp(far)) => Instant(far).micros(),
        _ => None,
    };
    micros.ok_or_else(|| {
        Error::new(
            &codes::OUT_OF_RANGE,
            "the instant is infinite or beyond the year 294246, and no instant of columns",
        )
    })
}

fn days(text: &str) -> Result<i32> {
    let days = Day::read(text).and_then(Day::days);
    days.ok_or_else(|| Error::new(&codes::OUT_OF_RANGE, "the day is infinite, and no day of columns"))
}

fn micros(text: &str) -> Result<i64> {
    let bad = || Error::new(&codes::OUT_OF_RANGE, "a time of day lies outside the day");
    let time: jiff::civil::Time = text.parse().map_err(|_| bad())?;
    i64::try_from(time.duration_since(jiff::civil::Time::midnight()).as_micros()).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_lose_no_digit() {
        assert_eq!(unscaled("-0.10", 2).unwrap(), "-010");
        assert_eq!(unscaled("12", 3).unwrap(), "12000");
        assert_eq!(unscaled("NaN", 3).unwrap_err().code().id, "HM-D012");
        assert_eq!(unscaled("1.234", 2).unwrap_err().code().id, "HM-D012");
        assert_eq!(days("1969-12-31").unwrap(), -1);
        assert_eq!(instant("9999-12-31T00:00:00Z").unwrap(), 253_402_214_400_000_000);
        assert_eq!(instant("infinity").unwrap_err().code().id, "HM-D012");
        assert_eq!(days("-infinity").unwrap_err().code().id, "HM-D012");
        assert_eq!(micros("00:00:01.5").unwrap(), 1_500_000);
    }
}
