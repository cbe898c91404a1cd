//! A period beside the one before it, or the same of the year before: both values, the change and its share.

use hallmark_core::Result;
use hallmark_python::models::FieldType;
use serde_json::{Value, json};

use super::aggregate::shown;
use super::edge::{Edge, push_first};
use super::{Call, bad, most};
use crate::sql::Sql;
use crate::value::{self, Bound};

impl Call<'_> {
    /// The operation `compare`.
    pub(super) async fn compare(&self) -> Result<Value> {
        let (column, measure) = (self.time("field")?, self.measure()?);
        if !matches!(measure.kind, FieldType::Integer | FieldType::Float | FieldType::Decimal) {
            return Err(bad(format!("{} of this field is no number", measure.function), "function"));
        }
        let (step, zone) = self.step()?;
        let by = if self.ask.get("by").is_some() { Some(self.named("by")?) } else { None };
        let limit = most(&self.ask, 100)?;
        let mut sql = Sql::new("WITH periods AS (");
        self.push_periods(&mut sql, step, &zone)?;
        sql.push("), compared AS (SELECT ");
        if let Some(by) = by {
            sql.push(&format!("{} AS _by, ", by.ident));
        }
        let within = |sql: &mut Sql, low: &str, high: &str| {
            Self::push_instant(sql, column, &zone);
            sql.push(&format!(" >= {low} AND "));
            Self::push_instant(sql, column, &zone);
            sql.push(&format!(" < {high}"));
        };
        measure.push(&mut sql, &self.engine.table, Some(&|sql| within(sql, "_from", "_to")))?;
        sql.push(" AS _now, ");
        measure.push(&mut sql, &self.engine.table, Some(&|sql| within(sql, "_before_from", "_before_to")))?;
        sql.push(" AS _before FROM periods, (SELECT *");
        self.push_from(&mut sql)?;
        sql.push(") AS chosen WHERE (");
        within(&mut sql, "_from", "_to");
        sql.push(" OR ");
        within(&mut sql, "_before_from", "_before_to");
        sql.push(if by.is_some() { ") GROUP BY 1)" } else { "))" });
        sql.push(&format!(
            " SELECT _from, _to, _before_from, _before_to, {}, {}, {}, ((_now - _before) / nullif(abs(_before), 0)::double precision)::double precision",
            shown("_now", measure.kind),
            shown("_before", measure.kind),
            shown("(_now - _before)", measure.kind),
        ));
        // A field that is not asked for is the same null for every row.
        sql.push(
            &by.map_or_else(|| ", NULL::text".to_owned(), |by| format!(", {}", shown("_by", by.field.kind))),
        );
        sql.push(" FROM periods LEFT JOIN compared ON true ORDER BY _now DESC NULLS LAST");
        sql.push(if by.is_some() { ", _by::text" } else { "" }).push(&format!(" LIMIT {}", limit + 1));
        let rows = self.engine.read(&sql).await?;
        let mut groups = Vec::new();
        for row in rows.iter().take(limit) {
            let get = |i: usize| value::decode(row, i, measure.kind);
            let mut group = json!({
                "value": get(4)?, "before": get(5)?, "change": get(6)?, "relative": value::decode(row, 7, FieldType::Float)?,
            });
            if let Some(by) = by {
                group["key"] = value::decode(row, 8, by.field.kind)?;
            }
            groups.push(group);
        }
        let at =
            |i: usize| rows.first().map_or(Ok(Value::Null), |r| value::decode(r, i, FieldType::Timestamp));
        let mut answer = json!({
            "operation": "compare", "field": column.name(), "period": {"from": at(0)?, "to": at(1)?},
            "against": {"from": at(2)?, "to": at(3)?}, "time_zone": zone,
        });
        if by.is_some() {
            // Of a period without rows no value is known.
            let none = groups.len() == 1 && groups[0]["value"].is_null() && groups[0]["before"].is_null();
            answer["groups"] = if none { json!([]) } else { Value::Array(groups) };
            answer["limited"] = json!(rows.len() > limit);
        } else if let Some(Value::Object(only)) = groups.pop() {
            answer.as_object_mut().into_iter().for_each(|a| a.extend(only.clone()));
        }
        Ok(answer)
    }

    /// Appends the two periods: from `from` to `to`, or the step that `from`, else this moment, lies in.
    fn push_periods(&self, sql: &mut Sql, step: &str, zone: &str) -> Result<()> {
        let (from, to) = self.span()?;
        let zoned = |sql: &mut Sql| {
            sql.push(" AT TIME ZONE ").bind(Bound::Text(zone.to_owned()), None);
        };
        let interval =
            if step == "quarter" { "interval '3 months'".to_owned() } else { format!("interval '1 {step}'") };
        // Moved on the clock of the zone: a month before is the same day and hour.
        let moved = |sql: &mut Sql, what: &str, by: &str| {
            push_first(sql, zone, &|sql| {
                sql.push(&format!("({what}"));
                zoned(sql);
                sql.push(&format!(" {by})"));
            });
        };
        // An hour and less is one wherever the clocks stand.
        let is_short = matches!(step, "hour" | "minute" | "second");
        let stepped = |sql: &mut Sql, sign: &str| {
            if is_short {
                sql.push(&format!("_from {sign} {interval}"));
            } else {
                moved(sql, "_from", &format!("{sign} {interval}"));
            }
        };
        let given = to.is_some();
        sql.push("SELECT _from, _to, ");
        match (self.ask.text("against"), given) {
            (Some("year"), _) => {
                moved(sql, "_from", "- interval '1 year'");
                sql.push(" AS _before_from, ");
                moved(sql, "_to", "- interval '1 year'");
            }
            // Days before, on the clock of the zone: they may have had other lengths.
            (_, true) if from.is_some_and(Edge::is_day) && to.is_some_and(Edge::is_day) => {
                push_first(sql, zone, &|sql| {
                    zoned(sql.push("(_from"));
                    zoned(sql.push(" - (_to"));
                    zoned(sql.push(" - _from"));
                    sql.push("))");
                });
                sql.push(" AS _before_from, _from");
            }
            (_, true) => {
                sql.push("_from - (_to - _from) AS _before_from, _from");
            }
            (_, false) => {
                stepped(sql, "-");
                sql.push(" AS _before_from, _from");
            }
        }
        sql.push(" AS _before_to FROM (SELECT _from, ");
        match (from, to) {
            (Some(low), Some(high)) if low.is_before(high, zone) => high.push(sql, zone),
            (_, Some(_)) => return Err(bad("to is an instant after from", "to")),
            (_, None) => stepped(sql, "+"),
        }
        sql.push(" AS _to FROM (SELECT ");
        push_begin(sql, (from, given), (step, is_short), zone);
        sql.push(" AS _from) AS begun) AS ended");
        Ok(())
    }
}

/// Appends where the period begins: at `from` itself, if its end is given too, else with the step in which that, or this moment, lies.
fn push_begin(
    sql: &mut Sql,
    (from, given): (Option<Edge>, bool),
    (step, is_short): (&str, bool),
    zone: &str,
) {
    let begun = |sql: &mut Sql| match from {
        Some(edge) => edge.push(sql, zone),
        None => drop(sql.push("now()")),
    };
    if given {
        begun(sql);
    } else if is_short {
        begun(sql.push(&format!("date_trunc('{step}', ")));
        sql.push(", ").bind(Bound::Text(zone.to_owned()), None).push(")");
    } else {
        push_first(sql, zone, &|sql| {
            begun(sql.push(&format!("date_trunc('{step}', ")));
            sql.push(" AT TIME ZONE ").bind(Bound::Text(zone.to_owned()), None).push(")");
        });
    }
}
