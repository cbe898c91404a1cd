//! A value of a column as JSON, in the forms that fields take.

use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType,
    Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};
use hallmark_core::{Error, Result, digest};
use jiff::SignedDuration;
use serde_json::{Map, Number, Value};

use crate::codes;
use crate::instant::{Day, Instant};

/// The value of a row of a column.
///
/// # Errors
/// `HM-D011` for a type that no field has, `HM-D012` for a number that is not finite or a time out of range.
pub(super) fn of(array: &ArrayRef, row: usize) -> Result<Value> {
    if array.is_null(row) {
        return Ok(Value::Null);
    }
    Ok(match array.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::Int8 => get::<Int8Type>(array, row).into(),
        DataType::Int16 => get::<Int16Type>(array, row).into(),
        DataType::Int32 => get::<Int32Type>(array, row).into(),
        DataType::Int64 => get::<Int64Type>(array, row).into(),
        DataType::UInt8 => get::<UInt8Type>(array, row).into(),
        DataType::UInt16 => get::<UInt16Type>(array, row).into(),
        DataType::UInt32 => get::<UInt32Type>(array, row).into(),
        DataType::UInt64 => get::<UInt64Type>(array, row).into(),
        DataType::Float16 => float(f64::from(get::<Float16Type>(array, row).to_f32()))?,
        // The shortest text that names the same number: as a double, 0.1 would show what a single does not hold.
        DataType::Float32 => {
            let single = get::<Float32Type>(array, row);
            float(single.to_string().parse().unwrap_or(f64::from(single)))?
        }
        DataType::Float64 => float(get::<Float64Type>(array, row))?,
        DataType::Decimal32(..) => array.as_primitive::<Decimal32Type>().value_as_string(row).into(),
        DataType::Decimal64(..) => array.as_primitive::<Decimal64Type>().value_as_string(row).into(),
        DataType::Decimal128(..) => array.as_primitive::<Decimal128Type>().value_as_string(row).into(),
        DataType::Decimal256(..) => array.as_primitive::<Decimal256Type>().value_as_string(row).into(),
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).into(),
        DataType::Utf8View => array.as_string_view().value(row).into(),
        DataType::Binary => hex(array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => hex(array.as_binary::<i64>().value(row)),
        DataType::BinaryView => hex(array.as_binary_view().value(row)),
        DataType::FixedSizeBinary(_) => hex(array.as_fixed_size_binary().value(row)),
        DataType::Date32 => date(i64::from(get::<Date32Type>(array, row)))?,
        DataType::Date64 => date(get::<Date64Type>(array, row).div_euclid(86_400_000))?,
        DataType::Time32(_) | DataType::Time64(_) => time(array, row)?,
        DataType::Timestamp(unit, _) => timestamp(array, row, *unit)?,
        DataType::List(_) => list(&array.as_list::<i32>().value(row))?,
        DataType::LargeList(_) => list(&array.as_list::<i64>().value(row))?,
        DataType::FixedSizeList(..) => list(&array.as_fixed_size_list().value(row))?,
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            let members = fields.iter().zip(columns).map(|(f, c)| Ok((f.name().clone(), of(c, row)?)));
            Value::Object(members.collect::<Result<Map<_, _>>>()?)
        }
        DataType::Map(..) => map(array, row)?,
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            of(dictionary.values(), key(dictionary.keys(), row)?)?
        }
        other => {
            let message = format!("no field takes the type {other} of Arrow");
            return Err(Error::new(&codes::WRONG_VALUE, message));
        }
    })
}

/// The place of a value in its dictionary.
fn key(keys: &dyn Array, row: usize) -> Result<usize> {
    let key = match keys.data_type() {
        DataType::Int8 => keys.as_primitive::<Int8Type>().value(row).into(),
        DataType::Int16 => keys.as_primitive::<Int16Type>().value(row).into(),
        DataType::Int32 => keys.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => keys.as_primitive::<Int64Type>().value(row),
        DataType::UInt8 => keys.as_primitive::<UInt8Type>().value(row).into(),
        DataType::UInt16 => keys.as_primitive::<UInt16Type>().value(row).into(),
        DataType::UInt32 => keys.as_primitive::<UInt32Type>().value(row).into(),
        _ => i64::try_from(keys.as_primitive::<UInt64Type>().value(row)).unwrap_or(-1),
    };
    usize::try_from(key).map_err(|_| Error::new(&codes::INPUT_UNREADABLE, "a dictionary has no such place"))
}

