//! Who came back: entities by the period in which they joined, and how many of them were there in each period since.

use std::collections::BTreeMap;

use hallmark_core::Result;
use hallmark_python::models::FieldType;
use serde_json::{Value, json};

use super::{Call, bad, most};
use crate::sql::{Sql, failure};
use crate::value::{self, Bound};

/// A cohort: how many joined, how many periods there are to look at, and how many were there in each.
#[derive(Default)]
struct Cohort {
    size: i64,
    periods: usize,
    active: BTreeMap<usize, i64>,
}

impl Call<'_> {
    /// The operation `cohorts`.
    pub(super) async fn cohorts(&self) -> Result<Value> {
        let column = self.time("field")?;
        let entity = self.engine.table.column(self.ask.need("entity")?.as_str().unwrap_or_default())?;
        let start =
            if self.ask.get("start_field").is_some() { Some(self.time("start_field")?) } else { None };
        let (step, zone) = self.step()?;
        if !matches!(step, "day" | "week" | "month" | "quarter" | "year") {
            return Err(bad("cohorts are of a day, week, month, quarter or year", "bucket"));
        }
        let periods = usize::try_from(self.ask.count("periods", 12, 100)?).unwrap_or(12);
        let limit = most(&self.ask, 100)?;
        // A day is read as text.
        let mut sql = Sql::new("SELECT _cohort::text, _since, _size, _until FROM (");
        sql.push(&format!("WITH events AS (SELECT {} AS _entity, ", entity.ident));
        push_day(&mut sql, step, &zone, |sql| Self::push_instant(sql, column, &zone));
        sql.push(" AS _period, ");
        push_day(&mut sql, step, &zone, |sql| Self::push_instant(sql, start.unwrap_or(column), &zone));
        sql.push(" AS _start");
        self.push_from(&mut sql)?;
        sql.push(&format!(" AND {} IS NOT NULL AND {} IS NOT NULL), ", entity.ident, column.ident));
        let since = |period: &str| since(step, period);
        sql.push(&format!(
            "starts AS (SELECT _entity, min(_start) AS _cohort FROM events GROUP BY 1 HAVING min(_start) IS NOT NULL),
             newest AS (SELECT _cohort FROM starts GROUP BY 1 ORDER BY 1 DESC LIMIT {limit}),
             seen AS (SELECT DISTINCT _cohort, _entity, _period FROM events JOIN starts USING (_entity) JOIN newest USING (_cohort)),
             sizes AS (SELECT _cohort, count(*) AS _size FROM starts JOIN newest USING (_cohort) GROUP BY 1)
             SELECT _cohort, -1::bigint AS _since, _size, {last} FROM sizes, (SELECT max(_period) AS _last FROM events) AS ends
             UNION ALL SELECT _cohort, _since, count(*), 0::bigint FROM (SELECT _cohort, {period} AS _since FROM seen) AS apart
             WHERE _since BETWEEN 0 AND {periods} - 1 GROUP BY 1, 2",
            last = since("_last"),
            period = since("_period"),
        ));
        sql.push(") AS listed(_cohort, _since, _size, _until) ORDER BY 1, 2");
        let mut cohorts: BTreeMap<String, Cohort> = BTreeMap::new();
        for row in self.engine.read(&sql).await? {
            let get = |i: usize| row.try_get::<_, i64>(i).map_err(failure);
            let Value::String(name) = value::decode(&row, 0, FieldType::Text)? else { continue };
            let cohort = cohorts.entry(name).or_default();
            match usize::try_from(get(1)?) {
                Err(_) => {
                    cohort.size = get(2)?;
                    cohort.periods = usize::try_from(get(3)? + 1).unwrap_or(0).min(periods);
                }
                Ok(since) => drop(cohort.active.insert(since, get(2)?)),
            }
        }
        let cohorts: Vec<Value> = cohorts.iter().map(|(name, c)| c.shown(name)).collect();
        Ok(json!({
            "operation": "cohorts", "field": column.name(), "entity": entity.name(), "bucket": step, "time_zone": zone, "cohorts": cohorts,
        }))
    }
}

impl Cohort {
    /// A period without anybody is one with zero; one that has not come yet is left out.
    fn shown(&self, name: &str) -> Value {
        let active: Vec<i64> = (0..self.periods).map(|i| self.active.get(&i).copied().unwrap_or(0)).collect();
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more than a double holds")]
        let share = |n: &i64| value::float(*n as f64 / self.size.max(1) as f64);
        let retention: Vec<Value> = active.iter().map(share).collect();
        json!({"cohort": name, "size": self.size, "active": active, "retention": retention})
    }
}

/// Appends the day, on the clock of the time zone, on which the step of an instant begins.
fn push_day(sql: &mut Sql, step: &str, zone: &str, instant: impl Fn(&mut Sql)) {
    sql.push(&format!("(date_trunc('{step}', "));
    instant(sql);
    sql.push(", ").bind(Bound::Text(zone.to_owned()), None).push(") AT TIME ZONE ");
    sql.bind(Bound::Text(zone.to_owned()), None).push(")::date");
}

/// How many steps a period is after its cohort.
fn since(step: &str, period: &str) -> String {
    let months = format!(
        "((extract(year FROM {period}) - extract(year FROM _cohort)) * 12 + extract(month FROM {period}) - extract(month FROM _cohort))"
    );
    match step {
        "day" => format!("({period} - _cohort)::bigint"),
        "week" => format!("(({period} - _cohort) / 7)::bigint"),
        "month" => format!("{months}::bigint"),
        "quarter" => format!("({months} / 3)::bigint"),
        _ => format!("({months} / 12)::bigint"),
    }
}
