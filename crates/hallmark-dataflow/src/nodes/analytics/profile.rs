//! What a table holds, field by field: how much is missing, how much differs, the extremes, the usual, the lengths.

use hallmark_core::Result;
use hallmark_python::models::FieldType;
use serde_json::{Map, Value, json};
use tokio_postgres::Row;

use super::aggregate::float;
use super::{Call, is_number, outward};
use crate::instant::Instant;
use crate::limits;
use crate::sql::{Sql, failure};
use crate::table::Column;
use crate::value::{self, Bound};

/// Expressions of one field: non-nulls, distinct, least, most, mean, deviation, three lengths, common values.
const PARTS: usize = 10;

impl Call<'_> {
    /// The operation `profile`.
    pub(super) async fn profile(&self) -> Result<Value> {
        let columns: Vec<&Column> = self.engine.table.shown().collect();
        let common = self.ask.get("common").and_then(Value::as_u64).unwrap_or(5);
        let mut parts = vec!["count(*)".to_owned()];
        for column in &columns {
            let hidden = outward(self.ask.0).hides(column.sensitivity);
            parts.extend(expressions(column, if hidden { 0 } else { common })?);
        }
        let list: Vec<&str> = columns.iter().map(|c| c.ident.as_str()).collect();
        let mut sql = Sql::new(format!("WITH sampled AS MATERIALIZED (SELECT {}", list.join(", ")));
        self.push_sample(&mut sql)?;
        sql.push(&format!(" LIMIT {}) SELECT {} FROM sampled", limits::PROFILE_ROWS_MAX, parts.join(", ")));
        let row = self.one(&sql).await?;
        let total: i64 = row.try_get(0).map_err(failure)?;
        let mut profile = Map::new();
        for (i, column) in columns.iter().enumerate() {
            let hidden = outward(self.ask.0).hides(column.sensitivity);
            profile.insert(column.name().to_owned(), field(column, &row, 1 + i * PARTS, (total, hidden))?);
        }
        let limited = total.unsigned_abs() == limits::PROFILE_ROWS_MAX;
        let sample = self.ask.get("sample_percent").cloned().unwrap_or_default();
        Ok(json!({
            "operation": "profile", "rows": total, "sample_percent": sample, "limited": limited, "fields": profile,
        }))
    }

    /// Appends the rows to look at: all, or about a share of them, chosen one by one and the same ones at every call.
    fn push_sample(&self, sql: &mut Sql) -> Result<()> {
        let Some(percent) = self.ask.get("sample_percent").and_then(Value::as_f64) else {
            return self.push_from(sql);
        };
        sql.push(&format!(" FROM {} TABLESAMPLE BERNOULLI (", self.engine.table.qualified));
        sql.bind(Bound::Float(percent), Some("real")).push(") REPEATABLE (1) WHERE ");
        self.engine.push_scope(sql, self.context, false);
        sql.push(" AND ");
        crate::filter::push(sql, &self.engine.table, self.ask.filter())
    }
}

fn expressions(column: &Column, common: u64) -> Result<Vec<String>> {
    let (ident, ordered, kind) = (&column.ident, ordered(column), column.field.kind);
    let only = |truth: bool, text: String, none: &str| if truth { text } else { format!("NULL::{none}") };
    let extreme = |f: &str| {
        let known = ordered && kind != FieldType::Boolean;
        // An instant in a form that does not depend on the session's time zone; it is spelt as in a row below.
        let (before, after) =
            if kind == FieldType::Timestamp { ("(to_jsonb(", ")#>>'{}')") } else { ("", "::text") };
        only(known, format!("{before}{f}({}){after}", extreme(column)), "text")
    };
    // What no number is would make a mean that is none.
    let finite = format!(" FILTER (WHERE {ident} NOT IN ('NaN', 'Infinity', '-Infinity'))");
    let number = |function: &str| -> Result<String> {
        if kind != FieldType::Float {
            let text = format!("{function}({ident}::double precision)");
            return Ok(only(is_number(column), text, "double precision"));
        }
        let mut sql = Sql::default();
        float::push(&mut sql, (function, ""), ident, &|sql| {
            sql.push(&finite);
            Ok(())
        })?;
        Ok(sql.text().to_owned())
    };
    let text = column.text();
    let length = |f: &str| only(kind == FieldType::Text, format!("{f}(char_length({text}))"), "integer");
    let most = format!(
        "(SELECT jsonb_agg(jsonb_build_object('value', _v, 'count', _n) ORDER BY _n DESC, _t) FROM (
          SELECT {} AS _v, {ident}::text AS _t, count(*) AS _n FROM sampled WHERE {ident} IS NOT NULL GROUP BY {ident}
          ORDER BY 3 DESC, 2 LIMIT {common}) AS usual)",
        // As in a row: an exact number keeps its digits as text.
        if kind == FieldType::Decimal { format!("{ident}::text") } else { ident.clone() }
    );
    Ok(vec![
        format!("count({ident})"),
        only(ordered, format!("count(DISTINCT {ident})"), "bigint"),
        extreme("min"),
        extreme("max"),
        number("avg")?,
        number("stddev_samp")?,
        length("min"),
        length("max"),
        only(
            kind == FieldType::Text,
            format!("avg(char_length({text}))::double precision"),
            "double precision",
        ),
        only(ordered && common > 0, most, "jsonb"),
    ])
}

fn field(column: &Column, row: &Row, at: usize, (total, hidden): (i64, bool)) -> Result<Value> {
    let present: i64 = row.try_get(at).map_err(failure)?;
    let nulls = total - present;
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than a double holds")]
    let share = if total == 0 { Value::Null } else { value::float(nulls as f64 / total as f64) };
    let mut shown = json!({
        "type": column.field.kind.name(), "nulls": nulls, "null_share": share,
        "distinct": row.try_get::<_, Option<i64>>(at + 1).map_err(failure)?,
        "min": Value::Null, "max": Value::Null,
    });
    if hidden {
        return Ok(shown);
    }
    let instant = column.field.kind == FieldType::Timestamp;
    let spelt = |text: String| if instant { Instant::spelt(&text) } else { text };
    let text = |i: usize| row.try_get::<_, Option<String>>(i).map_err(failure).map(|text| text.map(spelt));
    shown["min"] = json!(text(at + 2)?);
    shown["max"] = json!(text(at + 3)?);
    let double = |i: usize| {
        row.try_get::<_, Option<f64>>(i).map_err(failure).map(|n| n.map_or(Value::Null, value::float))
    };
    if is_number(column) {
        shown["mean"] = double(at + 4)?;
        shown["stddev"] = double(at + 5)?;
    }
    if column.field.kind == FieldType::Text {
        let length = |i: usize| row.try_get::<_, Option<i32>>(i).map_err(failure);
        shown["length"] = json!({"min": length(at + 6)?, "max": length(at + 7)?, "mean": double(at + 8)?});
    }
    if let Some(mut common) = row.try_get::<_, Option<Value>>(at + 9).map_err(failure)? {
        for usual in common.as_array_mut().into_iter().flatten() {
            if let Some(text) = usual["value"].as_str().filter(|_| instant) {
                usual["value"] = Instant::spelt(text).into();
            }
        }
        shown["common"] = common;
    }
    Ok(shown)
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
