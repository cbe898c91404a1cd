//! Rows whose vectors are close to one: those that a collection in ChromaDB gives, those that the extension pgvector finds, or
//! those that PostgreSQL computes one by one. The distance is one minus the cosine.

use hallmark_core::{Error, Result};
use hallmark_python::models::FieldType;
use serde_json::{Map, Value, json};

use super::Call;
use super::collection::Kept;
use super::index::Aim;
use crate::input::{number_in, text_in};
use crate::sql::{Sql, compared_cast, failure};
use crate::table::Column;
use crate::value::Bound;
use crate::{codes, limits, names};

/// A nearness that is asked for.
pub(super) struct Near {
    vector: Vec<f32>,
    at_most: Option<f64>,
    way: Way,
}

/// The greatest number of a vector that is compared, a little less than that of single precision.
const GREATEST: &str = "3.4e38";
/// What is less is taken for zero, as single precision does.
const LEAST: &str = "1e-45";
/// The most numbers of a vector of pgvector.
const EXTENSION_NUMBERS_MAX: usize = 16_000;

enum Way {
    /// The collection, how many it was asked for, what it gave, and whether that was all.
    Collection { name: String, asked: usize, found: Value, all: bool },
    /// The quoted column and the quoted schema of pgvector.
    Extension(String, String),
    /// The quoted column.
    Exact(String),
}

impl Call<'_> {
    /// The nearness, if one is asked for; a collection is asked for `wanted` rows.
    pub(super) async fn near(&self, wanted: usize) -> Result<Option<Near>> {
        let Some((aim, given)) = self.aim(&["text", "vector", "field", "through", "at_most"])? else {
            return Ok(None);
        };
        let at_most = number_in(given, "near", "at_most", (0.0, 2.0))?;
        let column = text_in(given, "near", "field")?.map(|f| self.vector_field(f, "near")).transpose()?;
        let way = match (text_in(given, "near", "through")?.unwrap_or("chroma"), column) {
            ("chroma", _) => {
                let name = self.collection(column.map_or(Kept::Meaning, Kept::Field));
                Way::Collection { name, asked: 0, found: json!([]), all: false }
            }
            ("pgvector", Some(column)) => Way::Extension(column.ident.clone(), self.pgvector().await?),
            ("exact", Some(column)) => Way::Exact(column.ident.clone()),
            ("pgvector" | "exact", None) => {
                let message = "near needs a field of vectors, if it does not go through chroma";
                return Err(Error::new(&codes::MISSING_VALUE, message).at("near"));
            }
            (other, _) => {
                return Err(Error::new(&codes::BAD_PARAMETER, format!("unknown way {other:?} of near"))
                    .at("near")
                    .next("use chroma, pgvector or exact"));
            }
        };
        let vector = self.vector(aim, &way).await?;
        if matches!(way, Way::Extension(..)) && vector.len() > EXTENSION_NUMBERS_MAX {
            let message = format!("pgvector compares vectors of at most {EXTENSION_NUMBERS_MAX} numbers");
            return Err(Error::new(&codes::BAD_VECTOR, message)
                .at("near")
                .next("ask through chroma or exact"));
        }
        let mut near = Near { vector, at_most, way };
        self.nearest(&mut near, wanted).await?;
        Ok(Some(near))
    }

    async fn vector(&self, aim: Aim, way: &Way) -> Result<Vec<f32>> {
        let text = match aim {
            Aim::Vector(vector) => return Ok(vector),
            Aim::Text(text) => text,
        };
        let guarded = &self.engine.shared.guarded;
        let known = |text: &str| match way {
            Way::Collection { name, .. } => guarded.vectors().vector_of(name, text),
            _ => None,
        };
        let mut vectors = guarded.models().embed(&[text], known).await?.into_value();
        vectors.pop().ok_or_else(|| Error::new(&codes::BAD_VECTOR, "the text gave no vector").at("near"))
    }

    /// Asks the collection for so many rows.
    async fn nearest(&self, near: &mut Near, wanted: usize) -> Result<()> {
        let Way::Collection { name, asked, found, all } = &mut near.way else { return Ok(()) };
        let wanted = wanted.clamp(limits::NEAR_ROWS_MIN, limits::NEAR_ROWS_MAX);
        let vectors = self.engine.shared.guarded.vectors();
        let neighbours = match vectors.query(name, &near.vector, wanted, None).await {
            Ok(answer) => answer.into_value(),
            Err(error) if error.is(&hallmark_services::codes::CHROMA_NOT_FOUND) => {
                let message = format!("the rows of {} have no vectors yet", self.engine.table.model.name);
                return Err(Error::new(&codes::NOT_INDEXED, message)
                    .at("near")
                    .next(format!("call {}SearchNode with operation index", self.engine.table.model.name)));
            }
            Err(error) => return Err(of_length(error, near.vector.len(), "near")),
        };
        (*asked, *all) = (wanted, neighbours.len() < wanted);
        let rows = neighbours.iter().filter_map(|n| {
            let key: Value = serde_json::from_str(n.metadata.get("key")?.as_str()?).ok()?;
            let columns = self.engine.table.keys();
            let part = |c: &Column| key.get(c.name()).cloned().unwrap_or_else(|| key.clone());
            let mut row: Map<String, Value> =
                columns.iter().enumerate().map(|(i, c)| (format!("_k{i}"), part(c))).collect();
            row.insert("_distance".to_owned(), json!(n.distance));
            Some(Value::Object(row))
        });
        *found = rows.collect();
        Ok(())
    }

    /// Asks the collection for more, where the rows that came of it were too few; false if there are no more.
    pub(super) async fn more(&self, near: &mut Near) -> Result<bool> {
        let Way::Collection { asked, all, .. } = &near.way else { return Ok(false) };
        if *all || *asked >= limits::NEAR_ROWS_MAX {
            return Ok(false);
        }
        let wanted = *asked * 4;
        self.nearest(near, wanted).await?;
        Ok(true)
    }

    async fn pgvector(&self) -> Result<String> {
        let sql = Sql::new(
            "SELECT n.nspname::text FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
             WHERE e.extname = 'vector'",
        );
        let found = self.engine.read(&sql).await?;
        let row = found.first().ok_or_else(|| {
            Error::new(&codes::NO_PGVECTOR, "the database does not have the extension vector (pgvector)")
                .at("near")
                .next("ask through chroma or exact, or let an administrator of the database run CREATE EXTENSION vector")
        })?;
        names::quote(&row.try_get::<_, String>(0).map_err(failure)?)
    }
}

