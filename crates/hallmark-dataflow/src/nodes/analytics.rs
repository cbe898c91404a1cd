//! Time series, distributions, the top values, and a profile of the table.

use hallmark_core::{Error, Result};
use hallmark_python::models::FieldType;
use hallmark_workflow::{BoxFuture, Context, Input, Param};
use serde_json::{Map, Value, json};

use super::{Kind, aggregate, filter, include_pii, outward};
use crate::engine::Engine;
use crate::input::Ask;
use crate::sql::{Sql, failure};
use crate::table::{Column, Table};
use crate::value;
use crate::{codes, limits};

/// The kind `Analytics`.
pub(super) struct Analytics;

impl Kind for Analytics {
    fn name(&self) -> &'static str {
        "Analytics"
    }

    fn summary(&self) -> &'static str {
        "Time series, distributions, top values and a profile of {}"
    }

    fn operations(&self) -> &'static [&'static str] {
        &["profile", "time_series", "distribution", "top_n"]
    }

    fn params(&self, _: &Table) -> Vec<Param> {
        vec![
            Param::string("field").describe("The field to look at (its time for a series)"),
            Param::string("bucket")
                .describe("The step of a series")
                .choices(aggregate::BUCKETS)
                .default("day"),
            Param::string("function")
                .describe("What to compute per step or value")
                .choices(aggregate::FUNCTIONS)
                .default("count"),
            Param::string("measure")
                .describe("The field that the function is computed over; not needed for count"),
            Param::integer("bins").describe("Bins of a numeric distribution").range(1.0, 200.0).default(10),
            Param::integer("limit").describe("Values or steps to return").range(1.0, 2_000.0),
            filter(),
            include_pii(),
        ]
    }

    fn read_only(&self) -> bool {
        true
    }

    fn run<'a>(
        &'a self,
        engine: &'a Engine,
        context: &'a Context,
        operation: &'a str,
        input: &'a Input,
    ) -> BoxFuture<'a, Result<Value>> {
        Box::pin(async move {
            let call = Call { engine, context, ask: Ask(input) };
            match operation {
                "time_series" => call.time_series().await,
                "distribution" => call.distribution().await,
                "top_n" => call.top_n().await,
                _ => call.profile().await,
            }
        })
    }
}

struct Call<'a> {
    engine: &'a Engine,
    context: &'a Context,
    ask: Ask<'a>,
}

fn is_number(column: &Column) -> bool {
    matches!(column.field.kind, FieldType::Integer | FieldType::Float | FieldType::Decimal)
}

