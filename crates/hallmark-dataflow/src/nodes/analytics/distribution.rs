//! How the numbers of a field are spread: bins, and the figures that sum them up.

use hallmark_core::Result;
use serde_json::{Value, json};

use super::aggregate::float;
use super::{Call, bad, is_number};
use crate::sql::{Sql, failure};
use crate::table::Column;
use crate::value::{self, Bound};

/// What sums the numbers up.
struct Summary {
    count: i64,
    nulls: i64,
    odd: i64,
    /// Least, quarter, half, three quarters, most.
    quarters: Option<Vec<f64>>,
    mean: Option<f64>,
    deviation: Option<f64>,
}

/// The most bins.
const BINS_MAX: usize = 200;

impl Call<'_> {
    /// The operation `distribution`.
    pub(super) async fn distribution(&self) -> Result<Value> {
        let column = self.field()?;
        if !is_number(column) {
            return Err(bad(format!("{} is no number; use top_n for its values", column.name()), "field"));
        }
        let summary = self.summary(column).await?;
        let edges = self.edges(column, &summary).await?;
        let counts = self.counts(column, &edges).await?;
        let inner = &counts[1..counts.len() - 1];
        let bins: Vec<Value> = inner
            .iter()
            .enumerate()
            .map(|(i, n)| json!({"from": value::float(edges[i]), "to": value::float(edges[i + 1]), "count": n}))
            .collect();
        let quarter = |i: usize| summary.quarters.as_ref().map_or(Value::Null, |q| value::float(q[i]));
        let number = |n: Option<f64>| n.map_or(Value::Null, value::float);
        Ok(json!({
            "operation": "distribution", "field": column.name(), "total": summary.count, "nulls": summary.nulls,
            "not_finite": summary.odd, "min": quarter(0), "p25": quarter(1), "median": quarter(2), "p75": quarter(3), "max": quarter(4),
            "mean": number(summary.mean), "stddev": number(summary.deviation), "bins": bins,
            "below": counts[0], "above": counts[counts.len() - 1],
        }))
    }

    /// Appends `WITH v AS (…)`, the numbers as doubles.
    fn push_numbers(&self, sql: &mut Sql, column: &Column) -> Result<()> {
        sql.push(&format!("WITH v AS (SELECT {}::double precision AS x", column.ident));
        self.push_from(sql)?;
        sql.push(")");
        Ok(())
    }

    async fn summary(&self, column: &Column) -> Result<Summary> {
        let mut sql = Sql::default();
        self.push_numbers(&mut sql, column)?;
        sql.push(
            " SELECT count(*) FILTER (WHERE fine), count(*) FILTER (WHERE x IS NULL), count(*) FILTER (WHERE NOT fine),
              percentile_cont(ARRAY[0, 0.25, 0.5, 0.75, 1]::double precision[]) WITHIN GROUP (ORDER BY x) FILTER (WHERE fine)",
        );
        for function in ["avg", "stddev_samp"] {
            sql.push(", ");
            float::push(&mut sql, (function, ""), "x", &|sql| {
                sql.push(" FILTER (WHERE fine)");
                Ok(())
            })?;
        }
        sql.push(" FROM (SELECT x, x NOT IN ('NaN', 'Infinity', '-Infinity') AS fine FROM v) AS checked");
        let row = self.one(&sql).await?;
        let get = |i: usize| row.try_get::<_, Option<f64>>(i).map_err(failure);
        Ok(Summary {
            count: row.try_get(0).map_err(failure)?,
            nulls: row.try_get(1).map_err(failure)?,
            odd: row.try_get(2).map_err(failure)?,
            quarters: row.try_get(3).map_err(failure)?,
            mean: get(4)?,
            deviation: get(5)?,
        })
    }

    /// The edges of the bins: given, of one width, or with the same number of rows between them.
    async fn edges(&self, column: &Column, summary: &Summary) -> Result<Vec<f64>> {
        if self.ask.get("edges").is_some() {
            return given(self.ask.array("edges")?);
        }
        let [low, first, _, third, high] = summary.quarters.as_deref().unwrap_or(&[0.0; 5]) else {
            return Err(bad("there are no quarters", "field"));
        };
        let bins = match self.ask.get("bins") {
            None => 10,
            Some(Value::String(auto)) if auto == "auto" => {
                auto_bins(summary.count, high - low, third - first)
            }
            Some(number) => {
                let count = number
                    .as_u64()
                    .and_then(|n| usize::try_from(n).ok())
                    .filter(|n| (1..=BINS_MAX).contains(n));
                count.ok_or_else(|| bad(format!("bins is 1 to {BINS_MAX}, or \"auto\""), "bins"))?
            }
        };
        if self.ask.text("bin_rule") == Some("equal_count") && summary.count > 0 {
            return self.quantiles(column, bins).await;
        }
        let spread = high - low;
        #[expect(clippy::cast_precision_loss, reason = "at most 200 bins")]
        let edge = |i: usize| match i as f64 / bins as f64 {
            _ if i == bins => *high,
            // The spread itself may be more than a double holds.
            share if spread.is_infinite() => low * (1.0 - share) + high * share,
            _ => low + spread * i as f64 / bins as f64,
        };
        Ok((0..=bins).map(edge).collect())
    }

    async fn quantiles(&self, column: &Column, bins: usize) -> Result<Vec<f64>> {
        let mut sql = Sql::default();
        self.push_numbers(&mut sql, column)?;
        #[expect(clippy::cast_precision_loss, reason = "at most 200 bins")]
        let shares: Vec<f64> = (0..=bins).map(|i| i as f64 / bins as f64).collect();
        sql.push(" SELECT percentile_cont(").bind(Bound::Floats(shares), None);
        sql.push(") WITHIN GROUP (ORDER BY x) FROM v WHERE x NOT IN ('NaN', 'Infinity', '-Infinity')");
        let mut edges: Vec<f64> =
            self.one(&sql).await?.try_get::<_, Option<_>>(0).map_err(failure)?.unwrap_or_default();
        // A value that fills more than one bin would make bins of no width.
        edges.dedup();
        if let [only] = edges.as_slice() {
            let only = *only;
            edges.push(only);
        }
        Ok(edges)
    }

    /// Rows below the first edge, in each bin, and above the last edge. The last edge belongs to the last bin.
    async fn counts(&self, column: &Column, edges: &[f64]) -> Result<Vec<i64>> {
        let bins = edges.len() - 1;
        let mut sql = Sql::default();
        self.push_numbers(&mut sql, column)?;
        let last = Bound::Float(edges[bins]);
        sql.push(" SELECT CASE WHEN x = ")
            .bind(last, None)
            .push(&format!(" THEN {bins} ELSE width_bucket(x, "));
        sql.bind(Bound::Floats(edges.to_vec()), None);
        sql.push(") END::bigint, count(*) FROM v WHERE x NOT IN ('NaN', 'Infinity', '-Infinity') GROUP BY 1");
        let mut counts = vec![0; bins + 2];
        for row in self.engine.read(&sql).await? {
            let (bin, count): (i64, i64) =
                (row.try_get(0).map_err(failure)?, row.try_get(1).map_err(failure)?);
            if let Some(slot) = usize::try_from(bin).ok().and_then(|i| counts.get_mut(i)) {
                *slot = count;
            }
        }
        Ok(counts)
    }
}

