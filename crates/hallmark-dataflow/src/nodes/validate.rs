//! Rows checked before they are written, and rows that are there checked for quality.

use std::collections::HashSet;

use hallmark_core::{Error, Result};
use hallmark_python::models::FieldType;
use hallmark_workflow::{BoxFuture, Context, Input, Param};
use serde_json::{Map, Value, json};

use super::{Kind, filter};
use crate::engine::Engine;
use crate::input::Ask;
use crate::schema::{reference_target, wanted_indexes};
use crate::sql::{Sql, failure};
use crate::table::{Column, Role, Table};
use crate::{codes, limits, value, write};

/// The kind `Validate`.
pub(super) struct Validate;

impl Kind for Validate {
    fn name(&self) -> &'static str {
        "Validate"
    }

    fn summary(&self) -> &'static str {
        "Checks rows of {} before they are written, and the quality of those that are there"
    }

    fn operations(&self) -> &'static [&'static str] {
        &["rows", "quality"]
    }

    fn params(&self, _: &Table) -> Vec<Param> {
        vec![
            Param::array("rows").describe("The rows to check (rows)").max_length(limits::ROWS_GIVEN_MAX).pii(),
            Param::object("rules")
                .describe("More rules: {field: {\"min\": 0, \"max\": 9, \"min_length\": 1, \"max_length\": 9, \"choices\": [..], \"required\": true}}"),
            Param::object("references").describe("Fields that refer to other models, beside declared ones: {\"customer_id\": \"Customer\"}"),
            Param::boolean("check_unique").describe("Ask the database whether unique values are taken (rows)").default(true),
            filter(),
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
            if operation == "quality" { call.quality().await } else { call.rows().await }
        })
    }
}

struct Call<'a> {
    engine: &'a Engine,
    context: &'a Context,
    ask: Ask<'a>,
}

fn problem(row: usize, field: &str, code: &str, message: &str) -> Value {
    json!({"row": row + 1, "field": field, "code": code, "message": message})
}

/// Problems shown in one answer; all are counted.
const PROBLEMS_SHOWN_MAX: usize = 500;

