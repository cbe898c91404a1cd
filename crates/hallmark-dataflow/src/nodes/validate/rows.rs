//! Given rows, checked before they are written. The database is asked once for each index, reference and set of conditions,
//! however many rows there are.

use std::collections::HashSet;

use hallmark_core::Result;
use hallmark_python::models::FieldDefault;
use serde_json::{Map, Value, json};

use super::recordset::Recordset;
use super::rules::FieldRule;
use super::{Call, Reference};
use crate::schema::wanted_indexes;
use crate::sql::{Sql, failure};
use crate::table::{Column, Role};
use crate::{codes, limits, value, write};

type Given<'a> = Vec<&'a Map<String, Value>>;

/// What is wrong with rows, in the order in which it was found.
#[derive(Default)]
struct Problems(Vec<Value>);

impl Problems {
    fn add(&mut self, row: usize, field: &str, code: &str, message: &str) {
        self.0.push(json!({"row": row + 1, "field": field, "code": code, "message": message}));
    }
}

/// Problems shown in one answer; all are counted.
const PROBLEMS_SHOWN_MAX: usize = 500;

impl Call<'_> {
    /// The operation `rows`.
    pub(super) async fn rows(&self) -> Result<Value> {
        let rows: Given<'_> = self.ask.objects("rows", limits::ROWS_GIVEN_MAX)?;
        let rules = self.rules()?;
        let mut problems = Problems::default();
        let mut typed = vec![true; rows.len()];
        for (i, row) in rows.iter().enumerate() {
            let before = problems.0.len();
            self.fields(i, row, &mut problems);
            typed[i] = problems.0.len() == before;
            for rule in rules.iter().filter(|r| r.is_broken(row.get(r.column.name()).unwrap_or(&Value::Null)))
            {
                let message = format!("breaks the rule {}: {}", rule.name, rule.shown);
                problems.add(i, rule.column.name(), codes::WRONG_VALUE.id, &message);
            }
        }
        self.conditions_of(&rows, &typed, &mut problems).await?;
        self.unique(&rows, &mut problems).await?;
        for reference in self.references()? {
            self.referred(&rows, &reference, &mut problems).await?;
        }
        let mut problems = problems.0;
        let invalid: HashSet<u64> = problems.iter().filter_map(|p| p["row"].as_u64()).collect();
        let count = problems.len();
        problems.sort_by_key(|p| p["row"].as_u64());
        problems.truncate(PROBLEMS_SHOWN_MAX);
        Ok(json!({
            "operation": "rows", "valid": count == 0, "checked": rows.len(), "invalid_rows": invalid.len(),
            "problem_count": count, "problems": problems, "limited": count > PROBLEMS_SHOWN_MAX,
        }))
    }

    /// The rules for fields that the call gives; those of the model are kept by its fields.
    pub(super) fn rules(&self) -> Result<Vec<FieldRule<'_>>> {
        if self.ask.get("rules").is_none() {
            return Ok(Vec::new());
        }
        FieldRule::read(self.table(), self.ask.object("rules")?)
    }

    /// Types, lengths, choices, unknown and missing fields: all problems of a row, not the first only.
    fn fields(&self, i: usize, row: &Map<String, Value>, problems: &mut Problems) {
        for (name, given) in row {
            let checked = self.table().column(name).and_then(|column| match column.role {
                Role::UpdatedAt | Role::DeletedAt | Role::Version | Role::Ruled(_) => {
                    Err(write::managed(column))
                }
                _ => value::for_column(column, given).map(|_| ()),
            });
            if let Err(error) = checked {
                problems.add(i, name, error.code().id, error.message());
            }
        }
        for column in self.table().columns.iter().filter(|c| c.required() && !row.contains_key(c.name())) {
            problems.add(i, column.name(), codes::MISSING_VALUE.id, "a value is required");
        }
    }

    /// Rules over several fields, of rows whose fields are in order. What is not given is the model's default.
    async fn conditions_of(&self, rows: &Given<'_>, typed: &[bool], problems: &mut Problems) -> Result<()> {
        let conditions = self.conditions()?;
        if conditions.is_empty() {
            return Ok(());
        }
        let columns: Vec<&Column> = self.table().shown().collect();
        let whole: Vec<(usize, Map<String, Value>)> = rows
            .iter()
            .enumerate()
            .filter(|(i, _)| typed[*i])
            .map(|(i, row)| (i, self.with_defaults(row)))
            .collect();
        let set = Recordset::new(columns, whole.iter().map(|(i, row)| (*i, row)), false);
        if set.is_empty() {
            return Ok(());
        }
        let mut sql = Sql::new("SELECT _i");
        for condition in &conditions {
            sql.push(", coalesce(");
            condition.push_broken(&mut sql, self)?;
            sql.push(", false)");
        }
        sql.push(" FROM ");
        set.push(&mut sql);
        for row in self.engine.read(&sql).await? {
            let i = place(&row)?;
            for (n, condition) in conditions.iter().enumerate() {
                if row.try_get(n + 1).map_err(failure)? {
                    let message = format!("breaks the condition {}: {}", condition.name, condition.text);
                    problems.add(i, &condition.name, codes::WRONG_VALUE.id, &message);
                }
            }
        }
        Ok(())
    }

    fn with_defaults(&self, row: &Map<String, Value>) -> Map<String, Value> {
        let mut row = row.clone();
        for column in self.table().shown().filter(|c| c.role == Role::Data) {
            if let (Some(FieldDefault::Value(default)), false) =
                (&column.field.default, row.contains_key(column.name()))
            {
                row.insert(column.name().to_owned(), default.clone());
            }
        }
        row
    }

    async fn unique(&self, rows: &Given<'_>, problems: &mut Problems) -> Result<()> {
        let table = self.table();
        for index in wanted_indexes(table).into_iter().filter(|i| i.unique) {
            let columns = index.fields.iter().map(|f| table.column(f)).collect::<Result<Vec<_>>>()?;
            let idents: Vec<&str> = columns.iter().map(|c| c.ident.as_str()).collect();
            let set = Recordset::new(columns, rows.iter().copied().enumerate(), true);
            if set.is_empty() {
                continue;
            }
            let mut sql = Sql::new(format!(
                "SELECT _i, row_number() OVER (PARTITION BY {} ORDER BY _i) > 1, ",
                idents.join(", ")
            ));
            if self.ask.truth("check_unique") {
                sql.push(&format!("EXISTS (SELECT 1 FROM {} WHERE ", table.qualified));
                // Deleted rows still hold their unique values.
                self.engine.push_scope(&mut sql, self.context, true);
                for ident in &idents {
                    sql.push(&format!(" AND {}.{ident} = given.{ident}", table.qualified));
                }
                sql.push(")");
            } else {
                sql.push("false");
            }
            sql.push(" FROM ");
            set.push(&mut sql);
            sql.push(" ORDER BY _i");
            let fields = index.fields.join(",");
            let client = self.engine.client().await?;
            for row in sql.rows(&**client).await? {
                let (again, taken): (bool, bool) =
                    (row.try_get(1).map_err(failure)?, row.try_get(2).map_err(failure)?);
                if again {
                    problems.add(
                        place(&row)?,
                        &fields,
                        codes::DUPLICATE.id,
                        "an earlier row has the same values",
                    );
                } else if taken {
                    problems.add(place(&row)?, &fields, codes::DUPLICATE.id, "the values are already taken");
                }
            }
        }
        Ok(())
    }

    async fn referred(
        &self,
        rows: &Given<'_>,
        reference: &Reference<'_>,
        problems: &mut Problems,
    ) -> Result<()> {
        let target = &reference.target;
        let set = Recordset::new(reference.columns.clone(), rows.iter().copied().enumerate(), true);
        if set.is_empty() {
            return Ok(());
        }
        let mut sql = Sql::new("SELECT _i FROM ");
        set.push(&mut sql);
        sql.push(" WHERE NOT EXISTS (SELECT 1 FROM ").push(&target.table.qualified).push(" WHERE ");
        reference.push_same(&mut sql, "given", &target.table.qualified);
        sql.push(" AND ");
        target.push_scope(&mut sql, self.context, false);
        sql.push(")");
        let message = format!("no {} has this {}", target.table.model.name, reference.keys());
        let client = self.engine.client().await?;
        for row in sql.rows(&**client).await? {
            problems.add(place(&row)?, &reference.fields(), codes::REFERENCE.id, &message);
        }
        Ok(())
    }
}

/// The place of a row in the call.
fn place(row: &tokio_postgres::Row) -> Result<usize> {
    let i: i64 = row.try_get(0).map_err(failure)?;
    Ok(usize::try_from(i).unwrap_or(0))
}