impl Call<'_> {
    fn field(&self) -> Result<&Column> {
        let column = self.engine.table.column(self.ask.need("field")?.as_str().unwrap_or_default())?;
        if outward(self.ask.0).hides(column.sensitivity) {
            let message = format!("{} holds personal or secret values", column.name());
            return Err(Error::new(&codes::BAD_PARAMETER, message)
                .at("field")
                .next("ask with include_pii: true if you may"));
        }
        Ok(column)
    }

    fn measure(&self) -> Result<aggregate::Measure> {
        let function = self.ask.text("function").unwrap_or("count");
        aggregate::Measure::new(&self.engine.table, function, self.ask.text("measure"), "value")
    }

    async fn time_series(&self) -> Result<Value> {
        let (column, measure) = (self.field()?, self.measure()?);
        let limit = self.ask.count("limit", limits::BUCKETS_MAX, limits::BUCKETS_MAX)?;
        let bucket = aggregate::bucket(column, self.ask.text("bucket").unwrap_or("day"))?;
        let mut sql = Sql::new(format!("SELECT {bucket} AS _at, {} AS _value", measure.expression));
        self.engine.push_from(&mut sql, self.context, self.ask.filter(), false)?;
        sql.push(&format!(" AND {} IS NOT NULL GROUP BY 1 ORDER BY 1 LIMIT {}", column.ident, limit + 1));
        let rows = self.engine.read(&sql).await?;
        let limited = rows.len() as u64 > limit;
        let mut points = Vec::new();
        for row in rows.iter().take(usize::try_from(limit).unwrap_or(usize::MAX)) {
            let at = value::decode(row, 0, FieldType::Timestamp)?;
            points.push(json!({"at": at, "value": value::decode(row, 1, measure.kind)?}));
        }
        Ok(json!({"operation": "time_series", "field": column.name(), "points": points, "limited": limited}))
    }

    async fn distribution(&self) -> Result<Value> {
        let column = self.field()?;
        if !is_number(column) {
            return Err(Error::new(
                &codes::BAD_PARAMETER,
                format!("{} is no number; use top_n for its values", column.name()),
            )
            .at("field"));
        }
        let bins = self.ask.count("bins", 10, 200)?;
        let mut sql = Sql::new(format!("WITH v AS (SELECT {}::double precision AS x", column.ident));
        self.engine.push_from(&mut sql, self.context, self.ask.filter(), false)?;
        sql.push(&format!(
            " AND {} IS NOT NULL), r AS (SELECT min(x) AS low, max(x) AS high FROM v)
            SELECT CASE WHEN high > low THEN least(width_bucket(x, low, high, {bins}), {bins}) ELSE 1 END::bigint AS bin,
              count(*), min(low), max(high) FROM v, r GROUP BY 1 ORDER BY 1",
            column.ident
        ));
        let rows = self.engine.read(&sql).await?;
        let mut counts = vec![0_i64; usize::try_from(bins).unwrap_or(1)];
        let (mut low, mut high) = (None, None);
        for row in &rows {
            let (bin, count): (i64, i64) =
                (row.try_get(0).map_err(failure)?, row.try_get(1).map_err(failure)?);
            (low, high) = (
                row.try_get::<_, Option<f64>>(2).map_err(failure)?,
                row.try_get::<_, Option<f64>>(3).map_err(failure)?,
            );
            if let Some(slot) = usize::try_from(bin - 1).ok().and_then(|i| counts.get_mut(i)) {
                *slot = count;
            }
        }
        let (low, high) = (low.unwrap_or(0.0), high.unwrap_or(0.0));
        #[expect(clippy::cast_precision_loss, reason = "at most 200 bins")]
        let edge = |i: usize| value::float(low + (high - low) * i as f64 / bins as f64);
        let bins: Vec<Value> = counts
            .iter()
            .enumerate()
            .map(|(i, n)| json!({"from": edge(i), "to": edge(i + 1), "count": n}))
            .collect();
        Ok(
            json!({"operation": "distribution", "field": column.name(), "total": counts.iter().sum::<i64>(), "bins": bins}),
        )
    }

    async fn top_n(&self) -> Result<Value> {
        let (column, measure) = (self.field()?, self.measure()?);
        let limit = self.ask.count("limit", 10, limits::BUCKETS_MAX)?;
        let mut sql =
            Sql::new(format!("SELECT {}, {} AS _value", value::selected(column), measure.expression));
        self.engine.push_from(&mut sql, self.context, self.ask.filter(), false)?;
        sql.push(&format!(
            " GROUP BY {0} ORDER BY {1} DESC NULLS LAST, {0}::text LIMIT {limit}",
            column.ident,
            measure.raw()
        ));
        let rows = self.engine.read(&sql).await?;
        let mut top = Vec::new();
        for row in &rows {
            let found = value::decode(row, 0, column.field.kind)?;
            top.push(json!({"key": found, "value": value::decode(row, 1, measure.kind)?}));
        }
        Ok(json!({"operation": "top_n", "field": column.name(), "top": top}))
    }

    async fn profile(&self) -> Result<Value> {
        let columns: Vec<&Column> = self.engine.table.shown().collect();
        let mut parts = vec!["count(*)".to_owned()];
        for column in &columns {
            let (ident, ordered) = (&column.ident, ordered(column));
            parts.push(format!("count({ident})"));
            parts.push(if ordered { format!("count(DISTINCT {ident})") } else { "NULL::bigint".to_owned() });
            let extreme = |f: &str| {
                if ordered && column.field.kind != FieldType::Boolean {
                    format!("{f}({})", extreme(column))
                } else {
                    "NULL::text".to_owned()
                }
            };
            parts.push(format!("({})::text", extreme("min")));
            parts.push(format!("({})::text", extreme("max")));
        }
        let list: Vec<&str> = columns.iter().map(|c| c.ident.as_str()).collect();
        let mut sql = Sql::new(format!("SELECT {} FROM (SELECT {}", parts.join(", "), list.join(", ")));
        self.engine.push_from(&mut sql, self.context, self.ask.filter(), false)?;
        sql.push(&format!(" LIMIT {}) AS sampled", limits::PROFILE_ROWS_MAX));
        let rows = self.engine.read(&sql).await?;
        let row = rows
            .first()
            .ok_or_else(|| Error::new(&hallmark_core::codes::INTERNAL, "an aggregate gave no row"))?;
        let total: i64 = row.try_get(0).map_err(failure)?;
        let mut profile = Map::new();
        for (i, column) in columns.iter().enumerate() {
            let at = 1 + i * 4;
            let present: i64 = row.try_get(at).map_err(failure)?;
            let distinct: Option<i64> = row.try_get(at + 1).map_err(failure)?;
            let mut extremes: [Option<String>; 2] =
                [row.try_get(at + 2).map_err(failure)?, row.try_get(at + 3).map_err(failure)?];
            if outward(self.ask.0).hides(column.sensitivity) {
                extremes = [None, None];
            }
            let [least, most] = extremes;
            profile.insert(
                column.name().to_owned(),
                json!({"type": column.field.kind.name(), "nulls": total - present, "distinct": distinct, "min": least, "max": most}),
            );
        }
        let limited = total.unsigned_abs() == limits::PROFILE_ROWS_MAX;
        Ok(json!({"operation": "profile", "rows": total, "limited": limited, "fields": profile}))
    }
}

fn ordered(column: &Column) -> bool {
    !column.field.kind.is_json() && !matches!(column.field.kind, FieldType::FloatArray | FieldType::Bytes)
}

/// `min` and `max` do not exist for every ordered type.
fn extreme(column: &Column) -> String {
    if column.field.kind == FieldType::Uuid {
        format!("{}::text", column.ident)
    } else {
        column.ident.clone()
    }
}
