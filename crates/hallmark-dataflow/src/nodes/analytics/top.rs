//! The values with the largest measure, and what all others come to.

use hallmark_core::Result;
use hallmark_python::models::FieldType;
use serde_json::{Value, json};

use super::aggregate::{Measure, shown};
use super::{Call, most};
use crate::sql::Sql;
use crate::table::Column;
use crate::value;

impl Call<'_> {
    /// The operation `top_n`.
    pub(super) async fn top_n(&self) -> Result<Value> {
        let (column, measure) = (self.field()?, self.measure()?);
        let limit = most(&self.ask, 10)?;
        let mut sql = Sql::new(format!(
            "SELECT {}, {} AS _value FROM (",
            column.selected(),
            shown("_value", measure.kind)
        ));
        self.push_top(&mut sql, column, &measure, limit)?;
        sql.push(&format!(") AS top ORDER BY top._value DESC NULLS LAST, {}::text", column.ident));
        let rows = self.engine.read(&sql).await?;
        let mut top = Vec::new();
        for row in &rows {
            let found = value::decode(row, 0, column.field.kind)?;
            top.push(json!({"key": found, "value": value::decode(row, 1, measure.kind)?}));
        }
        let mut answer = json!({"operation": "top_n", "field": column.name(), "top": top});
        if self.ask.truth("other") {
            answer["other"] = self.other(column, &measure, limit).await?;
        }
        Ok(answer)
    }

    fn push_top(&self, sql: &mut Sql, column: &Column, measure: &Measure<'_>, limit: usize) -> Result<()> {
        sql.push(&format!("SELECT {}, ", column.ident));
        measure.push(sql, &self.engine.table, None)?;
        sql.push(" AS _value");
        self.push_from(sql)?;
        sql.push(&format!(
            " GROUP BY {0} ORDER BY _value DESC NULLS LAST, {0}::text LIMIT {limit}",
            column.ident
        ));
        Ok(())
    }

    /// The same measure over the rows of all other values, computed from those rows: an average of the others is not one of averages.
    async fn other(&self, column: &Column, measure: &Measure<'_>, limit: usize) -> Result<Value> {
        let ident = &column.ident;
        let mut sql = Sql::new("WITH top AS MATERIALIZED (");
        self.push_top(&mut sql, column, measure, limit)?;
        sql.push(&format!("), rest AS (SELECT {}.*", self.engine.table.qualified));
        self.push_from(&mut sql)?;
        sql.push(&format!(
            " AND CASE WHEN {ident} IS NULL THEN NOT EXISTS (SELECT 1 FROM top WHERE top.{ident} IS NULL)
              ELSE {ident} NOT IN (SELECT top.{ident} FROM top WHERE top.{ident} IS NOT NULL) END) SELECT "
        ));
        sql.push(&format!("count(DISTINCT {ident}) + coalesce(max(1) FILTER (WHERE {ident} IS NULL), 0), "));
        sql.push("(");
        measure.push(&mut sql, &self.engine.table, None)?;
        sql.push(&shown(")", measure.kind)).push(" FROM rest");
        let row = self.one(&sql).await?;
        Ok(
            json!({"values": value::decode(&row, 0, FieldType::Integer)?, "value": value::decode(&row, 1, measure.kind)?}),
        )
    }
}
