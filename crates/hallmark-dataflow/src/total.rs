//! How many rows there are beside a page of them: not counted, estimated from the plan, or counted.

use hallmark_core::Result;
use hallmark_workflow::Param;
use serde_json::{Map, Value, json};

use crate::engine::Engine;
use crate::sql::{Sql, failure};

/// `count`, for operations that give pages.
pub(crate) fn param() -> Param {
    Param::string("count")
        .describe("The number of all rows that match: none, estimated (from the planner's statistics, no row is read), exact (all are counted)")
        .choices(["none", "estimated", "exact"])
        .default("none")
}

/// Adds `total` and `total_is` to an answer, as asked for. `push` appends ` FROM … WHERE …` of the rows that match.
pub(crate) async fn add(
    engine: &Engine,
    asked: Option<&str>,
    answer: &mut Map<String, Value>,
    push: impl FnOnce(&mut Sql) -> Result<()>,
) -> Result<()> {
    let Some(how) = asked.filter(|how| *how != "none") else { return Ok(()) };
    let total = if how == "exact" {
        let mut sql = Sql::new("SELECT count(*)");
        push(&mut sql)?;
        exact(engine, &sql).await?
    } else {
        let mut sql = Sql::new("EXPLAIN (FORMAT JSON) SELECT 1");
        push(&mut sql)?;
        estimated(engine, &sql).await?
    };
    answer.insert("total".to_owned(), json!(total));
    answer.insert("total_is".to_owned(), json!(how));
    Ok(())
}

async fn exact(engine: &Engine, sql: &Sql) -> Result<i64> {
    let row = engine.read(sql).await?.into_iter().next();
    Ok(row.map(|row| row.try_get(0)).transpose().map_err(failure)?.unwrap_or(0))
}

/// What the planner expects: from the statistics of the last ANALYZE and the size of the table now.
async fn estimated(engine: &Engine, sql: &Sql) -> Result<i64> {
    let row = engine.estimate(sql).await?.into_iter().next();
    let plan: Option<Value> = row.map(|row| row.try_get(0)).transpose().map_err(failure)?;
    let rows = plan.as_ref().and_then(|plan| plan[0]["Plan"]["Plan Rows"].as_f64());
    #[expect(clippy::cast_possible_truncation, reason = "an estimate of rows is far below 2^63")]
    Ok(rows.unwrap_or(0.0).round() as i64)
}
