//! A measure per step of time; steps without rows can be filled.

use hallmark_core::Result;
use hallmark_python::models::FieldType;
use serde_json::{Value, json};

use super::aggregate::shown;
use super::edge::Edge;
use super::{Call, Key, most};
use crate::limits;
use crate::sql::Sql;
use crate::value::{self, Bound};

impl Call<'_> {
    /// The operation `time_series`.
    pub(super) async fn time_series(&self) -> Result<Value> {
        let (column, measure) = (self.time("field")?, self.measure()?);
        let limit = most(&self.ask, limits::BUCKETS_MAX)?;
        let (step, zone) = self.step()?;
        let key = Key::bucket(column, step, &zone)?;
        let (from, to) = self.span()?;
        let fill = self.ask.text("fill").unwrap_or("none");
        let mut sql = Sql::new("WITH points AS (SELECT ");
        key.push(&mut sql);
        sql.push(" AS _at, ");
        measure.push(&mut sql, &self.engine.table, None)?;
        sql.push(" AS _value");
        self.push_from(&mut sql)?;
        sql.push(&format!(" AND {} IS NOT NULL", column.ident));
        for (bound, operator) in [(from, " >= "), (to, " < ")] {
            if let Some(edge) = bound {
                sql.push(" AND ");
                Self::push_instant(&mut sql, column, &zone);
                edge.push(sql.push(operator), &zone);
            }
        }
        sql.push(&format!(" GROUP BY 1 ORDER BY 1 LIMIT {})", limit + 1));
        if fill == "none" {
            sql.push(", steps AS (SELECT _at FROM points)");
        } else {
            push_steps(&mut sql, (step, &zone), (from, to), limit);
        }
        sql.push(&format!(
            " SELECT _at, {} AS _value FROM steps LEFT JOIN points USING (_at) ORDER BY _at LIMIT {}",
            shown("_value", measure.kind),
            limit + 1
        ));
        let rows = self.engine.read(&sql).await?;
        let (mut points, mut before) = (Vec::new(), Value::Null);
        for row in rows.iter().take(limit) {
            let at = value::decode(row, 0, FieldType::Timestamp)?;
            let found = value::decode(row, 1, measure.kind)?;
            let value = match (found.is_null(), fill) {
                (true, "zero") if measure.kind == FieldType::Decimal => json!("0"),
                (true, "zero") if matches!(measure.kind, FieldType::Integer | FieldType::Float) => json!(0),
                (true, "previous") => before,
                _ => found,
            };
            before = value.clone();
            points.push(json!({"at": at, "value": value}));
        }
        Ok(json!({
            "operation": "time_series", "field": column.name(), "bucket": step, "time_zone": zone, "points": points,
            "limited": rows.len() > limit,
        }))
    }
}

/// Appends `, steps AS (…)`: every step between the first and the last one, and every one that has rows.
///
/// Steps of a day and more are counted on the clock of the time zone, so that a day with 23 hours is one; shorter ones in
/// absolute time. What the two ways disagree on, as zones that shift by half an hour, is still there by its rows.
fn push_steps(
    sql: &mut Sql,
    (step, zone): (&str, &str),
    (from, to): (Option<Edge>, Option<Edge>),
    limit: usize,
) {
    let local = matches!(step, "day" | "week" | "month" | "quarter" | "year");
    let interval =
        if step == "quarter" { "interval '3 months'".to_owned() } else { format!("interval '1 {step}'") };
    sql.push(", span AS (SELECT ");
    match from {
        Some(from) => {
            from.push(sql.push(&format!("date_trunc('{step}', ")), zone);
            sql.push(", ").bind(Bound::Text(zone.to_owned()), None).push(")");
        }
        None => {
            sql.push("(SELECT min(_at) FROM points)");
        }
    }
    sql.push(" AS low, ");
    match to {
        Some(to) => {
            to.push(sql.push(&format!("date_trunc('{step}', ")), zone);
            sql.push(" - interval '1 microsecond', ").bind(Bound::Text(zone.to_owned()), None).push(")");
        }
        None => {
            sql.push("(SELECT max(_at) FROM points)");
        }
    }
    sql.push(" AS high), ends AS (SELECT low, ");
    // No more steps are made than are given back: a series of seconds over years would not end.
    if local {
        for edge in ["low", "high"] {
            sql.push(&format!("{edge} AT TIME ZONE ")).bind(Bound::Text(zone.to_owned()), None);
            sql.push(&format!(" AS _{edge}, "));
        }
        sql.push("high FROM span), steps AS (SELECT _step AT TIME ZONE ");
        sql.bind(Bound::Text(zone.to_owned()), None);
        sql.push(&format!(
            " AS _at FROM ends, generate_series(_low, least(_high, _low + {limit} * {interval}), {interval}) AS _step"
        ));
    } else {
        sql.push(&format!(
            "high FROM span), steps AS (SELECT _step AS _at FROM ends, generate_series(low, least(high, low + {limit} * {interval}), {interval}) AS _step"
        ));
    }
    sql.push(" UNION SELECT _at FROM points)");
}