fn get<T: ArrowPrimitiveType>(array: &ArrayRef, row: usize) -> T::Native {
    array.as_primitive::<T>().value(row)
}

fn float(number: f64) -> Result<Value> {
    let finite = Number::from_f64(number).map(Value::Number);
    finite.ok_or_else(|| Error::new(&codes::OUT_OF_RANGE, format!("{number} is no finite double")))
}

/// Bytes in PostgreSQL's form.
fn hex(bytes: &[u8]) -> Value {
    Value::from(format!("\\x{}", digest::to_hex(bytes)))
}

fn range(what: &str) -> Error {
    Error::new(&codes::OUT_OF_RANGE, format!("{what} lies outside the years that PostgreSQL keeps"))
}

fn date(days: i64) -> Result<Value> {
    Day::since_1970(days).map(|day| Value::from(day.to_string())).ok_or_else(|| range("a date"))
}

fn time(array: &ArrayRef, row: usize) -> Result<Value> {
    let since = match array.data_type() {
        DataType::Time32(TimeUnit::Second) => {
            SignedDuration::from_secs(i64::from(get::<Time32SecondType>(array, row)))
        }
        DataType::Time32(_) => {
            SignedDuration::from_millis(i64::from(get::<Time32MillisecondType>(array, row)))
        }
        DataType::Time64(TimeUnit::Microsecond) => {
            SignedDuration::from_micros(get::<Time64MicrosecondType>(array, row))
        }
        _ => SignedDuration::from_nanos(get::<Time64NanosecondType>(array, row)),
    };
    let time = jiff::civil::Time::midnight().checked_add(since);
    time.map(|time| Value::from(time.to_string()))
        .map_err(|_| Error::new(&codes::OUT_OF_RANGE, "a time of day lies outside the day"))
}

/// A time; one without a zone is taken as UTC.
fn timestamp(array: &ArrayRef, row: usize, unit: TimeUnit) -> Result<Value> {
    let micros = match unit {
        TimeUnit::Second => get::<TimestampSecondType>(array, row).checked_mul(1_000_000),
        TimeUnit::Millisecond => get::<TimestampMillisecondType>(array, row).checked_mul(1_000),
        TimeUnit::Microsecond => Some(get::<TimestampMicrosecondType>(array, row)),
        TimeUnit::Nanosecond => {
            let nanos = i128::from(get::<TimestampNanosecondType>(array, row));
            let time = jiff::Timestamp::from_nanosecond(nanos).map_err(|_| range("a time"))?;
            return Ok(Value::from(time.to_string()));
        }
    };
    let time = micros.and_then(Instant::since_1970).ok_or_else(|| range("a time"))?;
    Ok(Value::from(time.to_string()))
}

fn list(items: &ArrayRef) -> Result<Value> {
    (0..items.len()).map(|at| of(items, at)).collect::<Result<Vec<_>>>().map(Value::Array)
}

fn map(array: &ArrayRef, row: usize) -> Result<Value> {
    let entries = array.as_map().value(row);
    let [keys, values] = entries.columns() else { return Ok(Value::Null) };
    let mut members = Map::new();
    for at in 0..entries.len() {
        match of(keys, at)? {
            Value::String(key) => drop(members.insert(key, of(values, at)?)),
            other => drop(members.insert(other.to_string(), of(values, at)?)),
        }
    }
    Ok(Value::Object(members))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{DurationSecondArray, Float64Array, Int64Array, TimestampSecondArray};

    use super::*;

    #[test]
    fn what_no_field_takes_is_refused() {
        let code = |array: ArrayRef| of(&array, 0).unwrap_err().code().id;
        assert_eq!(code(Arc::new(Float64Array::from(vec![f64::NAN]))), "HM-D012");
        assert_eq!(code(Arc::new(Float64Array::from(vec![f64::INFINITY]))), "HM-D012");
        assert_eq!(code(Arc::new(TimestampSecondArray::from(vec![i64::MAX]))), "HM-D012");
        assert_eq!(code(Arc::new(DurationSecondArray::from(vec![1]))), "HM-D011");
        let null: ArrayRef = Arc::new(Int64Array::from(vec![None]));
        assert_eq!(of(&null, 0).unwrap(), Value::Null);
        assert_eq!(date(-1).unwrap(), Value::from("1969-12-31"));
    }
}
