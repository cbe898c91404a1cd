//! Columns of rows as JSON.

use hallmark_core::{Error, Result, digest};
use hallmark_python::models::FieldType;
use serde_json::{Map, Number, Value};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Kind, Type};

use crate::label::Label;
use crate::table::{Column, Table};
use crate::{codes, instant};

/// Reads columns `0..` of a row that was selected with [`Column::selected`].
///
/// # Errors
/// `HM-D031` if the table's columns are not those of the model.
pub fn row(row: &Row, columns: &[&Column]) -> Result<Map<String, Value>> {
    Blank::new(columns).fill(row)
}

/// A row that is on its way: its members are made before their values are there, while the server works.
pub(crate) struct Blank<'a> {
    members: Map<String, Value>,
    /// The columns in the order of the members, with their positions in the row.
    columns: Vec<(usize, &'a Column)>,
}

impl<'a> Blank<'a> {
    /// One of these columns, as they were selected.
    fn new(columns: &[&'a Column]) -> Self {
        let mut columns: Vec<(usize, &Column)> = columns.iter().copied().enumerate().collect();
        columns.sort_by(|(_, a), (_, b)| a.name().cmp(b.name()));
        columns.dedup_by(|(_, a), (_, b)| a.name() == b.name());
        Self { members: members(&columns), columns }
    }

    /// One of these columns of a table, as they were selected.
    pub(crate) fn of(table: &Table, columns: &[&'a Column]) -> Self {
        if !table.is_row(columns) {
            return Self::new(columns);
        }
        let columns: Vec<(usize, &Column)> = columns.iter().copied().enumerate().collect();
        // A copy is quicker than a tree of members one by one.
        Self { members: table.blank.get_or_init(|| members(&columns)).clone(), columns }
    }

    /// The row that came.
    ///
    /// # Errors
    /// As [`row`].
    pub(crate) fn fill(mut self, row: &Row) -> Result<Map<String, Value>> {
        for (value, (at, column)) in self.members.values_mut().zip(self.columns) {
            *value = decode(row, at, column.field.kind)?;
        }
        Ok(self.members)
    }
}

/// The members of these columns, which are sorted by their names.
fn members(columns: &[(usize, &Column)]) -> Map<String, Value> {
    columns.iter().map(|(_, column)| (column.name().to_owned(), Value::Null)).collect()
}

/// Reads one column of a row.
///
/// # Errors
/// `HM-D031` if its type is another.
pub fn decode(row: &Row, at: usize, kind: FieldType) -> Result<Value> {
    // A table that was there before its model may have a narrower type, whose values the field holds too.
    let narrow = row.columns().get(at).map_or(&Type::UNKNOWN, tokio_postgres::Column::type_);
    match kind {
        FieldType::Integer if *narrow == Type::INT4 => {
            get::<i32>(row, at).map(|v| v.map_or(Value::Null, Value::from))
        }
        FieldType::Integer if *narrow == Type::INT2 => {
            get::<i16>(row, at).map(|v| v.map_or(Value::Null, Value::from))
        }
        FieldType::Integer => get::<i64>(row, at).map(|v| v.map_or(Value::Null, Value::from)),
        // The shortest text that names the same number: as a double, 0.1 would show what a single does not hold.
        FieldType::Float if *narrow == Type::FLOAT4 => get::<f32>(row, at)
            .map(|v| v.map_or(Value::Null, |f| float(f.to_string().parse().unwrap_or(f64::from(f))))),
        FieldType::Float => get::<f64>(row, at).map(|v| v.map_or(Value::Null, float)),
        FieldType::Boolean => get::<bool>(row, at).map(|v| v.map_or(Value::Null, Value::from)),
        FieldType::Text if matches!(narrow.kind(), Kind::Enum(_)) => {
            get::<Label>(row, at).map(|v| v.map_or(Value::Null, |label| Value::from(label.0)))
        }
        FieldType::Text | FieldType::Decimal | FieldType::Date | FieldType::Time => {
            get::<String>(row, at).map(|v| v.map_or(Value::Null, Value::from))
        }
        FieldType::Timestamp => {
            get::<instant::Instant>(row, at).map(|v| v.map_or(Value::Null, |t| Value::from(t.to_string())))
        }
        FieldType::Uuid => {
            get::<uuid::Uuid>(row, at).map(|v| v.map_or(Value::Null, |u| Value::from(u.to_string())))
        }
        FieldType::Bytes => get::<Vec<u8>>(row, at)
            .map(|v| v.map_or(Value::Null, |b| Value::from(format!("\\x{}", digest::to_hex(&b))))),
        FieldType::FloatArray => get::<Vec<Option<f64>>>(row, at).map(|v| {
            v.map_or(Value::Null, |a| a.into_iter().map(|f| f.map_or(Value::Null, float)).collect())
        }),
        FieldType::Object | FieldType::Array | FieldType::Json => match get::<JsonText<'_>>(row, at)? {
            None => Ok(Value::Null),
            Some(JsonText(text)) => serde_json::from_str(text).map_err(|e| {
                let name = row.columns().get(at).map_or("a column", |c| c.name());
                let message = format!("the JSON in {name} has a number that no double holds, or is too deep");
                Error::new(&codes::OUT_OF_RANGE, message)
                    .because(&e)
                    .next("export it as CSV or JSON lines, which keep it as it is")
            }),
        },
    }
}

/// A double as JSON; what JSON cannot say (another writer's NaN) becomes its PostgreSQL name rather than a silent null.
#[must_use]
pub fn float(double: f64) -> Value {
    Number::from_f64(double).map_or_else(|| Value::from(double.to_string()), Value::Number)
}

/// A value of this type, or null.
///
/// # Errors
/// `HM-D031` if the column has another type.
pub(crate) fn get<'a, T: tokio_postgres::types::FromSql<'a>>(row: &'a Row, at: usize) -> Result<Option<T>> {
    row.try_get::<_, Option<T>>(at).map_err(|e| {
        Error::new(&codes::SCHEMA_DIFFERS, "a column has another type than the model says")
            .because(&e)
            .next("apply the schema and read its report")
    })
}

/// The text of a JSON column, as the server wrote it: its numbers keep all their digits.
pub(crate) struct JsonText<'a>(pub(crate) &'a str);

impl<'a> FromSql<'a> for JsonText<'a> {
    fn from_sql(
        ty: &Type,
        raw: &'a [u8],
    ) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        // The number of its form stands in front of a `jsonb`.
        let text = match raw {
            _ if *ty == Type::JSON => raw,
            [1, text @ ..] => text,
            _ => return Err("a jsonb of another form".into()),
        };
        Ok(Self(std::str::from_utf8(text)?))
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::JSON | Type::JSONB)
    }
}