impl Call<'_> {
    fn table(&self) -> &Table {
        &self.engine.table
    }

    /// The fields that refer to another model: declared ones and those of the call.
    fn references(&self) -> Result<Vec<(&Column, &Table, &Column)>> {
        let tables = &self.engine.shared.tables;
        let mut found = Vec::new();
        for column in self.table().shown() {
            if let Some((table, key)) =
                column.field.foreign_key.as_deref().and_then(|t| reference_target(t, tables))
            {
                found.push((column, table, key));
            }
        }
        for (field, target) in self.ask.get("references").and_then(Value::as_object).into_iter().flatten() {
            let column = self.table().column(field)?;
            let named = target.as_str().and_then(|t| reference_target(t, tables));
            let unknown =
                || Error::new(&codes::BAD_PARAMETER, format!("{target} is no loaded model")).at("references");
            let (table, key) = named.ok_or_else(unknown)?;
            if column.field.kind != key.field.kind {
                return Err(Error::new(
                    &codes::BAD_PARAMETER,
                    format!("{field} and {}.{} have different types", table.model.name, key.name()),
                )
                .at("references"));
            }
            found.push((column, table, key));
        }
        Ok(found)
    }

    async fn rows(&self) -> Result<Value> {
        let rows = self.ask.objects("rows", limits::ROWS_GIVEN_MAX)?;
        let rules = self.ask.get("rules").and_then(Value::as_object);
        let mut problems = Vec::new();
        for (i, row) in rows.iter().enumerate() {
            self.fields(i, row, &mut problems);
            for (field, rule) in rules.into_iter().flatten() {
                self.table().column(field)?;
                let rule = rule
                    .as_object()
                    .ok_or_else(|| Error::new(&codes::BAD_PARAMETER, "a rule is an object").at("rules"))?;
                for message in broken(row.get(field).unwrap_or(&Value::Null), rule)? {
                    problems.push(problem(i, field, codes::WRONG_VALUE.id, &message));
                }
            }
        }
        self.unique(&rows, &mut problems).await?;
        self.referred(&rows, &mut problems).await?;
        let invalid: HashSet<u64> = problems.iter().filter_map(|p| p["row"].as_u64()).collect();
        let count = problems.len();
        problems.sort_by_key(|p| p["row"].as_u64());
        problems.truncate(PROBLEMS_SHOWN_MAX);
        Ok(json!({
            "operation": "rows", "valid": count == 0, "checked": rows.len(), "invalid_rows": invalid.len(),
            "problem_count": count, "problems": problems, "limited": count > PROBLEMS_SHOWN_MAX,
        }))
    }

    /// Types, lengths, choices, unknown and missing fields: all problems of a row, not the first only.
    fn fields(&self, i: usize, row: &Map<String, Value>, problems: &mut Vec<Value>) {
        let mut good = Map::new();
        for (name, given) in row {
            let checked = self.table().column(name).and_then(|column| match column.role {
                Role::UpdatedAt | Role::DeletedAt | Role::Version => Err(write::managed(column)),
                _ => value::for_column(column, given).map(|_| ()),
            });
            match checked {
                Ok(()) => drop(good.insert(name.clone(), given.clone())),
                Err(error) => problems.push(problem(i, name, error.code().id, error.message())),
            }
        }
        for column in self.table().columns.iter().filter(|c| c.required() && !row.contains_key(c.name())) {
            problems.push(problem(i, column.name(), codes::MISSING_VALUE.id, "a value is required"));
        }
    }

    async fn unique(&self, rows: &[&Map<String, Value>], problems: &mut Vec<Value>) -> Result<()> {
        let indexes = wanted_indexes(self.table()).into_iter().filter(|i| i.unique);
        for index in indexes {
            let columns = index.fields.iter().map(|f| self.table().column(f)).collect::<Result<Vec<_>>>()?;
            let fields = index.fields.join(",");
            let mut seen: HashSet<String> = HashSet::new();
            for (i, row) in rows.iter().enumerate() {
                let values: Vec<&Value> = index.fields.iter().filter_map(|f| row.get(f)).collect();
                let usable =
                    columns.iter().zip(&values).all(|(c, v)| !v.is_null() && value::for_column(c, v).is_ok());
                if values.len() != columns.len() || !usable {
                    continue;
                }
                if !seen.insert(json!(values).to_string()) {
                    problems.push(problem(
                        i,
                        &fields,
                        codes::DUPLICATE.id,
                        "an earlier row has the same values",
                    ));
                } else if self.ask.truth("check_unique") && self.taken(&columns, &values).await? {
                    problems.push(problem(i, &fields, codes::DUPLICATE.id, "the values are already taken"));
                }
            }
        }
        Ok(())
    }

    async fn taken(&self, columns: &[&Column], values: &[&Value]) -> Result<bool> {
        let mut sql = Sql::new(format!("SELECT 1 FROM {} WHERE ", self.table().qualified));
        // Deleted rows still hold their unique values.
        self.engine.push_scope(&mut sql, self.context, true);
        for (column, value) in columns.iter().zip(values) {
            sql.push(" AND ").push(&column.ident).push(" = ");
            sql.bind_compared(column, value)?;
        }
        sql.push(" LIMIT 1");
        let client = self.engine.client().await?;
        Ok(!sql.rows(&**client).await?.is_empty())
    }

    async fn referred(&self, rows: &[&Map<String, Value>], problems: &mut Vec<Value>) -> Result<()> {
        for (column, table, key) in self.references()? {
            for (i, row) in rows.iter().enumerate() {
                let Some(given) = row.get(column.name()).filter(|v| !v.is_null()) else { continue };
                if value::encode(key.field.kind, given).is_err() {
                    continue;
                }
                let target = Engine {
                    table: self
                        .engine
                        .shared
                        .tables
                        .iter()
                        .find(|t| t.name == table.name)
                        .cloned()
                        .unwrap_or_else(|| self.engine.table.clone()),
                    shared: self.engine.shared.clone(),
                };
                let mut sql = Sql::new(format!("SELECT 1 FROM {} WHERE {} = ", table.qualified, key.ident));
                sql.bind_compared(key, given)?;
                sql.push(" AND ");
                target.push_scope(&mut sql, self.context, false);
                let client = self.engine.client().await?;
                if sql.rows(&**client).await?.is_empty() {
                    let message = format!("no {} has this {}", table.model.name, key.name());
                    problems.push(problem(i, column.name(), codes::REFERENCE.id, &message));
                }
            }
        }
        Ok(())
    }

    /// A report on the rows that are there.
    async fn quality(&self) -> Result<Value> {
        let columns: Vec<&Column> = self.table().shown().filter(|c| c.role == Role::Data).collect();
        let mut parts = vec!["count(*)".to_owned()];
        for column in &columns {
            parts.push(format!("count(*) FILTER (WHERE {} IS NULL)", column.ident));
            parts.push(match column.field.kind {
                FieldType::Text => format!(
                    "count(*) FILTER (WHERE btrim({0}) IN ('', '-', 'n/a', 'N/A', 'null'))",
                    column.ident
                ),
                FieldType::Float => {
                    format!("count(*) FILTER (WHERE {0} IN ('NaN', 'Infinity', '-Infinity'))", column.ident)
                }
                _ => "0::bigint".to_owned(),
            });
        }
        let mut sql = Sql::new(format!("SELECT {}", parts.join(", ")));
        self.engine.push_from(&mut sql, self.context, self.ask.filter(), false)?;
        let rows = self.engine.read(&sql).await?;
        let row = rows
            .first()
            .ok_or_else(|| Error::new(&hallmark_core::codes::INTERNAL, "an aggregate gave no row"))?;
        let count = |at: usize| row.try_get::<_, i64>(at).map_err(failure);
        let (total, mut fields, mut holes) = (count(0)?, Map::new(), 0);
        for (i, column) in columns.iter().enumerate() {
            let (nulls, blank) = (count(1 + 2 * i)?, count(2 + 2 * i)?);
            holes += nulls + blank;
            fields.insert(column.name().to_owned(), json!({"nulls": nulls, "placeholders": blank}));
        }
        let mut dangling = Map::new();
        for (column, table, key) in self.references()? {
            let mut sql = Sql::new("SELECT count(*)");
            self.engine.push_from(&mut sql, self.context, self.ask.filter(), false)?;
            sql.push(&format!(
                " AND {0} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {1} r WHERE r.{2} = {3}.{0})",
                column.ident,
                table.qualified,
                key.ident,
                self.table().qualified
            ));
            let found = self.engine.read(&sql).await?.into_iter().next();
            let missing: i64 = found.map(|r| r.try_get(0)).transpose().map_err(failure)?.unwrap_or(0);
            dangling
                .insert(column.name().to_owned(), json!({"refers_to": table.model.name, "missing": missing}));
        }
        let cells = total * i64::try_from(columns.len()).unwrap_or(i64::MAX);
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more than a double holds")]
        let complete = (cells > 0).then(|| 1.0 - holes as f64 / cells as f64);
        Ok(
            json!({"operation": "quality", "rows": total, "completeness": complete, "fields": fields, "references": dangling}),
        )
    }
}