fn given(items: &[Value]) -> Result<Vec<f64>> {
    let edges: Option<Vec<f64>> = items.iter().map(|v| v.as_f64().filter(|n| n.is_finite())).collect();
    let rising = |e: &Vec<f64>| e.len() >= 2 && e.windows(2).all(|w| w[0] < w[1]);
    edges
        .filter(rising)
        .ok_or_else(|| bad("edges are at least two numbers, each larger than the one before", "edges"))
}

/// Freedman and Diaconis: bins twice as wide as the middle half, by the cube root of the number of rows.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate that is clamped to 1 to 200"
)]
fn auto_bins(count: i64, spread: f64, middle: f64) -> usize {
    let width = 2.0 * middle / (count.max(1) as f64).cbrt();
    let bins = if width > 0.0 { spread / width } else { (count.max(1) as f64).log2() + 1.0 };
    (bins.ceil() as usize).clamp(1, BINS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_follow_the_spread() {
        // 1,000 rows from 0 to 100, half of them between 25 and 75: 100 / (2 × 50 / 10) bins.
        assert_eq!(auto_bins(1_000, 100.0, 50.0), 10);
        assert_eq!(auto_bins(1_000, 100.0, 0.0), 11, "Sturges, where the middle half is one value");
        assert_eq!(auto_bins(0, 0.0, 0.0), 1);
        assert_eq!(auto_bins(i64::MAX, 1e300, 1e-300), BINS_MAX);
    }
}
