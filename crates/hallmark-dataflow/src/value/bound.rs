//! A value with the type that it travels as.

use bytes::BytesMut;
use hallmark_python::models::FieldType;
use serde_json::Value;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

/// A checked value with the type that it travels as.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// Null of this wire type.
    Null(Type),
    /// `boolean`.
    Bool(bool),
    /// `bigint`.
    Int(i64),
    /// `double precision`.
    Float(f64),
    /// `text`; decimals, dates and times travel as text and are cast.
    Text(String),
    /// `jsonb`.
    Json(Value),
    /// `timestamptz`.
    Timestamp(jiff::Timestamp),
    /// `timestamptz` of the last hours of the year 9999 and beyond, in microseconds since 2000.
    FarTimestamp(i64),
    /// `uuid`.
    Uuid(uuid::Uuid),
    /// `bytea`.
    Bytes(Vec<u8>),
    /// `double precision[]`.
    Floats(Vec<f64>),
    /// `text[]`, for lists of names and values.
    Texts(Vec<String>),
}

impl Bound {
    /// The type that it travels as.
    #[must_use]
    pub fn wire(&self) -> Type {
        match self {
            Self::Null(wire) => wire.clone(),
            Self::Bool(_) => Type::BOOL,
            Self::Int(_) => Type::INT8,
            Self::Float(_) => Type::FLOAT8,
            Self::Text(_) => Type::TEXT,
            Self::Json(_) => Type::JSONB,
            Self::Timestamp(_) | Self::FarTimestamp(_) => Type::TIMESTAMPTZ,
            Self::Uuid(_) => Type::UUID,
            Self::Bytes(_) => Type::BYTEA,
            Self::Floats(_) => Type::FLOAT8_ARRAY,
            Self::Texts(_) => Type::TEXT_ARRAY,
        }
    }
}

impl ToSql for Bound {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null(_) => Ok(IsNull::Yes),
            Self::Bool(v) => v.to_sql(ty, out),
            Self::Int(v) => v.to_sql(ty, out),
            Self::Float(v) => v.to_sql(ty, out),
            Self::Text(v) => v.to_sql(ty, out),
            Self::Json(v) => v.to_sql(ty, out),
            Self::Timestamp(v) => v.to_sql(ty, out),
            Self::FarTimestamp(v) => v.to_sql(&Type::INT8, out),
            Self::Uuid(v) => v.to_sql(ty, out),
            Self::Bytes(v) => v.to_sql(ty, out),
            Self::Floats(v) => v.to_sql(ty, out),
            Self::Texts(v) => v.to_sql(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// The type that values of a field travel as.
#[must_use]
pub fn wire(kind: FieldType) -> Type {
    match kind {
        FieldType::Integer => Type::INT8,
        FieldType::Float => Type::FLOAT8,
        FieldType::Boolean => Type::BOOL,
        FieldType::Timestamp => Type::TIMESTAMPTZ,
        FieldType::Uuid => Type::UUID,
        FieldType::Bytes => Type::BYTEA,
        FieldType::FloatArray => Type::FLOAT8_ARRAY,
        FieldType::Object | FieldType::Array | FieldType::Json => Type::JSONB,
        FieldType::Text | FieldType::Decimal | FieldType::Date | FieldType::Time => Type::TEXT,
    }
}