/// The sentences of the rules that a value breaks. Null breaks `required` only.
fn broken(value: &Value, rule: &Map<String, Value>) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    let length =
        value.as_str().map(|t| t.chars().count() as u64).or_else(|| value.as_array().map(|a| a.len() as u64));
    for (name, bound) in rule {
        let malformed = || {
            Error::new(&codes::BAD_PARAMETER, format!("the rule {name} has a malformed bound")).at("rules")
        };
        let number = || bound.as_f64().ok_or_else(malformed);
        let size = || bound.as_u64().ok_or_else(malformed);
        let breaks = match name.as_str() {
            "required" => bound.as_bool().ok_or_else(malformed)? && value.is_null(),
            "min" => number()? > value.as_f64().unwrap_or(f64::INFINITY),
            "max" => number()? < value.as_f64().unwrap_or(f64::NEG_INFINITY),
            "min_length" => length.is_some_and(|l| size().is_ok_and(|s| l < s)) && size().is_ok(),
            "max_length" => length.is_some_and(|l| size().is_ok_and(|s| l > s)) && size().is_ok(),
            "choices" => !value.is_null() && !bound.as_array().ok_or_else(malformed)?.contains(value),
            other => {
                return Err(Error::new(&codes::BAD_PARAMETER, format!("unknown rule {other:?}")).at("rules"));
            }
        };
        if breaks {
            broken.push(format!("breaks the rule {name}: {bound}"));
        }
    }
    Ok(broken)
}
