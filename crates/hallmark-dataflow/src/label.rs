//! Labels of enumerations of the database, as texts.

use tokio_postgres::types::{FromSql, Kind, Type};

/// A label of an enumeration.
pub(crate) struct Label(pub(crate) String);

impl<'a> FromSql<'a> for Label {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(std::str::from_utf8(raw)?.to_owned()))
    }

    fn accepts(ty: &Type) -> bool {
        matches!(ty.kind(), Kind::Enum(_))
    }
}
