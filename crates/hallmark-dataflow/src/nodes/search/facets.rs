//! How many rows match, and how many of each value, range or step of time.

use hallmark_core::{Error, Result};
use hallmark_python::models::FieldType;
use serde_json::{Map, Value, json};

use super::Call;
use super::matches::Matches;
use crate::input::{known, number_in, text_in};
use crate::nodes::aggregate::{self, Key};
use crate::nodes::analytics::edge::Edge;
use crate::nodes::refuse_masked;
use crate::sql::{Sql, failure};
use crate::table::Column;
use crate::{codes, limits, value};

/// What is counted of a field.
enum Facet<'a> {
    /// Its most frequent values.
    Values(&'a Column),
    /// The values from one bound, which counts, to another, which does not.
    Ranges(&'a Column, Vec<Range<'a>>),
    /// The steps of time that have rows, at most so many.
    Steps(&'a Column, &'static str, u64),
}

/// One range; without a bound it has no end there.
struct Range<'a> {
    from: &'a Value,
    to: &'a Value,
    name: Option<&'a str>,
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(&codes::BAD_PARAMETER, message).at("facet_fields")
}

impl Call<'_> {
    /// The operation `count`.
    pub(super) async fn count(&self) -> Result<Value> {
        let matches = self.matches(limits::NEAR_ROWS_MAX).await?;
        let mut sql = Sql::new("SELECT count(*) FROM ");
        self.push_matches(&mut sql, &self.engine.table.key_idents(""), &matches)?;
        let row = self.engine.read(&sql).await?.into_iter().next();
        let count: i64 = row.map(|r| r.try_get(0)).transpose().map_err(failure)?.unwrap_or(0);
        Ok(json!({"operation": "count", "count": count}))
    }

    /// The operation `facets`: values, ranges or steps of fields among the rows that match, and how many rows each has.
    pub(super) async fn facets(&self) -> Result<Value> {
        let mut asked: Vec<(&str, Facet<'_>)> = Vec::new();
        for given in self.ask.array("facet_fields")? {
            let (name, facet) = self.facet(given)?;
            if asked.iter().any(|(other, _)| *other == name) {
                return Err(
                    bad(format!("two facets are called {name:?}")).next("name one of them with \"as\"")
                );
            }
            asked.push((name, facet));
        }
        let matches = self.matches(limits::NEAR_ROWS_MAX).await?;
        let mut facets = Map::new();
        for (name, facet) in asked {
            let counted = match facet {
                Facet::Values(column) => self.values(column, &matches).await?,
                Facet::Ranges(column, ranges) => self.ranges(column, &ranges, &matches).await?,
                Facet::Steps(column, step, most) => self.steps(column, (step, most), &matches).await?,
            };
            facets.insert(name.to_owned(), counted);
        }
        Ok(json!({"operation": "facets", "facets": facets}))
    }

    /// Reads one facet and its name: a field, or `{"field": …, "ranges": […]}`, or `{"field": …, "bucket": "month"}`.
    fn facet<'g>(&'g self, given: &'g Value) -> Result<(&'g str, Facet<'g>)> {
        let Value::Object(members) = given else {
            let name = given.as_str().ok_or_else(|| bad("a facet is a field or an object"))?;
            return Ok((name, Facet::Values(self.counted_field(name)?)));
        };
        let what = "facet_fields";
        known(members, what, &["field", "as", "ranges", "bucket", "limit"])?;
        let field = text_in(members, what, "field")?.ok_or_else(|| bad("a facet needs a field"))?;
        let (column, name) = (self.counted_field(field)?, text_in(members, what, "as")?.unwrap_or(field));
        let most = number_in(members, what, "limit", (1.0, limits::FACET_STEPS_MAX as f64))?;
        let facet = match (members.get("ranges"), text_in(members, what, "bucket")?) {
            (Some(_), Some(_)) => return Err(bad("a facet has ranges or a bucket, not both")),
            (None, None) if most.is_none() => Facet::Values(column),
            (Some(ranges), None) if most.is_none() => Facet::Ranges(column, ranges_of(column, ranges)?),
            (None, Some(step)) => {
                if !matches!(column.field.kind, FieldType::Timestamp | FieldType::Date) {
                    let kind = column.field.kind.name();
                    return Err(bad(format!("{field} is {kind} and has no steps of time")));
                }
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "from 1 to a few hundred"
                )]
                let most = most.map_or(limits::FACET_STEPS_DEFAULT, |most| most as u64);
                Facet::Steps(column, aggregate::step(step)?, most)
            }
            _ => {
                return Err(bad(
                    "the limit of a facet is that of its steps; values have the limit of the call",
                ));
            }
        };
        Ok((name, facet))
    }

    /// A field whose values may be counted.
    fn counted_field(&self, name: &str) -> Result<&Column> {
        let column = self.engine.table.column(name)?;
        refuse_masked(column, self.ask.0, "facet_fields")?;
        Ok(column)
    }

    async fn values(&self, column: &Column, matches: &Matches) -> Result<Value> {
        let limit = self.ask.count("limit", 10, limits::FACET_VALUES_MAX)?;
        let mut sql = Sql::new(format!("SELECT {}, count(*) AS _count FROM ", column.selected()));
        self.push_matches(&mut sql, &column.ident, matches)?;
        sql.push(&format!(" GROUP BY {0} ORDER BY _count DESC, {0}::text LIMIT {limit}", column.ident));
        let mut values = Vec::new();
        for row in self.engine.read(&sql).await? {
            let count: i64 = row.try_get(1).map_err(failure)?;
            values.push(json!({"value": value::decode(&row, 0, column.field.kind)?, "count": count}));
        }
        Ok(Value::Array(values))
    }

    /// All ranges in one pass; a value in two of them counts in both.
    async fn ranges(&self, column: &Column, ranges: &[Range<'_>], matches: &Matches) -> Result<Value> {
        let zone = self.zone()?;
        let mut sql = Sql::new(format!("SELECT count(*) FILTER (WHERE {} IS NULL)", column.ident));
        for range in ranges {
            sql.push(", count(*) FILTER (WHERE ").push(&column.ident).push(" IS NOT NULL");
            for (bound, symbol) in [(range.from, " >= "), (range.to, " < ")] {
                if bound.is_null() {
                    continue;
                }
                sql.push(" AND ").push(&column.ident).push(symbol);
                match bound.as_str().and_then(Edge::day).filter(|_| column.field.kind == FieldType::Timestamp)
                {
                    Some(day) => day.push(&mut sql, &zone),
                    None => drop(sql.bind_compared(column, bound)?),
                }
            }
            sql.push(")");
        }
        sql.push(" FROM ");
        self.push_matches(&mut sql, &column.ident, matches)?;
        let found = self.engine.read(&sql).await?.into_iter().next();
        let row =
            found.ok_or_else(|| Error::new(&hallmark_core::codes::INTERNAL, "an aggregate gave no row"))?;
        let count = |at: usize| row.try_get::<_, i64>(at).map_err(failure);
        let mut counted = Vec::new();
        for (n, range) in ranges.iter().enumerate() {
            let mut member = json!({"from": range.from, "to": range.to, "count": count(n + 1)?});
            if let Some(name) = range.name {
                member["as"] = name.into();
            }
            counted.push(member);
        }
        Ok(json!({"ranges": counted, "nulls": count(0)?}))
    }

    fn zone(&self) -> Result<String> {
        aggregate::time_zone(self.ask.text("time_zone").unwrap_or("UTC"))
    }

    /// The first steps that have rows, in the order of time.
    async fn steps(
        &self,
        column: &Column,
        (step, most): (&'static str, u64),
        matches: &Matches,
    ) -> Result<Value> {
        let zone = self.zone()?;
        let mut sql = Sql::new("SELECT ");
        Key::bucket(column, step, &zone)?.push(&mut sql);
        sql.push(" AS _at, count(*) FROM ");
        self.push_matches(&mut sql, &column.ident, matches)?;
        sql.push(&format!(" WHERE {} IS NOT NULL GROUP BY 1 ORDER BY 1 LIMIT {}", column.ident, most + 1));
        let rows = self.engine.read(&sql).await?;
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let mut steps = Vec::new();
        for row in rows.iter().take(most) {
            let count: i64 = row.try_get(1).map_err(failure)?;
            steps.push(json!({"at": value::decode(row, 0, FieldType::Timestamp)?, "count": count}));
        }
        Ok(json!({"bucket": step, "time_zone": zone, "steps": steps, "limited": rows.len() > most}))
    }
}

/// Reads ranges: numbers, days or instants, as the field has them.
fn ranges_of<'g>(column: &Column, given: &'g Value) -> Result<Vec<Range<'g>>> {
    let (what, kind) = ("facet_fields.ranges", column.field.kind);
    let ordered = matches!(
        kind,
        FieldType::Integer
            | FieldType::Float
            | FieldType::Decimal
            | FieldType::Timestamp
            | FieldType::Date
            | FieldType::Time
    );
    if !ordered {
        return Err(bad(format!("{} is {} and has no ranges", column.name(), kind.name())));
    }
    let items = given.as_array().filter(|items| !items.is_empty()).ok_or_else(|| bad("ranges is a list"))?;
    if items.len() as u64 > limits::FACET_VALUES_MAX {
        let message = format!("a facet has at most {} ranges", limits::FACET_VALUES_MAX);
        return Err(Error::new(&codes::TOO_MUCH, message).at(what));
    }
    let mut ranges = Vec::new();
    for item in items {
        let members = item.as_object().ok_or_else(|| bad("a range is {\"from\": …, \"to\": …}"))?;
        known(members, what, &["from", "to", "as"])?;
        let bound = |name: &str| -> Result<&'g Value> {
            let bound = members.get(name).unwrap_or(&Value::Null);
            value::encode(kind, bound).map_err(|e| e.at(format!("{what}.{name}")))?;
            Ok(bound)
        };
        let range = Range { from: bound("from")?, to: bound("to")?, name: text_in(members, what, "as")? };
        if range.from.is_null() && range.to.is_null() {
            return Err(bad("a range has from or to"));
        }
        ranges.push(range);
    }
    Ok(ranges)
}