/// A refusal of ChromaDB, of vectors that have more or fewer numbers than those that are there, as the caller's mistake that it is.
pub(super) fn of_length(error: Error, length: usize, place: &str) -> Error {
    let of_vectors =
        error.is(&hallmark_services::codes::CHROMA_REQUEST) && error.message().contains("dimension");
    if !of_vectors {
        return error;
    }
    let message = format!("the vector has {length} numbers, and those that are kept have more or fewer");
    Error::new(&codes::BAD_VECTOR, message)
        .at(place.to_owned())
        .next("make it as those were made, or begin anew: reindex")
}

impl Near {
    /// Whether a collection was asked for as much as may be, and may have more.
    pub(super) fn limited(&self) -> bool {
        matches!(&self.way, Way::Collection { all: false, .. })
    }

    /// The condition that the vector in this column can be compared with the one that is asked for: one of its length, of numbers that
    /// single precision holds. NaN, which is greater than all, is none.
    fn comparable(&self, ident: &str) -> String {
        format!(
            "cardinality({ident}) = {} AND NOT EXISTS (SELECT FROM unnest({ident}) AS _any WHERE _any IS NULL OR abs(_any) > {GREATEST})",
            self.vector.len()
        )
    }

    fn numbers(&self) -> Bound {
        Bound::Floats(self.vector.iter().map(|n| f64::from(*n)).collect())
    }

    /// Appends what the distance comes from, for a list of what is selected from.
    pub(super) fn push_from(&self, sql: &mut Sql, keys: &[&Column]) {
        match &self.way {
            Way::Collection { found, .. } => {
                sql.push(", jsonb_to_recordset(").bind(Bound::Json(found.clone()), None);
                // Names that no field has, so that the table's own need no prefix.
                let columns: Vec<String> =
                    keys.iter().enumerate().map(|(i, c)| format!("_k{i} {}", c.sql_type)).collect();
                sql.push(&format!(") AS _near({}, _distance double precision)", columns.join(", ")));
            }
            Way::Extension(ident, schema) => {
                // Of a vector of zeros the distance is NaN: it has no direction.
                sql.push(&format!(", LATERAL (SELECT CASE WHEN {} THEN ", self.comparable(ident)));
                sql.push(&format!("nullif(({ident}::{schema}.vector OPERATOR({schema}.<=>) "));
                sql.bind(self.numbers(), Some(&format!("{schema}.vector")));
                sql.push(")::double precision, 'NaN') END AS _distance) AS _near");
            }
            Way::Exact(ident) => {
                sql.push(
                    ", LATERAL (SELECT 1 - sum(_a * _b) / nullif(sqrt(sum(_a * _a)) * sqrt(sum(_b * _b)), 0) AS _distance FROM ",
                );
                sql.push(&format!("unnest({ident}, "));
                sql.bind(self.numbers(), None);
                // The square of a smaller number is none that a double holds.
                sql.push(&format!(
                    ") AS _pairs(_n, _b), LATERAL (SELECT CASE WHEN abs(_n) < {LEAST} THEN 0 ELSE _n END AS _a) AS _rounded \
                     WHERE {}) AS _near",
                    self.comparable(ident)
                ));
            }
        }
    }

    /// Appends the condition that a row has a distance, and one that is small enough.
    pub(super) fn push_condition(&self, sql: &mut Sql, table: &str, keys: &[&Column]) {
        if let Way::Collection { .. } = &self.way {
            for (i, key) in keys.iter().enumerate() {
                sql.push(&format!("{table}.{} = _near._k{i} AND ", key.ident));
            }
        }
        sql.push("_near._distance IS NOT NULL");
        if let Some(at_most) = self.at_most {
            sql.push(" AND _near._distance <= ").bind(Bound::Float(at_most), compared_cast(FieldType::Float));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pgvector_is_asked_with_its_own_operator_and_bound_numbers() {
        let way = Way::Extension("\"v\"".to_owned(), "\"public\"".to_owned());
        let near = Near { vector: vec![1.0, 0.5], at_most: Some(0.25), way };
        let mut sql = Sql::new("SELECT 1 FROM \"t\"");
        near.push_from(&mut sql, &[]);
        sql.push(" WHERE ");
        near.push_condition(&mut sql, "\"t\"", &[]);
        assert_eq!(
            sql.text(),
            "SELECT 1 FROM \"t\", LATERAL (SELECT CASE WHEN cardinality(\"v\") = 2 AND NOT EXISTS (SELECT FROM unnest(\"v\") AS _any \
             WHERE _any IS NULL OR abs(_any) > 3.4e38) THEN nullif((\"v\"::\"public\".vector \
             OPERATOR(\"public\".<=>) $1::\"public\".vector)::double precision, 'NaN') END AS _distance) AS _near \
             WHERE _near._distance IS NOT NULL AND _near._distance <= $2"
        );
    }
}
